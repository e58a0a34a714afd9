"""Prevalence from the scores of all rows and the labels of some: stratified, finite, and design-based.

Nothing here assumes that the model is right or calibrated: what is unbiased is unbiased by the draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.mapping.intervals import Floats, Interval, Z, clopper_pearson, weighted_sum

FEWEST_OF_EACH = 10
"""Labels yes and no in a stratum below which scores do not correct its share: their tuning would be noise."""


@dataclass(frozen=True)
class Strata:
    """What is known of strata: arrays of shape (..., strata); an estimate is a sum over the last axis.

    Attributes:
        weight: share of the population, adding up to 1 over the last axis.
        rows: how many rows of a larger population these are (effectively, Kish 1965); infinite where they are all.
        score: mean over all rows.
        score_variance: over all rows.
        labels: number of labelled rows.
        cases: how many of them are yes.
        share: of yes among the labelled rows, by their design weights; 0 where there are none.
        labelled_score: mean score of the labelled rows, by their design weights.
        variance: what drawing does to a mean of labels, over their variance: ``(1 - n/N) / n`` in a simple draw.
        covariance: of score and label among the labelled rows.
        labelled_variance: of the score among them.
    """

    weight: Floats
    rows: Floats
    score: Floats
    score_variance: Floats
    labels: Floats
    cases: Floats
    share: Floats
    labelled_score: Floats
    variance: Floats
    covariance: Floats
    labelled_variance: Floats


def summarise(
    code: NDArray[np.int64],
    shape: tuple[int, int],
    *,
    weight: Floats,
    score: Floats,
    inclusion: Floats,
    label: Floats,
    surveyed: bool,
) -> Strata:
    """Sum rows up.

    Args:
        code: of each of n rows, ``cell * strata + stratum``; rows below 0 are in no cell.
        shape: numbers of cells and strata.
        weight: survey weight of each row.
        score: what the model says of it.
        inclusion: probability with which it was to be labelled.
        label: 1 yes, 0 no, NaN not labelled.
        surveyed: whether the rows are a sample of a larger population, not all there is.
    """

    def sums(values: Floats, rows: NDArray[np.bool_]) -> Floats:
        found = np.bincount(code[rows], values[rows], minlength=shape[0] * shape[1])
        return found.astype(np.float64).reshape(shape)

    inside = code >= 0
    audited = inside & ~np.isnan(label)
    total, squares = sums(weight, inside), sums(weight**2, inside)
    mean = _ratio(sums(weight * score, inside), total)
    design = np.divide(weight, inclusion, out=np.zeros_like(weight), where=audited)
    drawn = sums(design, audited)
    share, labelled, product, square = (
        _ratio(sums(design * x, audited), drawn) for x in (label, score, label * score, score**2)
    )
    return Strata(
        weight=_ratio(total, total.sum(axis=-1, keepdims=True)),
        rows=np.divide(total**2, squares, out=np.full(shape, np.inf), where=(squares > 0) & surveyed),
        score=mean,
        score_variance=np.maximum(_ratio(sums(weight * score**2, inside), total) - mean**2, 0),
        labels=sums(np.ones_like(score), audited),
        cases=sums(label, audited),
        share=share,
        labelled_score=labelled,
        variance=_ratio(sums(design**2 * (1 - inclusion), audited), drawn**2),
        covariance=product - share * labelled,
        labelled_variance=np.maximum(square - labelled**2, 0),
    )


def prediction_powered(strata: Strata) -> Interval:
    """Stratified prediction-powered inference, tuned in each stratum.

    In each stratum ``share + λ (mean score of all rows - mean score of the labelled ones)``, with the λ of PPI++
    (Angelopoulos, Duchi and Zrnic 2023) and the strata added up by their size (Fisch et al. 2024). The interval
    of a stratum is exact for as many labels as would tell as much; a stratum without labels may hold anything.

    Returns:
        Of shape (...).
    """
    s = strata
    enough = np.minimum(s.cases, s.labels - s.cases) >= FEWEST_OF_EACH
    tuned = enough & (s.score_variance > 1e-12) & (s.labelled_variance > 1e-12)
    # PPI++ weighs the unlabelled rows alone; over all rows its λ is this one, cut so that it is 0 to 1 over those.
    factor = _ratio(s.covariance, np.where(tuned, s.score_variance, 0.0))
    factor = np.clip(factor, 0, 1 / np.clip(1 - _sampled(s), 1e-9, 1))
    value = np.clip(s.share + factor * (s.score - s.labelled_score), 0, 1)
    spread = s.share * (1 - s.share)
    left = spread - 2 * factor * s.covariance + factor**2 * s.labelled_variance
    # Scores that no label contradicts may be wrong all the same: as if one more label had.
    left = np.maximum(left, _ratio(np.ones_like(left), s.labels))
    # One degree of freedom went into λ.
    unexplained = np.where(tuned, _ratio(left * (s.labels - 1), spread * (s.labels - 2)), 1.0)
    return _sum(s, value, unexplained * s.variance)


def design_weighted(strata: Strata) -> Interval:
    """Labels weighted by their inclusion probabilities (Hájek 1971), scores left out.

    The interval is that of Korn and Graubard (1998): exact, for the effective number of labels that the
    estimated variance gives, or that the weights give where no label tells of a variance.
    """
    s = strata
    value = np.sum(s.weight * s.share, axis=-1)
    within = s.share * (1 - s.share) * _ratio(s.labels, s.labels - 1)
    variance = np.sum(s.weight**2 * within * (s.variance + 1 / s.rows), axis=-1)
    kish = np.sum(s.weight**2 * (s.variance + 1 / s.rows), axis=-1)
    with np.errstate(divide="ignore"):
        n = np.where(variance > 0, _ratio(value * (1 - value), variance), 1 / kish)
    return clopper_pearson(value, n)


def adjusted_count(flagged: Floats, rows: Floats, label: NDArray[np.bool_], decision: NDArray[np.bool_]) -> Interval:
    """A count corrected by the error rates that another labelled sample shows (Rogan and Gladen 1978).

    Right where the model errs as often in each class here as there; a model that meets other texts does not.
    The interval is that of Lang and Reiczigel (2014).

    Args:
        flagged: share of rows that are flagged, any shape.
        rows: number of these rows, of the same shape.
        label: of the other sample.
        decision: of the model on it.
    """
    yes, no = int(label.sum()), int((~label).sum())
    found, spared = int((label & decision).sum()), int((~label & ~decision).sum())
    raw = _ratio(flagged + spared / no - 1, np.full_like(flagged, found / yes + spared / no - 1))
    n, n_yes, n_no = rows + Z**2, yes + 2, no + 2
    q = (rows * flagged + Z**2 / 2) / n
    sensitivity, specificity = (found + 1) / n_yes, (spared + 1) / n_no
    gain = sensitivity + specificity - 1
    p = (q + specificity - 1) / gain
    v_yes, v_no = sensitivity * (1 - sensitivity) / n_yes, specificity * (1 - specificity) / n_no
    middle = p + 2 * Z**2 * (p * v_yes - (1 - p) * v_no)
    half = Z / gain * np.sqrt(q * (1 - q) / n + (1 - p) ** 2 * v_no + p**2 * v_yes)
    return Interval(*(np.clip(x, 0, 1) for x in (raw, middle - half, middle + half)))


def _sum(s: Strata, value: Floats, variance: Floats) -> Interval:
    """Add strata up, each with the interval of its effective number of labels."""
    asked = s.labels > 0
    with np.errstate(divide="ignore"):
        parts = clopper_pearson(value, 1 / (variance + 1 / s.rows))
    parts = Interval(
        np.where(asked, parts.value, np.clip(s.score, 0, 1)),
        np.where(asked, parts.lo, 0.0),
        np.where(asked, parts.hi, 1.0),
    )
    overall = np.sum(s.weight * parts.value, axis=-1, keepdims=True)
    # How many of a stratum a survey meets is chance too.
    between = np.sum(s.weight * (parts.value - overall) ** 2, axis=-1) * np.sum(s.weight**2 / s.rows, axis=-1)
    return weighted_sum(parts, s.weight, between)


def _sampled(s: Strata) -> Floats:
    """Share of a stratum's rows that is labelled: ``n/N`` in a simple draw."""
    return np.clip(1 - s.labels * s.variance, 0, 1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
