from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hatespeech_no import Conduct, Context, Ground, Target, Tier
from hatespeech_no.statement import Circumstances, Elements
from hatespeech_no.taxonomy import ELEMENTS, YES_NO, Publicity
from hatespeech_no.triage import gravest, load_rules, triage
from hatespeech_no.triage.rules import Rule
from tests.fixtures import complete

PUBLIC = Circumstances(publicity=Publicity.PUBLIC)
SECTION_185 = [g for g in Ground if g.section_185]
_MAYBE = st.none() | st.booleans()

circumstances = st.builds(
    Circumstances,
    publicity=st.sampled_from(Publicity),
    addressee_is_minor=_MAYBE,
    addressee_is_official=_MAYBE,
    repeated=_MAYBE,
    victim_aware=_MAYBE,
)
answered = st.builds(
    Elements.of,
    **{name: st.booleans() for name in YES_NO},
    conduct=st.sampled_from(Conduct),
    grounds=st.lists(st.sampled_from(Ground), unique=True),
    target=st.lists(st.sampled_from(Target), unique=True),
    context=st.lists(st.sampled_from(Context), unique=True, max_size=2),
)


@st.composite
def partly_unknown(draw: st.DrawFn) -> tuple[Elements, Elements]:
    """Complete elements, and the same with some answers forgotten."""
    full = draw(answered)
    forgotten = draw(st.sets(st.sampled_from(ELEMENTS)))
    if any(name.startswith("context_") for name in forgotten):
        forgotten.add("shield")
    conduct = draw(st.sampled_from([full.conduct, None]))
    return full, Elements({n: v for n, v in full.answers.items() if n not in forgotten}, conduct)


def changed(elements: Elements, **answers: bool) -> Elements:
    return Elements({**elements.answers, **answers}, elements.conduct)


@given(answered, circumstances)
def test_no_section_185_without_one_of_its_grounds(elements: Elements, around: Circumstances) -> None:
    if not any(g.section_185 for g in elements.grounds):
        assert "185" not in triage(elements, around).provisions


@given(answered, circumstances, st.sampled_from([c for c in Context if c.is_shield]))
def test_a_shield_never_raises_a_tier(elements: Elements, around: Circumstances, shield: Context) -> None:
    shielded = changed(elements, **{f"context_{shield}": True, "shield": True})
    assert triage(shielded, around).tier.rank <= triage(elements, around).tier.rank


@given(answered, circumstances, st.sampled_from(SECTION_185), st.sampled_from(SECTION_185))
def test_every_section_185_ground_counts_the_same(
    elements: Elements, around: Circumstances, one: Ground, other: Ground
) -> None:
    def only(ground: Ground) -> Elements:
        return changed(elements, **{f"ground_{g}": g == ground for g in SECTION_185})

    assert triage(only(one), around) == triage(only(other), around)


@given(answered, circumstances)
def test_only_an_idea_is_protected_unless_threatened(elements: Elements, around: Circumstances) -> None:
    idea = changed(elements, target_idea=True, target_person=False, target_people=False)
    if idea.conduct is not None and not idea.conduct & {Conduct.THREAT, Conduct.INCITEMENT}:
        assert triage(idea, around).tier is Tier.PROTECTED


@given(answered, circumstances)
def test_words_aimed_at_nobody_never_alone_give_actionable(elements: Elements, around: Circumstances) -> None:
    nobody = changed(elements, target_person=False, target_people=False)
    if nobody.conduct is not None and not nobody.conduct & {Conduct.THREAT, Conduct.INCITEMENT}:
        assert triage(nobody, around).tier is not Tier.ACTIONABLE


@given(answered, circumstances)
def test_graver_conduct_never_lowers_the_tier(elements: Elements, around: Circumstances) -> None:
    ranks = [triage(Elements(elements.answers, frozenset({c})), around).tier.rank for c in Conduct]
    assert ranks == sorted(ranks)


@given(answered, circumstances)
def test_privacy_never_raises_the_tier(elements: Elements, around: Circumstances) -> None:
    facts = {name: getattr(around, name) for name in ("addressee_is_minor", "addressee_is_official", "repeated")}
    private = Circumstances(publicity=Publicity.PRIVATE, victim_aware=around.victim_aware, **facts)
    assert triage(elements, private).tier.rank <= triage(elements, around).tier.rank


