"""Probabilities of tiers, against adding up every combination by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hatespeech_no.statement import Circumstances, Elements
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Context, Ground, Publicity, Tier
from hatespeech_no.triage import triage
from hatespeech_no.triage.chances import FactChances, likeliest, tier_chances
from hatespeech_no.triage.engine import known_of

PUBLIC = Circumstances(publicity=Publicity.PUBLIC)
_SOME = ["hateful", "ground_religion", "target_people", "target_idea", "ground_explicit", "shield"]


def certain(elements: Elements) -> FactChances:
    """Decided elements as probabilities of 0 and 1."""
    conduct = None
    if elements.conduct is not None:
        conduct = np.array([[float(c in elements.conduct) / len(elements.conduct) for c in Conduct]], np.float32)

    def of(name: str) -> np.ndarray | None:
        answer = elements.get(name)
        return None if answer is None else np.array([float(answer)], np.float32)

    return FactChances.of(of, conduct)


def test_every_combination_is_weighed_with_its_probability() -> None:
    generator = np.random.default_rng(0)
    p = dict(zip(_SOME, generator.uniform(0.1, 0.9, len(_SOME)), strict=True))
    conduct = generator.dirichlet(np.ones(8))
    expected = np.zeros(4)
    for conduct_, answers in itertools.product(Conduct, itertools.product([False, True], repeat=len(_SOME))):
        chosen = dict(zip(_SOME, answers, strict=True))
        weight = conduct[conduct_.severity] * np.prod([p[n] if yes else 1 - p[n] for n, yes in chosen.items()])
        elements = Elements({**dict.fromkeys(ELEMENTS, False), **chosen}, frozenset({conduct_}))
        expected[triage(elements, PUBLIC).tier.rank] += weight
    facts = FactChances.of(lambda name: np.array([p.get(name, 0.0)], np.float32), conduct.astype(np.float32)[None])
    chances = tier_chances(facts, known_of(PUBLIC))
    assert np.allclose(chances[0], expected, atol=1e-5)
    assert expected.min() > 0.01, "every tier is possible here"


_MAYBE = st.none() | st.booleans()
_CIRCUMSTANCES = st.builds(
    Circumstances, publicity=st.sampled_from(Publicity), addressee_is_minor=_MAYBE, addressee_is_official=_MAYBE
)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys([n for n in ELEMENTS if not n.startswith("context_")], _MAYBE)),
    st.sampled_from(Conduct) | st.none(),
    _CIRCUMSTANCES,
)
def test_certain_elements_give_the_tier_of_the_rules(
    answers: dict[str, bool | None], conduct: Conduct | None, around: Circumstances
) -> None:
    contexts = {f"context_{c}": False for c in Context if not c.is_shield}
    known = {name: yes for name, yes in {**answers, **contexts}.items() if yes is not None}
    elements = Elements(known, None if conduct is None else frozenset({conduct}))
    grounds = {known.get(f"ground_{g}") for g in Ground if g.section_185}
    others = {known.get(f"ground_{g}") for g in Ground if not g.section_185}
    finding = triage(elements, around)
    facts = certain(elements)
    chances = tier_chances(facts, known_of(around))[0]
    # A sure yes among unknown grounds is a yes for the rules, and so it is here.
    assert chances[finding.tier.rank] == pytest.approx(1), (grounds, others)
    explained = likeliest(facts, known_of(around), finding.tier)
    assert explained.finding.tier is finding.tier
    assert set(explained.finding.undecided) == set(finding.undecided)


def test_what_the_model_lacks_makes_the_tier_uncertain_by_as_much_as_it_matters() -> None:
    known = {**dict.fromkeys(ELEMENTS, 0.0), "ground_religion": 1.0, "target_people": 1.0, "ground_explicit": 1.0}
    known |= {"hateful": 1.0, "shield": 0.25}
    conduct = np.zeros((1, 8), np.float32)
    conduct[0, Conduct.DEHUMANISATION.severity] = 1

    def without(*names: str) -> np.ndarray:
        facts = FactChances.of(lambda name: None if name in names else np.array([known[name]], np.float32), conduct)
        return tier_chances(facts, known_of(PUBLIC))[0]

    assert np.allclose(without(), [0, 0, 0.25, 0.75]), "a hateful writer's shield makes it uncertain"
    assert np.allclose(without("ground_explicit"), [0, 0, 1, 0]), "actionable or uncertain: not known"
    assert np.allclose(without("support"), [0, 0, 0.25, 0.75]), "not asked, since the conduct is enough"


def test_the_explanation_is_the_most_probable_way_to_the_tier() -> None:
    p = {**dict.fromkeys(ELEMENTS, 0.01), "ground_religion": 0.9, "target_people": 0.9, "ground_explicit": 0.9}
    p |= {"hateful": 0.9}
    conduct = np.full((1, 8), 0.01, np.float32)
    conduct[0, Conduct.DEROGATION.severity], conduct[0, Conduct.GROSS_DEROGATION.severity] = 0.6, 0.34
    facts = FactChances.of(lambda name: np.array([p[name]], np.float32), conduct)
    found = {tier: likeliest(facts, known_of(PUBLIC), tier) for tier in Tier}
    rules = {tier: (f.finding.rules, f.finding.adjustments) for tier, f in found.items()}
    assert rules[Tier.ACTIONABLE] == (("R5",), ()), "a graver conduct than the likeliest"
    assert rules[Tier.LAWFUL_HATE] == (("R8",), ()), "the likeliest, at nobody in person"
    assert rules[Tier.UNCERTAIN] == (("R5",), ("ground_implied",))
    assert rules[Tier.PROTECTED] == (("R10",), ()), "no ground"
    assert found[Tier.LAWFUL_HATE].conduct is Conduct.DEROGATION
    grave = FactChances.of(lambda name: np.array([p[name]], np.float32), conduct[:, [0, 1, 2, 4, 3, 5, 6, 7]])
    milder = likeliest(grave, known_of(PUBLIC), Tier.LAWFUL_HATE)
    assert milder.finding.tier is Tier.ACTIONABLE, "what is most likely is said, though a profile calls it less"


def test_a_language_not_served_has_one_tier_only() -> None:
    facts = FactChances.of(lambda name: np.array([0.5], np.float32), np.full((1, 8), 0.125, np.float32))
    known = known_of(PUBLIC, language_served=False)
    assert np.allclose(tier_chances(facts, known), [[0, 0, 1, 0]])
    with pytest.raises(ValueError, match="no combination of elements gives the tier actionable"):
        likeliest(facts, known, Tier.ACTIONABLE)
