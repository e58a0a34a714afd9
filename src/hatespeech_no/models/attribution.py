"""Which words of a passage speak for an element, and how much.

By occlusion (Zeiler & Fergus 2014 on images; Li et al. 2016, "Understanding neural networks through
representation erasure", on words), for every family of models. On the fine-tuned encoder it was more
faithful than integrated gradients, and faster (``experiments/transfer``). Only the words of the passage
change: thread and other passages stay as they are and get no weight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import ElementModel, Input

_WORD = re.compile(r"\S*[\w\u2190-\u2bff\U0001f000-\U0001faff]\S*")
"""What stands between spaces and has a letter, a digit, a symbol or an emoji in it. Marks belong to the
word they touch, as no token reaches over a space but many hold a word and its mark; alone they are none."""


@dataclass(frozen=True, slots=True)
class WordWeight:
    """What a word adds to an element.

    Attributes:
        start: its first character in the original text.
        end: one past its last.
        weight: log-odds it adds, before calibration; below 0 where it speaks against the element.
    """

    start: int
    end: int
    weight: float


def attribute(model: ElementModel, given: Input, span: int, element: str) -> list[WordWeight]:
    """The weight of each word of one passage for one element: the log-odds lost when it is taken out.

    Args:
        model: of any family.
        given: the text with its passages and thread.
        span: number of the row in the text's scores: 0 for the whole text, then its passages.
        element: id of an element.

    Returns:
        One weight per word, in order; none for a passage without words. They need not add up to the
        passage's log-odds.

    Raises:
        HatespeechError: the model has no such element.
        IndexError: the text has no such passage.
    """
    passage = [(0, len(given.text)), *given.spans][span]
    words = [match.span() for match in _WORD.finditer(given.text, *passage)]
    weights = _occlusion(model, given, passage, words, element)
    return [WordWeight(*word, float(weight)) for word, weight in zip(words, weights, strict=True)]


def _occlusion(
    model: ElementModel, given: Input, passage: tuple[int, int], words: Sequence[tuple[int, int]], element: str
) -> NDArray[np.float32]:
    """The log-odds lost with each word, shape (words,)."""
    variants = [replace(given, spans=(passage,)), *(_without(given, passage, word) for word in words)]
    scores = model.scores(variants)
    if element not in scores.names:
        raise HatespeechError(f"the model has no element {element!r}; it has {', '.join(scores.names)}")
    log_odds = scores.log_odds[1::2, scores.names.index(element)]
    return np.asarray(log_odds[0] - log_odds[1:])


def _without(given: Input, passage: tuple[int, int], word: tuple[int, int]) -> Input:
    text = given.text[: word[0]] + given.text[word[1] :]
    rest = (passage[0], passage[1] - (word[1] - word[0]))
    if text[slice(*rest)].strip():
        return Input(text, (rest,), given.thread)
    # Nothing is left of the passage. Models read such a one as what stands beside it; no text is meant.
    return Input("", ((0, 0),), given.thread)
