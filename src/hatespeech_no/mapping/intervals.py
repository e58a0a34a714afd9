"""95 % intervals of shares that hold where there are few cases or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

Floats = NDArray[np.float64]

LEVEL = 0.95
Z = float(norm.ppf((1 + LEVEL) / 2))


@dataclass(frozen=True)
class Interval:
    """Shares with their 95 % intervals; arrays of one shape, from 0 to 1."""

    value: Floats
    lo: Floats
    hi: Floats


def clopper_pearson(share: Floats, n: Floats) -> Interval:
    """Exact binomial interval (Clopper and Pearson 1934).

    Args:
        share: observed, any shape.
        n: how many labels it is worth, not necessarily a whole number (Korn and Graubard 1998); infinite: the
            share is known.
    """
    sampled = np.isfinite(n)
    size = np.where(sampled, n, 1.0)
    cases = np.clip(share, 0, 1) * size
    tail = (1 - LEVEL) / 2
    with np.errstate(invalid="ignore"):  # of no cases or nothing but cases the other branch is taken
        lo = np.where(cases > 0, beta.ppf(tail, cases, size - cases + 1), 0.0)
        hi = np.where(cases < size, beta.ppf(1 - tail, cases + 1, size - cases), 1.0)
    return Interval(share, np.where(sampled, lo, share), np.where(sampled, hi, share))


def wilson(share: Floats, n: Floats) -> Interval:
    """Score interval of a binomial share (Wilson 1927); arguments as in ``clopper_pearson``, but finite."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Interval(share, np.maximum(middle - half, 0), np.minimum(middle + half, 1))


def weighted_sum(parts: Interval, weight: Floats, spread: Floats | float = 0.0) -> Interval:
    """Interval of a weighted sum of independent shares, from theirs (MOVER, Zou and Donner 2008).

    The distance to each limit is the root of the summed squares of the parts' distances, so that a part
    without any case still says how much it may hide.

    Args:
        parts: of shape (..., parts).
        weight: of the parts, adding up to 1 over the last axis.
        spread: variance that comes to the sum from elsewhere, shape (...).

    Returns:
        Of shape (...).
    """
    value = np.sum(weight * parts.value, axis=-1)
    more = Z**2 * spread
    below = np.sqrt(np.sum((weight * (parts.value - parts.lo)) ** 2, axis=-1) + more)
    above = np.sqrt(np.sum((weight * (parts.hi - parts.value)) ** 2, axis=-1) + more)
    return Interval(value, np.maximum(value - below, 0), np.minimum(value + above, 1))
