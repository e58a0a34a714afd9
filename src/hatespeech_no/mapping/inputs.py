"""Scored files, labels and registered crimes as they are read: what a mapping needs of each row, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables import Table, open_table
from hatespeech_no.tables.source import parts_of
from hatespeech_no.taxonomy import Conduct, Ground, Tier

_TRUE, _FALSE = ("true", "1", "1.0", "yes", "ja"), ("false", "0", "0.0", "no", "nei")
_SCORES = ("p_hateful", "p_actionable")
_CRIMES = ("year", "ground", "count", "source")


class Columns(BaseModel, extra="forbid"):
    """What the columns of a scored file are called; ``None``: it has no such column.

    Attributes:
        id: default the number of the row, through all parts of a folder.
        text: the statement.
        thread: what it answers.
        arena: page, channel, school survey …
        time: ISO 8601; the month counts.
        weight: survey weight; rows with weights are a sample of a larger population, others are all there is.
    """

    id: str | None = None
    text: str = "text"
    thread: str | None = None
    arena: str | None = None
    time: str | None = None
    weight: str | None = None


def read_scored(source: Path, columns: Columns, *, texts: bool = False) -> pd.DataFrame:
    """The rows of a scored file, or of a folder of them.

    Args:
        source: what ``hatespeech-no score`` wrote, or the like.
        columns: their names.
        texts: whether texts and threads are read too.

    Returns:
        ``id``, ``p_hateful``, ``p_actionable`` (NaN: unknown), ``tier``, ``grounds`` (a tuple), ``conduct``,
        ``weight``, and as far as the file has them ``arena``, ``month``, ``text`` and ``thread``. Rows that
        have no score, which are those without text, are left out.

    Raises:
        HatespeechError: names file, row and field.
    """
    wanted = {name: column for name, column in columns if column is not None}
    if not texts:
        wanted = {name: column for name, column in wanted.items() if name not in ("text", "thread")}
    own = ("p_hateful", "p_actionable", "tier", "grounds", "conduct", "flags")
    rows: list[tuple[Any, ...]] = []
    for part in parts_of(source):
        before = len(rows)
        with open_table(part, text_column=columns.text) as table:
            _need(table, [*wanted.values(), "p_hateful", "tier"])
            rows += (
                (before + number, *(row.get(name) for name in wanted.values()), *(row.get(name) for name in own))
                for number, row in table.restored_rows()
            )
    frame = pd.DataFrame(rows, columns=["row", *wanted, *own], dtype=object)
    if "id" not in frame:
        frame["id"] = frame["row"]
    frame["id"] = frame["id"].astype(str)
    if (twice := frame["id"].duplicated()).any():
        raise HatespeechError(f"{source}: several rows have the id {frame['id'][twice].iloc[0]!r}; give each its own")
    for name in _SCORES:
        frame[name] = _numbers(frame, name, source, lambda p: (p >= 0) & (p <= 1), "is no probability from 0 to 1")
    # What a first stage dismissed belongs to the population; how it is ranked only changes what a label is worth.
    frame.loc[["screened" in _codes(flags, str(source)) for flags in frame.pop("flags")], list(_SCORES)] = 0.0
    scored = frame[frame["p_hateful"].notna()].reset_index(drop=True)
    if scored.empty:
        raise HatespeechError(f"{source}: no row has a p_hateful; score the file with a model that answers it")
    if "weight" in scored:
        scored["weight"] = _numbers(scored, "weight", source, lambda w: w > 0, "is no weight above 0")
        if scored["weight"].isna().any():
            raise HatespeechError(f"{source}: a row has no survey weight; give every row one, or leave the column out")
    else:
        scored["weight"] = 1.0
    if "time" in scored:
        scored["month"] = _months(scored, source)
    if "arena" in scored:
        scored["arena"] = scored["arena"].fillna("").astype(str)
    scored["grounds"] = [_codes(found, str(source)) for found in scored["grounds"]]
    return scored.drop(columns="time", errors="ignore")


def read_labels(source: Path) -> pd.DataFrame:
    """What people said of audited rows.

    Args:
        source: a table with ``id`` (as in the sample), and of ``hateful``, ``tier``, ``grounds``, ``conduct``
            those that were asked, named and filled as in our own statements; empty: not answered.

    Returns:
        By id: ``hateful`` (1, 0, NaN), ``tier``, ``grounds`` (a tuple) and ``conduct`` (``None``: not answered).

    Raises:
        HatespeechError: names file, row and field.
    """
    found: dict[str, tuple[float, str | None, tuple[str, ...] | None, str | None]] = {}
    with open_table(source, text_column="id") as table:
        _need(table, ["id"])
        for number, row in table.restored_rows():
            identifier, where = str(row.get("id")), f"{source}, row {number}"
            if identifier in found:
                raise HatespeechError(f"{where}: the id {identifier} has a verdict already; keep the final one of each")
            found[identifier] = (
                _truth(row.get("hateful"), where),
                _one_of(row.get("tier"), Tier, where, "tier"),
                None
                if row.get("grounds") is None
                else tuple(str(_one_of(g, Ground, where, "grounds")) for g in _codes(row["grounds"], where)),
                _one_of(row.get("conduct"), Conduct, where, "conduct"),
            )
    names = ["hateful", "tier", "grounds", "conduct"]
    return pd.DataFrame.from_dict(found, orient="index", columns=names).astype({"hateful": float})


def read_crimes(source: Path) -> pd.DataFrame:
    """Registered hate crimes: ``year``, ``ground`` (of the codebook), ``count``, ``source``.

    Raises:
        HatespeechError: names file, row and field.
    """
    with open_table(source, text_column="year") as table:
        _need(table, _CRIMES)
        rows = []
        for number, row in table.restored_rows():
            where = f"{source}, row {number}"
            try:
                year, count = int(row["year"]), int(row["count"])
            except (TypeError, ValueError):
                raise HatespeechError(f"{where}: year and count must be whole numbers") from None
            rows.append((year, _one_of(row["ground"], Ground, where, "ground"), count, str(row["source"])))
    return pd.DataFrame(rows, columns=list(_CRIMES))


def _need(table: Table, names: Sequence[str]) -> None:
    missing = [] if table.columns is None else [name for name in names if name not in table.columns]
    if missing:
        raise HatespeechError(f"{table.name}: has no column {missing[0]!r}; it has {table.columns}")


def _numbers(
    frame: pd.DataFrame, name: str, source: Path, valid: Callable[[pd.Series], pd.Series], problem: str
) -> pd.Series:
    """A column as numbers, NaN where it is empty."""
    empty = frame[name].isna() | (frame[name] == "")
    numbers = pd.to_numeric(frame[name].mask(empty, np.nan), errors="coerce").astype(float)
    wrong = ~empty & ~valid(numbers)
    if wrong.any():
        first = frame[wrong].iloc[0]
        raise HatespeechError(f"{source}, row {first['row']}, field {name!r}: {first[name]!r} {problem}")
    return numbers


def _months(frame: pd.DataFrame, source: Path) -> pd.Series:
    times = pd.to_datetime(frame["time"], format="ISO8601", errors="coerce", utc=True)
    if times.isna().any():
        first = frame[times.isna()].iloc[0]
        raise HatespeechError(
            f"{source}, row {first['row']}: the time {first['time']!r} is not as ISO 8601 has it; write 2026-03-17"
        )
    return times.dt.strftime("%Y-%m")


def _codes(value: Any, where: str) -> tuple[str, ...]:  # noqa: ANN401 - a list, or a cell that holds one
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.startswith("[") else value.split("|")
        except ValueError:
            raise HatespeechError(f"{where}, field 'grounds': {value!r} is no list; write religion|gender") from None
    return tuple(code for code in value or () if code)


def _one_of(value: Any, kind: type[Tier | Ground | Conduct], where: str, field: str) -> str | None:  # noqa: ANN401
    if value is None or value == "":
        return None
    try:
        return str(kind(value))
    except ValueError:
        raise HatespeechError(f"{where}, field {field!r}: {value!r} is none of {', '.join(map(str, kind))}") from None


def _truth(value: Any, where: str) -> float:  # noqa: ANN401 - a cell
    if value is None or value == "":
        return float("nan")
    answers: Mapping[str, float] = dict.fromkeys(_TRUE, 1.0) | dict.fromkeys(_FALSE, 0.0)
    if (text := str(value).lower()) not in answers:
        raise HatespeechError(f"{where}, field 'hateful': {value!r} is neither true nor false")
    return answers[text]
