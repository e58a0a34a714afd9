"""Estimates of every measure: of all rows, of each arena, of each month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError
from hatespeech_no.mapping.estimators import adjusted_count, design_weighted, prediction_powered, summarise
from hatespeech_no.mapping.intervals import Interval
from hatespeech_no.mapping.measures import FLAGGED, Measure, measures
from hatespeech_no.mapping.sampling import Design, draw
from hatespeech_no.text.keyed import keyed_id

FEWEST_LABELS = 30
"""Audit labels of a cell below which it is "not estimable"."""

ALL = "all"
DIMENSIONS = ("arena", "month", "flagged")

_TOGETHER = 10  # labels of a stratum in a cell below which it goes together with its neighbour


@dataclass(frozen=True)
class Audited:
    """Rows with what people said of some of them.

    Attributes:
        rows: see ``read_scored``; ``flagged`` says whether a naive count would count it as hateful.
        labels: aligned with the rows, see ``measures``.
        stratum: of each row, ``arena * classes + class``.
        classes: how many of scores there are.
        strata: how many there are.
        surveyed: whether the rows are a sample of a larger population.
        drawn: how many rows were to be labelled.
    """

    rows: pd.DataFrame
    labels: pd.DataFrame
    stratum: NDArray[np.int64]
    classes: int
    strata: int
    surveyed: bool
    drawn: int


def join(design: Design, labels: pd.DataFrame, key: bytes) -> Audited:
    """Bring labels and rows together; only what was drawn counts, whatever else was labelled.

    Raises:
        HatespeechError: no label of the sample says whether a row is hateful, or none of some stratum's.
    """
    rows = design.read_rows()
    sample = draw(design, rows)
    keyed = pd.Series([keyed_id(identifier, key) for identifier in sample["id"]], sample.index)
    found = labels.reindex(keyed.to_numpy()).set_index(sample.index)
    if found["hateful"].isna().all():
        raise HatespeechError(
            "no label says of a row of the sample whether it is hateful: ids must be those of sample.jsonl, made with "
            "the same key"
        )
    answers = found["hateful"].notna().groupby(sample["stratum"]).sum()
    if (answers == 0).any():
        raise HatespeechError(
            f"none of the rows drawn from stratum {answers.idxmin()} is answered yet, and others cannot stand in; "
            "go on labelling"
        )
    return Audited(
        rows=rows.assign(flagged=np.where(rows["p_hateful"] >= FLAGGED, "flagged", "unflagged")),
        labels=found.reindex(rows.index),
        stratum=design.stratum(rows),
        classes=len(design.edges) + 1,
        strata=len(design.arenas) * (len(design.edges) + 1),
        surveyed=design.columns.weight is not None,
        drawn=len(sample),
    )


def estimate(audited: Audited, validation: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every estimate of a mapping.

    Args:
        audited: rows and labels.
        validation: another labelled sample, ``label`` (1 yes, 0 no) and ``p`` of hateful: with it, ``hateful``
            also has the adjusted count.

    Returns:
        One row per measure and cell: ``measure``, ``dimension``, ``cell``, ``rows``, ``flagged``, ``labels``,
        ``cases`` (labels yes), ``naive``; the estimate ``share`` with ``lo`` and ``hi``; for comparison
        ``weighted``, ``adjusted`` and their limits. What is not estimable is NaN.
    """
    found = [table for measure in measures(audited.rows, audited.labels) for table in _of(measure, audited, validation)]
    return pd.concat(found, ignore_index=True)


def cells_of(rows: pd.DataFrame, dimension: str) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the cells of a dimension, and the cell of each row."""
    if dimension == ALL:
        return [ALL], np.zeros(len(rows), np.int64)
    codes, names = pd.factorize(rows[dimension], sort=True)
    return list(names), codes.astype(np.int64)


def _of(measure: Measure, audited: Audited, validation: pd.DataFrame | None) -> Iterator[pd.DataFrame]:
    labelled = ~np.isnan(measure.label)
    if not labelled.any():
        return
    rows, stratum, weight = audited.rows, audited.stratum, audited.rows["weight"].to_numpy()
    inclusion = labelled_share(stratum, labelled)
    for dimension in (ALL, *(name for name in DIMENSIONS if name in rows)):
        names, cell = cells_of(rows, dimension)
        group, most = group_classes(cell, stratum % audited.classes, labelled, len(names))
        strata = summarise(
            cell * most + group,
            (len(names), most),
            weight=weight,
            score=measure.score,
            inclusion=inclusion[stratum],
            label=measure.label,
            surveyed=audited.surveyed,
        )
        n = strata.labels.sum(axis=-1)
        total, flagged = np.bincount(cell).astype(float), np.bincount(cell, measure.flagged)
        naive = np.bincount(cell, weight * measure.flagged) / np.bincount(cell, weight)
        table = pd.DataFrame(
            {
                "measure": measure.name,
                "dimension": dimension,
                "cell": names,
                "rows": total.astype(int),
                "flagged": flagged.astype(int),
                "labels": n.astype(int),
                "cases": strata.cases.sum(axis=-1).astype(int),
                "naive": naive,
            }
        )
        estimates = {"": prediction_powered(strata), "weighted": design_weighted(strata)}
        if validation is not None and measure.name == "hateful":
            flags = (validation["p"] >= FLAGGED).to_numpy()
            estimates["adjusted"] = adjusted_count(naive, total, (validation["label"] == 1).to_numpy(), flags)
        yield table.assign(**_columns(estimates, n >= FEWEST_LABELS))


def _columns(estimates: dict[str, Interval], estimable: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    return {
        name: np.where(estimable, values, np.nan)
        for kind, found in estimates.items()
        for name, values in (
            (kind or "share", found.value),
            (f"{kind}_lo".lstrip("_"), found.lo),
            (f"{kind}_hi".lstrip("_"), found.hi),
        )
    }


def labelled_share(stratum: NDArray[np.int64], labelled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of labelled rows by stratum; rows that were drawn and not answered count as not drawn."""
    return np.bincount(stratum, labelled) / np.maximum(np.bincount(stratum), 1)


def group_classes(
    cell: NDArray[np.int64], number: NDArray[np.int64], labelled: NDArray[np.bool_], cells: int
) -> tuple[NDArray[np.int64], int]:
    """A group for each row: neighbouring classes of its cell that have enough labels together; and the most groups.

    Classes go together, over all arenas, where a cell's few labels could not tell one class's share from nothing.
    """
    classes = int(number.max()) + 1
    counts = np.bincount(cell * classes + number, labelled, minlength=cells * classes).reshape(cells, classes)
    group = np.zeros(counts.shape, np.int64)
    for c, labels in enumerate(counts):
        for h in range(1, classes):
            below = labels[:h][group[c, :h] == group[c, h - 1]].sum()
            group[c, h:] = group[c, h - 1] + (min(below, labels[h:].sum()) >= _TOGETHER)
    return group[cell, number], int(group.max()) + 1
