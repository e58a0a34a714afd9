"""Whether it became more or less, and whether the model still reads as it did."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from hatespeech_no.evaluation.compare import holm
from hatespeech_no.mapping.cells import Audited, cells_of, labelled_share
from hatespeech_no.mapping.intervals import LEVEL, Floats, Z

POWER = 0.8
DRIFT = 0.2
"""Population stability index from which scores count as of another kind than before (Siddiqi 2006)."""

_BINS = 10


def trends(estimates: pd.DataFrame) -> pd.DataFrame:
    """Every month against the one before, of every measure.

    Args:
        estimates: see ``cells.estimate``.

    Returns:
        ``measure``, ``before``, ``month``, ``change`` with ``lo`` and ``hi`` (MOVER), ``p`` and ``p_holm``, corrected
        for all months of a measure together (Holm 1979), and ``detectable``: the least change that would have been
        found with a probability of 0.8 at that correction. Months that are not estimable are passed over.
    """
    months = estimates[(estimates["dimension"] == "month") & estimates["share"].notna()]
    tables = [_changes(table) for _, table in months.groupby("measure", sort=False) if len(table) > 1]
    names = ["measure", "before", "month", "change", "lo", "hi", "p", "p_holm", "detectable"]
    return pd.concat(tables, ignore_index=True)[names] if tables else pd.DataFrame(columns=names)


def drift(audited: Audited) -> pd.DataFrame:
    """How each month's scores, and the model's errors, differ from those of the other months.

    Returns:
        ``month``, ``psi`` (population stability index of its scores against the other months'), ``error`` (label
        minus p_hateful in the mean) less that of the other months, with ``p_holm``, and ``warn``: a naive count of
        this month must not be compared with others.
    """
    names, month = cells_of(audited.rows, "month")
    score, label = audited.rows["p_hateful"].to_numpy(), audited.labels["hateful"].to_numpy(float)
    labelled = ~np.isnan(label)
    inclusion = labelled_share(audited.stratum, labelled)[audited.stratum][labelled]
    design = audited.rows["weight"].to_numpy()[labelled] / inclusion
    error, of = (label - score)[labelled], month[labelled]
    bins = np.digitize(score, np.unique(np.quantile(score, np.arange(1, _BINS) / _BINS)))
    rows = []
    for m, name in enumerate(names):
        here, there = (_mean(error[mine], design[mine]) for mine in (of == m, of != m))
        gap = here[0] - there[0]
        p = 2 * norm.sf(abs(gap) / np.sqrt(here[1] + there[1]))
        rows.append((name, _psi(bins[month == m], bins[month != m]), gap, p))
    table = pd.DataFrame(rows, columns=["month", "psi", "error", "p"])
    tested = table["p"].notna()
    table["p_holm"] = np.nan
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy())
    return table.assign(warn=(table["psi"] >= DRIFT) | (table["p_holm"] < 1 - LEVEL)).drop(columns="p")


def _changes(months: pd.DataFrame) -> pd.DataFrame:
    value, lo, hi = (months[name].to_numpy() for name in ("share", "lo", "hi"))
    change = np.diff(value)
    below = np.hypot(value[1:] - lo[1:], hi[:-1] - value[:-1])
    above = np.hypot(hi[1:] - value[1:], value[:-1] - lo[:-1])
    # The side towards no change decides whether there was one.
    p = 2 * norm.sf(np.abs(change) / np.maximum(np.where(change > 0, below, above) / Z, 1e-12))
    tests = len(change)
    detectable = (norm.isf((1 - LEVEL) / (2 * tests)) + norm.ppf(POWER)) * (below + above) / (2 * Z)
    return pd.DataFrame(
        {
            "measure": months["measure"].iloc[0],
            "before": months["cell"].to_numpy()[:-1],
            "month": months["cell"].to_numpy()[1:],
            "change": change,
            "lo": change - below,
            "hi": change + above,
            "p": p,
            "p_holm": holm(p),
            "detectable": detectable,
        }
    )


def _mean(values: Floats, weight: Floats) -> tuple[float, float]:
    """A weighted mean and its variance; not known of fewer than two values."""
    if len(values) < 2:
        return np.nan, np.nan
    mean = np.average(values, weights=weight)
    return mean, np.sum(weight**2 * (values - mean) ** 2) / weight.sum() ** 2


def _psi(bins: np.ndarray, others: np.ndarray) -> float:
    """Population stability index; half a row in each bin, so that an empty one does not make it infinite."""
    here, there = ((np.bincount(part, minlength=_BINS) + 0.5) / (len(part) + _BINS / 2) for part in (bins, others))
    return float(np.sum((here - there) * np.log(here / there)))