@settings(max_examples=300)
@given(partly_unknown(), circumstances)
def test_unknown_is_never_no(pair: tuple[Elements, Elements], around: Circumstances) -> None:
    full, partial = pair
    finding = triage(partial, around)
    # Whatever the truth is, the tier is either that of the truth or says that it is not known.
    assert finding.tier in (triage(full, around).tier, Tier.UNCERTAIN)
    if finding.undecided:
        assert finding.tier is Tier.UNCERTAIN


@given(answered, circumstances)
def test_all_known_leaves_nothing_undecided(elements: Elements, around: Circumstances) -> None:
    finding = triage(elements, around)
    assert finding.undecided == ()
    assert len(finding.rules) == 1


@given(answered, circumstances)
def test_a_language_not_served_is_never_protected(elements: Elements, around: Circumstances) -> None:
    finding = triage(elements, around, language_served=False)
    assert finding.tier is Tier.UNCERTAIN
    assert "language_not_served" in finding.flags


def test_two_completions_agree_by_enumeration() -> None:
    """The slice of the truth table against completing by hand."""
    known = dict(complete(grounds=["religion"], conduct="dehumanisation").answers)
    unknown = ["target_person", "target_people", "target_idea", "support", "ground_explicit"]
    partial = Elements({n: v for n, v in known.items() if n not in unknown}, frozenset({Conduct.DEHUMANISATION}))
    tiers = {
        triage(changed(partial, **dict(zip(unknown, values, strict=True))), PUBLIC).tier
        for values in itertools.product([False, True], repeat=len(unknown))
    }
    assert tiers == {Tier.PROTECTED, Tier.LAWFUL_HATE, Tier.UNCERTAIN, Tier.ACTIONABLE}
    finding = triage(partial, PUBLIC)
    assert finding.tier is Tier.UNCERTAIN
    assert set(finding.undecided) == {"target_person", "target_people", "target_idea", "ground_explicit"}


