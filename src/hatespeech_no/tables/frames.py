"""Columns of texts in pandas, polars and Arrow tables and ``datasets``, read and answered in kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import narwhals as nw

from hatespeech_no.errors import HatespeechError

Frame = Any
"""A pandas or polars data frame, an Arrow table, or a ``datasets.Dataset``."""


def texts_of(frame: Frame, column: str) -> list[str]:
    """The texts of one column; a missing value is an empty text.

    Raises:
        HatespeechError: it is no frame, has no such column, or a value is not a text.
    """
    names = _names(frame)
    if names.count(column) != 1:
        found = "no column" if column not in names else "several columns"
        raise HatespeechError(f"the frame has {found} {column!r}; it has {list(map(str, names))}")
    try:
        values = _values(frame, column)
    except UnicodeDecodeError as error:
        raise HatespeechError(f"column {column!r}: holds characters that cannot be read ({error.reason})") from error
    texts = ["" if _is_missing(value) else value for value in values]
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise HatespeechError(f"row {row}, column {column!r}: is {type(text).__name__}, not a text")
    return texts


def frame_like(frame: Frame, columns: Mapping[str, Sequence[Any]]) -> Frame:
    """A frame of the same kind (and in pandas with the same index) that holds these columns."""
    if _is_dataset(frame):
        return type(frame).from_dict(dict(columns))
    if _is_pandas(frame):
        return type(frame)(dict(columns), index=frame.index)
    return nw.from_dict(dict(columns), backend=_eager(frame).implementation).to_native()


def _names(frame: Frame) -> list[Any]:
    if _is_dataset(frame):
        return list(frame.column_names)
    return list(frame.columns) if _is_pandas(frame) else list(_eager(frame).columns)


def _values(frame: Frame, column: str) -> list[Any]:
    if _is_dataset(frame):
        return list(frame.with_format(None)[column][:])
    return list(frame[column].astype(object)) if _is_pandas(frame) else _eager(frame)[column].to_list()


def _eager(frame: Frame) -> nw.DataFrame[Any]:
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        kind = type(frame).__name__
        raise HatespeechError(f"{kind} is no pandas, polars or Arrow table and no dataset; collect it first") from None


def _is_dataset(frame: Frame) -> bool:
    # Told by its module, so that scoring does not import the library to ask.
    return type(frame).__module__ == "datasets.arrow_dataset"


def _is_pandas(frame: Frame) -> bool:
    return type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns")


def _is_missing(value: object) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and isnan(value))
