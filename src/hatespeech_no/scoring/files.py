"""Score a file of comments into another, row by row, in bounded memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from itertools import tee
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.scoring.classifier import FRAME_COLUMNS, frame_row
from hatespeech_no.statement import Statement
from hatespeech_no.tables import Problem, Rejected, Table, open_table, open_writer
from hatespeech_no.tables.rejected import problem_with
from hatespeech_no.tables.source import STDIN, Format
from hatespeech_no.tables.writing import Write, check_target
from hatespeech_no.taxonomy import Publicity, Tier

Row = dict[str, Any]

_RAW_CHARACTERS = 1000
_SIDE_COLUMNS = ("row", "field", "problem", "forklaring", "explanation", "raw")


@dataclass(frozen=True)
class Flagged:
    """One of the gravest rows of a file: its number (1 = first data row), assessment and text."""

    row: int
    assessment: Assessment
    text: str


@dataclass
class Summary:
    """What a file held.

    Attributes:
        tiers: rows per tier.
        without_text: rows whose text is empty.
        rejected: rows that could not be used, by problem.
        rejected_file: where these rows stand with the reason; ``None`` if there are none.
        gravest: the gravest rows, gravest first, at most ``keep``.
        encoding: as detected; ``None`` for formats that carry their own.
        delimiter: as detected; ``None`` where there is none.
        unread_sheets: names of further sheets of a spreadsheet; only the first is scored.
    """

    tiers: Counter[Tier] = field(default_factory=Counter)
    without_text: int = 0
    rejected: Counter[Problem] = field(default_factory=Counter)
    rejected_file: Path | None = None
    gravest: list[Flagged] = field(default_factory=list)
    keep: int = 10
    encoding: str | None = None
    delimiter: str | None = None
    unread_sheets: list[str] = field(default_factory=list)


def score_file(
    assess: Callable[[Iterable[Statement]], Iterable[Assessment]],
    source: Path | str,
    target: Path,
    *,
    text_column: str = "text",
    publicity: Publicity = Publicity.UNKNOWN,
    file_format: Format | None = None,
    keep: int = 10,
    progress: Callable[[int], None] = lambda rows: None,
) -> Summary:
    """Score every row of a file.

    Rows that cannot be used do not stop the others: they go with the reason to a file beside the
    target, ``<target>.rejected.csv``.

    Args:
        assess: ``Classifier.stream``, or that with a profile.
        source: a file or ``-``, see ``open_table``.
        target: CSV, JSONL, Excel or Parquet file to write; all columns and the order of rows are
            kept and ``FRAME_COLUMNS`` added. It appears whole or not at all.
        text_column: the column that holds the text.
        publicity: where all these comments were made.
        file_format: of the source; default by its name.
        keep: how many of the gravest rows the summary holds.
        progress: called with the number of rows done.

    Raises:
        HatespeechError: the file as a whole cannot be read or written; names it and what to do.
    """
    if str(source) != STDIN and target.resolve() == Path(source).resolve():
        raise HatespeechError(f"{target}: is the input itself; give another name for the output")
    check_target(target)
    summary = Summary(keep=keep)
    _check_side_file(source, _side_file(target))
    with (
        open_table(source, text_column=text_column, file_format=file_format) as table,
        _SideFile(target, summary) as reject,
    ):
        summary.encoding, summary.delimiter = table.encoding, table.delimiter
        _check_columns(table, text_column)
        columns = None if table.columns is None else [*table.columns, *FRAME_COLUMNS]
        summary.unread_sheets = list(table.unread_sheets)
        with open_writer(target, columns, table.types) as write:
            for_output, for_scoring = tee(_usable(table, text_column, reject))
            statements = (Statement(text, publicity=publicity) for _, _, text in for_scoring)
            for (number, row, text), assessment in zip(for_output, assess(statements), strict=True):
                refused = write({**row, **frame_row(assessment)})
                if refused is None:
                    _count(summary, Flagged(number, assessment, text))
                else:
                    reject(Rejected(number, *refused, raw=text))
                progress(number)
    return summary


def _usable(table: Table, text_column: str, reject: _SideFile) -> Iterator[tuple[int, Row, str]]:
    """The rows that can be scored, with their texts."""
    for record in table.records:
        if isinstance(record, Rejected):
            reject(record)
            continue
        number, row = record
        text = row.get(text_column)
        wrong = _problem(table, row, text_column)
        if wrong is None:
            yield number, row, text or ""
        else:
            reject(Rejected(number, *wrong, raw=str(text if text is not None else row)))


def _problem(table: Table, row: Row, text_column: str) -> tuple[Problem, str] | None:
    if text_column not in row:
        return Problem.NO_FIELD, text_column
    if not isinstance(row[text_column], str | None):
        return Problem.NOT_TEXT, text_column
    taken = None if table.columns else next((name for name in FRAME_COLUMNS if name in row), None)
    return problem_with(row) if taken is None else (Problem.TAKEN, taken)


def _side_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.rejected.csv")


def _check_side_file(source: Path | str, side_file: Path) -> None:
    """Never overwrite or remove a file that is not an old side file of ours."""
    if str(source) != STDIN and side_file.resolve() == Path(source).resolve():
        raise HatespeechError(f"{source}: rejected rows would be written to it; give another name for the output")
    ours = ",".join(_SIDE_COLUMNS).encode()
    if not side_file.is_file():
        return
    with side_file.open("rb") as stream:
        begins = stream.read(len(ours))
    if begins != ours:
        raise HatespeechError(f"{side_file}: rejected rows would be written there, but it is a file of yours; move it")


def _check_columns(table: Table, text_column: str) -> None:
    if table.columns is None:
        return
    unreadable = [i for i, name in enumerate(table.columns, 1) if problem_with({name: None}) is not None]
    if unreadable:
        raise HatespeechError(f"{table.name}: the names of columns {unreadable} cannot be read; mend the first line")
    if text_column not in table.columns:
        raise HatespeechError(
            f"{table.name}: has no column {text_column!r}; it has {table.columns}. "
            "Name the right one with --text-column; a file without header is read with --format text."
        )
    twice = sorted(name for name, n in Counter(table.columns).items() if n > 1)
    if twice:
        raise HatespeechError(f"{table.name}: column names {twice} occur more than once; give each its own name")
    taken = sorted(set(table.columns) & set(FRAME_COLUMNS))
    if taken:
        raise HatespeechError(f"{table.name}: columns {taken} would be overwritten; rename them in the input first")


class _SideFile(AbstractContextManager["_SideFile"]):
    """Takes rejected rows; the file is only made if there are any, and an old one is removed."""

    def __init__(self, target: Path, summary: Summary) -> None:
        self.summary = summary
        self._path = _side_file(target)
        self._resources = ExitStack()
        self._write: Write | None = None

    def __call__(self, rejected: Rejected) -> None:
        if self._write is None:
            self._write = self._resources.enter_context(open_writer(self._path, _SIDE_COLUMNS))
        self.summary.rejected[rejected.problem] += 1
        field_name = None if rejected.field is None else _readable(rejected.field)
        explained = replace(rejected, field=field_name)
        cells = (
            *(rejected.row, field_name, str(rejected.problem)),
            *(explained.explain("nb"), explained.explain("en"), _readable(rejected.raw.strip("\r\n"))),
        )
        self._write(dict(zip(_SIDE_COLUMNS, cells, strict=True)))

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - as the protocol has it
        self._resources.__exit__(*error)
        if self._write is not None:
            self.summary.rejected_file = self._path
        elif error[0] is None:
            self._path.unlink(missing_ok=True)


def _readable(text: str) -> str:
    text = text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _RAW_CHARACTERS else f"{text[:_RAW_CHARACTERS]}…"


def _count(summary: Summary, flagged: Flagged) -> None:
    assessment = flagged.assessment
    if assessment.passage is None:
        summary.without_text += 1
        return
    summary.tiers[assessment.tier] += 1
    if assessment.tier is Tier.PROTECTED:
        return
    summary.gravest = heapq.nlargest(summary.keep, [*summary.gravest, flagged], key=_gravity)


def _gravity(flagged: Flagged) -> tuple[int, bool, float, int]:
    a = flagged.assessment
    return (a.tier.rank, "read_first" in a.flags, a.p_actionable or 0.0, -flagged.row)
