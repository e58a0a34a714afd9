"""How far probabilities can be taken at their word, before calibration and after it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from hatespeech_no.evaluation.metrics import ECE, FEWEST
from hatespeech_no.models.calibration import Calibration

_SMALLEST = 1e-6


def reliability(predictions: Mapping[str, pd.DataFrame], calibration: Calibration) -> pd.DataFrame:
    """Expected calibration error and log loss of the yes/no elements.

    Args:
        predictions: by suite, see ``Evaluation``.
        calibration: what the probabilities were calibrated with; it is undone for the figures before.

    Returns:
        One row per suite and element that has enough of both answers: ``rows``, ``prevalence`` (share
        of yes), ``ece_before``, ``ece_after``, ``log_loss_before``, ``log_loss_after``.
    """
    rows = []
    for suite, table in predictions.items():
        for element, group in table.groupby("element", sort=False):
            label, after = group["label"].to_numpy(float), group["p"].to_numpy(float)
            if element not in calibration.platt or min(label.sum(), len(label) - label.sum()) < FEWEST:
                continue
            slope, intercept = calibration.platt[str(element)]
            before = expit((logit(np.clip(after, _SMALLEST, 1 - _SMALLEST)) - intercept) / slope)
            figures = {
                f"{name}_{when}": measure(label, p)
                for name, measure in (("ece", calibration_error), ("log_loss", _log_loss))
                for when, p in (("before", before), ("after", after))
            }
            rows.append({"suite": suite, "element": element, "rows": len(label), "prevalence": label.mean(), **figures})
    return pd.DataFrame(rows)


def calibration_error(label: NDArray[np.float64], probability: NDArray[np.float64]) -> float:
    """Expected calibration error, see ``metrics.ECE``, 0 is best.

    Args:
        label: shape (n,), 1 yes, 0 no.
        probability: shape (n,), of yes.
    """
    return float(ECE.compute(label, probability, label, np.ones((1, len(label))))[0])


def _log_loss(label: NDArray[np.float64], probability: NDArray[np.float64]) -> float:
    p = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log(1 - p)))
