"""Metrics as objects, each computed on many bootstrap resamples at once.

A resample is a vector of row weights, so that a metric is one matrix product over all resamples
instead of a loop. Rows of one cluster (near-duplicates, contrast pairs) are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A measure of yes/no predictions.

    Attributes:
        name: short name in keys.
        compute: from labels (n,), probabilities (n,), decisions (n,) and row weights (b, n) to
            values (b,); NaN where it is not defined.
    """

    name: str
    compute: Callable[[Floats, Floats, Floats, Floats], Floats]


@dataclass(frozen=True)
class Estimate:
    """A metric's value with its 95 % percentile interval over the resamples."""

    value: float
    lo: float
    hi: float
    n: int


def resample_weights(clusters: NDArray[np.int64], resamples: int, seed: int) -> Floats:
    """Row weights of a cluster bootstrap.

    Args:
        clusters: cluster number of each of n rows.
        resamples: number b of resamples.
        seed: of the draw.

    Returns:
        Shape (1 + b, n); the first row is all ones, the sample itself.
    """
    ids, member = np.unique(clusters, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=resamples)
    return np.concatenate([np.ones((1, len(clusters))), drawn[:, member].astype(np.float64)])


def estimate(metric: Metric, label: Floats, probability: Floats, decision: Floats, weights: Floats) -> Estimate:
    """A metric on the sample (first row of the weights) and its interval over the other rows."""
    return interval(metric.compute(label, probability, decision, weights), len(label))


def interval(values: Floats, n: int) -> Estimate:
    """The first value with the 95 % percentile interval of the others, over n rows."""
    defined = values[1:][~np.isnan(values[1:])]
    lo, hi = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
    return Estimate(float(values[0]), float(lo), float(hi), n)


def macro_f1_over_classes(label: NDArray[np.int64], decision: NDArray[np.int64], weights: Floats) -> Floats:
    """Mean F1 over the classes that occur among the labels of n rows; shape (b,) for weights (b, n)."""
    classes = np.unique(label)
    scores = [_f1((label == c).astype(float), (decision == c).astype(float), weights) for c in classes]
    return np.asarray(np.mean(scores, axis=0), dtype=np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _f1(label: Floats, decision: Floats, weights: Floats) -> Floats:
    true_positive = weights @ (label * decision)
    # An F1 without any case to find and none found is 0, as in scikit-learn.
    total = weights @ label + weights @ decision
    return np.divide(2 * true_positive, total, out=np.zeros_like(total), where=total > 0)


def _macro_f1(label: Floats, _: Floats, decision: Floats, weights: Floats) -> Floats:
    return (_f1(label, decision, weights) + _f1(1 - label, 1 - decision, weights)) / 2


def _accuracy(label: Floats, _: Floats, decision: Floats, weights: Floats) -> Floats:
    return _ratio(weights @ (label == decision), weights.sum(axis=1))


def _auroc(label: Floats, probability: Floats, _: Floats, weights: Floats) -> Floats:
    order = np.argsort(probability, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(probability[order]) > 0])
    positive = np.add.reduceat(weights[:, order] * label[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * (1 - label[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    # Mann-Whitney: a tie counts half.
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return _ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))


MACRO_F1 = Metric("macro_f1", _macro_f1)
F1 = Metric("f1", lambda label, _, decision, weights: _f1(label, decision, weights))
PRECISION = Metric("precision", lambda label, _, decision, w: _ratio(w @ (label * decision), w @ decision))
RECALL = Metric("recall", lambda label, _, decision, w: _ratio(w @ (label * decision), w @ label))
ACCURACY = Metric("accuracy", _accuracy)
AUROC = Metric("auroc", _auroc)
ALARM_RATE = Metric("alarm_rate", lambda _, __, decision, w: _ratio(w @ decision, w.sum(axis=1)))
BRIER = Metric("brier", lambda label, p, _, w: _ratio(w @ (label - p) ** 2, w.sum(axis=1)))

YES_NO_METRICS = (MACRO_F1, F1, PRECISION, RECALL, AUROC, BRIER)