HATE = {"hateful": True, "abusive": True, "target": ["people"]}
CASES = [
    # The factors of Supreme Court cases and lawful anchors, in our own words.
    ("threat without a ground", {"conduct": "threat", "target": ["person"]}, {}, Tier.ACTIONABLE, "R1", ["263", "264"]),
    (
        "programme of forced treatment (Rt-1997-1821)",
        {**HATE, "conduct": "incitement", "grounds": ["ethnicity"]},
        {},
        Tier.ACTIONABLE,
        "R3",
        ["183", "185"],
    ),
    (
        "a people called non-human (Rt-2007-1807)",
        {**HATE, "conduct": "dehumanisation", "grounds": ["ethnicity", "religion"]},
        {},
        Tier.ACTIONABLE,
        "R5",
        ["185"],
    ),
    (
        "slur said to a person in public (HR-2018-674-A)",
        {
            **HATE,
            "conduct": "derogation",
            "grounds": ["ethnicity"],
            "target": ["person"],
            "addressed_in_person": True,
        },
        {},
        Tier.ACTIONABLE,
        "R6",
        ["185"],
    ),
    (
        "go-back remark at a known minor (HR-2022-1707-A)",
        {
            **HATE,
            "conduct": "exclusion",
            "grounds": ["ethnicity"],
            "target": ["person"],
            "addressed_in_person": True,
        },
        {"addressee_is_minor": True},
        Tier.ACTIONABLE,
        "R7",
        ["185"],
    ),
    (
        "the same, age unknown",
        {
            **HATE,
            "conduct": "exclusion",
            "grounds": ["ethnicity"],
            "target": ["person"],
            "addressed_in_person": True,
        },
        {},
        Tier.LAWFUL_HATE,
        "R8",
        [],
    ),
    (
        "degrading a trans woman (HR-2022-1843-A)",
        {**HATE, "conduct": "gross_derogation", "grounds": ["gender_identity"], "target": ["person"]},
        {},
        Tier.ACTIONABLE,
        "R5",
        ["185"],
    ),
    (
        "ground inferred from the thread (HR-2020-185-A)",
        {**HATE, "conduct": "dehumanisation", "grounds": ["religion"], "ground_explicit": False},
        {},
        Tier.UNCERTAIN,
        "R5",
        ["185"],
    ),
    (
        "cursing the religion itself",
        {"abusive": True, "conduct": "derogation", "grounds": ["religion"], "target": ["idea"]},
        {},
        Tier.PROTECTED,
        "R4",
        [],
    ),
    (
        "reporting another's racism (Jersild)",
        {
            "conduct": "dehumanisation",
            "grounds": ["ethnicity"],
            "target": ["people"],
            "context": ["quotation"],
            "abusive": True,
        },
        {},
        Tier.PROTECTED,
        "R5",
        [],
    ),
    (
        "criticism of immigration policy",
        {"target": ["idea"], "context": ["policy_criticism"]},
        {},
        Tier.PROTECTED,
        "R4",
        [],
    ),
    (
        "prejudice about women, which § 185 does not list",
        {**HATE, "conduct": "dehumanisation", "grounds": ["gender"]},
        {},
        Tier.LAWFUL_HATE,
        "R9",
        [],
    ),
    (
        "dehumanisation in private",
        {**HATE, "conduct": "dehumanisation", "grounds": ["religion"]},
        {"publicity": "private"},
        Tier.LAWFUL_HATE,
        "R8",
        [],
    ),
    (
        "support for past violence",
        {"hateful": True, "support": True, "grounds": ["religion"], "target": ["people"]},
        {},
        Tier.ACTIONABLE,
        "R5",
        ["185"],
    ),
    (
        "slur about somebody absent",
        {**HATE, "conduct": "derogation", "grounds": ["ethnicity"], "target": ["person"]},
        {},
        Tier.LAWFUL_HATE,
        "R8",
        [],
    ),
    (
        "support for violence against women",
        {**HATE, "support": True, "conduct": "none", "grounds": ["gender"], "target": ["people"]},
        {},
        Tier.LAWFUL_HATE,
        "R9",
        [],
    ),
    (
        "a quoted insult that the writer adopts",
        {**HATE, "conduct": "derogation", "grounds": ["religion"], "target": ["people"], "context": ["quotation"]},
        {},
        Tier.LAWFUL_HATE,
        "R8",
        [],
    ),
    (
        "a court report of a call for violence",
        {"conduct": "incitement", "grounds": ["religion"], "target": ["people"], "context": ["quotation"]},
        {},
        Tier.PROTECTED,
        "R3",
        [],
    ),
    (
        "a reported threat",
        {"conduct": "threat", "grounds": ["religion"], "target": ["people"], "context": ["quotation"]},
        {},
        Tier.UNCERTAIN,
        "R1",
        ["185", "263", "264"],
    ),
    ("abuse of a party's voters", {"abusive": True, "target": ["people"]}, {}, Tier.PROTECTED, "R10", []),
    (
        "repeated abuse the victim knows of",
        {"abusive": True, "target": ["person"]},
        {"repeated": True, "victim_aware": True},
        Tier.ACTIONABLE,
        "R2",
        ["266"],
    ),
]


@pytest.mark.parametrize(("name", "elements", "around", "tier", "rule", "provisions"), CASES, ids=[c[0] for c in CASES])
def test_cases(
    name: str, elements: dict[str, object], around: dict[str, object], tier: Tier, rule: str, provisions: list[str]
) -> None:
    finding = triage(complete(**elements), Circumstances(**{"publicity": Publicity.PUBLIC, **around}))  # type: ignore[arg-type]
    assert (finding.tier, finding.rules) == (tier, (rule,)), name
    assert sorted(finding.provisions) == provisions


def test_one_passage_never_shields_another() -> None:
    quoted = complete(conduct="dehumanisation", grounds=["religion"], target=["people"], context=["quotation"])
    threat = complete(conduct="threat", target=["person"], abusive=True)
    finding = gravest([triage(quoted, PUBLIC), triage(threat, PUBLIC)])
    assert (finding.tier, finding.rules) == (Tier.ACTIONABLE, ("R1",))


def test_rules_are_readable_data_with_sources() -> None:
    rules = load_rules()
    assert [rule.id for rule in rules.rules] == [f"R{i}" for i in range(1, 11)]
    assert all(rule.nb and rule.en and rule.source for rule in rules.rules)
    with pytest.raises(ValueError, match="'targt_person' is no fact"):
        Rule.model_validate(
            {"id": "X", "when": {"targt_person": True}, "tier": "protected", "source": "s", "nb": "n", "en": "e"}
        )
