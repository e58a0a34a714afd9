"""Score a file of comments into another, row by row, in bounded memory."""

from __future__ import annotations

import csv
import heapq
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, tee
from pathlib import Path
from typing import IO, Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.scoring.classifier import FRAME_COLUMNS, Classifier, frame_row
from hatespeech_no.statement import Statement
from hatespeech_no.taxonomy import Publicity, Tier

Row = dict[str, Any]
_CSV, _TSV = ".csv", ".tsv"
_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Flagged:
    """One of the gravest rows of a file: its number (1 = first data row), assessment and text."""

    row: int
    assessment: Assessment
    text: str


@dataclass
class Summary:
    """What a file held: rows per tier, rows without text, and the gravest rows, gravest first."""

    tiers: Counter[Tier] = field(default_factory=Counter)
    without_text: int = 0
    gravest: list[Flagged] = field(default_factory=list)


def score_file(
    classifier: Classifier,
    source: Path,
    target: Path,
    *,
    text_column: str = "text",
    publicity: Publicity = Publicity.UNKNOWN,
    keep: int = 10,
    progress: Callable[[int], None] = lambda rows: None,
) -> Summary:
    """Score every row of a CSV, TSV or JSON Lines file.

    Args:
        classifier: the loaded model.
        source: UTF-8 file with a header (CSV, or TSV without quoting) or one object per line (JSONL).
        target: CSV or JSONL file to write; all columns and the order of rows
            are kept and ``FRAME_COLUMNS`` added. It appears whole or not at all.
        text_column: the column that holds the text.
        publicity: where all these comments were made.
        keep: how many of the gravest rows the summary holds.
        progress: called with the number of rows done.

    Raises:
        HatespeechError: names the file, row and field, and what to do.
    """
    _check_target(source, target)
    summary = Summary()
    with _open(source) as stream:
        columns, rows = _read(source, stream)
        if columns is not None:
            _check_columns(source, columns, text_column)
        for_output, for_scoring = tee(enumerate(rows, 1))
        statements = (
            Statement(_text(source, number, row, text_column), publicity=publicity) for number, row in for_scoring
        )
        with _writer(target, columns) as write:
            for (number, row), assessment in zip(for_output, classifier.stream(statements), strict=True):
                write({**row, **frame_row(assessment)})
                _count(summary, Flagged(number, assessment, row.get(text_column) or ""), keep)
                progress(number)
    return summary


def _check_target(source: Path, target: Path) -> None:
    if source.suffix.lower() not in (_CSV, _TSV, *_JSON_LINES):
        raise HatespeechError(f"{source}: cannot tell the format; use a name ending in .csv, .tsv or .jsonl")
    if target.suffix.lower() not in (_CSV, *_JSON_LINES):
        raise HatespeechError(f"{target}: cannot tell the format to write; use a name ending in .csv or .jsonl")
    if target.resolve() == source.resolve():
        raise HatespeechError(f"{target}: is the input itself; give another name for the output")
    if not target.parent.is_dir():
        raise HatespeechError(f"{target.parent}: there is no such folder to write {target.name} to")


def _check_columns(source: Path, columns: list[str], text_column: str) -> None:
    if text_column not in columns:
        raise HatespeechError(
            f"{source}: has no column {text_column!r}; it has {columns}. Name the right one with --text-column."
        )
    twice = sorted(name for name, n in Counter(columns).items() if n > 1)
    if twice:
        raise HatespeechError(f"{source}: column names {twice} occur more than once; give each its own name")
    taken = sorted(set(columns) & set(FRAME_COLUMNS))
    if taken:
        raise HatespeechError(f"{source}: columns {taken} would be overwritten; rename them in the input first")


@contextmanager
def _open(source: Path) -> Iterator[IO[str]]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except FileNotFoundError:
        raise HatespeechError(f"{source}: there is no such file") from None
    except IsADirectoryError:
        raise HatespeechError(f"{source}: is a folder; name a file") from None
    except UnicodeDecodeError as error:
        raise HatespeechError(f"{source}: is not UTF-8 ({error.reason}); save it as UTF-8 first") from error


