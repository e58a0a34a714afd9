"""Whether the words that are said to matter do: comprehensiveness and sufficiency (DeYoung et al. 2020, ERASER)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.attribution import WordWeight

_SHARES = (0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Means over texts and shares of words; differences of probabilities, -1 to 1.

    Attributes:
        texts: number of texts.
        comprehensiveness: probability lost without the top words; the more the better.
        sufficiency: probability lost with only the top words; the less the better.
        random_comprehensiveness: the same for as many random words.
        random_sufficiency: the same for as many random words.
    """

    texts: int
    comprehensiveness: float
    sufficiency: float
    random_comprehensiveness: float
    random_sufficiency: float


def faithfulness(
    texts: Sequence[str],
    probability: Callable[[Sequence[str]], NDArray[np.float32]],
    weigh: Callable[[str], list[WordWeight]],
    seed: int,
) -> Faithfulness:
    """Measure an attribution for one element, over the top 10, 20 and 50 % of words (at least one).

    Args:
        texts: such as the element is found in. Those of fewer than two words have no order of words
            and are left out.
        probability: of the element, from n texts to shape (n,); called once.
        weigh: weights of the words of a text; see ``models.attribution.attribute``.
        seed: of the random words.

    Raises:
        HatespeechError: no text has two words.
    """
    generator = np.random.default_rng(seed)
    variants = []
    for text in texts:
        words = weigh(text)
        if len(words) < 2:
            continue
        ranked = sorted(words, key=lambda word: -word.weight)
        variants.append(text)
        for order in (ranked, [words[i] for i in generator.permutation(len(words))]):
            for share in _SHARES:
                count = max(1, round(share * len(order)))
                variants += [_without(text, order[:count]), _without(text, order[count:])]
    if not variants:
        raise HatespeechError("faithfulness cannot be measured: no text has two words")
    p = np.asarray(probability(variants)).reshape(-1, 1 + 2 * len(_SHARES) * 2)
    lost = (p[:, :1] - p[:, 1:]).reshape(-1, 2, len(_SHARES), 2).mean(axis=(0, 2))
    return Faithfulness(len(p), *map(float, lost.ravel()))


def _without(text: str, words: Iterable[WordWeight]) -> str:
    for word in sorted(words, key=lambda word: -word.start):
        text = text[: word.start] + text[word.end :]
    return text
