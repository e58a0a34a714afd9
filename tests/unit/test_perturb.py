from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hatespeech_no.errors import HatespeechError
from hatespeech_no.text.perturb import PERTURBATIONS, perturb

SENTENCE = "Hei på deg, vi skal drikke kaffe og spise vafler på torget i Bergen. Ærlig talt, det er så deilig!"
ENGLISH = "The coffee was good and we had waffles in the square with all the neighbours."
NYNORSK = "Me drikk kaffi og et vaflar på torget i morgon, og det er ikkje kaldt, men eg veit ikkje kva ho vil ha."
ALL = pytest.mark.parametrize("name", PERTURBATIONS)


@ALL
def test_strength_decides_how_much_changes(name: str) -> None:
    assert perturb(SENTENCE, name, 0, seed=1) == SENTENCE
    assert perturb(SENTENCE, name, 1, seed=1) != SENTENCE


@ALL
def test_the_seed_alone_decides_what_changes(name: str) -> None:
    assert perturb(SENTENCE, name, 0.5, seed=1) == perturb(SENTENCE, name, 0.5, seed=1)


def test_seeds_and_texts_are_perturbed_differently() -> None:
    assert len({perturb(SENTENCE, "typos", 0.5, seed) for seed in range(20)}) > 15
    first_changed = {perturb(f"kaffe {i}", "typos", 0.5, seed=1).startswith("kaffe") for i in range(20)}
    assert first_changed == {True, False}


@pytest.mark.parametrize("name", ["typos", "leet", "look_alikes", "masked", "zero_width", "stretched", "upper_case"])
def test_a_stronger_perturbation_changes_more_of_the_same(name: str) -> None:
    weak, strong = (perturb(SENTENCE, name, strength, seed=3).split() for strength in (0.4, 0.8))
    changed = [(w, s) for w, s, word in zip(weak, strong, SENTENCE.split(), strict=True) if w != word]
    assert changed
    assert all(w == s for w, s in changed)
    assert sum(s != word for s, word in zip(strong, SENTENCE.split(), strict=True)) > len(changed)


@ALL
@settings(deadline=None)
@given(text=st.text(max_size=40), strength=st.floats(0, 1), seed=st.integers(0, 9))
def test_any_text_can_be_perturbed(name: str, text: str, strength: float, seed: int) -> None:
    if name not in ("negation", "neutral_text"):  # these guess the language, which takes a while
        perturb(text, name, strength, seed)


@pytest.mark.parametrize("name", [name for name in PERTURBATIONS if name not in ("emoji", "neutral_text", "negation")])
def test_handles_and_links_stay(name: str) -> None:
    perturbed = perturb("kaffe @kari_nordmann https://eksempel.no/kaffe", name, 1, seed=0)
    assert perturbed.split()[-2:] == ["@kari_nordmann", "https://eksempel.no/kaffe"]


@pytest.mark.parametrize(
    ("name", "text", "perturbed"),
    [
        ("aa_oe_ae", "Ærlig, så søt", "Aerlig, saa soet"),
        ("lower_case", "Hei På Deg", "hei på deg"),
        ("upper_case", "Hei på deg", "HEI PÅ DEG"),
        ("masked", "hei kaffen", ("h*i k*ffen", "h*i kaff*n")),
        ("negation", "Kaffen er god i dag, sier naboen min.", "Kaffen er ikke god i dag, sier naboen min."),
        ("negation", ENGLISH, ENGLISH.replace("was", "was not")),
        ("negation", NYNORSK, NYNORSK.replace("er", "er ikkje", 1)),
        ("negation", "Kaffe på torget", "Kaffe på torget"),
    ],
)
def test_examples(name: str, text: str, perturbed: str | tuple[str, ...]) -> None:
    assert perturb(text, name, 1, seed=0) in ((perturbed,) if isinstance(perturbed, str) else perturbed)


def test_neutral_text_is_in_the_language_of_the_text() -> None:
    assert perturb(SENTENCE, "neutral_text", 0.5, seed=0).count(".") == SENTENCE.count(".") + 2
    assert "biblioteket" in perturb(SENTENCE, "neutral_text", 1, seed=0).lower()
    assert "library" in perturb(ENGLISH, "neutral_text", 1, seed=0)


def test_mistakes_are_named() -> None:
    with pytest.raises(HatespeechError, match=r"no perturbation 'typo'; there are typos, leet"):
        perturb(SENTENCE, "typo", 1, seed=0)
    with pytest.raises(HatespeechError, match=r"between 0 and 1, not 1\.5"):
        perturb(SENTENCE, "typos", 1.5, seed=0)
