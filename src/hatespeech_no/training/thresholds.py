"""Operating points: from which probability an element counts as yes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.evaluation.metrics import MACRO_F1
from hatespeech_no.models.elements import Probabilities

_FEWEST = 5


def choose_thresholds(probabilities: Probabilities, labels: dict[str, NDArray[np.float32]]) -> dict[str, float]:
    """For each element the threshold with the best macro-F1 on validation rows.

    Args:
        probabilities: calibrated, of n validation rows.
        labels: for each element shape (n,), 1 yes, 0 no, NaN unknown.

    Returns:
        A threshold per element, between 0.05 and 0.95; 0.5 where either answer occurs fewer than
        5 times, since the best of so few would be chance.
    """
    thresholds = {}
    for name in probabilities.names:
        p = probabilities.of(name)
        known = ~np.isnan(labels[name])
        y = labels[name][known].astype(np.float64)
        thresholds[name] = 0.5
        if p is None or min(y.sum(), len(y) - y.sum()) < _FEWEST:
            continue
        chosen = p[known].astype(np.float64)
        weights = np.ones((1, len(y)))
        grid = np.linspace(0.05, 0.95, 91)
        values = [MACRO_F1.compute(y, chosen, (chosen >= t).astype(np.float64), weights)[0] for t in grid]
        # The middle of the best plateau generalises better than its edge.
        best = np.flatnonzero(np.isclose(values, np.max(values)))
        thresholds[name] = float(round(grid[best].mean(), 2))
    return thresholds
