"""Read delimited text (CSV by RFC 4180, TSV without quoting), going on after a bad row."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TextIO

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables.rejected import LONGEST_TEXT, Problem, Rejected

Row = dict[str, Any]

csv.field_size_limit(2**31 - 1)  # LONGEST_TEXT rejects single rows; the csv module would end the file

DELIMITERS = (",", ";", "\t")
_SAMPLE = 2**16
_LONGEST_LINE = 10 * LONGEST_TEXT
# A record of more than this is many that an open quotation mark has swallowed.
_MOST_LINES, _MOST_CHARACTERS = 10_000, 10 * LONGEST_TEXT


class _BadRecordError(Exception):
    """A record that cannot be read: ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def limited_lines(stream: TextIO) -> Iterator[tuple[str, bool]]:
    """The lines of a text, and whether a line was cut because no memory should be spent on all of it."""
    while line := stream.readline(_LONGEST_LINE):
        end = line
        while len(end) == _LONGEST_LINE and not end.endswith(("\n", "\r")):
            end = stream.readline(_LONGEST_LINE)
        yield line, end is not line


class _Lines:
    """The lines of a text, of which those of the present record can be given back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = limited_lines(stream)
        self._returned: deque[str] = deque()
        self._characters = 0
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.taken and (len(self.taken) >= _MOST_LINES or self._characters > _MOST_CHARACTERS):
            raise _BadRecordError(Problem.QUOTE)
        line, cut = (self._returned.popleft(), False) if self._returned else next(self._stream)
        self.taken.append(line)
        self._characters += len(line)
        if cut:
            raise _BadRecordError(Problem.TOO_LONG)
        return line

    def finish(self) -> list[str]:
        """Begin a new record; the lines of the last are returned."""
        taken, self.taken, self._characters = self.taken, [], 0
        return taken

    def give_back(self) -> str:
        """All lines of the present record but its first go back; the first is returned."""
        first, *rest = self.finish()
        self._returned.extendleft(reversed(rest))
        return first


def sniff_delimiter(stream: TextIO, text_column: str) -> str:
    """The delimiter that splits the first rows like the header, preferably into the column that is asked for."""
    lines = stream.read(_SAMPLE).splitlines(keepends=True)[:50]

    def fit(delimiter: str) -> tuple[bool, float, int]:
        try:
            header, *rows = [r for r in csv.reader(lines[:-1] or lines, delimiter=delimiter) if r] or [[]]
        except csv.Error:
            return False, 0.0, 0
        return text_column in header, sum(len(r) == len(header) for r in rows) / max(1, len(rows)), len(header)

    return max(DELIMITERS, key=fit)


def read_delimited(
    stream: TextIO, delimiter: str, *, quoted: bool, header: Sequence[str] | None, name: str
) -> tuple[list[str], Iterator[tuple[int, Row] | Rejected]]:
    """The header and the rows.

    A row with another number of fields than the header is rejected. After a quotation mark that is
    left open, its first line is rejected and reading goes on with the next.

    Args:
        stream: opened with ``newline=""``.
        delimiter: one character.
        quoted: whether double quotes enclose fields.
        header: names of the columns of a file that has no header.
        name: of the file, for messages.

    Raises:
        HatespeechError: the file is empty.
    """
    lines = _Lines(stream)
    records = _records(lines, delimiter, quoted)
    columns = list(header) if header else next(records, None)
    if not columns:
        raise HatespeechError(f"{name}: is empty; the first line must name the columns")
    if isinstance(columns, Rejected):
        raise HatespeechError(f"{name}: the first line must name the columns; {columns.problem.en}")
    return columns, _rows(records, lines, columns, delimiter)


def _records(lines: _Lines, delimiter: str, quoted: bool) -> Iterator[list[str] | Rejected]:
    """Each record's cells, or what is wrong with one (its number is not known here). Blank lines are passed over."""
    quoting: Any = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    while True:
        try:
            for cells in csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True):
                if any(line.strip() for line in lines.taken):
                    yield cells
                lines.finish()
        except _BadRecordError as error:
            yield Rejected(0, error.problem, raw=lines.give_back())
        except csv.Error:
            yield Rejected(0, Problem.QUOTE, raw=lines.give_back())
        else:
            return


def _rows(
    records: Iterator[list[str] | Rejected], lines: _Lines, columns: list[str], delimiter: str
) -> Iterator[tuple[int, Row] | Rejected]:
    for number, cells in enumerate(records, 1):
        if isinstance(cells, Rejected):
            yield replace(cells, row=number)
        elif len(cells) == len(columns):
            yield number, dict(zip(columns, cells, strict=True))
        elif len(lines.taken) > 1 and _are_rows(lines.taken[1:], len(columns), delimiter):
            yield Rejected(number, Problem.QUOTE, raw=lines.give_back())
        else:
            yield Rejected(number, Problem.FIELDS, raw="".join(lines.taken))


def _are_rows(lines: list[str], width: int, delimiter: str) -> bool:
    """Whether lines inside a record are rows of their own, which an open quotation mark swallowed."""
    # The last is left out: it holds the mark that ended the record, and perhaps too many fields.
    return all(line.count(delimiter) == width - 1 for line in lines[:-1] or lines)
