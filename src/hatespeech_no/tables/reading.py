"""Open a table: columns, rows and rejected rows, in the order of the file and in bounded memory."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables.delimited import Row, limited_lines, read_delimited, sniff_delimiter
from hatespeech_no.tables.encoding import detect_encoding
from hatespeech_no.tables.rejected import Problem, Rejected
from hatespeech_no.tables.source import Format, Source, check_archive, check_extent, open_source
from hatespeech_no.tables.writers import undefuse

if TYPE_CHECKING:
    import pyarrow as pa

Records = Iterator[tuple[int, Row] | Rejected]

_LONGEST_LINE = 10_000_000
_BATCH = 1024


@dataclass(frozen=True)
class Table:
    """An open table.

    Attributes:
        name: of the file, for messages.
        columns: their names in order; ``None`` for JSON Lines, where each row names its own.
        records: each row with its number (1 = the first), or what is wrong with it.
        encoding: as detected; ``None`` for formats that carry their own.
        delimiter: as detected; ``None`` where there is none.
        types: of the columns, where the format tells (Parquet).
        unread_sheets: names of further sheets of a spreadsheet.
        share: how much of the file has been read when its row of this number has, 0 to 1.
    """

    name: str
    columns: list[str] | None
    records: Records
    encoding: str | None = None
    delimiter: str | None = None
    types: Mapping[str, pa.DataType] | None = None
    unread_sheets: Sequence[str] = ()
    share: Callable[[int], float] = lambda number: 0.0

    def rows(self, broken: Collection[int] = ()) -> Iterator[tuple[int, Row]]:
        """The rows with their numbers, where a bad row is an error unless it is known to be broken.

        Raises:
            HatespeechError: names file, row and field.
        """
        for record in self.records:
            if not isinstance(record, Rejected):
                yield record
            elif record.row not in broken:
                raise HatespeechError(f"{self.name}, {record.explain()}")

    def restored_rows(self) -> Iterator[tuple[int, Row]]:
        """The rows of a file that this package wrote, as ``rows``, without what it put before signs of formulas."""
        restore = undefuse if self.delimiter is not None else str
        for number, row in self.rows():
            yield number, {restore(n): restore(v) if isinstance(v, str) else v for n, v in row.items()}


@contextmanager
def open_table(
    source: Path | str | Source,
    *,
    text_column: str = "text",
    file_format: Format | None = None,
    delimiter: str | None = None,
    header: Sequence[str] | None = None,
    sheet: str | None = None,
) -> Iterator[Table]:
    """Open a file of rows.

    Args:
        source: a path or ``-`` for standard input; CSV, TSV (no quoting), JSON Lines, Parquet,
            a spreadsheet, or plain text with one comment per line; gzip or zstd by its name;
            or what ``open_source`` made of one.
        text_column: the column that will be asked for: it helps to tell the delimiter, and
            names the lines of plain text.
        file_format: default by the file's name.
        delimiter: of CSV; default whichever of comma, semicolon and tab fits the first rows.
        header: column names of a delimited file that has none.
        sheet: of a spreadsheet; default the first.

    Raises:
        HatespeechError: the file as a whole cannot be read. Single bad rows are in the records.
    """
    with nullcontext(source) if isinstance(source, Source) else open_source(source, file_format) as found:
        try:
            if found.format == "parquet":
                yield _parquet(found)
            elif found.format == "spreadsheet":
                yield _spreadsheet(found, sheet)
            else:
                encoding = detect_encoding(found)
                # Bytes that are no characters become half pairs, so that only their row is rejected.
                with _characters(found, encoding) as stream:
                    yield _text(found, stream, encoding, text_column, delimiter, header)
        except OSError as error:
            raise HatespeechError(f"{found.name}: cannot be read ({error})") from error


def _characters(source: Source, encoding: str) -> io.TextIOWrapper:
    # Half a character of UTF-16 cannot be kept as a half pair; it becomes the replacement character.
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(source.open(), encoding, errors, newline="")


def _guarded(records: Records, name: str) -> Records:
    """Records whose file turns out to be damaged further on."""
    try:
        yield from records
    except (OSError, ValueError, OverflowError) as error:  # what pyarrow raises, UnicodeDecodeError among it
        raise HatespeechError(f"{name}: cannot be read to its end ({str(error).splitlines()[0]})") from error


def _text(
    source: Source,
    stream: io.TextIOWrapper,
    encoding: str,
    text_column: str,
    delimiter: str | None,
    header: Sequence[str] | None,
) -> Table:
    size = max(1, source.path.stat().st_size)

    def share(_: int) -> float:
        return float(stream.buffer.raw.tell() / size)  # type: ignore[attr-defined]

    if source.format == "text":
        lines = (line.rstrip("\r\n") for line, _ in limited_lines(stream))
        records: Records = ((n, {text_column: line}) for n, line in enumerate(filter(str.strip, lines), 1))
        return Table(source.name, [text_column], records, encoding, share=share)
    if source.format == "jsonl":
        return Table(source.name, None, _json_lines(stream), encoding, share=share)
    quoted = source.format == "csv"  # tab-separated values have no quoting (IANA text/tab-separated-values)
    if not quoted:
        delimiter = "\t"
    elif delimiter is None:
        with _characters(source, encoding) as sample:
            delimiter = sniff_delimiter(sample, text_column)
    columns, rows = read_delimited(stream, delimiter, quoted=quoted, header=header, name=source.name)
    return Table(source.name, columns, rows, encoding, delimiter, share=share)


def _json_lines(stream: io.TextIOWrapper) -> Records:
    lines = iter(lambda: stream.readline(_LONGEST_LINE), "")
    for number, line in enumerate((line for line in lines if line.strip()), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield number, row
        else:
            yield Rejected(number, Problem.NOT_JSON, raw=line)


def _parquet(source: Source) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source.path)
    except (pa.ArrowException, ValueError) as error:
        raise HatespeechError(f"{source.name}: is no Parquet file ({str(error).splitlines()[0]})") from error
    schema = file.schema_arrow
    records = _guarded(_batches(file.iter_batches(batch_size=_BATCH)), source.name)
    types = {f.name: f.type for f in schema}
    rows = max(1, file.metadata.num_rows)
    return Table(source.name, list(schema.names), records, types=types, share=lambda number: number / rows)


def _batches(batches: Iterator[pa.RecordBatch]) -> Records:
    yield from enumerate((row for batch in batches for row in batch.to_pylist()), 1)


def _spreadsheet(source: Source, sheet: str | None) -> Table:
    from python_calamine import CalamineError, CalamineWorkbook

    check_archive(source.path)
    check_extent(source.path)
    try:
        workbook = CalamineWorkbook.from_path(source.path)
        names = workbook.sheet_names
        if not names:
            raise HatespeechError(f"{source.name}: has no sheet")
        chosen = sheet or names[0]
        rows = [[_cell(cell) for cell in cells] for cells in workbook.get_sheet_by_name(chosen).iter_rows()]
    except CalamineError as error:
        raise HatespeechError(f"{source.name}: is no spreadsheet, or has no sheet {sheet!r} ({error})") from error
    rows = [cells for cells in rows if any(cells)]
    if not rows:
        raise HatespeechError(f"{source.name}: is empty; the first line must name the columns")
    header, *body = rows
    # A column without a name is kept if there is anything in it.
    used = [i for i, name in enumerate(header) if name or any(cells[i] for cells in body)]
    columns = [header[i] or f"column {i + 1}" for i in used]
    named = (dict(zip(columns, (cells[i] for i in used), strict=True)) for cells in body)
    unread = [name for name in names if name != chosen]
    length = max(1, len(body))
    return Table(source.name, columns, enumerate(named, 1), unread_sheets=unread, share=lambda number: number / length)


def _cell(value: Any) -> str:  # noqa: ANN401 - text, number, date or truth value
    """A cell as text: whole numbers as written in the sheet, dates as ISO 8601."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
