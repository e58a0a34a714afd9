"""The rows of a run: training, validation and tests, and what leaks between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Source:
    """A corpus as used in a run; ``rows`` and ``digest`` are of its training rows."""

    name: str
    licence: str
    rows: int
    digest: str


@dataclass(frozen=True)
class RunData:
    """The rows of one run.

    Attributes:
        train: rows to learn from; a text whose passages differ gives one row per passage.
        validation: rows for calibration and operating points only.
        tests: by corpus; columns ``cluster`` and ``leaked`` added.
        sources: the corpora behind ``train``.
        leakage: one row per test: rows, rows with a near-duplicate in training, and training rows
            removed because the same text stands in the test or in validation.
    """

    train: Dataset
    validation: Dataset
    tests: dict[str, Dataset]
    sources: list[Source]
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

    Official splits are kept. Where there is none, whole clusters of near-duplicates and contrast
    pairs are assigned, stratified by corpus, language and labels. Training rows whose text (as
    normalised) also stands in a validation or test part are removed; near-duplicates across
    official splits stay and are reported.
    """
    parts = np.array(_assign(pool, config.data, seed), dtype=object)
    texts = np.array([normalise(text) for text in pool["text"][:]], dtype=object)
    corpora = np.array(pool["corpus"][:], dtype=object)
    removed = (parts == "train") & np.isin(texts, texts[parts != "train"])
    training = (parts == "train") & ~removed
    clusters = np.array(pool["cluster"][:])
    pool = pool.add_column("leaked", np.isin(clusters, clusters[training]))
    tests = {
        str(name): pool.select(np.flatnonzero((parts == "test") & (corpora == name))) for name in _ordered(corpora)
    }
    tests = {name: rows for name, rows in tests.items() if len(rows)}
    train = pool.select(np.flatnonzero(training))
    return RunData(
        train=_by_passage(train),
        validation=pool.select(np.flatnonzero(parts == "validation")),
        tests=tests,
        sources=_sources(config, train),
        leakage=_leakage(tests, texts, corpora, removed),
    )


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
        for split, rows in load_corpus(name, config.folder).items():
            part = split if for_training else "test"
            tables.append(rows.add_column("part", [part] * len(rows)))
    return datasets.concatenate_datasets(tables)


def _assign(pool: Dataset, data: DataConfig, seed: int) -> list[str]:
    parts = pool["part"][:]
    clusters = np.array(pool["cluster"][:])
    corpora = np.array(pool["corpus"][:], dtype=object)
    for corpus in _ordered(corpora):
        mine = np.flatnonzero(corpora == corpus)
        official = {parts[i] for i in mine}
        if NO_SPLIT in official:
            shares = {"validation": data.validation_share, "test": data.test_share}
            rows = mine
        elif official >= {"train", "test"} and "validation" not in official:
            shares = {"validation": data.validation_share}
            rows = np.array([i for i in mine if parts[i] == "train"])
        else:
            continue
        shares = {"train": 1 - sum(shares.values()), **shares}
        chosen = assign_parts(clusters[rows], strata_of(pool.select(rows)), shares, seed)
        for i, part in zip(rows, chosen, strict=True):
            parts[i] = part
    return list(parts)


def _ordered(values: NDArray[np.object_]) -> list[str]:
    return list(dict.fromkeys(values.tolist()))


def _by_passage(train: Dataset) -> Dataset:
    """Rows to learn from: passages with elements of their own in place of the text they stand in."""
    extra = [c for c in train.column_names if c in ("part", "cluster", "leaked")]
    train = train.remove_columns(extra)
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


def _sources(config: TrainingConfig, train: Dataset) -> list[Source]:
    corpora = np.array(train["corpus"][:], dtype=object)
    sources = []
    for name in config.data.train:
        descriptor, _ = find_descriptor(name, config.folder)
        rows = train.select(np.flatnonzero(corpora == descriptor.name))
        digest = hashlib.sha256("\n".join(sorted(map(str, zip(rows["id"][:], rows["text"][:], strict=True)))).encode())
        sources.append(Source(descriptor.name, descriptor.licence.id, len(rows), digest.hexdigest()[:16]))
    return sources


def _leakage(
    tests: dict[str, Dataset],
    texts: NDArray[np.object_],
    corpora: NDArray[np.object_],
    removed: NDArray[np.bool_],
) -> pd.DataFrame:
    gone = set(texts[removed])
    rows = [
        {
            "test": name,
            "rows": len(test),
            "near_duplicates_in_training": int(np.sum(test["leaked"][:])),
            "texts_removed_from_training": sum(normalise(text) in gone for text in test["text"][:]),
        }
        for name, test in tests.items()
    ]
    return pd.DataFrame(rows).assign(training_rows_removed=int(removed.sum()))
