"""Checks on answers, from readings to verdicts, and what they say of readers and the model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from scipy.stats import beta

from hatespeech_no.review.agreement import agreement
from hatespeech_no.review.checks import Fault, fault
from hatespeech_no.review.desk import MOST_OPTIONS, Answer, Item
from hatespeech_no.review.measures import missed, precision, proportion
from hatespeech_no.review.questions import SEVERAL, questions
from hatespeech_no.review.records import Batch, Side
from hatespeech_no.review.verdicts import Reading, Stage, stage, verdict
from hatespeech_no.taxonomy import Conduct, Context, Ground, Target, Tier

KEY = b"key of the tests"
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
CODES = {
    "conduct": ("stereotype",),
    "grounds": ("ethnicity",),
    "target": ("people",),
    "shields": ("none",),
    "descriptions": ("political_debate",),
    "hateful": ("yes",),
    "tier": ("lawful_hate",),
}
ITEM = Item("a1", "en tekst", "en tråd")
ANSWER = Answer("a1", "r1", "r1", "first", CODES, None, AT, ITEM.shown(KEY))
SHOWN = {("a1", "r1", "first"): ITEM.shown(KEY)}


def reading(reader: str = "r1", round_: str = "first", **codes: object) -> Reading:
    given = {name: (value,) if isinstance(value, str) else value for name, value in codes.items()}
    return Reading("a1", reader, round_, {**CODES, **given}, AT)


# --- questions and checks


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_questions_cover_the_codebook_within_the_limit_of_options(lang):
    asked = {question.name: question for question in questions(lang)}
    assert all(len(question.options) <= MOST_OPTIONS for question in asked.values())
    members = {"conduct": Conduct, "grounds": Ground, "target": Target, "tier": Tier}
    assert all({str(m) for m in kind} <= asked[name].options.keys() for name, kind in members.items())
    assert {str(c) for c in Context} <= asked["shields"].options.keys() | asked["descriptions"].options.keys()
    assert {name for name, question in asked.items() if question.several} == SEVERAL
    assert all(len(set(question.options.values())) == len(question.options) for question in asked.values())


def test_languages_differ_in_words_alone():
    for nb, en in zip(questions("nb"), questions("en"), strict=True):
        assert (nb.name, list(nb.options), nb.several) == (en.name, list(en.options), en.several)
        assert nb.title != en.title


def test_what_was_shown_hangs_on_words_and_key_but_not_on_spaces():
    assert ITEM.shown(KEY) == Item("b", "en  tekst\r\n", "en\ttråd").shown(KEY)
    assert ITEM.shown(KEY) != ITEM.shown(b"another")
    changes = [{"text": "en annen"}, {"thread": None}, {"notes": "merk"}]
    assert all(replace(ITEM, **change).shown(KEY) != ITEM.shown(KEY) for change in changes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"item": "other"}, Fault.UNKNOWN_ITEM),
        ({"reader": "r2", "completed_by": "r2"}, Fault.UNKNOWN_ITEM),
        ({"round": "reveal"}, Fault.UNKNOWN_ITEM),
        ({"completed_by": "r2"}, Fault.OTHER_SOURCE),
        ({"completed_by": None}, Fault.NO_SOURCE),
        ({"shown": "0" * 16}, Fault.OTHER_TEXT),
        ({"values": {**CODES, "mood": ("bad",)}}, Fault.NO_QUESTION),
        ({"values": {**CODES, "tier": ("illegal",)}}, Fault.NO_OPTION),
        ({"values": {**CODES, "tier": ("protected", "uncertain")}}, Fault.TOO_MANY),
        ({"values": {**CODES, "grounds": ("ethnicity", "none")}}, Fault.TOO_MANY),
        ({"values": {**CODES, "grounds": ("ethnicity", "religion")}}, None),
        ({"values": {"tier": ("protected",)}}, Fault.INCOMPLETE),
        ({"values": {**CODES, "hateful": ()}}, Fault.INCOMPLETE),
    ],
)
def test_each_fault_is_found(change, expected):
    wrong = fault(replace(ANSWER, **change), SHOWN, questions())
    assert (wrong[0] if wrong else None) is expected
    if expected is not None:
        assert all(expected.label(lang) for lang in ("nb", "en"))


# --- stages and verdicts


@pytest.mark.parametrize(
    ("readings", "model", "assigned", "expected"),
    [
        ([], "protected", 1, Stage.READING),
        ([reading()], "lawful_hate", 1, Stage.DONE),
        ([reading()], "protected", 1, Stage.REVEAL),
        ([reading(tier="actionable")], "protected", 1, Stage.SECOND),
        ([reading()], "actionable", 2, Stage.READING),
        ([reading(), reading("r2")], "actionable", 2, Stage.REVEAL),
        ([reading(), reading("r2", tier="protected")], "actionable", 2, Stage.ADJUDICATION),
        ([reading(), reading("r2", hateful="no")], "lawful_hate", 2, Stage.ADJUDICATION),
        ([reading(), reading("r2", conduct="derogation")], "lawful_hate", 2, Stage.DONE),
        ([reading(), reading("r2", tier="protected"), reading("r3", "adjudication")], "lawful_hate", 2, Stage.DONE),
        ([reading(), reading("r1", "reveal", tier="protected")], "protected", 1, Stage.DONE),
        ([reading()], "lawful_hate", 2, Stage.READING),  # a decoy that a second reader has yet to read
    ],
)
def test_what_an_item_waits_for(readings, model, assigned, expected):
    assert stage(readings, Tier(model), assigned, {Tier.ACTIONABLE}) is expected


def test_nothing_needs_two_readers_if_no_tier_does():
    assert stage([reading(tier="actionable")], Tier.ACTIONABLE, 1, ()) is Stage.DONE


def test_one_reading_is_the_verdict():
    found = verdict([reading(conduct="unknown", shields=("quotation", "negation"))])
    assert (found.tier, found.blind, found.readers) == (Tier.LAWFUL_HATE, Tier.LAWFUL_HATE, 1)
    assert found.elements.conduct is None
    assert found.elements.grounds == (Ground.ETHNICITY,)
    assert found.elements.get("ground_religion") is False
    assert found.elements.get("shield") is True
    assert set(found.elements.context) == {Context.QUOTATION, Context.NEGATION, Context.POLITICAL_DEBATE}


def test_what_two_readers_see_differently_is_unknown_and_never_no():
    found = verdict([reading(), reading("r2", conduct="derogation", grounds=("ethnicity", "religion"))])
    assert found.elements.conduct == {Conduct.STEREOTYPE, Conduct.DEROGATION}
    assert found.elements.get("ground_ethnicity") is True
    assert found.elements.get("ground_religion") is None
    assert found.soft["ground_religion"] == 0.5
    assert found.soft["conduct_derogation"] == 0.5
    assert found.soft["hateful"] == 1.0


def test_who_cannot_tell_has_no_vote():
    found = verdict([reading(grounds="unknown"), reading("r2")])
    assert found.elements.get("ground_ethnicity") is None
    assert found.soft["ground_ethnicity"] == 1.0


def test_the_adjudicator_settles_and_what_readers_saw_differently_stays_marked():
    both = [reading(), reading("r2", tier="protected", hateful="no", conduct="none", grounds="none")]
    found = verdict([*both, reading("r3", "adjudication", tier="uncertain", conduct="none")])
    assert (found.tier, found.blind) == (Tier.UNCERTAIN, Tier.UNCERTAIN)
    assert found.elements.get("hateful") is True
    assert found.elements.disputed == {"hateful", "ground_ethnicity", "conduct_stereotype"}
    assert found.readers == 2


def test_the_reveal_changes_what_is_handed_on_and_not_what_was_said_blind():
    found = verdict([reading(), reading("r1", "reveal", tier="actionable")])
    assert (found.tier, found.blind) == (Tier.ACTIONABLE, Tier.LAWFUL_HATE)


@pytest.mark.parametrize("seed", range(60))
def test_verdicts_always_fit_the_codebook(seed):
    rng = np.random.default_rng(seed)

    def some(question):
        options = [*question.options]
        if not question.several or rng.random() < 0.4:
            return (str(rng.choice(options)),)
        return tuple(map(str, rng.choice([o for o in options if o not in ("none", "unknown")], 2, replace=False)))

    readings = [
        Reading("a1", f"r{i}", round_, {q.name: some(q) for q in questions()}, AT)
        for i, round_ in enumerate(["first", "first", "adjudication"][: rng.integers(1, 4)])
    ]
    found = verdict(readings)
    assert all(0 <= share <= 1 for share in found.soft.values())
    if len(readings) < 3:
        assert all(found.soft[n] == float(yes) for n, yes in found.elements.answers.items() if n in found.soft)


# --- agreement


def slow_alpha(pairs: list[tuple[int, int]], ordinal: bool) -> float:
    """Krippendorff (2004), by the coincidence matrix, in loops."""
    values = sorted({v for pair in pairs for v in pair})
    o = dict.fromkeys(product(values, values), 0.0)
    for a, b in pairs:
        o[a, b] += 1
        o[b, a] += 1
    n_of = {v: sum(o[v, w] for w in values) for v in values}
    n = sum(n_of.values())

    def delta(a: int, b: int) -> float:
        if not ordinal:
            return float(a != b)
        low, high = min(a, b), max(a, b)
        return (sum(n_of[v] for v in values if low <= v <= high) - (n_of[low] + n_of[high]) / 2) ** 2

    seen = sum(o[a, b] * delta(a, b) for a, b in product(values, values)) / n
    expected = sum(n_of[a] * n_of[b] * delta(a, b) for a, b in product(values, values)) / (n * (n - 1))
    return 1 - seen / expected


def test_alpha_is_krippendorffs():
    rng = np.random.default_rng(0)
    tiers = [(int(a), int(min(3, max(0, a + rng.integers(-1, 2))))) for a in rng.integers(4, size=40)]
    names, words = list(Tier), ["no", "yes"]
    readings = [
        [
            reading("r1", tier=str(names[a]), hateful=words[a % 2]),
            reading("r2", tier=str(names[b]), hateful=words[b % 2]),
        ]
        for a, b in tiers
    ]
    found = agreement([*readings, [reading("r1")], []], resamples=50)
    assert found["tier"].value == pytest.approx(slow_alpha(tiers, ordinal=True))
    assert found["hateful"].value == pytest.approx(slow_alpha([(a % 2, b % 2) for a, b in tiers], ordinal=False))
    assert found["tier"].n == 40
    assert found["tier"].lo < found["tier"].value < found["tier"].hi
    assert "grounds" not in found  # all alike: there is nothing to agree about


# --- the model against people


_VERDICTS = {str(tier): verdict([reading(tier=str(tier))]) for tier in Tier}


def sides_and_verdicts(rows: list[tuple[str, str, str, str]]) -> tuple[dict, dict]:
    """From batch, purpose, the model's tier and the verdict's."""
    sides, verdicts = {}, {}
    for i, (batch, purpose, model, human) in enumerate(rows):
        name = f"i{i}"
        sides[name] = Side(
            id=name, batch=batch, purpose=purpose, inclusion=1.0, tier=Tier(model), p={}, flags=(), language=None,
            count=1, versions={}, at=AT,
        )  # fmt: skip
        verdicts[name] = replace(_VERDICTS[human], item=name)
    return sides, verdicts


def test_precision_counts_what_was_chosen_for_it():
    flagged = [("b", "flagged", "actionable", "actionable")] * 7 + [("b", "flagged", "actionable", "lawful_hate")] * 3
    rest = [("b", "active", "actionable", "protected")] * 5 + [("b", "audit", "protected", "protected")] * 4
    found = precision(*sides_and_verdicts(flagged + rest))
    assert (found[Tier.ACTIONABLE].value, found[Tier.ACTIONABLE].n) == (0.7, 10)
    assert found[Tier.ACTIONABLE].lo == pytest.approx(beta.ppf(0.025, 7, 4))
    assert found[Tier.ACTIONABLE].hi == pytest.approx(beta.ppf(0.975, 8, 3))
    assert found[Tier.PROTECTED].value == 1.0
    assert set(found) == {Tier.ACTIONABLE, Tier.PROTECTED}
    assert (proportion(0, 10).lo, proportion(10, 10).hi) == (0.0, 1.0)


def test_what_is_missed_weighs_each_batch_by_its_own_share():
    rows = [("b1", "flagged", "actionable", "actionable")] * 30
    rows += [("b1", "audit", "protected", "actionable")] * 2 + [("b1", "audit", "protected", "protected")] * 18
    rows += [("b2", "audit", "lawful_hate", "actionable")] * 1 + [("b2", "audit", "protected", "protected")] * 9
    b1 = Batch("b1", AT, {Tier.PROTECTED: 200, Tier.ACTIONABLE: 40})
    b2 = Batch("b2", AT, {Tier.PROTECTED: 20, Tier.LAWFUL_HATE: 10})
    found = missed([b1, b2], *sides_and_verdicts(rows))
    assert found.statements.value == pytest.approx(2 / 20 * 200 + 1 / 10 * 30)
    assert found.rate.value == pytest.approx(23 / (23 + 30))
    assert found.statements.lo < 23 < found.statements.hi
    assert found.flagged_unread == 10


def test_an_audit_of_everything_leaves_no_doubt_and_none_leaves_all():
    rows = [("b", "audit", "protected", "actionable")] * 2 + [("b", "audit", "protected", "protected")] * 8
    rows += [("b", "flagged", "actionable", "actionable")] * 6
    batch = Batch("b", AT, {Tier.PROTECTED: 10, Tier.ACTIONABLE: 6})
    found = missed([batch], *sides_and_verdicts(rows))
    assert (found.rate.lo, found.rate.value, found.rate.hi) == (0.25, 0.25, 0.25)
    assert missed([batch], *sides_and_verdicts(rows[-6:])) is None


def test_the_interval_of_what_is_missed_covers_the_truth():
    """Simulated: 60 of 600 are missed, 80 are audited; the interval holds the truth as often as it says."""
    rng = np.random.default_rng(0)
    batch = Batch("b", AT, {Tier.PROTECTED: 600})
    covered = 0
    for _ in range(40):
        hits = int((rng.permutation(600)[:80] < 60).sum())
        rows = [("b", "audit", "protected", "actionable")] * hits
        rows += [("b", "audit", "protected", "protected")] * (80 - hits)
        found = missed([batch], *sides_and_verdicts(rows))
        covered += found.statements.lo <= 60 <= found.statements.hi
    assert covered >= 34  # of 40; 38 expected


def test_nothing_found_is_not_nothing_missed():
    rows = [("b", "audit", "protected", "protected")] * 50
    found = missed([Batch("b", AT, {Tier.PROTECTED: 5000})], *sides_and_verdicts(rows))
    assert found.statements.value == 0
    assert 50 < found.statements.hi < 500
