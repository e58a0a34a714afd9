"""A person's own labels for cases, and how far readers agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.norhatecheck.suite import Case
from hatespeech_no.statement import Elements
from hatespeech_no.tables import open_table, open_writer
from hatespeech_no.taxonomy import YES_NO, Conduct, Context, Ground, Target, Tier

_MANY: dict[str, Iterable[str]] = {"grounds": Ground, "target": Target, "context": Context}
FIELDS = (*YES_NO, "conduct", *_MANY, "tier")
"""What a reader answers for each case; several values are joined by a vertical bar."""

_ANSWERS = {
    **dict.fromkeys(("yes", "ja", "1", "true", "sann"), True),
    **dict.fromkeys(("no", "nei", "0", "false", "usann"), False),
}
_SHOWN = ("text", "thread", "publicity", "addressee_is_minor", "addressee_is_official", "repeated", "victim_aware")
_NOTES = ("comment", "reader", "sample")
Labels = dict[str, dict[str, Any]]


def write_sheet(path: Path, cases: Iterable[Case]) -> int:
    """Write an empty labelling sheet (CSV): the text, its circumstances and a column for each answer."""
    count = 0
    with open_writer(path, ("id", *_SHOWN, *FIELDS, "comment")) as write:
        for count, case in enumerate(cases, 1):  # noqa: B007 - counted
            s = case.statement
            around = {name: getattr(s, name) for name in _SHOWN}
            write({"id": s.id, **around, "thread": " ⏎ ".join(s.thread)})
    return count


def read_labels(path: Path, cases: Sequence[Case]) -> Labels:
    """The answers of a filled sheet, by case; a blank answer is left out, it is not a no.

    Raises:
        HatespeechError: names file, row and field.
    """
    known = {case.statement.id for case in cases}
    labels: Labels = {}
    with open_table(path, text_column="id") as table:
        for number, cells in table.rows():
            row = {str(name).strip().lower(): str(value or "").strip() for name, value in cells.items()}
            strays = row.keys() - {"id", *_SHOWN, *FIELDS, *_NOTES}
            if strays or "id" not in row:
                raise HatespeechError(f"{path}: columns {sorted(strays)} are not those of a sheet; keep its first line")
            if not any(row.values()):
                continue
            name = row["id"]
            if name not in known or name in labels:
                fault = "occurs twice" if name in labels else "is no case"
                raise HatespeechError(f"{path}, row {number}, field 'id': {name!r} {fault}")
            try:
                answers = {field: _answer(field, row[field]) for field in FIELDS if row.get(field)}
            except ValueError as error:
                raise HatespeechError(f"{path}, row {number}, {error}") from None
            if answers:
                labels[name] = answers
    return labels


def write_labels(path: Path, labels: Labels) -> None:
    """Write the answers of one reader, sorted by case."""
    with open_writer(path, ("id", *FIELDS)) as write:
        for name in sorted(labels):
            write({"id": name, **{field: _cell(labels[name].get(field)) for field in FIELDS}})


def gold_labels(cases: Iterable[Case]) -> Labels:
    """The suite's own labels in the form of a reader's, context as in any passage."""
    return {str(case.statement.id): _gold(case) for case in cases}


def agreement(one: Labels, other: Labels) -> dict[str, tuple[int, float, float]]:
    """For each field: cases both answered, share of the same answers, and Krippendorff's α.

    α is ordinal for conduct and tier, nominal else; of ``grounds``, ``target`` and ``context`` the whole
    set counts as one answer. Source: Krippendorff (2004), Content Analysis.
    """
    krippendorff = require("krippendorff", "train")
    result = {}
    for field in FIELDS:
        both = [
            (one[i][field], other[i][field]) for i in one.keys() & other.keys() if field in one[i] and field in other[i]
        ]
        if not both:
            continue
        values = [[_rank(field, a) for a, _ in both], [_rank(field, b) for _, b in both]]
        codes = {value: i for i, value in enumerate(sorted({v for row in values for v in row}, key=repr))}
        ordinal = field in ("conduct", "tier")
        data = np.array(values if ordinal else [[codes[v] for v in row] for row in values], dtype=float)
        alpha = (
            1.0
            if len(codes) == 1
            else krippendorff.alpha(data, level_of_measurement="ordinal" if ordinal else "nominal")
        )
        result[field] = (len(both), sum(a == b for a, b in both) / len(both), float(alpha))
    return result


def _gold(case: Case) -> dict[str, Any]:
    whole = case.statement.labels or Elements()
    context = frozenset(str(c) for part in case.parts for c in part.context)
    answers: dict[str, Any] = {name: whole.get(name) for name in YES_NO}
    answers["conduct"] = str(next(iter(whole.conduct))) if whole.conduct else None
    known = {"grounds": whole.get("ground_ethnicity"), "target": whole.get("target_person")}
    answers["grounds"] = None if known["grounds"] is None else frozenset(map(str, whole.grounds))
    answers["target"] = None if known["target"] is None else frozenset(map(str, whole.target))
    return {k: v for k, v in {**answers, "context": context, "tier": str(case.tier)}.items() if v is not None}


def _answer(field: str, text: str) -> Any:  # noqa: ANN401 - depends on the field
    if field in YES_NO:
        if text.lower() not in _ANSWERS:
            raise ValueError(f"field {field!r}: {text!r} is neither yes nor no")
        return _ANSWERS[text.lower()]
    if field not in _MANY:
        allowed: Iterable[str] = Conduct if field == "conduct" else Tier
        if text not in set(allowed):
            raise ValueError(f"field {field!r}: {text!r} is not one of {[str(a) for a in allowed]}")
        return text
    values = frozenset(part.strip() for part in text.split("|")) - {"none"}
    strays = values - {str(member) for member in _MANY[field]}
    if strays:
        raise ValueError(f"field {field!r}: {sorted(strays)} are not of the codebook; write none if there is none")
    return values


def _cell(value: Any) -> str:  # noqa: ANN401 - what _answer returns
    if isinstance(value, frozenset):
        return "|".join(sorted(value)) or "none"
    return {True: "yes", False: "no", None: ""}.get(value, value) if not isinstance(value, str) else value


def _rank(field: str, value: Any) -> Any:  # noqa: ANN401 - a number where the field is ordered
    if field == "conduct":
        return Conduct(value).severity
    if field == "tier":
        return Tier(value).rank
    return tuple(sorted(value)) if isinstance(value, frozenset) else value
