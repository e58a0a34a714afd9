"""What is scored: a file or a folder of files, all rows or some of them, cut into shards."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.files import sha256_of
from hatespeech_no.scoring.classifier import FRAME_COLUMNS
from hatespeech_no.tables import Problem, Rejected, Table, open_table
from hatespeech_no.tables.rejected import problem_with
from hatespeech_no.tables.source import STDIN, Format, Source, files_in, open_source
from hatespeech_no.taxonomy import Publicity

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

SHARD_ROWS = 20_000
"""Rows of the input that are read, scored and kept together."""
FILE_COLUMN = "file"
"""Column that is added to the rows of a folder: the name of the file each is from."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What else a result follows from than input, model and rules.

    Attributes:
        text_column: the column that holds the text.
        file_format: of the input, or of every file of a folder; default by their names.
        publicity: where all these comments were made.
        profile: see ``Classifier.score``.
        prevalence: see ``Classifier.score``.
        columns: of the input, to be kept in this order; ``None`` = all.
        limit: take the first rows only.
        sample: take so many rows at random (of the first ``limit``), in their order.
        seed: of the sample.
    """

    text_column: str = "text"
    file_format: Format | None = None
    publicity: Publicity = Publicity.UNKNOWN
    profile: str = "balanced"
    prevalence: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    limit: int | None = None
    sample: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Usable:
    """A row that can be scored: its number in its file (1 = first data row), what is kept of it, and its text."""

    number: int
    row: Row
    text: str
    file: str | None


@dataclass(frozen=True)
class Layout:
    """What is kept of a file: its columns, ``None`` where each row names its own, and types that are known."""

    columns: list[str] | None
    types: Mapping[str, pa.DataType]


@dataclass(frozen=True)
class Shard:
    """Rows of one layout that follow each other, and the share of the input, 0 to 1, that ends with them."""

    layout: Layout
    records: list[Usable | Rejected]
    share: float

    @property
    def usable(self) -> list[Usable]:
        """Those that can be scored."""
        return [record for record in self.records if isinstance(record, Usable)]


class Input:
    """Tables that can be read more than once.

    Args:
        sources: one file, or those of a folder.
        options: which column, rows and columns are wanted.
        unread: names of the files of the folder that are no sources; ``None`` = it is no folder.

    Raises:
        HatespeechError: a file cannot be read, has no such columns, or has one that would be overwritten.
    """

    def __init__(self, sources: Sequence[Source], options: Options, unread: list[str] | None) -> None:
        self._sources, self._options = sources, options
        self._in_folder = unread is not None
        self._added = {*FRAME_COLUMNS, FILE_COLUMN} if self._in_folder else set(FRAME_COLUMNS)
        self.unread = unread or []
        self.tables: list[Table] = []
        """What was found out about each file; without records."""
        for source in sources:
            with open_table(source, text_column=options.text_column) as table:
                check_columns(table, options, self._added)
                self.tables.append(replace(table, records=iter(())))
        self._layouts = [self._layout(table) for table in self.tables]

    def digests(self) -> dict[str, str]:
        """The sha256 of each file, by its name without folders."""
        return {Path(source.name).name: sha256_of(source.path) for source in self._sources}

    def common_layout(self) -> Layout:
        """That of all files together.

        Raises:
            HatespeechError: they have different columns.
        """
        first = self._layouts[0]
        for table, layout in zip(self.tables, self._layouts, strict=True):
            if layout.columns != first.columns:
                raise HatespeechError(
                    f"{table.name}: has other columns than {self.tables[0].name}; name those to keep with --columns, "
                    "or write to .jsonl or to a folder"
                )
        return first if all(layout == first for layout in self._layouts) else Layout(first.columns, {})

    def shards(self) -> Iterator[Shard]:
        """The wanted rows, ``SHARD_ROWS`` at a time; a shard also ends where the next file has another layout."""
        chosen, n = self._choose()
        wanted = (found for i, found in enumerate(self._records()) if i in chosen)
        taken = 0
        for layout, group in groupby(islice(wanted, n), key=itemgetter(0)):
            while found := list(islice(group, SHARD_ROWS)):
                taken += len(found)
                yield Shard(layout, [record for _, record, _ in found], max(found[-1][2], taken / n))

    def _choose(self) -> tuple[Container[int], int]:
        """Which rows, from 0 on through all files, and how many they are at most."""
        most = self._options.limit or sys.maxsize
        if self._options.sample is None:
            return range(most), most
        rows = sum(1 for _ in islice(self._records(), most))
        chosen = Random(self._options.seed).sample(range(rows), min(rows, self._options.sample))  # noqa: S311
        return frozenset(chosen), max(1, len(chosen))

    def _records(self) -> Iterator[tuple[Layout, Usable | Rejected, float]]:
        sizes = [source.path.stat().st_size for source in self._sources]
        total, before = max(1, sum(sizes)), 0
        for source, layout, size in zip(self._sources, self._layouts, sizes, strict=True):
            file = source.path.name if self._in_folder else None
            with open_table(source, text_column=self._options.text_column) as table:
                for found in table.records:
                    if isinstance(found, Rejected):
                        record: Usable | Rejected = replace(found, file=file)
                        number = found.row or 0
                    else:
                        record = self._record(table, *found, file)
                        number = found[0]
                    yield layout, record, (before + size * table.share(number)) / total
            before += size

    def _record(self, table: Table, number: int, row: Row, file: str | None) -> Usable | Rejected:
        text = row.get(self._options.text_column)
        names = self._options.columns
        kept = row if names is None else {name: row[name] for name in names if name in row}
        wrong = self._problem(table, row, kept)
        if wrong is not None:
            return Rejected(number, *wrong, raw=str(text if text is not None else row), file=file)
        return Usable(number, kept if file is None else {**kept, FILE_COLUMN: file}, text or "", file)

    def _problem(self, table: Table, row: Row, kept: Row) -> tuple[Problem, str] | None:
        column = self._options.text_column
        if column not in row:
            return Problem.NO_FIELD, column
        if not isinstance(row[column], str | None):
            return Problem.NOT_TEXT, column
        taken = None if table.columns else next((name for name in kept if name in self._added), None)
        return problem_with(kept | {column: row[column]}) if taken is None else (Problem.TAKEN, taken)

    def _layout(self, table: Table) -> Layout:
        kept = table.columns if self._options.columns is None else list(self._options.columns)
        columns = [*kept, FILE_COLUMN] if kept is not None and self._in_folder else kept
        types = table.types or {}
        return Layout(columns, {name: types[name] for name in kept or () if name in types})


def check_columns(table: Table, options: Options, added: Collection[str]) -> None:
    """Whether a table can be scored.

    Args:
        table: without its records.
        options: which columns are wanted.
        added: the columns that scoring adds.

    Raises:
        HatespeechError: it has no such columns, has one that would be overwritten, or one twice.
    """
    wanted = options.columns
    taken = set(added) & set((table.columns if wanted is None else wanted) or ())
    if taken:
        raise HatespeechError(
            f"{table.name}: columns {sorted(taken)} would be overwritten; rename them in the input first, "
            "or leave them out with --columns"
        )
    if table.columns is None:
        return
    unreadable = [i for i, name in enumerate(table.columns, 1) if problem_with({name: None}) is not None]
    if unreadable:
        raise HatespeechError(f"{table.name}: the names of columns {unreadable} cannot be read; mend the first line")
    if options.text_column not in table.columns:
        raise HatespeechError(
            f"{table.name}: has no column {options.text_column!r}; it has {table.columns}. "
            "Name the right one with --text-column; a file without header is read with --format text."
        )
    missing = [name for name in wanted or () if name not in table.columns]
    if missing:
        raise HatespeechError(f"{table.name}: has no columns {missing} to keep; it has {table.columns}")
    twice = sorted(name for name, n in Counter(table.columns).items() if n > 1)
    if twice:
        raise HatespeechError(f"{table.name}: column names {twice} occur more than once; give each its own name")


@contextmanager
def open_input(source: Path | str, options: Options) -> Iterator[Input]:
    """Open what is scored.

    Args:
        source: a file, a folder of files, or ``-`` for standard input, see ``open_table``.
        options: see ``Options``.

    Raises:
        HatespeechError: see ``Input``.
    """
    paths: Sequence[Path | str] = [source]
    unread = None
    if str(source) != STDIN and Path(source).is_dir():
        paths, unread = files_in(Path(source), options.file_format)
    with ExitStack() as opened:
        sources = [opened.enter_context(open_source(path, options.file_format)) for path in paths]
        yield Input(sources, options, unread)
