"""Score files of comments of any length, row by row, in bounded memory; see ``resume`` for what a kill leaves."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from hatespeech_no.errors import HatespeechError, UnwritableError
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.scoring.classifier import FRAME_COLUMNS, Classifier, frame_row, versions_of
from hatespeech_no.scoring.inputs import FILE_COLUMN, Input, Layout, Options, Shard, open_input
from hatespeech_no.scoring.rejects import SideFile, check_side_file
from hatespeech_no.scoring.resume import Place, Run
from hatespeech_no.statement import Statement
from hatespeech_no.tables import Problem, Rejected, open_writer
from hatespeech_no.tables.source import STDIN
from hatespeech_no.tables.writing import Write, check_target
from hatespeech_no.taxonomy import Tier

_DEFAULT = Options()


@dataclass(frozen=True)
class ScoredRow:
    """A row that was scored: its number in its file (1 = first data row), assessment, text, and file of a folder."""

    row: int
    assessment: Assessment
    text: str
    file: str | None = None


@dataclass
class Summary:
    """What a file or folder held.

    Attributes:
        tiers: rows per tier.
        without_text: rows whose text is empty.
        rejected: rows that could not be used, by problem.
        rejected_file: where these rows stand with the reason; ``None`` if there are none.
        gravest: the gravest rows, gravest first, at most ``keep``; their assessments lack probabilities of elements.
        encoding: as detected; ``None`` for formats that carry their own, and for folders.
        delimiter: as detected; ``None`` where there is none, and for folders.
        unread: names of further sheets of a spreadsheet, only the first being scored, and of further files of a folder.
        already: whether the output was finished before; then ``gravest`` is empty.
    """

    tiers: Counter[Tier] = field(default_factory=Counter)
    without_text: int = 0
    rejected: Counter[Problem] = field(default_factory=Counter)
    rejected_file: Path | None = None
    gravest: list[ScoredRow] = field(default_factory=list)
    keep: int = 10
    encoding: str | None = None
    delimiter: str | None = None
    unread: list[str] = field(default_factory=list)
    already: bool = False

    @property
    def rows(self) -> int:
        """All rows that were read."""
        return self.tiers.total() + self.without_text + self.rejected.total()

    @property
    def flagged(self) -> int:
        """Rows that are not ``protected``."""
        return self.tiers.total() - self.tiers[Tier.PROTECTED]


@dataclass(frozen=True)
class Done:
    """How far a run is: rows done, how many of them are not ``protected``, and the share of the input, 0 to 1."""

    rows: int
    flagged: int
    share: float


def score_file(
    classifier: Classifier,
    source: Path | str,
    target: Path,
    options: Options = _DEFAULT,
    *,
    keep: int = 10,
    overwrite: bool = False,
    progress: Callable[[Done], None] = lambda done: None,
) -> Summary:
    """Score the rows of a file or of all files of a folder.

    Rows that cannot be used do not stop the others: they go with the reason to a file of their own,
    ``<target>.rejected.csv`` or ``_rejected.csv`` in a folder. A run that is killed goes on where it was
    when it is started again, see ``resume``.

    Args:
        classifier: what assesses the texts.
        source: a file, a folder or ``-``, see ``open_input``.
        target: CSV, JSONL, Excel or Parquet file to write, or a folder (a name without suffix) of Parquet
            files of at most ``SHARD_ROWS`` rows. The order of rows is kept and ``FRAME_COLUMNS`` added. A file
            appears whole or not at all; ``<target>.manifest.json`` or ``_manifest.json`` says what it follows from.
            Each file of a folder has the columns of the input it is from, or all fields of its JSON Lines.
        options: what is read and how it is scored.
        keep: how many of the gravest rows the summary holds.
        overwrite: replace an output that is finished, or was begun from something else.
        progress: called as often as something is done.

    Raises:
        HatespeechError: the input as a whole cannot be read, the output cannot be written or is there
            from another input, model or options; names it and what to do.
    """
    place = Place(target)
    _check_target(source, place)
    with open_input(source, options) as given:
        layout = None if place.is_folder else _layout_of_file(given, target)
        follows_from = {"input": given.digests(), **versions_of(classifier), **asdict(options)}
        run = Run(place, follows_from, overwrite=overwrite)
        summary = _begin(given, run, keep)
        if summary.already:
            return summary
        assess = partial(classifier.stream, profile=options.profile, prevalence=options.prevalence)
        try:
            with SideFile(place.rejected) as reject, ExitStack() as whole:
                write = None if layout is None else whole.enter_context(_writer(target, layout))
                done = Done(0, 0, 0.0)
                for number, shard in enumerate(given.shards()):
                    statements = [Statement(row.text, publicity=options.publicity) for row in shard.usable]
                    report = _reporter(progress, done, shard.share, len(statements))
                    assessments = run.assess(number, statements, assess, report)
                    part = place.part(number)
                    with nullcontext(write) if write else _writer(part, _layout_of_part(shard)) as put:
                        written = _write(shard, assessments, put, reject)
                    if write is None:
                        run.record(part, len(shard.records), len(written))
                    _count(summary, written)
                    summary.rejected = reject.counts
                    done = Done(summary.rows, summary.flagged, shard.share)
                    progress(done)
            if layout is not None:
                run.record(target, summary.rows, summary.rows - summary.rejected.total())
            run.finish(summary.tiers, summary.without_text, summary.rejected)
        except UnwritableError as error:
            raise HatespeechError(
                f"{error}. What was scored is kept: make room, and the same command goes on from there"
            ) from error
    summary.rejected_file = reject.path
    return summary


def _check_target(source: Path | str, place: Place) -> None:
    target = place.target
    if str(source) != STDIN and target.resolve() == Path(source).resolve():
        raise HatespeechError(f"{target}: is the input itself; give another name for the output")
    if str(source) != STDIN and place.folder.resolve() == Path(source).resolve():
        raise HatespeechError(f"{target}: lies in the folder that is scored; write it elsewhere")
    if not place.is_folder:
        check_target(target)
    elif not target.parent.is_dir():
        raise HatespeechError(f"{target.parent}: there is no such folder to make {target.name} in")
    check_side_file(source, place.rejected)


def _layout_of_file(given: Input, target: Path) -> Layout:
    json_lines = target.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".jsonl")
    return Layout(None, {}) if json_lines else given.common_layout()


def _layout_of_part(shard: Shard) -> Layout:
    """That of a shard; where each row names its own fields, with those of all of them."""
    fields = dict.fromkeys(name for row in shard.usable for name in row.row)
    return shard.layout if shard.layout.columns is not None else Layout(list(fields), shard.layout.types)


def _writer(path: Path, layout: Layout) -> AbstractContextManager[Write]:
    import pyarrow as pa

    columns = None if layout.columns is None else [*layout.columns, *FRAME_COLUMNS]
    added = {name: pa.float64() if name.startswith("p_") else pa.string() for name in (*FRAME_COLUMNS, FILE_COLUMN)}
    return open_writer(path, columns, {**layout.types, **added})


def _begin(given: Input, run: Run, keep: int) -> Summary:
    before, tables = run.manifest, given.tables
    alone = tables[0] if len(tables) == 1 else None
    return Summary(
        tiers=Counter(before.tiers),
        without_text=before.without_text,
        rejected=Counter(before.rejected),
        rejected_file=run.place.rejected if before.rejected else None,
        keep=keep,
        encoding=None if alone is None else alone.encoding,
        delimiter=None if alone is None else alone.delimiter,
        unread=[*given.unread, *(name for table in tables for name in table.unread_sheets)],
        already=before.finished,
    )


def _reporter(progress: Callable[[Done], None], begun: Done, end: float, n: int) -> Callable[[int, int], None]:
    """What says how far a run is while the n statements of a shard are assessed."""

    def report(done: int, flagged: int) -> None:
        through = begun.share + (end - begun.share) * done / n
        progress(Done(begun.rows + done, begun.flagged + flagged, through))

    return report


def _write(shard: Shard, assessments: Sequence[Assessment], write: Write, reject: SideFile) -> list[ScoredRow]:
    """Write the rows of a shard; returns those that could be."""
    written = []
    following = iter(assessments)
    for record in shard.records:
        if isinstance(record, Rejected):
            reject(record)
            continue
        assessment = next(following)
        refused = write({**record.row, **frame_row(assessment)})
        if refused is None:
            written.append(ScoredRow(record.number, assessment, record.text, record.file))
        else:
            reject(Rejected(record.number, *refused, raw=record.text, file=record.file))
    return written


def _count(summary: Summary, written: Sequence[ScoredRow]) -> None:
    with_text = [row for row in written if row.assessment.passage is not None]
    summary.without_text += len(written) - len(with_text)
    summary.tiers.update(row.assessment.tier for row in with_text)
    flagged = [row for row in with_text if row.assessment.tier is not Tier.PROTECTED]
    summary.gravest = heapq.nlargest(summary.keep, [*summary.gravest, *flagged], key=_gravity)


def _gravity(flagged: ScoredRow) -> tuple[int, bool, float]:
    """Of equal ones ``nlargest`` keeps the order."""
    a = flagged.assessment
    return (a.tier.rank, "read_first" in a.flags, a.p_actionable or 0.0)
