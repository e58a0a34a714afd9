"""From scores to probabilities, on held-out rows only.

Yes/no elements: Platt scaling with smoothed targets (Platt 1999). Conduct: bias-corrected
temperature scaling (Alexandari et al. 2020) on the likelihood of the set of possible conducts, so
that rows whose source cannot tell two conducts apart count too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp, softmax

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Probabilities, Scores


@dataclass(frozen=True)
class Calibration:
    """Calibrators of one model.

    Attributes:
        platt: slope and intercept on the log-odds, for each element that could be calibrated.
        conduct: inverse temperature and then one bias per conduct; ``None`` = conduct could not be
            calibrated.
        prevalence: share of yes among the rows each element was calibrated on; probabilities hold for
            texts in which it is as frequent.
    """

    platt: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    conduct: Sequence[float] | None = None
    prevalence: Mapping[str, float] = field(default_factory=dict)

    def apply(self, scores: Scores) -> Probabilities:
        """Calibrated probabilities; heads that could not be calibrated are left out, that is unknown."""
        names = tuple(name for name in scores.names if name in self.platt)
        columns = [scores.names.index(name) for name in names]
        slope, intercept = np.array([self.platt[name] for name in names], np.float32).reshape(-1, 2).T
        conduct = None
        if scores.conduct is not None and self.conduct is not None:
            inverse, *bias = self.conduct
            conduct = softmax(scores.conduct * inverse + np.array(bias), axis=1).astype(np.float32)
        return Probabilities(names, expit(scores.log_odds[:, columns] * slope + intercept), conduct)

    def at_prevalence(self, probabilities: Probabilities, wanted: Mapping[str, float]) -> Probabilities:
        """Probabilities for texts in which elements are rarer or more frequent (Saerens et al. 2002).

        Holds if texts with the element, and texts without it, look as they did in the calibration rows,
        and only their shares differ. A platform's hateful comments may look otherwise: a labelled
        sample from there tells.

        Args:
            probabilities: as ``apply`` gave them.
            wanted: share of yes that is expected, above 0 and below 1, by element.

        Raises:
            HatespeechError: an element that was not calibrated, or a share outside that range.
        """
        yes = probabilities.yes.copy()
        for name, share in wanted.items():
            if name not in probabilities.names or name not in self.prevalence:
                known = ", ".join(n for n in probabilities.names if n in self.prevalence)
                raise HatespeechError(f"prevalence of {name!r}: this model states none for it; it does for {known}")
            if not 0 < share < 1:
                raise HatespeechError(f"prevalence of {name!r} is {share}; give a share above 0 and below 1")
            column, was = probabilities.names.index(name), self.prevalence[name]
            up, down = yes[:, column] * share / was, (1 - yes[:, column]) * (1 - share) / (1 - was)
            yes[:, column] = up / (up + down)
        return Probabilities(probabilities.names, yes, probabilities.conduct)

    def to_dict(self) -> dict[str, Any]:
        """JSON values for the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what ``to_dict`` wrote."""
        platt = {name: (float(a), float(b)) for name, (a, b) in data["platt"].items()}
        return cls(platt, data["conduct"], data.get("prevalence", {}))


def calibrate(
    scores: Scores, labels: Mapping[str, NDArray[np.float32]], conduct: NDArray[np.bool_] | None
) -> Calibration:
    """Fit calibrators on held-out rows.

    Args:
        scores: of n held-out texts.
        labels: for each element shape (n,), 1 yes, 0 no, NaN unknown.
        conduct: shape (n, 8), the conducts that are possible; a row of only ``False`` is unknown.

    Returns:
        Calibrators for the elements of which both values occur and whose scores rise with the
        truth (a head that falls with it has learned nothing, so its element stays unknown), and
        for conduct where at least two rows differ in what is possible.
    """
    slopes, prevalence = {}, {}
    for column, name in enumerate(scores.names):
        known = ~np.isnan(labels[name])
        target = labels[name][known]
        if 0 < target.sum() < len(target):
            slope, intercept = platt(scores.log_odds[known, column], target)
            if slope > 0:
                slopes[name] = (slope, intercept)
                prevalence[name] = float(target.mean())
    return Calibration(slopes, _scale_conduct(scores.conduct, conduct), prevalence)


def platt(log_odds: NDArray[np.float32], target: NDArray[np.float32]) -> tuple[float, float]:
    """Slope and intercept of a logistic curve (Platt 1999).

    Args:
        log_odds: shape (n,).
        target: shape (n,), 1 yes and 0 no, both of which occur.
    """
    from sklearn.linear_model import LogisticRegression

    positive = float(target.sum())
    negative = len(target) - positive
    # Smoothed targets keep few positives from being called certain.
    yes = np.where(target == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    x = np.concatenate([log_odds, log_odds]).reshape(-1, 1)
    y = np.repeat([1, 0], len(target))
    fitted = LogisticRegression(C=np.inf).fit(x, y, sample_weight=np.concatenate([yes, 1 - yes]))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _scale_conduct(scores: NDArray[np.float32] | None, possible: NDArray[np.bool_] | None) -> list[float] | None:
    if scores is None or possible is None:
        return None
    known = possible.any(axis=1)
    if len(np.unique(possible[known], axis=0)) < 2:
        return None
    from scipy.optimize import minimize

    logits, sets = scores[known].astype(np.float64), possible[known]

    def loss(parameters: NDArray[np.float64]) -> float:
        scaled = logits * np.exp(parameters[0]) + parameters[1:]
        inside = logsumexp(np.where(sets, scaled, -np.inf), axis=1)
        # The penalty keeps conducts that hardly occur here where training put them.
        return float(np.sum(logsumexp(scaled, axis=1) - inside) + 0.5 * np.sum(parameters**2))

    best = minimize(loss, np.zeros(1 + logits.shape[1]), method="L-BFGS-B")
    return [float(np.exp(best.x[0])), *map(float, best.x[1:])]
