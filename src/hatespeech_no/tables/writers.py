"""How rows are written in each format. Nothing that is written is taken for a formula."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
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
_PARQUET_ROWS = 4096


def defuse(value: str) -> str:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it.

    Numbers stay as they are. A text that has apostrophes before such a sign gets one more, so
    that taking one away gives the original. Source: OWASP, CSV Injection.
    """
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


class RowWriter(AbstractContextManager["RowWriter"]):
    """Writes rows whose columns are those given, or those of the first row."""

    def __init__(self, path: Path, columns: Sequence[str] | None, compression: str | None) -> None:
        self._path, self._compression = path, compression
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
        print(json.dumps(row, ensure_ascii=False, default=str), file=self._stream)


class _Excel(RowWriter):
    def open(self) -> None:
        import xlsxwriter

        # Texts are written as texts; memory is constant because rows are written when they are finished.
        self._book = xlsxwriter.Workbook(str(self._path), {"constant_memory": True, "in_memory": False})
        self._resources.callback(self._book.close)

    def start(self, columns: list[str]) -> None:
        self._next_sheet()

    def put(self, cells: list[Any]) -> tuple[Problem, str] | None:
        texts = [cell if isinstance(cell, int | float | None) else str(_plain(cell)) for cell in cells]
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
    def open(self) -> None:
        self._writer: Any = None
        self._cells: list[list[Any]] = []

    def put(self, cells: list[Any]) -> None:
        self._cells.append(cells)
        if len(self._cells) == _PARQUET_ROWS:
            self._flush()

    def finish(self) -> None:
        self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = None if self._writer is None else self._writer.schema
        try:
            columns = {name: [cells[i] for cells in self._cells] for i, name in enumerate(self._columns)}
            table = pa.table(columns, schema=schema)
        except pa.ArrowException as error:
            raise HatespeechError(f"values of one column differ in type ({error}); write to .jsonl instead") from error
        if self._writer is None:
            # A column without any value yet is one of texts.
            fields = [pa.field(f.name, pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
            table = table.cast(pa.schema(fields))
            self._writer = self._resources.enter_context(pq.ParquetWriter(str(self._path), table.schema))
        self._writer.write_table(table)
        self._cells = []


def _plain(cell: Any) -> Any:  # noqa: ANN401 - a cell has any type
    """A list or mapping as JSON, everything else as it is."""
    return json.dumps(cell, ensure_ascii=False, default=str) if isinstance(cell, list | dict) else cell


WRITERS: dict[str, Callable[[Path, Sequence[str] | None, str | None], RowWriter]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".xlsx": _Excel,
    ".parquet": _Parquet,
}
"""By the suffix of a file's name."""
