"""How rows are written in each format. Nothing that is written is taken for a formula."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Self

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables.delimited import Row
from hatespeech_no.tables.rejected import Problem

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
# Limits of the .xlsx format; a further sheet takes the rows that one cannot hold.
_CELL_CHARACTERS = 32_767
_SHEET_ROWS = 1_048_576
_SHEET_COLUMNS = 16_384
_EXACT_IN_EXCEL = 10**15
# The date zip archives begin with; the hour of writing would make the same rows another file.
_EPOCH = datetime(1980, 1, 1)
_INT64 = 2**63
_PARQUET_ROWS = 4096


def defuse(value: str) -> str:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it.

    Numbers stay as they are. A text that has apostrophes before such a sign gets one more, so
    that taking one away gives the original. Source: OWASP, CSV Injection.
    """
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


def undefuse(value: str) -> str:
    """The text that ``defuse`` was given."""
    return value[1:] if value.startswith("'") and defuse(value[1:]) == value else value


class RowWriter(AbstractContextManager["RowWriter"]):
    """Writes rows whose columns are those given, or those of the first row."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] | None,
        compression: str | None,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        self._path, self._compression, self._types = path, compression, types or {}
        self._columns = list(columns or ())
        self._started = False
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._resources:
            if kind is None:
                self._begin(())
                self.finish()

    def write(self, row: Row) -> tuple[Problem, str] | None:
        """Write a row, or say what keeps it from being written and in which field."""
        self._begin(row)
        extra = next((name for name in row if name not in self._columns), None)
        return (Problem.EXTRA_FIELD, extra) if extra is not None else self.put([row.get(n) for n in self._columns])

    def _begin(self, names: Sequence[str] | Row) -> None:
        if not self._started:
            self._started = True
            self._columns = self._columns or list(names)
            self.start(self._columns)

    def open(self) -> None:
        """Open the file."""

    def start(self, columns: list[str]) -> None:
        """Write what comes before the rows."""

    def put(self, cells: list[Any]) -> tuple[Problem, str] | None:
        """Write the cells of one row."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write what comes after the rows."""

    def _open_text(self) -> IO[str]:
        if self._compression is None:
            return self._resources.enter_context(self._path.open("w", encoding="utf-8", newline=""))
        import pyarrow as pa

        packed = self._resources.enter_context(pa.CompressedOutputStream(str(self._path), self._compression))
        return self._resources.enter_context(TextIOWrapper(packed, "utf-8", newline=""))


class _UnixLines:
    """Ends each row with a line feed, while the csv module believes it is CR LF and quotes texts with either."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, line: str) -> int:
        return self._stream.write(f"{line[:-2]}\n")


class _Csv(RowWriter):
    def open(self) -> None:
        self._rows = csv.writer(_UnixLines(self._open_text()), lineterminator="\r\n")

    def start(self, columns: list[str]) -> None:
        self._rows.writerow([defuse(name) for name in columns])

    def put(self, cells: list[Any]) -> None:
        self._rows.writerow([defuse(cell) if isinstance(cell, str) else _plain(cell) for cell in cells])


class _JsonLines(RowWriter):
    def open(self) -> None:
        self._stream = self._open_text()

    def write(self, row: Row) -> None:
        print(_to_json(row), file=self._stream)


class _Excel(RowWriter):
    def open(self) -> None:
        import xlsxwriter

        self._path.touch()  # whether it can be written shows now, not when the book is closed
        # Texts are written as texts; memory is constant because rows are written when they are finished.
        self._book = xlsxwriter.Workbook(str(self._path), {"constant_memory": True, "in_memory": False})
        self._book.set_properties({"created": _EPOCH})
        self._resources.callback(self._close)

    def _close(self) -> None:
        from xlsxwriter.exceptions import XlsxWriterException

        try:
            self._book.close()
        except XlsxWriterException as error:
            raise OSError(str(error)) from error

    def start(self, columns: list[str]) -> None:
        if len(columns) > _SHEET_COLUMNS:
            raise HatespeechError(f"{len(columns)} columns are more than a sheet holds; write to .csv instead")
        self._next_sheet()

    def put(self, cells: list[Any]) -> tuple[Problem, str] | None:
        texts = [_excel_cell(cell) for cell in cells]
        for name, text in zip(self._columns, texts, strict=True):
            if isinstance(text, str) and len(text.encode("utf-16-le")) // 2 > _CELL_CHARACTERS:
                return Problem.TOO_LONG_FOR_CELL, name
        if self._row == _SHEET_ROWS:
            self._next_sheet()
        self._write_row(texts)
        return None

    def _next_sheet(self) -> None:
        self._sheet, self._row = self._book.add_worksheet(), 0
        self._write_row(self._columns)

    def _write_row(self, cells: Sequence[Any]) -> None:
        for position, cell in enumerate(cells):
            if isinstance(cell, str):
                self._sheet.write_string(self._row, position, cell)
            elif cell is not None:
                self._sheet.write(self._row, position, cell)
        self._row += 1


class _Parquet(RowWriter):
    """Types are those of the source if it has any, else of each column's first value; others are refused."""

    def open(self) -> None:
        self._writer: Any = None
        self._cells: list[list[Any]] = []
        self._kinds: dict[str, type] = {}

    def put(self, cells: list[Any]) -> tuple[Problem, str] | None:
        plain = [cell if name in self._types else _plain(cell) for name, cell in zip(self._columns, cells, strict=True)]
        for name, cell in zip(self._columns, plain, strict=True):
            kind = type(cell)
            if cell is None or name in self._types:
                continue
            if kind not in (str, bool, int, float) or (kind is int and abs(cell) >= _INT64):
                return Problem.OTHER_TYPE, name
            # A batch without any value in a column has made it one of texts.
            first = self._kinds.setdefault(name, str if self._writer is not None else kind)
            if kind is not first and not (first is float and kind is int):
                return Problem.OTHER_TYPE, name
        self._cells.append(plain)
        if len(self._cells) == _PARQUET_ROWS:
            self._flush()
        return None

    def finish(self) -> None:
        self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
        schema = pa.schema([(name, self._types.get(name, arrow[self._kinds.get(name, str)])) for name in self._columns])
        if self._writer is None:
            self._writer = self._resources.enter_context(pq.ParquetWriter(str(self._path), schema))
        columns = {name: [cells[i] for cells in self._cells] for i, name in enumerate(self._columns)}
        self._writer.write_table(pa.table(columns, schema=self._writer.schema))
        self._cells = []


def _excel_cell(cell: Any) -> str | int | float | None:  # noqa: ANN401 - a cell has any type
    """A cell as Excel can hold it: numbers of over 15 digits would be rounded, and are texts; not-a-number is empty."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if cell is None or isinstance(cell, float) or (isinstance(cell, int) and abs(cell) < _EXACT_IN_EXCEL):
        return cell
    return str(_plain(cell))


def _to_json(value: Any) -> str:  # noqa: ANN401 - anything JSON holds
    try:
        return json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:  # JSON knows no not-a-number
        return json.dumps(_without_nan(value), ensure_ascii=False, default=str)


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - anything JSON holds
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(cell: Any) -> Any:  # noqa: ANN401 - a cell has any type
    """A list or mapping as JSON, everything else as it is."""
    return _to_json(cell) if isinstance(cell, list | dict) else cell


WRITERS: dict[str, type[RowWriter]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".xlsx": _Excel,
    ".parquet": _Parquet,
}
"""By the suffix of a file's name."""