def _read(source: Path, stream: IO[str]) -> tuple[list[str] | None, Iterator[Row]]:
    if source.suffix.lower() in _JSON_LINES:
        return None, _read_json_lines(source, stream)
    if source.suffix.lower() == _TSV:  # tab-separated values have no quoting (IANA text/tab-separated-values)
        reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(stream, strict=True)
    header = next(reader, None)
    if not header:
        raise HatespeechError(f"{source}: is empty; the first line must name the columns")
    return header, _read_delimited(source, header, reader)


def _read_delimited(source: Path, header: list[str], reader: Iterator[list[str]]) -> Iterator[Row]:
    rows = (cells for cells in reader if cells)  # csv gives a blank line as a row without cells
    for number in count(1):
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise HatespeechError(f"{source}, row {number}: {error}; a quotation mark may be left open") from error
        if cells is None:
            return
        if len(cells) != len(header):
            raise HatespeechError(
                f"{source}, row {number}: has {len(cells)} fields where the header has {len(header)}; "
                "texts with a comma or a line break must stand in double quotes"
            )
        yield dict(zip(header, cells, strict=True))


def _read_json_lines(source: Path, stream: IO[str]) -> Iterator[Row]:
    for number, line in enumerate((line for line in stream if line.strip()), 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise HatespeechError(f"{source}, row {number}: is not JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise HatespeechError(f"{source}, row {number}: is not a JSON object")
        taken = sorted(row.keys() & set(FRAME_COLUMNS))
        if taken:
            raise HatespeechError(f"{source}, row {number}: fields {taken} would be overwritten; rename them first")
        yield row


def _text(source: Path, number: int, row: Row, column: str) -> str:
    if column not in row:
        raise HatespeechError(f"{source}, row {number}: has no field {column!r}; it has {sorted(row)}")
    text = row[column]
    if text is None:
        return ""
    if not isinstance(text, str):
        raise HatespeechError(f"{source}, row {number}, field {column!r}: is {type(text).__name__}, not a text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise HatespeechError(f"{source}, row {number}, field {column!r}: holds half a character pair") from error
    return text


@contextmanager
def _writer(target: Path, columns: list[str] | None) -> Iterator[Callable[[Row], None]]:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            if target.suffix.lower() in _JSON_LINES:
                yield lambda row: print(json.dumps(row, ensure_ascii=False), file=stream)
            else:
                yield _csv_writer(stream, columns)
        temporary.replace(target)
    except OSError as error:
        raise HatespeechError(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _csv_writer(stream: IO[str], columns: list[str] | None) -> Callable[[Row], None]:
    writer: csv.DictWriter[str] | None = None

    def write(row: Row) -> None:
        nonlocal writer
        if writer is None:
            names = [*columns, *FRAME_COLUMNS] if columns else list(row)
            writer = csv.DictWriter(stream, names, lineterminator="\n")
            writer.writeheader()
        try:
            writer.writerow(row)
        except ValueError as error:
            raise HatespeechError(f"JSON objects differ in their fields ({error}); write to .jsonl instead") from error

    return write


def _count(summary: Summary, flagged: Flagged, keep: int) -> None:
    assessment = flagged.assessment
    if assessment.passage is None:
        summary.without_text += 1
        return
    summary.tiers[assessment.tier] += 1
    if assessment.tier is Tier.PROTECTED:
        return
    summary.gravest = heapq.nlargest(keep, [*summary.gravest, flagged], key=_gravity)


def _gravity(flagged: Flagged) -> tuple[int, bool, float, int]:
    a = flagged.assessment
    return (a.tier.rank, "read_first" in a.flags, a.p_hateful or 0.0, -flagged.row)
