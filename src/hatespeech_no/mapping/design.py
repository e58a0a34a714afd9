"""Which rows people must label: strata by score, as many labels in each as narrow the interval most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from hatespeech_no.mapping.intervals import Floats, Z, clopper_pearson, weighted_sum

MISSED = 0.2
"""Share of all cases that a plan spreads over the rows as if the model did not see them."""

_FEWEST, _MOST, _BINS = 2, 6, 60
_LEAST_LABELS = 10


@dataclass(frozen=True)
class Plan:
    """Strata of a population: classes of scores, the same in every arena.

    Attributes:
        edges: scores that part the classes, rising; a score equal to an edge lies below it.
        weight: share of the population in each stratum; this and the others of shape (arenas, classes).
        rows: in each stratum.
        labels: to be drawn in each.
        chance: share of cases that is expected in each.
    """

    edges: Floats
    weight: Floats
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    chance: Floats

    @property
    def width(self) -> float:
        """Of the 95 % interval of the whole population that is to be expected from the labels alone."""
        return self._width(slice(None))

    @property
    def widths(self) -> list[float]:
        """The same of each arena."""
        return [self._width(slice(a, a + 1)) for a in range(len(self.weight))]

    def _width(self, arenas: slice) -> float:
        weight, rows, labels = self.weight[arenas], self.rows[arenas], np.maximum(self.labels[arenas], 1)
        size = np.maximum(weight.sum(axis=0), 1e-12)
        share = (weight * self.chance[arenas]).sum(axis=0) / size
        drawn = np.where(rows > 0, 1 / labels - 1 / np.maximum(rows, 1), 0)
        with np.errstate(divide="ignore"):
            n = size**2 / (weight**2 * drawn).sum(axis=0)
        found = weighted_sum(clopper_pearson(share, n), size / size.sum())
        return float(found.hi - found.lo)


def chances(score: Floats, expected: float) -> Floats:
    """Chance that each row is a case, for planning: the score moved to the expected prevalence.

    A wrong expectation or a bad model makes the interval wider than planned, never wrong.

    Args:
        score: 0 to 1, shape (n,).
        expected: prevalence, between 0 and 1.
    """
    odds = logit(np.clip(score, 1e-4, 1 - 1e-4))
    shift = brentq(lambda by: expit(odds + by).mean() - expected, -40, 40)
    return np.asarray((1 - MISSED) * expit(odds + shift) + MISSED * expected, np.float64)


def plan(score: Floats, weight: Floats, arena: NDArray[np.int64], expected: float, labels: int) -> Plan:
    """The strata and their labels that promise the narrowest interval.

    Classes are cut where the sum of ``size · standard deviation`` is least, which is what optimal allocation
    (Neyman 1934) makes of the variance; of two to six classes that number is taken whose expected interval is
    narrowest. Arenas share the labels by the roots of their sizes, so that small ones are estimable too.

    Args:
        score: of each row, 0 to 1, shape (n,).
        weight: survey weight of each row, shape (n,).
        arena: of each row, numbered from 0, shape (n,).
        expected: prevalence.
        labels: in all, at most n of which are used.
    """
    chance = chances(score, expected)
    whole = np.zeros_like(arena)
    plans = (_plan(score, weight, whole, chance, edges, labels) for edges in _cuts(score, chance))
    best = min(plans, key=lambda p: p.width)
    return best if arena.max() == 0 else _plan(score, weight, arena, chance, best.edges, labels)


def class_of(score: Floats, edges: Floats) -> NDArray[np.int64]:
    """Number of each score's class, rising with the score."""
    return np.searchsorted(edges, score, side="left")


def _plan(score: Floats, weight: Floats, arena: NDArray[np.int64], chance: Floats, edges: Floats, labels: int) -> Plan:
    shape = arenas, classes = int(arena.max()) + 1, len(edges) + 1
    code = arena * classes + class_of(score, edges)
    rows, size, cases = (
        np.bincount(code, values, minlength=arenas * classes).reshape(shape)
        for values in (np.ones_like(score), weight, chance)
    )
    size, share, rows = size / size.sum(), cases / np.maximum(rows, 1), rows.astype(np.int64)
    roots = np.sqrt(rows.sum(axis=1))
    each = np.round(labels * roots / roots.sum()).astype(int)
    given = [_allocate(*of) for of in zip(size, share, rows, each, strict=True)]
    return Plan(edges, size, rows, np.array(given), share)


def _allocate(weight: Floats, chance: Floats, rows: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """One label after the other to the stratum where it narrows the interval most.

    What is made small is ``Σ weight² (p (1-p) / n + z² / 4n²)``, the square of half a Wilson interval: its second
    term is what a stratum costs in which no case is found, and the variance alone does not know.
    """
    given = np.minimum(rows, _LEAST_LABELS)

    def cost(n: NDArray[np.int64]) -> Floats:
        n = np.maximum(n, 1)  # a class may be empty in an arena
        return weight**2 * (chance * (1 - chance) / n + Z**2 / (4 * n**2))

    for _ in range(min(labels, int(rows.sum())) - int(given.sum())):
        gain = np.where(given < rows, cost(given) - cost(given + 1), -1.0)
        given[gain.argmax()] += 1
    return given


def _cuts(score: Floats, chance: Floats) -> Iterator[Floats]:
    """The best edges of each number of strata, by dynamic programming over bins; none where all scores are one."""
    order = np.argsort(score, kind="stable")
    deviation = np.cumsum(np.sqrt(chance * (1 - chance))[order])
    places = np.searchsorted(deviation, deviation[-1] * np.arange(1, _BINS) / _BINS)
    edges = np.unique(score[order][places])
    edges = edges[edges < score.max()]
    code = class_of(score, edges)
    bins = len(edges) + 1
    rows, cases = (np.r_[0, np.cumsum(np.bincount(code, x, bins))] for x in (np.ones_like(score), chance))
    size = rows[None] - rows[:, None]
    share = np.divide(cases[None] - cases[:, None], size, out=np.zeros_like(size), where=size > 0)
    cost = np.where(size > 0, size * np.sqrt(np.clip(share * (1 - share), 0, None)), np.inf)
    least, choices = cost[0], []
    if bins == 1:
        yield edges
    for strata in range(2, min(_MOST, bins) + 1):
        through = least[:, None] + cost
        choices.append(through.argmin(axis=0))
        least = through.min(axis=0)
        end, found = bins, []
        for choice in reversed(choices):
            end = choice[end]
            found.append(end - 1)
        if strata >= _FEWEST:
            yield edges[found[::-1]]
