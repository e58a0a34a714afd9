"""The rows of a run: training, validation and tests, and what leaks between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.bundle import Corpus
from hatespeech_no.corpora import find_descriptor, load_corpus, statement_from_row
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.corpora.load import NO_SPLIT
from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.splits import assign_parts, near_duplicate_clusters, strata_of
from hatespeech_no.statement import Statement
from hatespeech_no.text.normalise import normalise
from hatespeech_no.training.config import DataConfig, TrainingConfig

if TYPE_CHECKING:
    from datasets import Dataset


_OURS = ("part", "cluster", "leaked")


@dataclass(frozen=True)
class RunData:
    """The rows of one run.

    Attributes:
        train: rows to learn from.
        validation: rows for operating points and for stopping early.
        calibration: rows for calibration: the parts that corpora set aside for it, else ``validation``.
        risk: rows that corpora set aside for guarantees; may be none.
        tests: by corpus; columns ``cluster`` and ``leaked`` added.
        sources: the corpora behind ``train``.
        leakage: one row per test: its rows, those with a near-duplicate in training, and those whose
            near-duplicates or copies were removed from training.
    """

    train: Dataset
    validation: Dataset
    calibration: Dataset
    risk: Dataset
    tests: dict[str, Dataset]
    sources: list[Corpus]
    leakage: pd.DataFrame


def load_pool(config: TrainingConfig, report: Callable[[str], None] = lambda step: None) -> Dataset:
    """All rows of a configuration's corpora, with the columns ``part`` (official) and ``cluster``.

    Raises:
        HatespeechError: a corpus for evaluation only is named for training, or one is named twice.
    """
    report("reading corpora")
    pool = _load(config)
    report("looking for near-duplicates")
    return pool.add_column("cluster", near_duplicate_clusters(pool["text"][:], pool["pair"][:]))


def split_pool(pool: Dataset, config: TrainingConfig, seed: int) -> RunData:
    """Split the rows of ``load_pool`` for one seed.

    Official splits are kept. What is missing (validation, test or both) is cut by whole clusters of
    near-duplicates and contrast pairs, stratified by corpus, language and labels. Training rows are
    removed if their text (as normalised) also stands in a validation or test part, or if they share
    a cluster with one across a split of ours or of a calibration or risk part; so are rows for
    validation and calibration that do with a test or risk part. Near-duplicates between official
    training and test parts stay and are reported.

    Raises:
        HatespeechError: nothing is left to train or to validate on.
    """
    parts, ours = _assign(pool, config.data, seed)
    # Numbers instead of texts: numpy compares arrays of objects pair by pair.
    texts = pd.factorize(np.array([normalise(text) for text in pool["text"][:]], dtype=object))[0]
    corpora = np.array(pool["corpus"][:], dtype=object)
    clusters = np.array(pool["cluster"][:])
    held_out = parts != "train"
    removed = ~held_out & (
        np.isin(texts, texts[held_out])
        # A cluster may reach from a split of ours into another corpus' official part.
        | np.isin(clusters, clusters[held_out & ours])
        | (ours & np.isin(clusters, clusters[held_out]))
        # What guarantees and probabilities rest on must be new to the model, whoever made the split.
        | np.isin(clusters, clusters[np.isin(parts, ["calibration", "risk"])])
    )
    training = ~held_out & ~removed
    left_out = np.zeros(len(pool), bool)
    _check_at_most(config)
    for corpus, rows in config.data.at_most.items():
        mine = corpora == corpus
        training &= ~mine | _some(clusters, training & mine, rows, seed)
        left_out |= mine & (rows == 0)
    pool = pool.add_column("leaked", np.isin(clusters, clusters[training]))
    tests = {
        str(name): pool.select(np.flatnonzero((parts == "test") & (corpora == name))) for name in _ordered(corpora)
    }
    tests = {name: rows for name, rows in tests.items() if len(rows)}
    train = pool.select(np.flatnonzero(training))
    # No figure and no guarantee may rest on rows that thresholds or calibration have seen.
    unseen = ~left_out & ~np.isin(clusters, clusters[np.isin(parts, ["test", "risk"])])
    validation = (parts == "validation") & unseen
    for part, rows in (("train", training), ("validation", validation)):
        if not rows.any():
            raise HatespeechError(f"data: no rows are left for the {part} part; there are {len(pool)} in all")
    set_aside = (parts == "calibration") & unseen
    return RunData(
        train=train.remove_columns([c for c in _OURS if c in train.column_names]),
        validation=pool.select(np.flatnonzero(validation)),
        calibration=pool.select(np.flatnonzero(set_aside if set_aside.any() else validation)),
        risk=pool.select(np.flatnonzero((parts == "risk") & ~left_out)),
        tests=tests,
        sources=_sources(config, train),
        leakage=_leakage(tests, clusters, removed),
    )


def _check_at_most(config: TrainingConfig) -> None:
    names = [find_descriptor(name, config.folder)[0].name for name in config.data.train]
    if strays := sorted(config.data.at_most.keys() - set(names)):
        raise HatespeechError(f"data.at_most: there is no corpus {strays} under data.train; there are {names}")


def _some(clusters: NDArray[np.int64], rows: NDArray[np.bool_], most: int, seed: int) -> NDArray[np.bool_]:
    """Whole clusters of these rows until there are as many; with one seed, fewer rows are part of more."""
    ids = np.unique(clusters[rows])
    order = np.random.default_rng(seed).permutation(ids)
    sizes = np.bincount(clusters[rows], minlength=int(clusters.max()) + 1)[order]
    return rows & np.isin(clusters, order[np.cumsum(sizes) <= most])


def _load(config: TrainingConfig) -> Dataset:
    datasets = require("datasets", "train")
    tables, names = [], []
    for name in (*config.data.train, *config.data.evaluate):
        descriptor, _ = find_descriptor(name, config.folder)
        for_training = name in config.data.train
        if for_training and (descriptor.evaluation_only or not descriptor.licence.training):
            raise HatespeechError(
                f"data.train: corpus {descriptor.name!r} is for evaluation only; name it under data.evaluate instead"
            )
        if descriptor.name in names:
            raise HatespeechError(f"data: corpus {descriptor.name!r} is named twice")
        names.append(descriptor.name)
        parts = load_corpus(name, config.folder)
        for split, rows in parts.items():
            if not for_training and split != "test" and ("test" in parts or split in ("calibration", "risk")):
                continue
            part = split if for_training else "test"
            tables.append(rows.add_column("part", [part] * len(rows)))
    return datasets.concatenate_datasets(tables)


def _assign(pool: Dataset, data: DataConfig, seed: int) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """The part of each row, and whether it was assigned here rather than by the corpus' owners."""
    parts = np.array(pool["part"][:], dtype=object)
    clusters = np.array(pool["cluster"][:])
    corpora = np.array(pool["corpus"][:], dtype=object)
    ours = np.zeros(len(pool), bool)
    shares = {"validation": data.validation_share, "test": data.test_share}
    open_rows: dict[tuple[str, ...], list[int]] = {}
    for corpus in _ordered(corpora):
        mine = np.flatnonzero(corpora == corpus)
        missing = tuple(part for part in shares if part not in parts[mine])
        to_split = mine[np.isin(parts[mine], [NO_SPLIT, "train"])]
        if missing and len(to_split):
            open_rows.setdefault(missing, []).extend(to_split)
    # Corpora that lack the same parts are split together, so that a cluster across two of them stays whole.
    for missing, indices in open_rows.items():
        rows = np.array(indices)
        wanted = {part: shares[part] for part in missing}
        wanted = {"train": 1 - sum(wanted.values()), **wanted}
        parts[rows] = assign_parts(clusters[rows], strata_of(pool.select(rows)), wanted, seed)
        ours[rows] = True
    return parts, ours


