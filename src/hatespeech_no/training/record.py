"""What a run found, as plain files: the run folder is the truth, a tracking store holds a copy.

A run folder::

    config.json             what it was started with, flat, and the digest of the rows
    run.json                summary over seeds: parameters, mean and spread of every metric
    seed-<n>/checkpoints/   of a fine-tuning, for going on with
    seed-<n>/record.json    parameters, metrics, tags and data of one seed
    seed-<n>/bundle/        the model
    seed-<n>/figures/*.png  figures
    seed-<n>/card.*.md      the model card, in Bokmål and English
    seed-<n>/tables/*.csv   their data and the predictions, by keyed id, never by text
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from hatespeech_no.errors import HatespeechError

CONFIG = "config.json"
RECORD = "record.json"
SUMMARY = "run.json"


class Record(BaseModel):
    """What is logged of one run: flat parameters and metrics, tags, and the data it saw."""

    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    data: list[dict[str, Any]] = []

    def write(self, folder: Path) -> None:
        """Save in a seed's folder."""
        temporary = folder / f".{RECORD}"
        temporary.write_text(self.model_dump_json(indent=2), "utf-8")
        temporary.replace(folder / RECORD)  # there whole, or not there

    @classmethod
    def read(cls, folder: Path) -> Record:
        """Read what ``write`` saved.

        Raises:
            HatespeechError: there is none.
        """
        try:
            return cls.model_validate_json((folder / RECORD).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise HatespeechError(f"{folder}: holds no record of a run ({type(error).__name__})") from error


class Report(Protocol):
    """Told how a run goes on."""

    def __call__(self, step: str, done: int = 0, total: int | None = None, /) -> None:
        """A step begins or goes on.

        Args:
            step: its name.
            done: how much of it is done.
            total: how much there is to do; ``None`` where that is not known.
        """
        ...


def quiet(_step: str, _done: int = 0, _total: int | None = None, /) -> None:
    """A ``Report`` to nobody."""


class Tracker(Protocol):
    """Where runs are logged; see ``tracking``. It never raises: what it cannot log stays in the folder."""

    def start(self, name: str, facts: dict[str, dict[str, str]]) -> None:
        """Begin the parent run; ``facts`` are its ``params`` and ``tags``."""
        ...

    def start_seed(self, name: str) -> None:
        """Begin a child run."""
        ...

    def log_step(self, metrics: Mapping[str, float], step: int) -> None:
        """Log figures of the open child run while it goes on."""
        ...

    def finish_seed(self, folder: Path) -> None:
        """Log a seed's folder and end its run."""
        ...

    def finish(self, folder: Path) -> None:
        """Log the summary of a run folder and end the parent run."""
        ...

    def abort(self) -> None:
        """End whatever is open: killed if the user or the system stopped it, else failed."""
        ...


class NoTracker:
    """Logs nothing; everything is in the run folder anyway."""

    def start(self, name: str, facts: dict[str, dict[str, str]]) -> None:
        """Do nothing."""

    def start_seed(self, name: str) -> None:
        """Do nothing."""

    def log_step(self, metrics: Mapping[str, float], step: int) -> None:
        """Do nothing."""

    def finish_seed(self, folder: Path) -> None:
        """Do nothing."""

    def finish(self, folder: Path) -> None:
        """Do nothing."""

    def abort(self) -> None:
        """Do nothing."""


def begin_folder(folder: Path, file: str, started: Mapping[str, Any]) -> Path:
    """Make the folder of a run or a sweep, with a JSON file of what it was started with.

    Raises:
        HatespeechError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True)
        (folder / file).write_text(json.dumps(started, indent=2), "utf-8")
    except OSError as error:
        raise HatespeechError(f"{folder}: cannot be made ({error.strerror})") from error
    return folder


def read_begun(folder: Path, file: str, kind: str) -> dict[str, Any]:
    """What a run or a sweep was started with.

    Raises:
        HatespeechError: the folder is none of that kind that was cut off.
    """
    try:
        begun: dict[str, Any] = json.loads((folder / file).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise HatespeechError(f"{folder}: is no {kind} that was cut off ({error})") from error
    return begun
