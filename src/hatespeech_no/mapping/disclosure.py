"""Small numbers that could point at persons are withheld, and those that would give them away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SMALLEST = 5


def suppressed(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which cells of a table with published totals must be withheld (Hundepool et al. 2012, chapter 4).

    Cells above 0 and below 5, and where a row or column then has one withheld cell alone, which its total would
    give away, the smallest other one above 0 too.

    Args:
        counts: numbers of statements, shape (rows, columns).

    Returns:
        Of the same shape.
    """
    hidden = (counts > 0) & (counts < SMALLEST)
    before = -1
    while hidden.sum() != before:
        before = hidden.sum()
        for table, mask in ((counts, hidden), (counts.T, hidden.T)):  # views: what is set in one is set in both
            for row, mine in zip(table, mask, strict=True):
                others = np.flatnonzero(~mine & (row > 0))
                if mine.sum() == 1 and len(row) > 1 and len(others):
                    mine[others[row[others].argmin()]] = True
    return hidden


def protect(estimates: pd.DataFrame) -> pd.DataFrame:
    """Estimates as they may be shown: figures of small cells withheld, and ``withheld`` says where.

    Small is a cell with an estimated or a naive count of statements, or a number of rows, above 0 and below 5.
    Within a dimension the cells of a measure add up to what is shown of all rows. How many audit labels of a cell
    are yes is left out altogether.

    Args:
        estimates: see ``cells.estimate``.
    """
    shown = estimates.drop(columns="cases").assign(withheld=False)
    for _, table in estimates.groupby("dimension", sort=False):
        hidden = np.zeros((table["measure"].nunique(), table["cell"].nunique()), bool)
        for counts in (table["share"].fillna(0) * table["rows"], table["flagged"], table["rows"]):
            by = pd.DataFrame({"m": table["measure"], "c": table["cell"], "n": counts})
            grid = by.pivot(index="m", columns="c", values="n").loc[table["measure"].unique(), table["cell"].unique()]
            # Only the cells of one measure add up; measures overlap.
            hidden |= np.concatenate([suppressed(row[None]) for row in grid.to_numpy(float)])
        shown.loc[table.index, "withheld"] = hidden.ravel()
    figures = shown.columns.difference(["measure", "dimension", "cell", "withheld"])
    shown[figures] = shown[figures].astype(float).mask(shown["withheld"])
    return shown
