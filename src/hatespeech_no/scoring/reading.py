"""What of a statement is put before the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hatespeech_no.models.elements import Input
from hatespeech_no.statement import Statement
from hatespeech_no.text.passages import split_passages
from hatespeech_no.text.views import view_of


@dataclass(frozen=True, slots=True)
class Read:
    """A statement as it is read: its text and, where letters were disguised, the text without that.

    Attributes:
        statement: as given.
        places: its passages, in characters of the text; empty if there is no text.
        inputs: one or two, with the same passages each.
    """

    statement: Statement
    places: tuple[tuple[int, int], ...]
    inputs: tuple[Input, ...]

    @classmethod
    def of(cls, statement: Statement) -> Self:
        """Split a statement into passages and look for disguised words."""
        text, thread = statement.text, statement.thread
        places = tuple((part.start, part.end) for part in next(split_passages([text]))) if text.strip() else ()
        # Passages are scored on their own only where there are several.
        spans = places if len(places) > 1 else ()
        inputs = [Input(text, spans, thread)]
        if (view := view_of(text)) is not None:
            inputs.append(Input(view.text, tuple(view.from_original(*span) for span in spans), thread))
        return cls(statement, places, tuple(inputs))

    @property
    def rows(self) -> int:
        """Rows of scores that its inputs give."""
        return sum(1 + len(given.spans) for given in self.inputs)

    def split(self, rows: Sequence[int]) -> tuple[list[int], list[int]]:
        """The rows of whole texts and those of passages; a text of one passage is both."""
        each = len(rows) // len(self.inputs)
        wholes = list(rows[::each])
        return wholes, [row for row in rows if row not in wholes] or wholes
