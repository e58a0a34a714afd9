"""Weights of words, and whether they are to be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.faithfulness import faithfulness
from hatespeech_no.models.attribution import WordWeight, attribute
from hatespeech_no.models.elements import Input, Scores
from hatespeech_no.taxonomy import ELEMENTS

COEFFICIENTS = {"Kaffe": 2.0, "er": -0.5, "godt.": 0.25, "Te": 1.0, "også.": -1.5, "😀": 4.0}
BIAS = -3.0
HATEFUL = ELEMENTS.index("hateful")


class Linear:
    """Adds up coefficients of words, twice as much under a thread; reads a blank passage as the whole text."""

    calls = 0

    def scores(self, inputs: Sequence[Input]) -> Scores:
        self.calls += 1
        rows = []
        for given in inputs:
            for start, end in [(0, len(given.text)), *given.spans]:
                read = given.text[start:end].strip() or given.text
                odds = BIAS + (1 + len(given.thread)) * sum(COEFFICIENTS.get(word, 0) for word in read.split())
                rows.append([7.0, odds])
        return Scores(("abusive", "hateful"), np.array(rows, np.float32), None)


def weights_of(model: Any, given: Input, span: int = 0, element: str = "hateful") -> list[tuple[str, float]]:
    found = attribute(model, given, span, element)
    return [(given.text[word.start : word.end], pytest.approx(word.weight, abs=1e-5)) for word in found]


def test_a_word_weighs_the_log_odds_that_are_lost_with_it() -> None:
    model = Linear()
    assert weights_of(model, Input("  Kaffe er godt. Te er også. ")) == [
        *(("Kaffe", 2.0), ("er", -0.5), ("godt.", 0.25)),
        *(("Te", 1.0), ("er", -0.5), ("også.", -1.5)),
    ]
    assert model.calls == 1, "all variants in one batch"
    assert [weight for _, weight in weights_of(model, Input("Kaffe er godt."), element="abusive")] == [0, 0, 0]


def test_only_the_words_of_the_passage_are_weighed_and_the_thread_is_kept() -> None:
    given = Input("Kaffe er godt. Te er også.", spans=((0, 14), (15, 26)))
    assert weights_of(Linear(), given, 2) == [("Te", 1.0), ("er", -0.5), ("også.", -1.5)]
    answer = Input(given.text, given.spans, thread=("Hva drikker du?",))
    assert weights_of(Linear(), answer, 2) == [("Te", 2.0), ("er", -1.0), ("også.", -3.0)]


def test_the_only_word_is_weighed_against_no_text_and_not_against_its_neighbours() -> None:
    assert weights_of(Linear(), Input("Kaffe Te er", spans=((0, 5), (6, 11))), 1) == [("Kaffe", 2.0)]
    assert weights_of(Linear(), Input(" Te ")) == [("Te", 1.0)]


def test_words_stand_between_spaces_and_marks_alone_are_none() -> None:
    found = weights_of(Linear(), Input("«Kaffe,» sa Åse – på E6\nf.eks. 😀 …"))
    assert [word for word, _ in found] == ["«Kaffe,»", "sa", "Åse", "på", "E6", "f.eks.", "😀"]
    assert found[-1][1] == 4.0
    for nothing in ("", " \n", "… – !"):
        assert weights_of(Linear(), Input(nothing)) == []


def test_an_element_without_a_head_is_unknown_and_no_zero() -> None:
    with pytest.raises(HatespeechError, match="no element 'support'; it has abusive, hateful"):
        attribute(Linear(), Input("Kaffe"), 0, "support")  # type: ignore[arg-type]


TEXTS = ["nå er kaffe godt i dag", "te og vafler med kaffe", "kaffe nå", "kaffe", "…"]


def weighing(sign: float) -> Callable[[str], list[WordWeight]]:
    def weigh(text: str) -> list[WordWeight]:
        return [
            WordWeight(text.index(word), text.index(word) + len(word), sign * (word == "kaffe"))
            for word in text.split()
            if word != "…"
        ]

    return weigh


def probability(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array([0.9 if "kaffe" in text.split() else 0.1 for text in texts], np.float32)


def test_without_the_word_that_matters_all_is_lost_and_with_it_alone_nothing() -> None:
    right = faithfulness(TEXTS, probability, weighing(1), seed=0)
    assert right.texts == 3, "one word, or none, has no order"
    assert right.comprehensiveness == pytest.approx(0.8)
    assert right.sufficiency == pytest.approx(0)
    assert 0 < right.random_comprehensiveness < 0.8
    assert 0 < right.random_sufficiency < 0.8


def test_words_that_speak_against_the_element_are_not_the_top_words() -> None:
    wrong = faithfulness(TEXTS, probability, weighing(-1), seed=0)
    assert wrong.comprehensiveness == pytest.approx(0)
    assert wrong.sufficiency == pytest.approx(0.8)


def test_shares_of_words_are_a_tenth_a_fifth_and_a_half() -> None:
    text = " ".join(f"ord{i}" for i in range(10))

    def share_left(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.array([len(text.split()) / 10 for text in texts], np.float32)

    def weigh(text: str) -> list[WordWeight]:
        return [WordWeight(5 * i, 5 * i + 4, 0.0) for i in range(10)]

    found = faithfulness([text], share_left, weigh, seed=0)
    assert found.comprehensiveness == found.random_comprehensiveness == pytest.approx((0.1 + 0.2 + 0.5) / 3)
    assert found.sufficiency == found.random_sufficiency == pytest.approx((0.9 + 0.8 + 0.5) / 3)


def test_random_words_follow_the_seed() -> None:
    first, again, other = (faithfulness(TEXTS, probability, weighing(1), seed) for seed in (0, 0, 1))
    assert first == again != other


def test_texts_without_words_measure_nothing() -> None:
    with pytest.raises(HatespeechError, match="no text has two words"):
        faithfulness(["kaffe", "…"], probability, weighing(1), seed=0)
