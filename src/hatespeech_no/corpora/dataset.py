"""The typed form of a corpus: one Arrow row per statement, one nullable column per element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import require
from hatespeech_no.statement import YES_NO_CIRCUMSTANCES, Elements, LabelledPassage, Statement
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Publicity

if TYPE_CHECKING:
    from datasets import Dataset, Features


@lru_cache
def features() -> Features:
    """Column types. Elements are nullable booleans (null = unknown); conduct is a list of possible values."""
    types = require("datasets", "train")
    value, many = types.Value, types.List
    labels = {**{name: value("bool") for name in ELEMENTS}, "conduct": many(value("string"))}
    labels["disputed"] = many(value("string"))
    return types.Features(
        {
            **{name: value("string") for name in ("id", "text", "language", "corpus", "pair", "publicity")},
            **{name: value("bool") for name in ("ordinary", *YES_NO_CIRCUMSTANCES)},
            "thread": many(value("string")),
            **labels,
            "passages": many({"start": value("int32"), "end": value("int32"), **labels}),
        }
    )


def to_dataset(
    statements: Iterable[Statement],
    corpus: str,
    *,
    ordinary: bool = False,
    suite: Mapping[str, Sequence[str | None]] | None = None,
) -> Dataset:
    """The statements of one corpus as an in-memory Arrow dataset.

    Args:
        statements: any number.
        corpus: its name.
        ordinary: see ``Descriptor``.
        suite: the columns that only suites have, see ``Columns``.
    """
    types, suite = require("datasets", "train"), suite or {}
    rows = [{**_to_row(statement, corpus), "ordinary": ordinary} for statement in statements]
    columns = {name: [row.get(name) for row in rows] for name in features()}
    kinds = types.Features({**features(), **dict.fromkeys(suite, types.Value("string"))})
    return types.Dataset.from_dict({**columns, **suite}, features=kinds)


def statement_from_row(row: Mapping[str, Any]) -> Statement:
    """A statement from a row of ``to_dataset``."""
    return Statement(
        text=row["text"],
        id=row["id"],
        language=row["language"],
        labels=_elements(row),
        passages=tuple(LabelledPassage(p["start"], p["end"], _elements(p) or Elements()) for p in row["passages"]),
        pair=row["pair"],
        publicity=Publicity(row["publicity"]),
        thread=tuple(row["thread"]),
        **{name: row[name] for name in YES_NO_CIRCUMSTANCES},
    )


def _to_row(statement: Statement, corpus: str) -> dict[str, Any]:
    return {
        "id": statement.id,
        "text": statement.text,
        "language": statement.language,
        "corpus": corpus,
        "pair": statement.pair,
        "publicity": str(statement.publicity),
        **{name: getattr(statement, name) for name in YES_NO_CIRCUMSTANCES},
        "thread": list(statement.thread),
        **_label_columns(statement.labels),
        "passages": [{"start": p.start, "end": p.end, **_label_columns(p.elements)} for p in statement.passages],
    }


def _label_columns(elements: Elements | None) -> dict[str, Any]:
    if elements is None:
        return {**dict.fromkeys((*ELEMENTS, "conduct")), "disputed": []}
    conduct = None if elements.conduct is None else sorted(str(c) for c in elements.conduct)
    return {
        **{name: elements.get(name) for name in ELEMENTS},
        "conduct": conduct,
        "disputed": sorted(elements.disputed),
    }


def _elements(row: Mapping[str, Any]) -> Elements | None:
    answers = {name: row[name] for name in ELEMENTS if row[name] is not None}
    conduct = frozenset(Conduct(c) for c in row["conduct"]) if row["conduct"] else None
    return Elements(answers, conduct, frozenset(row["disputed"])) if answers or conduct else None
