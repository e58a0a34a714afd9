"""The review store: a folder with an MLflow database of texts and answers, and one of accounts."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.log import Anchor
from hatespeech_no.tracking.review.traces import item_of
from hatespeech_no.tracking.store import mlflow_module, reason

_RECORDS = "records"  # an experiment that no reader may open; what must not be changed by one is kept in its tags
_LOG_HEAD = "log_head"
_BATCH = 500


class ReviewStore:
    """A folder that its owner alone may open: who reads it is the administrator, and no password is needed.

    Everything but reading goes to the database directly, so that no server needs to run for it.

    Attributes:
        folder: made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def database(self) -> Path:
        """Texts and answers."""
        return self.folder / "mlflow.db"

    @property
    def accounts(self) -> Path:
        """Names, hashes of passwords, permissions."""
        return self.folder / "accounts.db"

    def make(self) -> None:
        """Make the folder.

        Raises:
            HatespeechError: it cannot be made.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HatespeechError(f"{self.folder}: cannot be made ({error.strerror})") from error

    @cached_property
    def mlflow(self) -> Any:  # noqa: ANN401 - MLflow is untyped
        """The open store, made if there is none."""
        mlflow_module()
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        self.make()
        return SqlAlchemyStore(address(self.database), (self.folder / "artifacts").absolute().as_uri())

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turn what a database complains of into a message without the texts that its own would quote."""
        mlflow_module()
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
            raise HatespeechError(
                f"{self.folder}: {reason(error)}. What was stored stays; run the same command again, "
                "it stores nothing twice"
            ) from None

    @property
    def records(self) -> dict[str, str]:
        """What is kept beyond the readers' reach."""
        return dict(self.mlflow.get_experiment(self._records).tags)

    def record(self, name: str, value: str) -> None:
        """Keep a value beyond the readers' reach."""
        from mlflow.entities import ExperimentTag

        self.mlflow.set_experiment_tag(self._records, ExperimentTag(name, value))

    @cached_property
    def _records(self) -> str:
        return self.experiment(_RECORDS)

    def experiment(self, name: str) -> str:
        """The id of an experiment, made if there is none."""
        found = self.mlflow.get_experiment_by_name(name)
        return str(found.experiment_id if found else self.mlflow.create_experiment(name))

    def delete(self, traces: Sequence[str]) -> None:
        """Delete traces with all answers, and what the file still holds of them.

        Raises:
            HatespeechError: the file still holds something of them.
        """
        found = []
        for start in range(0, len(traces), _BATCH):
            batch = self.mlflow.batch_get_traces(traces[start : start + _BATCH])
            for experiment in {trace.info.experiment_id for trace in batch}:
                self.mlflow.delete_traces(experiment, trace_ids=[trace.info.trace_id for trace in batch])
            found += batch
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:
            connection.execute("VACUUM")
            held = self.database.read_bytes()
            # What other items show too is not left over.
            left = [
                trace.info.trace_id
                for trace in found
                for part in (trace.info.trace_id, *_unescaped(trace))
                if part.encode() in held
                and not connection.execute("SELECT 1 FROM spans WHERE instr(content, ?)", [part]).fetchone()
            ]
        if left:
            raise HatespeechError(
                f"{self.database}: still holds something of {len(set(left))} erased items; erase them again"
            )


def _unescaped(trace: Any) -> Iterator[str]:  # noqa: ANN401 - MLflow is untyped
    """The longest piece of what an item shows, and of each reason given for it, that no JSON escapes."""
    item, _ = item_of(trace)
    reasons = (assessment.rationale for assessment in trace.info.assessments)
    for text in (item.text, item.thread, item.notes, *reasons):
        yield from [max(re.split(r'["\\\x00-\x1f]', text), key=len)] if text else []


def address(database: Path) -> str:
    """A database file as SQLAlchemy wants it."""
    return f"sqlite:///{database.absolute()}"


@dataclass(frozen=True)
class TagAnchor:
    """Keeps the head of the verdict log in the review store too, out of reach of who can change the log's folder.

    Attributes:
        store: it.
        beside: another anchor; counts until this one is first written, as after earlier rounds elsewhere.
    """

    store: ReviewStore
    beside: Anchor

    def read(self) -> str | None:
        """See ``Anchor``."""
        with self.store.telling():
            return self.store.records.get(_LOG_HEAD) or self.beside.read()

    def write(self, head: str) -> None:
        """See ``Anchor``."""
        self.beside.write(head)
        with self.store.telling():
            self.store.record(_LOG_HEAD, head)
