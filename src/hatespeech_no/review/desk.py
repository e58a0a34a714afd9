"""Where people read: what is put on a reader's desk, and what comes back from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from hatespeech_no.text.keyed import keyed_id

QUEUE_SIZE = 100
"""Most items of a queue: people finish these, and a page with more opens slowly."""

MOST_OPTIONS = 10

Round = Literal["first", "adjudication", "reveal"]
"""``first``: blind, each reader alone. ``adjudication``: two verdicts differ and are shown.
``reveal``: the final verdict differs from the model's view, which is shown."""


@dataclass(frozen=True, slots=True)
class Item:
    """All that a reader sees of a statement.

    Attributes:
        id: keyed, see ``text.keyed``.
        text: pseudonymised.
        thread: what it answers, pseudonymised; ``None`` = nothing or unknown.
        notes: what a later round shows besides; always ``None`` in the first.
    """

    id: str
    text: str
    thread: str | None = None
    notes: str | None = None

    def shown(self, key: bytes) -> str:
        """Keyed digest of what the reader sees, 16 hexadecimal digits; see ``keyed_id``.

        Spaces and line breaks count alike: a spreadsheet changes them when it saves.
        """
        parts = [" ".join((part or "").split()) for part in (self.text, self.thread, self.notes)]
        return keyed_id(json.dumps(parts), key)


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a reader.

    Attributes:
        name: identifier; the same in every language.
        title: in the reader's language.
        options: identifier and name of each, at most ``MOST_OPTIONS``.
        several: whether several may be chosen.
    """

    name: str
    title: str
    options: Mapping[str, str]
    several: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one item from one reader, unchecked.

    Attributes:
        item: id of the item.
        reader: who it claims to be from.
        completed_by: who the server, or the owner of the file, says it is from.
        round: see ``Round``; whatever came back.
        values: chosen options by question; a question without an answer is absent.
        reason: in the reader's own words.
        at: when, in UTC.
        shown: see ``Item.shown``.
    """

    item: str
    reader: str
    completed_by: str | None
    round: str
    values: Mapping[str, tuple[str, ...]]
    reason: str | None
    at: datetime
    shown: str


class Desk(Protocol):
    """Puts queues of items before readers and brings their answers back."""

    def push(
        self,
        queue: str,
        reader: str,
        round: Round,
        items: Sequence[Item],
        questions: Sequence[Question],
        progress: Callable[[int], None] = lambda done: None,
    ) -> int:
        """Put a queue before one reader; pushed again, nothing is stored twice.

        Args:
            queue: its opaque name.
            reader: whose it is; nobody else sees it.
            round: see ``Round``.
            items: at most ``QUEUE_SIZE``.
            questions: in the order they are asked.
            progress: called with the number of items done.

        Returns:
            How many items of the queue are stored now, counted there.
        """

    def pull(self) -> Iterator[Answer]:
        """Every answer that was given, in no particular order; the same ones at each call."""

    def erase(self, items: Collection[str]) -> None:
        """Delete the texts of these items, answered or not."""
