"""From a source's own labels to elements of the codebook, as its descriptor declares."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from hatespeech_no.corpora.descriptor import Descriptor
from hatespeech_no.errors import HatespeechError
from hatespeech_no.statement import Elements, LabelledPassage
from hatespeech_no.taxonomy import YES_NO, Context, Ground

_ELEMENT_COLUMNS = (*YES_NO, "conduct", "grounds", "target", "context")


class Labeller:
    """Maps the rows of one corpus to elements; a row the source says nothing about maps to ``None``."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self._combined = lru_cache(maxsize=4096)(self._combine)

    def elements(self, row: Mapping[str, Any]) -> Elements | None:
        """The elements of a row's text.

        Raises:
            HatespeechError: a column is missing, a group is not declared, or rules contradict.
        """
        if self._descriptor.codebook:
            return codebook_elements(row)
        hits = tuple(i for i, rule in enumerate(self._descriptor.labels) if matches(rule.when, row))
        return self._combined(hits, self._groups(row))

    def _combine(self, hits: tuple[int, ...], grounds: frozenset[Ground] | None) -> Elements | None:
        result = Elements()
        for i in hits:
            result = result.merged(Elements.of(**self._descriptor.labels[i].set))
        if grounds is not None and self._descriptor.groups is not None:
            exhaustive = self._descriptor.groups.exhaustive
            marks = grounds if exhaustive else dict.fromkeys(grounds, True)
            result = result.merged(Elements.of(grounds=marks))
        return result if result.answers or result.conduct else None

    def _groups(self, row: Mapping[str, Any]) -> frozenset[Ground] | None:
        groups = self._descriptor.groups
        if groups is None or not matches(groups.when, row):
            return None
        cell = _cell(row, groups.column)
        try:
            if groups.listed == "brackets":
                names = ast.literal_eval(cell)
            else:
                names = [cell] if groups.listed == "one" else cell.split(groups.listed)
            if groups.others == "unknown":
                known = [name for name in names if name in groups.values]
                if groups.exhaustive and len(known) < len(names):
                    return None
                names = known
            return frozenset(ground for name in names for ground in groups.values[name])
        except KeyError as error:
            raise HatespeechError(f"field {groups.column!r}: group {error} has no ground in the descriptor") from error
        except (ValueError, SyntaxError) as error:
            raise HatespeechError(f"field {groups.column!r}: {cell[:60]!r} is not a list") from error


def codebook_elements(row: Mapping[str, Any]) -> Elements | None:
    """Elements of a row whose fields are named after the codebook; its lists are complete."""
    spec = {name: row[name] for name in _ELEMENT_COLUMNS if row.get(name) is not None}
    for name in YES_NO:
        if not isinstance(spec.get(name, True), bool):
            raise HatespeechError(f"field {name!r}: {spec[name]!r} is neither true nor false")
    if not spec:
        return None
    elements = Elements.of(**spec)
    disputed = frozenset(row.get("disputed") or ())
    return replace(elements, disputed=disputed | _disputed_shield(elements, disputed))


def _disputed_shield(elements: Elements, disputed: frozenset[str]) -> frozenset[str]:
    """Whether the other reader's contexts give another answer to ``shield``."""
    shields = [f"context_{c}" for c in Context if c.is_shield]
    theirs = any(elements.get(name) is not (name in disputed) for name in shields if elements.get(name) is not None)
    known = elements.get("shield")
    return frozenset({"shield"}) if known is not None and theirs is not known else frozenset()


def codebook_passages(row: Mapping[str, Any], text: str) -> tuple[LabelledPassage, ...]:
    """The labelled passages of a row whose fields are named after the codebook.

    Raises:
        HatespeechError: a span lies outside the text.
    """
    passages = []
    for part in row.get("passages") or ():
        start, end = int(part["start"]), int(part["end"])
        if not 0 <= start < end <= len(text):
            raise HatespeechError(f"field 'passages': span {start}:{end} is not within the text (0:{len(text)})")
        passages.append(LabelledPassage(start, end, codebook_elements(part) or Elements()))
    return tuple(passages)


def matches(when: Mapping[str, str | list[str]], row: Mapping[str, Any]) -> bool:
    """Whether every column of ``when`` has (one of) the values given; a star stands for any characters."""
    return all(
        any(_fits(_cell(row, column), value) for value in (wanted if isinstance(wanted, list) else (wanted,)))
        for column, wanted in when.items()
    )


def _fits(cell: str, wanted: str) -> bool:
    return cell == wanted or ("*" in wanted and _pattern(wanted).fullmatch(cell) is not None)


@lru_cache
def _pattern(wanted: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, wanted.split("*"))), re.DOTALL)


def _cell(row: Mapping[str, Any], column: str) -> str:
    try:
        return str(row[column]).strip()
    except KeyError:
        raise HatespeechError(f"there is no field {column!r}; there are {sorted(row)}") from None
