"""Choose what people read, each for one purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from hatespeech_no.review.candidates import Candidate, gravity

Purpose = Literal["flagged", "active", "audit"]
Floats = NDArray[np.float64]

_PREFILTER = 10
_DIMENSIONS = 64
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Budget:
    """How many statements to read for each purpose.

    Attributes:
        flagged: the gravest that the model hands on.
        active: those from which it can learn most.
        audit: drawn at random from what it passes by.
    """

    flagged: int
    active: int
    audit: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """One choice.

    Attributes:
        row: of the candidates.
        purpose: what it was chosen for.
        inclusion: the probability with which it came to be chosen: 1 where no chance was involved.
    """

    row: int
    purpose: Purpose
    inclusion: float


def select(
    candidates: Sequence[Candidate],
    budget: Budget,
    seed: int,
    others: Mapping[int, Mapping[str, float]] | None = None,
) -> list[Chosen]:
    """Choose within a budget.

    The audit is a simple random sample of all that is not flagged, drawn before the rest, so that each
    has the same known probability whatever the model is uncertain about.

    Args:
        candidates: near-duplicates collapsed, see ``candidates.collapse``.
        budget: see ``Budget``; what there is too little of is not made up for.
        seed: of the draw.
        others: a second model's probabilities by row.
    """
    flagged = [i for i, candidate in enumerate(candidates) if candidate.flagged]
    passed = [i for i, candidate in enumerate(candidates) if not candidate.flagged]
    gravest = sorted(flagged, key=lambda i: gravity(candidates[i]), reverse=True)[: budget.flagged]
    audited = np.random.default_rng(seed).permutation(passed)[: budget.audit].tolist()
    left = sorted({*flagged, *passed} - {*gravest, *audited})
    active = _most_useful([candidates[i] for i in left], [(others or {}).get(i) for i in left], budget.active, seed)
    return [
        *(Chosen(i, "flagged", 1.0) for i in gravest),
        *(Chosen(left[i], "active", 1.0) for i in active),
        *(Chosen(i, "audit", len(audited) / len(passed)) for i in audited),
    ]


def _most_useful(
    candidates: Sequence[Candidate], others: Sequence[Mapping[str, float] | None], number: int, seed: int
) -> list[int]:
    if not candidates or not number:
        return []
    names = sorted({name for candidate in candidates for name in candidate.p})
    p = np.array([[candidate.p.get(name, np.nan) for name in names] for candidate in candidates])
    q = np.array([[(other or {}).get(name, np.nan) for name in names] for other in others])
    worth = uncertainty(p) + disagreement(p, q)
    return diverse(worth, [candidate.text for candidate in candidates], number, seed)


def uncertainty(p: Floats) -> Floats:
    """Mean entropy over elements, in nats.

    Args:
        p: probabilities of yes, shape (n, elements); NaN = unknown.

    Returns:
        Shape (n,); 0 where nothing is known.
    """
    known = ~np.isnan(p)
    entropy = np.where(known, entr(p) + entr(1 - p), 0.0)
    return np.asarray(entropy.sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def disagreement(p: Floats, q: Floats) -> Floats:
    """Mean Jensen-Shannon divergence of two models over the elements that both answer, in nats.

    A committee's disagreement as in McCallum and Nigam (1998), for two members.

    Args:
        p: one model's probabilities of yes, shape (n, elements); NaN = unknown.
        q: the other's, of the same shape.

    Returns:
        Shape (n,); 0 where no element is answered by both.
    """
    both = ~np.isnan(p + q)
    mean = (p + q) / 2
    divergence = entr(mean) + entr(1 - mean) - (entr(p) + entr(1 - p) + entr(q) + entr(1 - q)) / 2
    return np.asarray(np.where(both, divergence, 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1))


def diverse(worth: Floats, texts: Sequence[str], number: int, seed: int, features: Floats | None = None) -> list[int]:
    """The most worthwhile texts that are not all alike.

    Of the ten times as many that are worth most, as many clusters are formed as texts are wanted,
    weighted by worth, and each gives its most worthwhile text. After Zhdanov (2019), Diverse mini-batch
    active learning, where it is the text nearest to the centre, which may pass by the best.

    Args:
        worth: shape (n,), 0 or greater.
        texts: n texts.
        number: how many are wanted.
        seed: of the clusters.
        features: shape (n, dimensions); default from the characters of the texts.

    Returns:
        Rows, at most ``number``.
    """
    from sklearn.cluster import KMeans

    best: list[int] = np.argsort(-worth, kind="stable")[: _PREFILTER * number].tolist()
    if len(best) <= number:
        return best
    places = _places([texts[i] for i in best], seed) if features is None else features[best]
    means = KMeans(number, n_init=1, random_state=seed).fit(places, sample_weight=worth[best] + _EPSILON)
    _, firsts = np.unique(means.labels_, return_index=True)
    # Where texts are alike there are fewer clusters; the most worthwhile others make up the number.
    return list(dict.fromkeys([*(best[i] for i in np.sort(firsts)), *best]))[:number]


def _places(texts: Sequence[str], seed: int) -> Floats:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit_transform(texts)
    dimensions = max(1, min(_DIMENSIONS, *(side - 1 for side in vectors.shape)))
    return np.asarray(TruncatedSVD(dimensions, random_state=seed).fit_transform(vectors))
