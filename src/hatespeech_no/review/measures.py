"""How good the model is by what people said, blind: precision of each tier, and what it misses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, fisher_exact

from hatespeech_no.evaluation.metrics import Estimate, Floats, interval
from hatespeech_no.review.candidates import FLAGGED
from hatespeech_no.review.records import Batch, Side
from hatespeech_no.review.verdicts import Verdict
from hatespeech_no.taxonomy import Tier

_DRAWS = 10_000


@dataclass(frozen=True)
class Missed:
    """What the model passes by although people find it possibly punishable.

    Attributes:
        rate: share missed of all possibly punishable statements, those that were flagged and read among them.
        statements: how many were missed, of those that were passed by.
        flagged_unread: statements that were flagged and have no verdict; what is possibly punishable among
            them is not counted as found, so that the rate is too high rather than too low.
    """

    rate: Estimate
    statements: Estimate
    flagged_unread: int


def precision(sides: Mapping[str, Side], verdicts: Mapping[str, Verdict]) -> dict[Tier, Estimate]:
    """For each tier of the model the share that people give the same tier, with an exact interval.

    Of the tiers that are handed on the gravest are read, of the others a random sample; items that were
    chosen because the model is uncertain do not count. Source: Clopper and Pearson (1934).
    """
    result = {}
    for tier in Tier:
        purpose = "flagged" if tier in FLAGGED else "audit"
        mine = [v.blind for i, v in verdicts.items() if sides[i].tier is tier and sides[i].purpose == purpose]
        if mine:
            result[tier] = proportion(mine.count(tier), len(mine))
    return result


def proportion(count: int, of: int) -> Estimate:
    """A share with its exact 95 % interval."""
    bounds = binomtest(count, of).proportion_ci(0.95, "exact")
    return Estimate(count / of, float(bounds.low), float(bounds.high), of)


def missed(
    batches: Sequence[Batch], sides: Mapping[str, Side], verdicts: Mapping[str, Verdict], seed: int = 0
) -> Missed | None:
    """What the model misses, from the audits: each verdict stands for as many statements as it was drawn from.

    Of the statements of a batch that nobody read, how many are possibly punishable is drawn from its
    posterior under Jeffreys' prior, which covers well also where none was found in the sample. Source:
    Brown, Cai and DasGupta (2001), Interval estimation for a binomial proportion.

    Args:
        batches: all pushes.
        sides: the side table.
        verdicts: see ``verdicts_of``.
        seed: of the draw.

    Returns:
        ``None`` unless every batch that passed anything by has audit verdicts, and there is one.
    """
    grave = {item for item, v in verdicts.items() if v.blind is Tier.ACTIONABLE}
    read = [sides[item] for item in verdicts]
    audited = Counter(side.batch for side in read if side.purpose == "audit")
    hits = Counter(side.batch for side in read if side.purpose == "audit" and side.id in grave)
    found = sum(sides[item].tier in FLAGGED for item in grave)
    rng = np.random.default_rng(seed)
    total, n = np.zeros(1 + _DRAWS), 0
    flagged = 0
    for batch in batches:
        flagged += sum(batch.tiers.get(tier, 0) for tier in FLAGGED)
        passed = sum(batch.tiers.values()) - sum(batch.tiers.get(tier, 0) for tier in FLAGGED)
        if passed:
            if not audited[batch.id]:
                return None
            total += _hits_of_all(hits[batch.id], audited[batch.id], passed, rng)
            n += audited[batch.id]
    if not n:
        return None
    with np.errstate(invalid="ignore"):
        rate = total / (total + found)
    return Missed(interval(rate, n), interval(total, n), flagged - sum(side.tier in FLAGGED for side in read))


def _hits_of_all(hits: int, drawn: int, of: int, rng: np.random.Generator) -> Floats:
    """Hits among all when so many were found in a sample: the estimate, then draws from its posterior."""
    share = rng.beta(hits + 0.5, drawn - hits + 0.5, _DRAWS)
    return np.concatenate([[hits * of / drawn], hits + rng.binomial(of - drawn, share)])


def differs(earlier: Sequence[bool], later: Sequence[bool]) -> float:
    """Probability of a difference as large by chance alone (Fisher's exact test, two-sided), 0 to 1."""
    table = [[sum(part), len(part) - sum(part)] for part in (earlier, later)]
    return float(fisher_exact(table).pvalue)
