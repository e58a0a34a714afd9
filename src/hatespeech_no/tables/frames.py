"""Columns of texts in pandas, polars and Arrow tables and ``datasets``, read and answered in kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    names = list(frame.column_names) if _is_dataset(frame) else _eager(frame).columns
    if column not in names:
        raise HatespeechError(f"the frame has no column {column!r}; it has {list(map(str, names))}")
    values = frame[column][:] if _is_dataset(frame) else _eager(frame)[column].to_list()
    texts = ["" if _is_missing(value) else value for value in values]
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise HatespeechError(f"row {row}, column {column!r}: is {type(text).__name__}, not a text")
    return texts


def frame_like(frame: Frame, columns: Mapping[str, Sequence[Any]]) -> Frame:
    """A frame of the same kind (and in pandas with the same index) that holds these columns."""
    if _is_dataset(frame):
        return type(frame).from_dict(dict(columns))
    native = _eager(frame)
    made = nw.from_dict(dict(columns), backend=native.implementation).to_native()
    if native.implementation.is_pandas():
        made.index = frame.index
    return made


def _eager(frame: Frame) -> nw.DataFrame[Any]:
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        kind = type(frame).__name__
        raise HatespeechError(f"{kind} is no pandas, polars or Arrow table and no dataset; collect it first") from None


def _is_dataset(frame: Frame) -> bool:
    # Told by its module, so that scoring does not import the library to ask.
    return type(frame).__module__.startswith("datasets.") and hasattr(frame, "column_names")


def _is_missing(value: object) -> bool:
    return value is None or value != value or type(value).__name__ == "NAType"  # noqa: PLR0124 - NaN differs from itself
