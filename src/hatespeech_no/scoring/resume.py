"""A run over many rows that may be killed at any moment.

Beside the output lies a manifest, which says what the output follows from, and until the output is
whole what was assessed so far, shard by shard. A run that is started again reads that instead of
scoring, and writes the output anew from its beginning: it ends with the bytes of one that was
never disturbed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from hatespeech_no.errors import HatespeechError, UnwritableError
from hatespeech_no.files import sha256_of, write_whole
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.statement import Statement
from hatespeech_no.tables import Problem, open_table, open_writer
from hatespeech_no.taxonomy import Tier

_ASSESSMENT = TypeAdapter(Assessment)
FOLDER_MANIFEST = "_manifest.json"
"""What an output that is a folder follows from."""
_PARTS, _SCORES = "part-*.parquet", "*.jsonl.zst"


class Output(BaseModel):
    """A file of the output: its name, rows of the input it is from, rows it holds, rows rejected, and its sha256."""

    file: str
    rows_in: int
    rows_out: int
    rejected: int
    sha256: str


class Manifest(BaseModel):
    """What an output follows from and, once it is whole, what it holds.

    Attributes:
        follows_from: digests of the input, model, rules, and every setting that changes a result.
        finished: whether the output is whole; what follows is empty until then.
        files: of the output.
        tiers: rows by tier.
        without_text: rows whose text is empty.
        rejected: rows that could not be used, by problem.
    """

    model_config = ConfigDict(extra="forbid")

    format_version: Literal[1] = 1
    follows_from: dict[str, Any]
    finished: bool = False
    files: list[Output] = []
    tiers: dict[Tier, int] = {}
    without_text: int = 0
    rejected: dict[Problem, int] = {}


@dataclass(frozen=True)
class Place:
    """Where an output goes: one file, or a folder of Parquet files.

    What is no table has a name in the folder that begins with an underscore, so that pandas, Spark and
    others read the folder as one table.
    """

    target: Path

    @property
    def is_folder(self) -> bool:
        """Whether it is, or will be, a folder."""
        return self.target.is_dir() or not self.target.suffix

    @property
    def folder(self) -> Path:
        """Where the files of the output lie."""
        return self.target if self.is_folder else self.target.parent

    @property
    def manifest(self) -> Path:
        """What it follows from."""
        return self._beside(FOLDER_MANIFEST, ".manifest.json")

    @property
    def rejected(self) -> Path:
        """Rows that could not be used."""
        return self._beside("_rejected.csv", ".rejected.csv")

    @property
    def scores(self) -> Path:
        """Folder of the assessments made so far."""
        return self.target / ".scores" if self.is_folder else self.target.with_name(f".{self.target.name}.scores")

    def part(self, number: int) -> Path:
        """The file of a shard in the folder."""
        return self.target / f"part-{number:05}.parquet"

    def _beside(self, in_folder: str, suffix: str) -> Path:
        return self.target / in_folder if self.is_folder else self.target.with_name(f"{self.target.name}{suffix}")


class Run:
    """A run that begins, goes on, or is found finished.

    Args:
        place: of the output.
        follows_from: see ``Manifest``.
        overwrite: replace an output that is finished, or was begun from something else. One that was
            begun from the same goes on all the same.

    Raises:
        HatespeechError: the place is taken; names by what.
        UnwritableError: it cannot be written.
    """

    def __init__(self, place: Place, follows_from: Mapping[str, Any], *, overwrite: bool) -> None:
        self.place = place
        self.manifest = Manifest(follows_from=to_jsonable_python(follows_from))
        # Scores are known by what they follow from, so that two runs at a time cannot take each other's.
        self._key = hashlib.sha256(self.manifest.model_dump_json().encode()).hexdigest()[:8]
        before = _read(place.manifest)
        if before is None:
            self._check_free(overwrite)
        elif before.finished or any(place.scores.glob(_SCORES)):
            differences = _differences(before.follows_from, self.manifest.follows_from)
            if differences and not overwrite:
                state = "is there already" if before.finished else "was begun"
                raise HatespeechError(
                    f"{place.target}: {state}, from something else: {differences}. Give another name for the output, "
                    "restore what was changed, or start over with --overwrite"
                )
            if not differences and not (before.finished and overwrite):
                self.manifest = before
        self._check_unchanged()
        self._prepare(goes_on=self.manifest is before)

    def assess(
        self,
        number: int,
        statements: Sequence[Statement],
        assess: Callable[[Iterable[Statement]], Iterable[Assessment]],
        report: Callable[[int, int], None],
    ) -> list[Assessment]:
        """The assessments of a shard, without probabilities of elements; of equal statements one is scored.

        Args:
            number: of the shard.
            statements: in their order.
            assess: as ``Classifier.stream``.
            report: called with the number of statements assessed and flagged so far.
        """
        path = self.place.scores / f"{number:05}-{self._key}.jsonl.zst"
        repeats = Counter(statements)
        found = self._kept(path, repeats)
        if found is None:
            found = {}
            done = flagged = 0
            with open_writer(path, None) as write:
                for statement, assessment in zip(repeats, assess(repeats), strict=True):
                    found[statement] = replace(assessment, probabilities={})
                    write(found[statement].to_dict())
                    done += repeats[statement]
                    flagged += repeats[statement] * (assessment.tier is not Tier.PROTECTED)
                    report(done, flagged)
        return [found[statement] for statement in statements]

    def _kept(self, path: Path, statements: Iterable[Statement]) -> dict[Statement, Assessment] | None:
        if not path.is_file():
            return None
        try:
            with open_table(path) as table:
                kept = (_ASSESSMENT.validate_python(row) for _, row in table.rows())
                return dict(zip(statements, kept, strict=True))
        except (HatespeechError, ValueError):  # a power cut can leave a file empty: it is scored anew
            return None

    def record(self, path: Path, rows_in: int, rows_out: int) -> None:
        """Record a file of the output that is whole."""
        rejected = rows_in - rows_out
        self.manifest.files.append(
            Output(file=path.name, rows_in=rows_in, rows_out=rows_out, rejected=rejected, sha256=sha256_of(path))
        )

    def finish(self, tiers: Mapping[Tier, int], without_text: int, rejected: Mapping[Problem, int]) -> None:
        """The output is whole; what was kept to go on with is removed."""
        self.manifest.finished = True
        self.manifest.tiers, self.manifest.rejected = dict(tiers), dict(rejected)
        self.manifest.without_text = without_text
        self._write_manifest()
        _remove(self.place.scores)

    def _write_manifest(self) -> None:
        write_whole(self.place.manifest, self.manifest.model_dump_json(indent=2) + "\n")

    def _check_free(self, overwrite: bool) -> None:
        target = self.place.target
        if target.is_dir() and any(not path.name.startswith(".") for path in target.iterdir()):
            raise HatespeechError(f"{target}: holds files that are no output of scoring; name a new or empty folder")
        if target.is_file() and not overwrite:
            raise HatespeechError(f"{target}: is there already; give another name, or replace it with --overwrite")

    def _check_unchanged(self) -> None:
        for output in self.manifest.files:
            path = self.place.folder / output.file
            if not path.is_file() or sha256_of(path) != output.sha256:
                raise HatespeechError(
                    f"{path}: was scored from the same input, but has been removed or changed since; "
                    "give another name for the output, or replace it with --overwrite"
                )

    def _prepare(self, *, goes_on: bool) -> None:
        place = self.place
        files = (place.target, place.rejected, place.manifest)
        halves = [".*.part"] if place.is_folder else [f".{escape(file.name)}.[0-9]*.part" for file in files]
        try:
            if place.is_folder:
                place.target.mkdir(exist_ok=True)
            for path in (path for half in halves for path in place.folder.glob(half)):  # what a kill left
                path.unlink()
            if not goes_on:
                _remove(place.scores)
                for path in place.target.glob(_PARTS):
                    path.unlink()
                self._write_manifest()
            if self.manifest.finished:
                _remove(place.scores)
            else:
                place.scores.mkdir(exist_ok=True)
        except OSError as error:
            raise UnwritableError(f"{place.target}: cannot be written ({error.strerror})") from error


def _read(path: Path) -> Manifest | None:
    try:
        return Manifest.model_validate_json(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise HatespeechError(f"{path}: is no manifest of a scored file ({type(error).__name__}); move it") from error


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What is not the same, in words; empty if nothing."""
    parts = []
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if old != new and isinstance(old, dict) and isinstance(new, dict):
            parts.append(f"{name} ({', '.join(sorted(n for n in {**old, **new} if old.get(n) != new.get(n)))})")
        elif old != new:
            parts.append(f"{name} ({old}, now {new})")
    return ", ".join(parts)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
