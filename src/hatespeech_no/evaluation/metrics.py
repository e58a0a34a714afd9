"""Metrics as objects, each computed on many bootstrap resamples at once.

A resample is a vector of row weights, so that a metric is one matrix product over all resamples
instead of a loop. Rows of one cluster (near-duplicates, contrast pairs) are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.taxonomy import Lang
from hatespeech_no.triage.profiles import PREVALENCES

Floats = NDArray[np.float64]

FEWEST = 10
"""Rows of an answer below which nothing is estimated from it."""
_BINS = 15


@dataclass(frozen=True)
class Metric:
    """A measure of decisions.

    Attributes:
        name: short name in keys.
        nb: name shown to people, in Norwegian Bokmål.
        en: the same in English.
        compute: from labels (n,), probabilities (n,), decisions (n,) and row weights (b, n) to
            values (b,); NaN where it is not defined.
        direction: which values are better.
        about: groups of labels that it is about; rows with another label do not count, and each group
            needs ``FEWEST`` rows. None: it is about all rows and needs two different labels.
    """

    name: str
    nb: str
    en: str
    compute: Callable[[Floats, Floats, Floats, Floats], Floats]
    direction: Literal["higher", "lower"] = "higher"
    about: tuple[tuple[int, ...], ...] = ()

    def label(self, lang: Lang = "en") -> str:
        """The name shown to people."""
        return self.nb if lang == "nb" else self.en

    def enough(self, label: Floats) -> bool:
        """Whether labels of shape (n,) are enough for an estimate."""
        groups = [int(np.isin(label, group).sum()) for group in self.about]
        return min(groups, default=len(label)) >= FEWEST and (bool(groups) or len(np.unique(label)) > 1)

    def rows(self, label: Floats) -> NDArray[np.bool_]:
        """Which rows it is about, shape (n,)."""
        every = np.ones(len(label), bool)
        return np.isin(label, [answer for group in self.about for answer in group]) if self.about else every

    def values(self, label: Floats, probability: Floats, decision: Floats, weights: Floats) -> Floats:
        """``compute`` on the rows it is about."""
        rows = self.rows(label)
        if rows.all():  # spares a copy of the weights
            return self.compute(label, probability, decision, weights)
        return self.compute(label[rows], probability[rows], decision[rows], weights[:, rows])


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
    values = metric.values(label, probability, decision, weights)
    return interval(values, int(metric.rows(label).sum()))


def estimates(
    metrics: Iterable[Metric], label: Floats, probability: Floats, decision: Floats, weights: Floats
) -> dict[str, Estimate]:
    """By name every metric that there are enough rows for."""
    return {m.name: estimate(m, label, probability, decision, weights) for m in metrics if m.enough(label)}


def interval(values: Floats, n: int) -> Estimate:
    """The first value with the 95 % percentile interval of the others, over n rows."""
    defined = values[1:][~np.isnan(values[1:])]
    lo, hi = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
    return Estimate(float(values[0]), float(lo), float(hi), n)


def macro_f1_over_classes(
    label: NDArray[np.int64] | Floats, decision: NDArray[np.int64] | Floats, weights: Floats
) -> Floats:
    """Mean F1 over the classes that occur among the labels of n rows; shape (b,) for weights (b, n)."""
    classes = np.unique(label)
    scores = [_f1((label == c).astype(float), (decision == c).astype(float), weights) for c in classes]
    return np.asarray(np.mean(scores, axis=0), dtype=np.float64)


def share_decided(decision: int) -> Callable[[Floats, Floats, Floats, Floats], Floats]:
    """The ``compute`` of a metric: share of the rows with this decision."""
    return lambda _, __, decided, w: _mean(decided == decision, w)


def at_prevalence(yes: int) -> tuple[Metric, ...]:
    """Precision, and flagged texts of 10,000, where another share of texts is to be flagged than in the sample.

    The shares are ``PREVALENCES``; see ``precision_and_load``.

    Args:
        yes: the label of texts to be flagged, and the decision that flags; 0 is the label of the others.
    """
    return tuple(metric for share in PREVALENCES for metric in _at_share(share, yes))


def precision_and_load(share: float | Floats, recall: Floats, alarms: Floats) -> tuple[Floats, Floats]:
    """What flagging comes to where a share s of texts is to be flagged.

    Args:
        share: s, 0 to 1.
        recall: share r of these texts that is flagged.
        alarms: share a of the others that is flagged.

    Returns:
        Precision ``s r / (s r + (1 - s) a)`` (Bayes), NaN where nothing is flagged, and flagged texts of 10,000;
        each of the shape that the arguments broadcast to.
    """
    right, wrong = share * recall, (1 - share) * alarms
    return _ratio(right, right + wrong), 1e4 * (right + wrong)


def _at_share(share: float, yes: int) -> tuple[Metric, Metric]:
    def found(label: Floats, decision: Floats, weights: Floats) -> tuple[Floats, Floats]:
        recall, alarms = (_mean(decision[label == side] == yes, weights[:, label == side]) for side in (yes, 0))
        return precision_and_load(share, recall, alarms)

    def precision(label: Floats, _: Floats, decision: Floats, weights: Floats) -> Floats:
        return found(label, decision, weights)[0]

    def per_10000(label: Floats, _: Floats, decision: Floats, weights: Floats) -> Floats:
        return found(label, decision, weights)[1]

    en, about = f"{100 * share:g}", ((0,), (yes,))
    nb = en.replace(".", ",")
    return (
        Metric(
            f"precision_at_{en}pct",
            f"presisjon der {nb} % skal meldes",
            f"precision where {en} % are to be flagged",
            precision,
            about=about,
        ),
        Metric(
            f"flagged_per_10000_at_{en}pct",
            f"meldt av 10 000 der {nb} % skal meldes",
            f"flagged of 10,000 where {en} % are to be flagged",
            per_10000,
            "lower",
            about,
        ),
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean(values: Floats | NDArray[np.bool_], weights: Floats) -> Floats:
    return _ratio(weights @ values, weights.sum(axis=1))


def _f1(label: Floats, decision: Floats, weights: Floats) -> Floats:
    true_positive = weights @ (label * decision)
    # An F1 without any case to find and none found is 0, as in scikit-learn.
    total = weights @ label + weights @ decision
    return np.divide(2 * true_positive, total, out=np.zeros_like(total), where=total > 0)


def _macro_f1(label: Floats, _: Floats, decision: Floats, weights: Floats) -> Floats:
    return (_f1(label, decision, weights) + _f1(1 - label, 1 - decision, weights)) / 2


def _from_the_top(score: Floats, weights: Floats, *counted: Floats) -> list[Floats]:
    """Weight of the rows that are counted, by distinct score from the highest on; each of shape (b, scores)."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) < 0])
    sorted_weights = weights[:, order]
    return [np.add.reduceat(sorted_weights * each[order], starts, axis=1) for each in counted]


