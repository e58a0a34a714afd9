"""The folder of a review: what was chosen and why, who was given what, the texts, and the log.

Nothing of the side table is ever put before a first reader. Texts and reasons can be deleted while the
log and the side table, which hold neither, stay.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.checks import Fault, Place
from hatespeech_no.review.desk import Answer, Item
from hatespeech_no.review.log import Anchor, FileAnchor, VerdictLog
from hatespeech_no.review.records import Assignment, Batch, Settings, Side
from hatespeech_no.review.verdicts import Reading
from hatespeech_no.taxonomy import Tier

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, at TEXT NOT NULL, tiers TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, batch TEXT NOT NULL, purpose TEXT NOT NULL, inclusion REAL NOT NULL, tier TEXT,
    p TEXT NOT NULL, flags TEXT NOT NULL, language TEXT, count INTEGER NOT NULL, versions TEXT NOT NULL,
    at TEXT NOT NULL, exported INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS members (id TEXT PRIMARY KEY, item TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS assignments (
    item TEXT, reader TEXT, round TEXT, queue TEXT NOT NULL, place INTEGER NOT NULL, shown TEXT NOT NULL, notes TEXT,
    PRIMARY KEY (item, reader, round));
CREATE TABLE IF NOT EXISTS delivered (reader TEXT, queue TEXT, PRIMARY KEY (reader, queue));
CREATE TABLE IF NOT EXISTS texts (item TEXT PRIMARY KEY, text TEXT NOT NULL, thread TEXT);
CREATE TABLE IF NOT EXISTS reasons (
    item TEXT, reader TEXT, round TEXT, reason TEXT NOT NULL, PRIMARY KEY (item, reader, round));
CREATE TABLE IF NOT EXISTS quarantine (
    item TEXT, reader TEXT, round TEXT, fault TEXT NOT NULL, detail TEXT NOT NULL, answer TEXT NOT NULL,
    UNIQUE (item, reader, round, fault, answer));
"""
_JSON = ("p", "flags", "versions", "answer")
_WAIT_S = 10


