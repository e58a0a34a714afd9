"""How far readers agree who read the same items blind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.errors import require
from hatespeech_no.evaluation.metrics import Estimate, interval
from hatespeech_no.review.questions import UNKNOWN, questions
from hatespeech_no.review.verdicts import Reading
from hatespeech_no.taxonomy import Conduct, Tier

_ORDERED: dict[str, Callable[[str], int]] = {
    "tier": lambda option: Tier(option).rank,
    "conduct": lambda option: Conduct(option).severity,
}


def agreement(readings: Iterable[Sequence[Reading]], resamples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Krippendorff's α of the first readings, by question, with its 95 % interval over resampled items.

    Ordinal for tier and conduct, nominal else; of several options the whole set counts as one answer,
    and who cannot tell gave none. Source: Krippendorff (2004), Content Analysis.

    Args:
        readings: of each item.
        resamples: of the bootstrap.
        seed: of the draw.

    Returns:
        Questions that at least two items are answered twice for, and not all alike; ``n`` is the number
        of these items.
    """
    first = [[reading for reading in mine if reading.round == "first"] for mine in readings]
    result = {}
    for question in questions():
        counts = _counts(question.name, first)
        if len(counts) > 1 and (counts.sum(axis=0) > 0).sum() > 1:
            result[question.name] = _alpha(counts, question.name in _ORDERED, resamples, seed)
    return result


def _counts(question: str, first: Sequence[Sequence[Reading]]) -> NDArray[np.int64]:
    """How many readers gave each answer, shape (items that two could answer, answers)."""
    given = [[frozenset(r.codes[question]) for r in mine if UNKNOWN not in r.codes[question]] for mine in first]
    twice = [answers for answers in given if len(answers) > 1]
    rank = _ORDERED.get(question)
    answers = {answer for mine in twice for answer in mine}
    ordered = sorted(answers, key=lambda answer: sorted(answer) if rank is None else rank(min(answer)))
    return np.array([[mine.count(answer) for answer in ordered] for mine in twice]).reshape(len(twice), len(ordered))


def _alpha(counts: NDArray[np.int64], ordinal: bool, resamples: int, seed: int) -> Estimate:
    krippendorff = require("krippendorff", "train")
    rng = np.random.default_rng(seed)
    level = "ordinal" if ordinal else "nominal"
    values = []
    for rows in (np.arange(len(counts)), *rng.integers(len(counts), size=(resamples, len(counts)))):
        drawn = counts[rows]
        drawn = drawn[:, drawn.sum(axis=0) > 0]
        # Where all answers are alike, α is 0 over 0.
        one = drawn.shape[1] == 1
        values.append(np.nan if one else krippendorff.alpha(value_counts=drawn, level_of_measurement=level))
    return interval(np.array(values), len(counts))