def _auroc(label: Floats, probability: Floats, _: Floats, weights: Floats) -> Floats:
    positive, negative = _from_the_top(probability, weights, label, 1 - label)
    above = np.cumsum(positive, axis=1) - positive
    # Mann-Whitney: a tie counts half.
    wins = (negative * (above + positive / 2)).sum(axis=1)
    return _ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))


def _average_precision(label: Floats, probability: Floats, _: Floats, weights: Floats) -> Floats:
    positive, every = _from_the_top(probability, weights, label, np.ones_like(label))
    precision = np.nan_to_num(_ratio(np.cumsum(positive, axis=1), np.cumsum(every, axis=1)))
    return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def _aurc(label: Floats, probability: Floats, decision: Floats, weights: Floats) -> Floats:
    sure = np.where(decision == 1, probability, 1 - probability)
    wrong, every = _from_the_top(sure, weights, (label != decision).astype(float), np.ones_like(label))
    risk = np.nan_to_num(_ratio(np.cumsum(wrong, axis=1), np.cumsum(every, axis=1)))
    return _ratio((every * risk).sum(axis=1), every.sum(axis=1))


def _ece(label: Floats, probability: Floats, _: Floats, weights: Floats) -> Floats:
    # The bins are those of the sample in all resamples, so that these are sums over the same rows.
    gaps = np.zeros((len(label), _BINS))
    for i, part in enumerate(np.array_split(np.argsort(probability, kind="stable"), _BINS)):
        gaps[part, i] = (label - probability)[part]
    return _ratio(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))


