"""Everything that is measured of a model, on suites drawn from whole corpora."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.answers import linked_clusters, served
from hatespeech_no.evaluation.evaluate import Evaluation, evaluate
from hatespeech_no.evaluation.fairness import draw_fairness, evaluate_fairness
from hatespeech_no.evaluation.figures import draw_figures
from hatespeech_no.evaluation.functions import FunctionResults, draw_functions, evaluate_functions, worst_functions
from hatespeech_no.evaluation.reliability import reliability
from hatespeech_no.evaluation.robustness import ROWS, draw_robustness, evaluate_robustness
from hatespeech_no.evaluation.tables import with_keyed_ids, write_tables
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Lang

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Audit:
    """What was found of a model.

    Attributes:
        evaluation: of all suites.
        functions: of functional suites.
        worst: see ``worst_functions``; ids are keyed, and only our own texts stand in it.
        fairness: see ``evaluate_fairness``.
        robustness: see ``evaluate_robustness``; of our own suites alone.
        reliability: see ``reliability``.
        rows: by suite, how many were drawn, of how many that the model serves.
    """

    evaluation: Evaluation
    functions: FunctionResults
    worst: pd.DataFrame
    fairness: pd.DataFrame
    robustness: pd.DataFrame
    reliability: pd.DataFrame
    rows: dict[str, tuple[int, int]]


def audit(
    classifier: Classifier,
    suites: Mapping[str, Dataset],
    ours: Collection[str],
    key: bytes,
    *,
    rows: int = 2000,
    resamples: int = 1000,
    progress: Callable[[str], None] = lambda step: None,
) -> Audit:
    """Evaluate elements and tiers, functions, fairness and robustness.

    Args:
        classifier: the model at its operating point.
        suites: labelled rows by name; those in a language that the model does not serve are left out.
        ours: names of the suites that this project wrote: only their texts are quoted and perturbed.
        key: of ids.
        rows: so many of each suite at most, drawn with a fixed seed; see ``draw_rows``.
        resamples: of the bootstrap behind each interval.
        progress: told of each step as it begins.

    Raises:
        HatespeechError: the model does not answer whether a text is hateful, or serves no suite.
    """
    whole = {name: served(_linked(dataset), classifier) for name, dataset in suites.items()}
    drawn = {name: draw_rows(dataset, rows) for name, dataset in whole.items()}
    if not any(map(len, drawn.values())):
        raise HatespeechError("there is nothing to audit on: no suite has texts in a language that the model serves")
    own = {name: dataset for name, dataset in drawn.items() if name in ours}
    evaluation = evaluate(
        classifier, drawn, resamples=resamples, progress=lambda suite: progress(f"evaluating on {suite}")
    )
    progress("testing functions")
    functions = evaluate_functions(classifier, drawn, resamples=resamples)
    quotes = {i: text for dataset in own.values() for i, text in zip(dataset["id"][:], dataset["text"][:], strict=True)}
    progress("comparing groups")
    fairness = evaluate_fairness(classifier, drawn, resamples=resamples)
    progress(f"perturbing {', '.join(own) or 'nothing'}")
    return Audit(
        evaluation=evaluation,
        functions=functions,
        worst=with_keyed_ids(worst_functions(functions, quotes), key),
        fairness=fairness,
        robustness=evaluate_robustness(classifier, own, rows=min(rows, ROWS), resamples=resamples),
        reliability=reliability(evaluation.predictions, classifier.bundle.calibration),
        rows={name: (len(dataset), len(whole[name])) for name, dataset in drawn.items()},
    )


def draw_rows(dataset: Dataset, most: int, seed: int = 0) -> Dataset:
    """So many rows at most, in their order: whole clusters drawn at random.

    Args:
        dataset: rows with a column ``cluster``.
        most: a cluster that no longer fits is passed over.
        seed: of the draw.
    """
    _, member, sizes = np.unique(dataset["cluster"][:], return_inverse=True, return_counts=True)
    chosen = np.zeros(len(sizes), bool)
    for cluster in np.random.default_rng(seed).permutation(len(sizes)):
        if sizes[cluster] <= most:
            chosen[cluster] = True
            most -= sizes[cluster]
    return dataset.select(np.flatnonzero(chosen[member]))


def _linked(dataset: Dataset) -> Dataset:
    """The rows with ``linked_clusters`` as their column ``cluster``."""
    others = [name for name in dataset.column_names if name != "cluster"]
    return dataset.select_columns(others).add_column("cluster", linked_clusters(dataset))


def write_audit(
    found: Audit, classifier: Classifier, folder: Path, key: bytes, functions: Mapping[str, str], lang: Lang
) -> None:
    """Write the tables as ``tables/*.csv`` and their figures as ``figures/*.png``.

    Args:
        found: of ``audit``.
        classifier: the model.
        folder: an existing one.
        key: of ids.
        functions: names of functions by id, in that language; others are shown by their id.
        lang: of the figures.
    """
    tables, figures = folder / "tables", folder / "figures"
    for part in (tables, figures):
        part.mkdir()
    write_tables(found.evaluation, classifier.bundle.calibration, tables, key)
    for name, table in (
        ("functions", found.functions.table),
        ("worst_functions", found.worst),
        ("fairness", found.fairness),
        ("robustness", found.robustness),
    ):
        table.to_csv(tables / f"{name}.csv", index=False)
    draw_figures(found.evaluation, figures, lang)
    accuracies = {classifier.bundle.manifest.name: found.functions.table}
    draw_functions(accuracies, functions, figures / "functions.png", lang)
    draw_fairness(found.fairness, figures / "fairness.png", lang)
    draw_robustness(found.robustness, figures / "robustness.png", lang)