def _ordered(values: NDArray[np.object_]) -> list[str]:
    return list(dict.fromkeys(values.tolist()))


def by_passage(train: Dataset) -> Dataset:
    """Passages with elements of their own in place of the text they stand in, for models that read each alone."""
    with_passages = np.array([bool(p) for p in train["passages"][:]], dtype=bool)
    if not with_passages.any():
        return train
    statements = [statement_from_row(row) for row in train.select(np.flatnonzero(with_passages))]
    passages = [
        Statement(
            s.text[p.start : p.end],
            id=f"{s.id}:{p.start}",
            language=s.language,
            labels=p.elements,
            pair=s.pair,
        )
        for s in statements
        for p in s.passages
    ]
    corpus = train["corpus"][int(np.flatnonzero(with_passages)[0])]
    whole = train.select(np.flatnonzero(~with_passages))
    return require("datasets", "train").concatenate_datasets([whole, to_dataset(passages, corpus)])


def _sources(config: TrainingConfig, train: Dataset) -> list[Corpus]:
    corpora = np.array(train["corpus"][:], dtype=object)
    sources = []
    for name in config.data.train:
        descriptor, _ = find_descriptor(name, config.folder)
        rows = train.select(np.flatnonzero(corpora == descriptor.name))
        if not len(rows):
            continue
        licence = descriptor.licence.id
        sources.append(Corpus(name=descriptor.name, licence=licence, rows=len(rows), digest=digest(rows)))
    return sources


def digest(rows: Dataset) -> str:
    """Sixteen hexadecimal digits over ids and texts, whatever their order."""
    lines = sorted(f"{i}\t{text}" for i, text in zip(rows["id"][:], rows["text"][:], strict=True))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _leakage(
    tests: dict[str, Dataset],
    clusters: NDArray[np.int64],
    removed: NDArray[np.bool_],
) -> pd.DataFrame:
    gone = set(clusters[removed])
    rows = [
        {
            "test": name,
            "rows": len(test),
            "near_duplicates_in_training": int(np.sum(test["leaked"][:])),
            "copies_removed_from_training": sum(cluster in gone for cluster in test["cluster"][:]),
        }
        for name, test in tests.items()
    ]
    return pd.DataFrame(rows)
