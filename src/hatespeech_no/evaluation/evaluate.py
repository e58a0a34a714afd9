"""Evaluate a classifier on labelled corpora, per element and slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.evaluation.metrics import (
    ACCURACY,
    YES_NO_METRICS,
    Estimate,
    estimate,
    resample_weights,
)
from hatespeech_no.scoring import Classifier

if TYPE_CHECKING:
    from datasets import Dataset

_Item = TypeVar("_Item", np.int64, np.bool_)

FEWEST = 10
"""Rows of an answer below which nothing is estimated from it."""

_ALL, _UNLEAKED = "all", "unleaked"


@dataclass(frozen=True)
class Evaluation:
    """Results on one or several suites.

    Attributes:
        estimates: by ``<suite>/<slice>/<element>/<metric>``.
        predictions: for each suite a table of id, element, label, probability and decision; no texts.
    """

    estimates: dict[str, Estimate] = field(default_factory=dict)
    predictions: dict[str, pd.DataFrame] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """Flat values, with the ends of each interval under ``…_lo`` and ``…_hi``."""
        flat: dict[str, float] = {}
        for key, e in self.estimates.items():
            values = {key: e.value, f"{key}_lo": e.lo, f"{key}_hi": e.hi}
            flat |= {name: value for name, value in values.items() if not np.isnan(value)}
        return flat

    def table(self) -> pd.DataFrame:
        """One row per estimate: suite, slice, element, metric, value, lo, hi, n."""
        rows = [
            dict(zip(("suite", "slice", "element", "metric"), key.split("/"), strict=True)) | asdict(value)
            for key, value in self.estimates.items()
        ]
        return pd.DataFrame(rows, columns=["suite", "slice", "element", "metric", "value", "lo", "hi", "n"])


def evaluate(
    classifier: Classifier,
    suites: Mapping[str, Dataset],
    *,
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[str], None] = lambda suite: None,
) -> Evaluation:
    """Evaluate a classifier on labelled suites, whole texts only.

    Args:
        classifier: the model at its operating point.
        suites: labelled rows by name. A column ``cluster`` (near-duplicates, contrast pairs) is
            resampled together; a boolean column ``leaked`` (has a near-duplicate in training)
            adds the slice ``unleaked``.
        resamples: of the bootstrap behind each interval.
        seed: of the bootstrap.
        progress: called with the name of each suite as it begins.

    Returns:
        Estimates for every element that the suite labels and the model answers, overall and per
        language. Rows without a label for an element are left out of it.
    """
    result = Evaluation()
    for suite, dataset in suites.items():
        progress(suite)
        probabilities = classifier.probabilities(dataset["text"][:])
        labels, _ = label_columns(dataset)
        clusters = _column(dataset, "cluster", np.arange(len(dataset)))
        slices = dict(_slices(dataset))
        tables = []
        for name in probabilities.names:
            label = labels[name]
            known = ~np.isnan(label)
            p = probabilities.of(name)
            if not known.any() or p is None:
                continue
            decision = (p >= classifier.bundle.manifest.thresholds.get(name, 0.5)).astype(np.float64)
            for slice_name, rows in slices.items():
                chosen = known & rows
                if not chosen.any():
                    continue
                weights = resample_weights(clusters[chosen], resamples, seed)
                y, q, d = label[chosen].astype(float), p[chosen].astype(float), decision[chosen]
                for key, value in _estimates(y, q, d, weights):
                    result.estimates[f"{suite}/{slice_name}/{name}/{key}"] = value
            ids = np.array(dataset["id"][:])[known]
            tables.append(
                pd.DataFrame(
                    {
                        "id": ids,
                        "element": name,
                        "label": label[known],
                        "p": p[known],
                        "decision": decision[known],
                    }
                )
            )
        if tables:
            result.predictions[suite] = pd.concat(tables, ignore_index=True)
    return result


def _estimates(
    y: NDArray[np.float64], p: NDArray[np.float64], d: NDArray[np.float64], weights: NDArray[np.float64]
) -> Iterator[tuple[str, Estimate]]:
    if min(y.sum(), len(y) - y.sum()) >= FEWEST:
        for metric in YES_NO_METRICS:
            yield metric.name, estimate(metric, y, p, d, weights)
    # HateCheck and its kin report accuracy on each side, also where only one occurs.
    for side, name in ((1, "accuracy_yes"), (0, "accuracy_no")):
        rows = y == side
        if rows.sum() >= FEWEST:
            yield name, estimate(ACCURACY, y[rows], p[rows], d[rows], weights[:, rows])


def _slices(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    yield _ALL, np.ones(len(dataset), bool)
    languages = np.array(dataset["language"][:], dtype=object)
    if len(set(languages)) > 1:
        for language in sorted(set(languages) - {None}):
            yield language, languages == language
    leaked = _column(dataset, "leaked", np.zeros(len(dataset), bool))
    if leaked.any():
        yield _UNLEAKED, ~leaked


def _column(dataset: Dataset, name: str, default: NDArray[_Item]) -> NDArray[_Item]:
    return np.array(dataset[name][:], dtype=default.dtype) if name in dataset.column_names else default