def _quadratic_kappa(label: Floats, _: Floats, decision: Floats, weights: Floats) -> Floats:
    # Squared differences that are seen, over those expected if label and decision were independent:
    # both variances and the squared difference of the means.
    means = _mean(label, weights), _mean(decision, weights)
    expected = sum(_mean(x**2, weights) - mean**2 for x, mean in zip((label, decision), means, strict=True))
    return 1 - _ratio(_mean((label - decision) ** 2, weights), expected + (means[0] - means[1]) ** 2)


_BOTH = ((0,), (1,))

ACCURACY = Metric("accuracy", "andel rett", "accuracy", lambda y, _, d, w: _mean(y == d, w))
ALARM_RATE = Metric("alarm_rate", "andel meldt", "share flagged", share_decided(1), "lower")

MACRO_F1 = Metric("macro_f1", "makro-F1", "macro-F1", _macro_f1, about=_BOTH)
F1 = Metric("f1", "F1", "F1", lambda y, _, d, w: _f1(y, d, w), about=_BOTH)
PRECISION = Metric("precision", "presisjon", "precision", lambda y, _, d, w: _ratio(w @ (y * d), w @ d), about=_BOTH)
RECALL = Metric("recall", "andel funnet", "recall", lambda y, _, d, w: _ratio(w @ (y * d), w @ y), about=_BOTH)
AUROC = Metric("auroc", "AUROC", "AUROC", _auroc, about=_BOTH)
AVERAGE_PRECISION = Metric(
    "average_precision", "gjennomsnittlig presisjon", "average precision", _average_precision, about=_BOTH
)
BRIER = Metric("brier", "Brier-skår", "Brier score", lambda y, p, _, w: _mean((y - p) ** 2, w), "lower", _BOTH)
ECE = Metric("ece", "kalibreringsfeil (ECE)", "calibration error (ECE)", _ece, "lower", _BOTH)
"""Expected calibration error over 15 bins of as many rows each (Nixon et al. 2019), 0 to 1."""
AURC = Metric("aurc", "feil etter sikkerhet (AURC)", "risk over coverage (AURC)", _aurc, direction="lower", about=_BOTH)
"""Area under the risk-coverage curve (Geifman and El-Yaniv 2017), 0 to 1: the share of wrong answers among the
surest ones, averaged over how many of them are given. An answer is as sure as its probability."""
ACCURACY_YES = Metric("accuracy_yes", "andel rett av ja", "accuracy on yes", ACCURACY.compute, about=((1,),))
ACCURACY_NO = Metric("accuracy_no", "andel rett av nei", "accuracy on no", ACCURACY.compute, about=((0,),))

YES_NO_METRICS = (
    *(MACRO_F1, F1, PRECISION, RECALL, AUROC, AVERAGE_PRECISION, BRIER, ECE),
    *(ACCURACY_YES, ACCURACY_NO),  # HateCheck and its kin report both sides, also where only one occurs
)
HATEFUL_METRICS = (*YES_NO_METRICS, AURC, *at_prevalence(yes=1))

MACRO_F1_OVER_CLASSES = Metric(
    "macro_f1", MACRO_F1.nb, MACRO_F1.en, lambda label, _, decision, w: macro_f1_over_classes(label, decision, w)
)
QUADRATIC_KAPPA = Metric(
    "quadratic_kappa", "vektet kappa av alvorlighet", "weighted kappa of severity", _quadratic_kappa
)
"""Agreement in severity beyond chance, weighted by squared differences (Cohen 1968), -1 to 1."""
CONDUCT_METRICS = (MACRO_F1_OVER_CLASSES, QUADRATIC_KAPPA)


def metrics_of(element: str) -> tuple[Metric, ...]:
    """What an element of the codebook is measured with; ``conduct`` by severity, each ``conduct_…`` as a yes/no."""
    return {"hateful": HATEFUL_METRICS, "conduct": CONDUCT_METRICS}.get(element, YES_NO_METRICS)
