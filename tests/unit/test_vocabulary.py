from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatespeech_no import Conduct, Context, Ground, Statement, Target, Tier
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.statement import Elements, LabelledPassage, derive_text_labels
from hatespeech_no.taxonomy import DETAILS, ELEMENTS, YES_NO, Publicity, element_label
from hatespeech_no.triage import load_rules
from tests.fixtures import statement_rows


def test_codebook_values() -> None:
    assert [c.severity for c in Conduct] == list(range(8))
    assert Conduct.THREAT > Conduct.NONE  # as strings; severity is what orders them
    assert {g: g.section_185 for g in Ground if g.section_185} == {
        Ground.ETHNICITY: "a",
        Ground.RELIGION: "b",
        Ground.SEXUAL_ORIENTATION: "c",
        Ground.GENDER_IDENTITY: "d",
        Ground.DISABILITY: "e",
    }
    assert sum(c.is_shield for c in Context) == 7
    assert [t.rank for t in Tier] == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [Ground, Conduct, Target, Context, Tier, Publicity])
def test_every_code_has_a_name_in_both_languages(kind: type[Ground]) -> None:
    assert all(member.label("nb") and member.label("en") for member in kind)


def test_every_element_has_a_name_in_both_languages() -> None:
    assert all(element_label(e, "nb") and element_label(e, "en") for e in (*ELEMENTS, "conduct"))


def test_overviews_keep_what_is_no_detail() -> None:
    assert [e for e in ELEMENTS if e not in DETAILS] == [*YES_NO, *(f"ground_{g}" for g in Ground), "shield"]
    assert DETAILS - set(ELEMENTS) == {f"conduct_{c}" for c in Conduct}
    assert "conduct" not in DETAILS


def _all_texts_for_moderators() -> list[str]:
    rules = load_rules()
    named = [*rules.rules, *rules.adjustments, *rules.flags.values(), *Tier, *Conduct, *Ground, *Context]
    return [text for item in named for text in (item.nb, item.en)] + list(NOTICE.values())


def test_nothing_is_called_punishable_or_illegal_without_possibly() -> None:
    for text in _all_texts_for_moderators():
        for match in re.finditer(r"straffbar\w*|ulovlig\w*|illegal\w*|punishable", text, re.IGNORECASE):
            assert re.search(r"(mulig|possibly)\s+$", text[: match.start()], re.IGNORECASE), text
    assert "menneske" in Tier.ACTIONABLE.nb
    assert "human" in Tier.ACTIONABLE.en


def test_missing_is_not_no() -> None:
    elements = Elements.of(hateful=None, grounds={"religion": True})
    assert elements.get("hateful") is None
    assert elements.get("ground_religion") is True
    assert elements.get("ground_ethnicity") is None
    assert elements.conduct is None


def test_a_list_is_complete_and_a_mapping_is_not() -> None:
    assert Elements.of(target=["none"]).answers == {f"target_{t}": False for t in Target}
    assert Elements.of(context=[]).get("shield") is False
    assert Elements.of(context=["satire"]).get("shield") is True
    assert Elements.of(context={"satire": True}).get("shield") is True
    assert Elements.of(context={"satire": False}).get("shield") is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conduct": "shouting"}, "'shouting' is no conduct"),
        ({"grounds": ["height"]}, "'height' is no grounds"),
        ({"hatefull": True}, "not elements of the codebook"),
    ],
)
def test_unknown_names_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(HatespeechError, match=message):
        Elements.of(**arguments)  # type: ignore[arg-type]


def test_merging_refuses_contradictions() -> None:
    assert Elements.of(conduct=["threat", "none"]).merged(Elements.of(conduct="threat")).conduct == {Conduct.THREAT}
    with pytest.raises(HatespeechError, match="both yes and no"):
        Elements.of(hateful=True).merged(Elements.of(hateful=False))
    with pytest.raises(HatespeechError, match="no value in common"):
        Elements.of(conduct="threat").merged(Elements.of(conduct="none"))


def test_statement_checks_its_circumstances() -> None:
    statement = Statement("hei", publicity="public", addressee_is_minor=True, thread=["først"])  # type: ignore[arg-type]
    assert statement.circumstances.publicity is Publicity.PUBLIC
    assert statement.circumstances.thread == ("først",)
    with pytest.raises(HatespeechError, match="publicity 'secret'"):
        Statement("hei", publicity="secret")  # type: ignore[arg-type]
    # Values from numpy and pandas count as what they are; words do not.
    assert Statement("hei", addressee_is_minor=np.True_).addressee_is_minor is True  # type: ignore[arg-type]
    assert Statement("hei", repeated=0).repeated is False  # type: ignore[arg-type]
    with pytest.raises(HatespeechError, match="addressee_is_official is 'nei'"):
        Statement("hei", addressee_is_official="nei")  # type: ignore[arg-type]
    with pytest.raises(HatespeechError, match="not one string"):
        Statement("hei", thread="først")  # type: ignore[arg-type]


_ANSWERS = st.dictionaries(st.sampled_from(ELEMENTS), st.booleans())
_CONDUCT = st.none() | st.frozensets(st.sampled_from(list(Conduct)), min_size=1)


@given(st.lists(st.builds(Elements, _ANSWERS, _CONDUCT), min_size=1, max_size=4))
def test_derived_text_labels(parts: list[Elements]) -> None:
    derived = derive_text_labels(LabelledPassage(i, i + 1, e) for i, e in enumerate(parts))
    for name in ELEMENTS:
        values = [part.get(name) for part in parts]
        if name.startswith("context_") or name == "shield":
            assert derived.get(name) is None
        elif True in values:
            assert derived.get(name) is True
        elif None in values:
            assert derived.get(name) is None
        else:
            assert derived.get(name) is False
    if derived.conduct is not None:
        assert derived.conduct == {max((next(iter(p.conduct or ())) for p in parts), key=lambda c: c.severity)}


def test_our_statements_cover_every_tier_ground_and_language() -> None:
    rows = statement_rows()
    assert {row["tier"] for row in rows} == set(Tier)
    assert {g for row in rows for g in row.get("grounds") or []} == set(Ground)
    assert {row["conduct"] for row in rows if isinstance(row.get("conduct"), str)} == set(Conduct)
    assert {row["language"] for row in rows} == {"nb", "nn", "en"}
    assert len({row["id"] for row in rows}) == len(rows)
