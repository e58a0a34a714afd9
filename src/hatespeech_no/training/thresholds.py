"""Operating points: from which probability an element counts as yes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.evaluation.metrics import MACRO_F1, resample_weights
from hatespeech_no.models.elements import Probabilities

_NEUTRAL = 0.5
_RESAMPLES = 200


def choose_thresholds(probabilities: Probabilities, labels: dict[str, NDArray[np.float32]]) -> dict[str, float]:
    """For each element the threshold with the best macro-F1 on validation rows.

    Args:
        probabilities: calibrated, of n validation rows.
        labels: for each element shape (n,), 1 yes, 0 no, NaN unknown.

    Returns:
        A threshold per element, between 0.05 and 0.95; 0.5 where the best one is not better than
        that by more than one bootstrap standard error, since the best of few rows is mostly chance.
    """
    return {name: _choose(probabilities, name, labels[name]) for name in probabilities.names}


def _choose(probabilities: Probabilities, name: str, label: NDArray[np.float32]) -> float:
    known = ~np.isnan(label)
    p = probabilities.yes[known, probabilities.names.index(name)].astype(np.float64)
    y = label[known].astype(np.float64)

    def macro_f1(threshold: float, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return MACRO_F1.compute(y, p, (p >= threshold).astype(np.float64), weights)

    grid = np.linspace(0.05, 0.95, 91)
    values = [macro_f1(t, np.ones((1, len(y))))[0] for t in grid]
    # The middle of the best plateau generalises better than its edge.
    best = float(round(grid[np.isclose(values, np.max(values))].mean(), 2))
    weights = resample_weights(np.arange(len(y)), _RESAMPLES, seed=0)
    gain = macro_f1(best, weights) - macro_f1(_NEUTRAL, weights)
    return best if gain[0] > gain[1:].std() else _NEUTRAL