class Workspace:
    """A review on disk; one process writes at a time.

    Args:
        folder: of the review; made if it is not there.
        key: of ids and seals; it must not lie in the folder, see ``text.keyed``.
        anchor: of the log; default a file beside it.

    Raises:
        HatespeechError: the folder cannot be used.
    """

    def __init__(self, folder: Path, key: bytes, anchor: Anchor | None = None) -> None:
        self.folder, self.key = folder, key
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HatespeechError(f"{folder}: cannot be used ({error.strerror})") from error
        self.log = VerdictLog(folder / "log.jsonl", anchor or FileAnchor(folder / "log.head"), key)

    @cached_property
    def _db(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.folder / "review.sqlite", timeout=_WAIT_S, isolation_level=None)
        db.row_factory = sqlite3.Row
        with _explained(self.folder):
            db.execute("PRAGMA secure_delete = ON")
            db.executescript(_TABLES)
        return db

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is changed within is kept as a whole or not at all, and no other process writes meanwhile."""
        with _explained(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # Settings and items

    @property
    def settings(self) -> Settings:
        """See ``Settings``.

        Raises:
            HatespeechError: nothing was ever pushed.
        """
        row = self._db.execute("SELECT value FROM settings WHERE name = 'settings'").fetchone()
        if row is None:
            raise HatespeechError(f"{self.folder}: nothing has been pushed yet; begin with hatespeech-no review push")
        data = json.loads(row["value"])
        twice = tuple(Tier(tier) for tier in data.pop("twice"))
        kind, place = data.pop("desk")
        return Settings(**data | {"readers": tuple(data["readers"])}, twice=twice, desk=(kind, place))

    def keep_settings(self, settings: Settings) -> None:
        """Replace the settings."""
        self._db.execute("REPLACE INTO settings VALUES ('settings', ?)", [json.dumps(asdict(settings))])

    def add(self, batch: Batch, sides: Sequence[Side], items: Sequence[Item], members: Mapping[str, str]) -> None:
        """Take in what a push chose.

        Args:
            batch: the push.
            sides: of the items.
            items: their texts.
            members: item by the keyed id of each text that it stands for.
        """
        row = [batch.id, batch.at.isoformat(), json.dumps(dict(batch.tiers))]
        self._db.execute("INSERT INTO batches VALUES (?, ?, ?)", row)
        self._db.executemany(
            f"INSERT INTO items VALUES ({', '.join('?' * 11)}, 0)",  # noqa: S608 - marks alone
            [side.cells for side in sides],
        )
        self._db.executemany("INSERT INTO texts VALUES (?, ?, ?)", [(i.id, i.text, i.thread) for i in items])
        self._db.executemany("INSERT OR IGNORE INTO members VALUES (?, ?)", members.items())

    @property
    def batches(self) -> list[Batch]:
        """All pushes, oldest first."""
        rows = self._db.execute("SELECT id, at, tiers FROM batches ORDER BY rowid").fetchall()
        tiers = [{Tier(tier): n for tier, n in json.loads(row["tiers"]).items()} for row in rows]
        return [Batch(r["id"], datetime.fromisoformat(r["at"]), t) for r, t in zip(rows, tiers, strict=True)]

    def sides(self) -> dict[str, Side]:
        """The side table, by item."""
        return {row["id"]: Side.of(row) for row in self._db.execute("SELECT * FROM items ORDER BY rowid")}

    def members(self) -> dict[str, str]:
        """Item by the keyed id of each text that it stands for."""
        return dict(self._db.execute("SELECT id, item FROM members").fetchall())

    # Who reads what

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """Give items to readers."""
        rows = [[getattr(one, f.name) for f in fields(Assignment)] for one in assignments]
        self._db.executemany("INSERT INTO assignments VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def assignments(self) -> list[Assignment]:
        """Who was given what, in order of queues and places."""
        rows = self._db.execute("SELECT * FROM assignments ORDER BY queue, reader, place").fetchall()
        return [Assignment(*row) for row in rows]

    def mark_delivered(self, reader: str, queue: str) -> None:
        """Remember that a queue is on its reader's desk, complete."""
        self._db.execute("INSERT OR IGNORE INTO delivered VALUES (?, ?)", [reader, queue])

    def delivered(self) -> set[tuple[str, str]]:
        """Readers and queues that are on the desk."""
        return {(row[0], row[1]) for row in self._db.execute("SELECT reader, queue FROM delivered")}

    def texts(self) -> dict[str, Item]:
        """The texts that are still kept, by item, without notes."""
        return {row["item"]: Item(*row) for row in self._db.execute("SELECT item, text, thread FROM texts")}

    # What came back

    def readings(self) -> dict[str, list[Reading]]:
        """The readings in the log, by item and in order.

        Raises:
            HatespeechError: the log was changed.
        """
        found: dict[str, list[Reading]] = defaultdict(list)
        for entry in self.log.entries():
            if entry["kind"] == "reading":
                found[entry["item"]].append(Reading.of(entry))
        return dict(found)

    def keep_reason(self, place: Place, reason: str) -> None:
        """Keep a reader's reason."""
        self._db.execute("REPLACE INTO reasons VALUES (?, ?, ?, ?)", [*place, reason])

    def reasons(self) -> dict[Place, str]:
        """Reasons by item, reader and round."""
        return {(row[0], row[1], row[2]): row[3] for row in self._db.execute("SELECT * FROM reasons")}

    def quarantine(self, answer: Answer, fault: Fault, detail: str) -> bool:
        """Put an answer aside; whether it was not there yet."""
        data = json.dumps(asdict(answer), default=str, sort_keys=True)
        row = [answer.item, answer.reader, answer.round, str(fault), detail, data]
        return self._db.execute("INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)", row).rowcount > 0

    def quarantined(self) -> list[tuple[Place, Fault, str]]:
        """Answers put aside: where from, why, and in which question."""
        rows = self._db.execute("SELECT * FROM quarantine ORDER BY rowid").fetchall()
        return [((row["item"], row["reader"], row["round"]), Fault(row["fault"]), row["detail"]) for row in rows]

    # Deleting

    def mark_exported(self, items: Collection[str]) -> None:
        """Remember that a corpus holds these items."""
        self._db.executemany("UPDATE items SET exported = 1 WHERE id = ?", [[item] for item in items])

    def exported(self) -> set[str]:
        """Items that a corpus holds."""
        return {row["id"] for row in self._db.execute("SELECT id FROM items WHERE exported")}

    def erase(self, items: Collection[str]) -> None:
        """Delete texts, notes, reasons and quarantined answers of items, from the file as well."""
        with self.writing():
            for table in ("texts", "reasons", "quarantine"):
                self._db.executemany(f"DELETE FROM {table} WHERE item = ?", [[i] for i in items])  # noqa: S608
            self._db.executemany("UPDATE assignments SET notes = NULL WHERE item = ?", [[i] for i in items])
        with _explained(self.folder):
            self._db.execute("VACUUM")

    def everything_about(self, item: str) -> dict[str, Any]:
        """All that is kept about one item, in plain values."""
        columns = {"items": "id", **dict.fromkeys(("texts", "assignments", "reasons", "quarantine"), "item")}
        found: dict[str, Any] = {}
        for table, column in columns.items():
            rows = self._db.execute(f"SELECT * FROM {table} WHERE {column} = ?", [item])  # noqa: S608
            found[table] = [{n: json.loads(row[n]) if n in _JSON else row[n] for n in row.keys()} for row in rows]  # noqa: SIM118
        return found | {"log": [entry for entry in self.log.entries() if entry.get("item") == item]}


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        busy = "locked" in str(error)
        why = "another push or pull is running; wait for it" if busy else f"cannot be used ({error}); nothing changed"
        raise HatespeechError(f"{folder}: {why}") from error
