"""Rows that cannot be used: what is wrong with each, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hatespeech_no.taxonomy import Lang, Named

LONGEST_TEXT = 100_000
"""Characters of the longest text that is read; no platform allows a longer comment."""


class Problem(Named):
    """What can be wrong with a row, in the words shown to people."""

    FIELDS = "fields", "antall felt er et annet enn i overskriften", "has another number of fields than the header"
    QUOTE = "quote", "et anførselstegn er ikke lukket riktig", "a quotation mark is not closed properly"
    NOT_JSON = "not_json", "linjen er ikke et JSON-objekt", "the line is not a JSON object"
    NO_FIELD = "no_field", "feltet mangler", "the field is missing"
    EXTRA_FIELD = (
        "extra_field",
        "feltet finnes ikke i første rad; skriv til .jsonl i stedet",
        "the field is not in the first row; write to .jsonl instead",
    )
    NOT_TEXT = "not_text", "verdien er ikke en tekst", "the value is not a text"
    BAD_BYTES = "bad_bytes", "inneholder tegn som ikke kan leses", "holds characters that cannot be read"
    NUL = "nul", "inneholder et NUL-tegn", "holds a NUL character"
    TOO_LONG = (
        "too_long",
        f"teksten er over {LONGEST_TEXT} tegn; del den opp",
        f"the text is over {LONGEST_TEXT} characters; split it",
    )
    TOO_LONG_FOR_CELL = (
        "too_long_for_cell",
        "teksten får ikke plass i en regnearkcelle; skriv til .csv i stedet",
        "the text does not fit a spreadsheet cell; write to .csv instead",
    )
    OTHER_TYPE = (
        "other_type",
        "verdien er av en annen type enn i radene før; skriv til .jsonl i stedet",
        "the value has another type than in the rows before; write to .jsonl instead",
    )
    TAKEN = (
        "taken",
        "feltet ville bli overskrevet; gi det et annet navn",
        "the field would be overwritten; rename it",
    )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is left out.

    Attributes:
        row: its number, the first data row being 1; blank lines are not counted. ``None`` where rows have none.
        problem: what is wrong.
        field: the field that is wrong, ``None`` if it is the row as a whole.
        raw: what stands there, as far as it can be shown.
        file: where it stands, if it is one file of a folder.
    """

    row: int | None
    problem: Problem
    field: str | None = None
    raw: str = ""
    file: str | None = None

    def explain(self, lang: Lang = "en") -> str:
        """One line that says what is wrong, and where."""
        row = "" if self.row is None else f"{'rad' if lang == 'nb' else 'row'} {self.row}"
        field = "" if self.field is None else f"{'felt' if lang == 'nb' else 'field'} {self.field!r}"
        place = ", ".join(filter(None, (row, field)))
        return f"{place}: {self.problem.label(lang)}" if place else self.problem.label(lang)


def problem_with(row: Mapping[str, Any]) -> tuple[Problem, str] | None:
    """What keeps the values of a row from being stored as text, and in which field; ``None`` if nothing."""
    for name, value in row.items():
        for part in (name, value):
            if (problem := _problem_in(part)) is not None:
                return problem, name
    return None


def _problem_in(value: Any) -> Problem | None:  # noqa: ANN401 - anything a cell holds
    if isinstance(value, str):
        return problem_with_text(value)
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((problem for part in parts if (problem := _problem_in(part)) is not None), None)


def problem_with_text(text: str) -> Problem | None:
    """What keeps a text from being scored and stored; ``None`` if nothing."""
    if "\0" in text:
        return Problem.NUL
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # half a surrogate pair, or a byte that could not be decoded
            return Problem.BAD_BYTES
    return Problem.TOO_LONG if len(text) > LONGEST_TEXT else None
