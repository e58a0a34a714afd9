"""Evaluate a classifier on labelled corpora, per element and slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.evaluation.answers import served
from hatespeech_no.evaluation.labels import inputs_of, label_columns
from hatespeech_no.evaluation.metrics import (
    ALARM_RATE,
    FEWEST,
    Estimate,
    estimate,
    estimates,
    metrics_of,
    resample_weights,
)
from hatespeech_no.evaluation.tiers import evaluate_tiers
from hatespeech_no.models.elements import Probabilities
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Conduct

if TYPE_CHECKING:
    from datasets import Dataset

_Item = TypeVar("_Item", np.int64, np.bool_)

_ALL, _UNLEAKED = "all", "unleaked"


@dataclass(frozen=True)
class Evaluation:
    """Results on one or several suites.

    Attributes:
        estimates: by ``<suite>/<slice>/<element>/<metric>``.
        predictions: for each suite a table of id, language, cluster (rows of one number are resampled
            together), element, label, probability (``p``) and decision; no texts. Of ``conduct`` label
            and decision are severities and the probability is that of the decision.
        tiers: for each suite whose labels settle tiers the confusion table of ``TierEvaluation``.
        assessments: for each such suite its table of statements.
    """

    estimates: dict[str, Estimate] = field(default_factory=dict)
    predictions: dict[str, pd.DataFrame] = field(default_factory=dict)
    tiers: dict[str, pd.DataFrame] = field(default_factory=dict)
    assessments: dict[str, pd.DataFrame] = field(default_factory=dict)

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
    """Evaluate a classifier on labelled suites: elements of whole texts, and tiers of passages.

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
        language. Rows without a label for an element are left out of it. Conduct is scored as a
        whole (``conduct``, on rows with one possible conduct) and one by one (``conduct_…``). For which
        metrics see ``metrics_of``, for tiers ``evaluate_tiers``. Of unlabelled ordinary text the share
        called hateful is given (``hateful/alarm_rate``). Rows in a language the model does not serve are
        left out.
    """
    result = Evaluation()
    for suite, given in suites.items():
        dataset = served(given, classifier)
        if not len(dataset):
            continue
        progress(suite)
        probabilities = classifier.probabilities(inputs_of(dataset))
        clusters = _column(dataset, "cluster", np.arange(len(dataset)))
        slices = dict(_slices(dataset))
        tables = []
        # Most elements are labelled on the same rows, which then share their resamples.
        weights_of = lru_cache(maxsize=4)(partial(_weights, clusters, resamples, seed))
        labels, possible = label_columns(dataset)
        about = {"id": dataset["id"][:], "language": dataset["language"][:], "cluster": clusters}
        thresholds = classifier.bundle.manifest.thresholds
        for answer in (*_yes_no_answers(probabilities, labels, thresholds), *_conduct_answers(probabilities, possible)):
            known = ~np.isnan(answer.label)
            for slice_name, rows in slices.items():
                chosen = known & rows
                for key, value in answer.estimates(chosen, weights_of).items():
                    result.estimates[f"{suite}/{slice_name}/{answer.element}/{key}"] = value
            tables.append(answer.table(about).loc[known])
        ordinary = _column(dataset, "ordinary", np.zeros(len(dataset), bool))
        for slice_name, rows in slices.items():
            if (chosen := rows & ordinary).sum() >= FEWEST and "hateful" in probabilities.names:
                p = probabilities.yes[chosen, probabilities.names.index("hateful")].astype(np.float64)
                flagged = (p >= thresholds.get("hateful", 0.5)).astype(float)
                alarms = estimate(ALARM_RATE, flagged, p, flagged, weights_of(chosen.tobytes()))
                result.estimates[f"{suite}/{slice_name}/hateful/{ALARM_RATE.name}"] = alarms
        if tables:
            result.predictions[suite] = pd.concat(tables, ignore_index=True)
        tiers = evaluate_tiers(classifier, dataset, clusters, resamples, seed)
        result.estimates.update({f"{suite}/{key}": value for key, value in tiers.estimates.items()})
        if len(tiers.statements):
            result.tiers[suite], result.assessments[suite] = tiers.confusion, tiers.statements
    return result


@dataclass(frozen=True)
class _Answer:
    """Labels (NaN = unknown), probabilities and decisions of one question, each of shape (n,)."""

    element: str
    label: NDArray[np.float64]
    probability: NDArray[np.float64]
    decision: NDArray[np.float64]

    def estimates(
        self, chosen: NDArray[np.bool_], weights_of: Callable[[bytes], NDArray[np.float64]]
    ) -> dict[str, Estimate]:
        y, p, d = self.label[chosen], self.probability[chosen], self.decision[chosen]
        metrics = [metric for metric in metrics_of(self.element) if metric.enough(y)]
        return estimates(metrics, y, p, d, weights_of(chosen.tobytes())) if metrics else {}

    def table(self, about: Mapping[str, object]) -> pd.DataFrame:
        columns = {"label": self.label, "p": self.probability, "decision": self.decision}
        return pd.DataFrame({**about, "element": self.element, **columns})


def _yes_no_answers(
    probabilities: Probabilities, labels: Mapping[str, NDArray[np.float32]], thresholds: Mapping[str, float]
) -> Iterator[_Answer]:
    for i, name in enumerate(probabilities.names):
        if not np.isnan(labels[name]).all():
            p = probabilities.yes[:, i].astype(np.float64)
            yield _Answer(name, labels[name].astype(np.float64), p, (p >= thresholds.get(name, 0.5)).astype(float))


def _conduct_answers(probabilities: Probabilities, possible: NDArray[np.bool_]) -> Iterator[_Answer]:
    """Each conduct as the question whether it is that one, and which it is."""
    if probabilities.conduct is None or not possible.any():
        return
    # A source that cannot tell two conducts apart still says that it is none of the others.
    single = possible.sum(axis=1) == 1
    chosen = probabilities.conduct.argmax(axis=1)
    for conduct in Conduct:
        c = conduct.severity
        label = np.where(possible[:, c], np.where(single, 1.0, np.nan), 0.0)
        label[~possible.any(axis=1)] = np.nan
        p = probabilities.conduct[:, c].astype(np.float64)
        yield _Answer(f"conduct_{conduct}", label, p, (chosen == c).astype(float))
    severity = np.where(single, possible.argmax(axis=1), np.nan)
    likeliest = probabilities.conduct.max(axis=1).astype(np.float64)
    yield _Answer("conduct", severity, likeliest, chosen.astype(float))


def _weights(clusters: NDArray[np.int64], resamples: int, seed: int, chosen: bytes) -> NDArray[np.float64]:
    return resample_weights(clusters[np.frombuffer(chosen, dtype=bool)], resamples, seed)


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
