"""How far probabilities can be taken at their word, before calibration and after it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from hatespeech_no.evaluation.evaluate import FEWEST
from hatespeech_no.models.calibration import Calibration

_BINS = 15
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
    """Expected calibration error over 15 bins of as many rows each (Nixon et al. 2019), 0 is best.

    Args:
        label: shape (n,), 1 yes, 0 no.
        probability: shape (n,), of yes.
    """
    order = np.argsort(probability, kind="stable")
    bins = [part for part in np.array_split(order, _BINS) if len(part)]
    gaps = [abs(label[part].mean() - probability[part].mean()) * len(part) for part in bins]
    return float(np.sum(gaps) / len(label))


def _log_loss(label: NDArray[np.float64], probability: NDArray[np.float64]) -> float:
    p = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log(1 - p)))
