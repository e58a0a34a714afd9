"""Refuse cases that break the codebook, contradict their function, or differ from the rules without a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from hatespeech_no.norhatecheck.suite import Case, Function
from hatespeech_no.statement import Elements
from hatespeech_no.taxonomy import Conduct
from hatespeech_no.triage import triage_statement

SERVED = ("nb", "nn", "en")
_GROUND_FREE = (Conduct.NONE, Conduct.INCITEMENT, Conduct.THREAT)


def check_cases(cases: Sequence[Case], functions: dict[str, Function]) -> list[str]:
    """What is wrong with a suite: one line per fault, empty if nothing is."""
    faults = [f"{case.statement.id}: {fault}" for case in cases for fault in _case_faults(case, functions)]
    return [*faults, *_repeated(cases), *_twins(cases), *_pairs(cases)]


def _case_faults(case: Case, functions: dict[str, Function]) -> Iterator[str]:
    function = functions.get(case.function)
    if function is None:
        yield f"there is no function {case.function!r}"
        return
    if function.gold != "mixed" and case.hateful is not (function.gold == "hateful"):
        yield f"hateful is {case.hateful}, its function {function.id} says {function.gold}"
    for elements in case.parts:
        yield from _element_faults(elements)
    yield from _span_faults(case)
    ruled = triage_statement(case.statement, language_served=case.statement.language in SERVED)
    if (ruled.tier == case.tier) == bool(case.rule_gap):
        agree = "agree; take rule_gap away" if case.rule_gap else f"say {ruled.tier} by {'+'.join(ruled.rules)}"
        yield f"its tier is {case.tier}, the rules {agree}"


def _element_faults(elements: Elements) -> Iterator[str]:
    explicit = elements.get("ground_explicit")
    if elements.grounds and explicit is None:
        yield "has a ground without saying whether the text shows it"
    if not elements.grounds and explicit is not None:
        yield "says whether the text shows a ground without having one"
    if elements.get("hateful") and not elements.grounds:
        yield "is hateful without a ground"
    conduct = next(iter(elements.conduct)) if elements.conduct else None
    if conduct is not None and conduct not in _GROUND_FREE and not elements.grounds:
        yield f"has conduct {conduct} without a ground"
    if conduct is Conduct.DEROGATION and elements.get("abusive") is False:
        yield "is a slur or an insult and not abusive"


def _span_faults(case: Case) -> Iterator[str]:
    position, text = 0, case.statement.text
    for passage in case.statement.passages:
        if text[position : passage.start].strip() or passage.start < position:
            yield f"passages overlap or leave text out before character {passage.start}"
        position = passage.end
    if case.statement.passages and text[position:].strip():
        yield "passages leave out the end of the text"


def _repeated(cases: Sequence[Case]) -> Iterator[str]:
    seen: dict[object, str | None] = {}
    for case in cases:
        for key in (case.statement.id, (case.statement.text, case.statement.circumstances)):
            if key in seen:
                yield f"{case.statement.id}: is the same as {seen[key]}"
            seen[key] = case.statement.id


def _twins(cases: Sequence[Case]) -> Iterator[str]:
    for twin, members in _grouped(cases, "twin").items():
        languages = [case.statement.language for case in members]
        if len(members) < 2 or len(set(languages)) < len(languages):
            yield f"twin {twin}: has languages {languages}"
        if len({(c.tier, c.hateful, c.function) for c in members}) > 1:
            yield f"twin {twin}: its members are labelled differently"


def _pairs(cases: Sequence[Case]) -> Iterator[str]:
    for pair, members in _grouped(cases, "pair").items():
        labels = {(c.tier, c.hateful, repr(c.parts), c.statement.circumstances) for c in members}
        if len(labels) < 2:
            yield f"pair {pair}: its members do not differ"


def _grouped(cases: Sequence[Case], by: str) -> dict[str, list[Case]]:
    groups = defaultdict(list)
    for case in cases:
        key = case.twin if by == "twin" else case.statement.pair
        if key is not None:
            groups[key].append(case)
    return groups
