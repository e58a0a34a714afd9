"""From corpus to corpus and from language to language: one model for each choice of ``plan.py``, tested everywhere.

    python experiments/shift/run.py tfidf    # then: embeddings, and draw.py

writes <family>.csv beside it. What each model was found to do is kept in runs/shift: a run that was killed goes on.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from plan import CHOICES, LEARNED, QUESTIONS, SOURCES, Choice, Source
from rich.console import Console

from hatespeech_no.evaluation.answers import linked_clusters
from hatespeech_no.evaluation.labels import inputs_of, label_columns
from hatespeech_no.evaluation.metrics import AUROC, FEWEST, MACRO_F1, Floats, estimates, resample_weights
from hatespeech_no.files import write_whole
from hatespeech_no.models.calibration import calibrate
from hatespeech_no.models.elements import ElementModel
from hatespeech_no.models.embeddings import fit_embeddings
from hatespeech_no.models.tfidf import fit_tfidf
from hatespeech_no.splits import assign_parts, strata_of
from hatespeech_no.taxonomy import ELEMENTS, Conduct
from hatespeech_no.training import TrainingConfig, load_config
from hatespeech_no.training.data import by_passage, digest, load_pool, split_pool
from hatespeech_no.training.thresholds import choose_thresholds

if TYPE_CHECKING:
    from datasets import Dataset

HERE = Path(__file__).parent
KEPT = Path("runs") / "shift"
SEED = 0
TESTED, VALIDATED = 1500, 750
"""Rows of a source at most, drawn."""
METRICS = (MACRO_F1, AUROC)


@dataclass(frozen=True)
class Rows:
    """The rows of the study, by source.

    Attributes:
        train: to learn from.
        validation: to calibrate and to choose a threshold on.
        tests: without those that have a near-duplicate in any training part.
        carried: by question the corpora that give both answers to it.
        digest: of all of them.
    """

    train: Mapping[str, Dataset]
    validation: Mapping[str, Dataset]
    tests: Mapping[str, Dataset]
    carried: Mapping[str, list[str]]
    digest: str

    @classmethod
    def of(cls, config: TrainingConfig, console: Console) -> Rows:
        """Read, split and draw."""
        data = split_pool(load_pool(config, console.print), config, SEED)
        labels, corpora = label_columns(data.train)[0], np.array(data.train["corpus"][:])
        carried = {
            question: [name for name in np.unique(corpora) if _both(labels[question][corpora == name])]
            for question in QUESTIONS
        }
        new = {name: test.select(np.flatnonzero(~np.array(test["leaked"][:]))) for name, test in data.tests.items()}
        train = {name: _of(data.train, SOURCES[name]) for name in LEARNED}
        validation = {name: draw(_of(data.validation, SOURCES[name]), VALIDATED) for name in LEARNED}
        tests = {name: draw(_of(new[source.corpus], source), TESTED) for name, source in SOURCES.items()}
        every = "".join(digest(rows) for part in (train, validation, tests) for rows in part.values())
        return cls(train, validation, tests, carried, hashlib.sha256(every.encode()).hexdigest())

    def labels(self, rows: Dataset) -> dict[str, Floats]:
        """Answers to ``QUESTIONS``, 1, 0 or NaN; those of corpora that only ever say yes, or no, are left out."""
        found, corpora = label_columns(rows)[0], np.array(rows["corpus"][:])
        nothing = np.full(len(rows), np.nan, np.float32)
        return {
            name: np.where(np.isin(corpora, self.carried[name]), found[name], nothing) if name in QUESTIONS else nothing
            for name in ELEMENTS
        }


def _of(rows: Dataset, source: Source) -> Dataset:
    corpora, languages = (np.array(rows[column][:], dtype=object) for column in ("corpus", "language"))
    return rows.select(np.flatnonzero((corpora == source.corpus) & (languages == source.language)))


def _both(answers: Floats) -> bool:
    return min((answers == 1).sum(), (answers == 0).sum()) >= FEWEST


def draw(rows: Dataset, most: int) -> Dataset:
    """About so many rows at most, stratified, in whole clusters of near-duplicates, pairs and templates."""
    if len(rows) <= most:
        return rows
    shares = {"drawn": most / len(rows), "left": 1 - most / len(rows)}
    parts = assign_parts(linked_clusters(rows), strata_of(rows), shares, SEED)
    return rows.select(np.flatnonzero(np.array(parts) == "drawn"))


def learn(config: TrainingConfig, rows: Rows, choice: Choice) -> tuple[ElementModel, int]:
    """A model of the sources of a choice, and from how many rows."""
    from datasets import concatenate_datasets

    parts = [rows.train[name] for name in choice.sources]
    train = concatenate_datasets([part if choice.most is None else draw(part, choice.most) for part in parts])
    given = by_passage(train)
    fit = {"tfidf": fit_tfidf, "embeddings": fit_embeddings}[config.model.family]
    settings, no_conduct = getattr(config.model, config.model.family), np.zeros((len(given), len(Conduct)), bool)
    return fit(given["text"][:], rows.labels(given), no_conduct, settings, SEED, lambda step: None), len(train)


def examine(model: ElementModel, rows: Rows, choice: Choice, resamples: int) -> Iterator[dict[str, Any]]:
    """Its figures on every test; calibration and threshold are from the validation rows of what it learned from.

    None where its scores do not even rise with the truth there.
    """
    from datasets import concatenate_datasets

    validation = concatenate_datasets([rows.validation[name] for name in choice.sources])
    labels, scores = rows.labels(validation), model.scores(inputs_of(validation))
    calibration = calibrate(scores, labels, None)
    thresholds = choose_thresholds(calibration.apply(scores), labels)
    for name, test in rows.tests.items():
        found, clusters = calibration.apply(model.scores(inputs_of(test))), linked_clusters(test)
        if not (taught := [question for question in QUESTIONS if question in found.names]):
            return
        for asked, label in label_columns(test)[0].items():
            if asked != SOURCES[name].asks and not (asked == "abusive" and asked in taught and _both(label)):
                continue
            answered, known = asked if asked in taught else taught[0], ~np.isnan(label)
            y, p = label[known].astype(np.float64), found.of(answered)[known].astype(np.float64)
            decision = (p >= thresholds[answered]).astype(np.float64)
            weights = resample_weights(clusters[known], resamples, SEED)
            cell = {"tested": name, "asked": asked, "answered": answered, "n": len(y), "yes": int(y.sum())}
            for metric, e in estimates(METRICS, y, p, decision, weights).items():
                cell |= {metric: e.value, f"{metric}_lo": e.lo, f"{metric}_hi": e.hi}
            yield cell


def main() -> None:
    """Learn what has not been learned yet, and put everything into one table."""
    console = Console(highlight=False)
    config = load_config(HERE / f"{sys.argv[1]}.yaml")
    rows = Rows.of(config, console)
    KEPT.mkdir(parents=True, exist_ok=True)
    tables = []
    for number, (name, choice) in enumerate(CHOICES.items(), 1):
        began = time.perf_counter()
        made_from = repr((config.model, config.evaluation, rows.digest, choice))
        file = KEPT / f"{hashlib.sha256(made_from.encode()).hexdigest()[:16]}.csv"
        if not file.is_file():
            model, learned = learn(config, rows, choice)
            cells = pd.DataFrame(examine(model, rows, choice, config.evaluation.resamples))
            cells.insert(0, "rows", learned)
            write_whole(file, cells.round(4).to_csv(index=False))
        tables.append(pd.read_csv(file).assign(learned=name))
        console.print(f"{number} of {len(CHOICES)}: {name}, {time.perf_counter() - began:.0f} s")
        every = pd.concat(tables)
        every.insert(0, "learned", every.pop("learned"))
        write_whole(HERE / f"{config.model.family}.csv", every.to_csv(index=False))


if __name__ == "__main__":
    main()
