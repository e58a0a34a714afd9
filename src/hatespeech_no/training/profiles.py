"""Set a model's operating profiles, with guarantees that rest on rows used for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from hatespeech_no.bundle import Bundle
from hatespeech_no.corpora import statement_from_row
from hatespeech_no.evaluation.metrics import macro_f1_over_classes, precision_and_load
from hatespeech_no.evaluation.tiers import known_tiers
from hatespeech_no.models.calibration import platt
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Tier
from hatespeech_no.triage.profiles import PREVALENCES, Guarantee, Load, OperatingPoints, Profile, ProfileName, log_odds

if TYPE_CHECKING:
    from datasets import Dataset

Measure = Literal["missed", "alarms"]

_CONFIDENCE = 0.95
_GUARANTEED = ("nb", "nn")
"""Languages with guarantees; of the others our statements are too few."""
_WANTED: dict[ProfileName, tuple[Measure, float]] = {
    "high_recall": ("missed", 0.10),
    "high_precision": ("alarms", 0.05),
}
_FEWEST = 30
"""Actionable and protected statements of a language below which nothing is tested."""
_GRID = np.round(np.arange(0.01, 1.0, 0.01), 2)
_TIER_OF: dict[Measure, Tier] = {"missed": Tier.ACTIONABLE, "alarms": Tier.PROTECTED}


def set_operating_points(bundle: Bundle, validation: Dataset, calibration: Dataset, risk: Dataset) -> None:
    """Calibrate the probability of ``actionable`` and set the profiles of a bundle.

    ``balanced`` is the threshold with the best macro-F1 over tiers on validation rows. The two others
    are the furthest thresholds for which Learn-then-Test (Angelopoulos et al. 2021) shows on the risk
    rows that at most 10 % of actionable statements are missed, or at most 5 % of protected ones called
    actionable: thresholds are tested in a fixed order until one fails, each in Bokmål and in Nynorsk
    at half the error (Bonferroni). Where rows with known tiers lack, profiles or guarantees lack too.

    Args:
        bundle: with its calibration of elements; its manifest is changed.
        validation: rows that chose the model.
        calibration: rows that calibrated its elements.
        risk: rows that served nothing before; may be none.
    """
    points = _calibrated(bundle, calibration)
    tuning, tested = (_score(bundle, rows, points) for rows in (validation, risk))
    threshold = 0.5 if tuning is None else _best_threshold(tuning)
    profiles = {"balanced": Profile(threshold=threshold)}
    if tested is not None:
        profiles["balanced"] = _profile(tested, threshold, _bounds(tested, threshold))
        for name, (measure, at_most) in _WANTED.items():
            if (kept := learn_then_test(tested, measure, at_most)) is not None:
                promise = [_guarantee(tested, measure, code, at_most, kept) for code in _GUARANTEED]
                profiles[name] = _profile(tested, kept, promise)
    bundle.manifest.operating_points = points.model_copy(update={"profiles": profiles})


@dataclass(frozen=True)
class TierRows:
    """Statements whose tier is known.

    Attributes:
        tier: its rank, shape (n,).
        language: shape (n,).
        p: calibrated probability of ``actionable``, shape (n,).
        below: rank of the tier that the model gives where ``p`` is below the threshold, shape (n,).
    """

    tier: NDArray[np.int64]
    language: NDArray[np.object_]
    p: NDArray[np.float64]
    below: NDArray[np.int64]

    def wrong(self, measure: Measure, threshold: float, language: str | None = None) -> NDArray[np.bool_]:
        """Of the statements that a measure is about, which it counts."""
        about = self.tier == _TIER_OF[measure].rank
        if language is not None:
            about &= self.language == language
        return np.asarray((self.p[about] >= threshold) == (measure == "alarms"), dtype=bool)


def _score(bundle: Bundle, rows: Dataset, points: OperatingPoints) -> TierRows | None:
    """Scored without any threshold; ``None`` where no tier is known."""
    tiers = known_tiers(rows)
    known = np.flatnonzero(tiers >= 0)
    if not len(known):
        return None
    statements = [statement_from_row(row) for row in rows.select(known)]
    bundle.manifest.operating_points = points.model_copy(update={"profiles": {"none": Profile(threshold=1)}})
    found = Classifier(bundle).score(statements, "none")
    return TierRows(
        tiers[known],
        np.array([statement.language for statement in statements], dtype=object),
        np.array([assessment.p_actionable or 0.0 for assessment in found]),
        np.array([assessment.tier.rank for assessment in found]),
    )


def _calibrated(bundle: Bundle, calibration: Dataset) -> OperatingPoints:
    rows = _score(bundle, calibration, OperatingPoints())
    if rows is None or len(np.unique(actionable := rows.tier == Tier.ACTIONABLE.rank)) < 2:
        return OperatingPoints()
    slope, intercept = platt(log_odds(rows.p).astype(np.float32), actionable.astype(np.float32))
    return OperatingPoints(slope=slope, intercept=intercept) if slope > 0 else OperatingPoints()


def _best_threshold(rows: TierRows) -> float:
    one = np.ones((1, len(rows.tier)))
    values = [
        macro_f1_over_classes(rows.tier, np.where(rows.p >= t, Tier.ACTIONABLE.rank, rows.below), one)[0] for t in _GRID
    ]
    # The middle of the best plateau generalises better than its edge.
    return float(np.median(_GRID[np.isclose(values, np.max(values))]))


def learn_then_test(rows: TierRows, measure: Measure, at_most: float) -> float | None:
    """The furthest threshold that keeps a bound in every language: the highest one for ``missed``."""
    kept = None
    for threshold in _GRID if measure == "missed" else _GRID[::-1]:
        for language in _GUARANTEED:
            wrong = rows.wrong(measure, threshold, language)
            chance = binom.cdf(wrong.sum(), len(wrong), at_most)
            if len(wrong) < _FEWEST or chance > (1 - _CONFIDENCE) / len(_GUARANTEED):
                return kept
        kept = float(threshold)
    return kept


def _bounds(rows: TierRows, threshold: float) -> list[Guarantee]:
    """Upper bounds (Clopper and Pearson 1934) that hold together, at a threshold chosen on other rows."""
    tests = [(measure, code) for measure in _TIER_OF for code in _GUARANTEED]
    bounds = []
    for measure, code in tests:
        wrong = rows.wrong(measure, threshold, code)
        if len(wrong) >= _FEWEST:
            most = beta.ppf(1 - (1 - _CONFIDENCE) / len(tests), wrong.sum() + 1, len(wrong) - wrong.sum())
            bounds.append(_guarantee(rows, measure, code, 1.0 if np.isnan(most) else float(most), threshold))
    return bounds


def _guarantee(rows: TierRows, measure: Measure, language: str, at_most: float, threshold: float) -> Guarantee:
    wrong = rows.wrong(measure, threshold, language)
    return Guarantee(
        measure=measure,
        language=language,
        at_most=round(at_most, 4),
        confidence=_CONFIDENCE,
        observed=round(float(wrong.mean()), 4),
        rows=len(wrong),
    )


def _profile(rows: TierRows, threshold: float, guarantees: list[Guarantee]) -> Profile:
    shares: dict[Measure, dict[str, float]] = {"missed": {}, "alarms": {}}
    for measure, by_language in shares.items():
        for code in sorted({code for code in rows.language if code}):
            wrong = rows.wrong(measure, threshold, code)
            if len(wrong) >= _FEWEST:
                by_language[code] = round(float(wrong.mean()), 4)
    missed, alarms = (rows.wrong(measure, threshold).mean(keepdims=True) for measure in _TIER_OF)
    precision, flagged = precision_and_load(np.array(PREVALENCES), 1 - missed, alarms)
    loads = [
        Load(prevalence=share, flagged_per_10000=round(of_10000, 1), precision=round(right, 4))
        for share, of_10000, right in zip(PREVALENCES, flagged.tolist(), np.nan_to_num(precision).tolist(), strict=True)
    ]
    return Profile(
        threshold=threshold,
        guarantees=tuple(guarantees),
        recall={code: round(1 - share, 4) for code, share in shares["missed"].items()},
        alarms=shares["alarms"],
        loads=tuple(loads),
    )
