"""A second reading of a text that evades being read by a machine; the original is never overwritten.

Undone are: tags of markup, invisible characters and strokes within words, styled letters (𝐟𝐞𝐭), Cyrillic and Greek
look-alikes, spaced letters (k a f f e), digits and symbols for letters (k4ff3), stretched letters
(kaaaffe), aa/oe/ae for å/ø/æ, neighbouring words in capitals (DRIKK KAFFE), and emoji that stand for a
word. Masked letters (k*ffe) are left to the model: the letter cannot be known, and guessing it would take
a list of the words one expects. So are accents (káffè), words without gaps between them and texts turned
upside down or backwards.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from hatespeech_no.text.evasions import EVASIONS, Edit, hide_mentions


@dataclass(frozen=True, slots=True)
class View:
    """A text as meant, and where it stands in the original.

    Attributes:
        text: never empty.
        places: for each character the place in the original where it stands or what it replaces begins;
            in order, from 0. One more at the end: the length of the original.
    """

    text: str
    places: tuple[int, ...]

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the original that ``text[start:end]`` stands for, with what was removed after them."""
        if start == end:
            return self.places[start], self.places[start]
        # Several characters of the view may stand for one of the original.
        return self.places[start], max(self.places[end], self.places[end - 1] + 1)

    def from_original(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the view that stand for these of the original; none only if these are none."""
        first = bisect_left(self.places, self.places[bisect_right(self.places, start) - 1])
        return first, max(first, bisect_left(self.places, end)) if start < end else first

    def edited(self, edits: Iterable[Edit]) -> View:
        """The view with edits to its text, in order and without overlap."""
        parts: list[str] = []
        places: list[int] = []
        done = 0
        for start, end, new in edits:
            parts += [self.text[done:start], new]
            places += self.places[done:start]
            places += (self.places[min(start + i, end - 1)] for i in range(len(new)))
            done = end
        return View("".join([*parts, self.text[done:]]), (*places, *self.places[done:]))


def view_of(text: str) -> View | None:
    """The text with all evasions undone that a detector finds a sign of; ``None`` if there are none.

    Handles, links, addresses and long numbers are left as they are.
    """
    view = None
    for evasion in EVASIONS:
        current = text if view is None else view.text
        if evasion.sign.search(current) and (edits := list(evasion.undo(hide_mentions(current)))):
            view = (view or View(text, tuple(range(len(text) + 1)))).edited(edits)
    return None if view is None or view.text == text else view
