"""How well tiers are given, under each profile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.corpora import statement_from_row
from hatespeech_no.evaluation.metrics import (
    MACRO_F1_OVER_CLASSES,
    Estimate,
    Floats,
    Metric,
    at_prevalence,
    estimates,
    resample_weights,
    share_decided,
)
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Tier
from hatespeech_no.triage import triage_statement

if TYPE_CHECKING:
    from datasets import Dataset

_PROTECTED, _LAWFUL_HATE, _UNCERTAIN, _ACTIONABLE = range(len(Tier))

COSTS = np.array(
    [
        # given: protected, lawful_hate, uncertain, actionable
        [0.0, 0.5, 0.2, 1.0],  # labelled protected
        [0.5, 0.0, 0.2, 1.0],  # lawful_hate
        [0.5, 0.5, 0.0, 0.5],  # uncertain
        [1.0, 1.0, 0.2, 0.0],  # actionable
    ]
)
"""What a wrong tier costs, 0 to 1: chosen, not measured. Lawful speech called actionable costs as much as an actionable
statement passed over, for freedom of expression weighs as much as protection; ``uncertain`` costs a reader's time;
what was only the wrong kind of lawful, or was open and got settled, costs half."""

TIER_METRICS = (
    MACRO_F1_OVER_CLASSES,
    Metric(
        "recall",
        "andel funnet av mulig straffbare, som et menneske må vurdere",
        "share found of possibly punishable statements, which a human must assess",
        share_decided(_ACTIONABLE),
        about=((_ACTIONABLE,),),
    ),
    Metric(
        "alarms",
        "andel av vernede meldt som mulig straffbare, til et menneske",
        "share of protected statements handed to a human as possibly punishable",
        share_decided(_ACTIONABLE),
        "lower",
        ((_PROTECTED,),),
    ),
    Metric(
        "abstained",
        "andel kalt uavklart uten å være det",
        "share called uncertain without being so",
        share_decided(_UNCERTAIN),
        "lower",
        ((_PROTECTED, _LAWFUL_HATE, _ACTIONABLE),),
    ),
    Metric(
        "cost",
        "kostnad av feil nivå",
        "cost of wrong tiers",
        lambda gold, _, given, w: w @ COSTS[gold.astype(int), given.astype(int)] / w.sum(axis=1),
        "lower",
    ),
)


@dataclass(frozen=True)
class TierEvaluation:
    """How well the tiers of one suite are given.

    Attributes:
        estimates: by ``<language or all>/tier/<profile>_<metric>``, see ``TIER_METRICS`` and ``at_prevalence``.
        confusion: one row per profile, language, labelled and given tier, with the number of ``rows``.
        statements: one row per statement whose tier is known: id, language, cluster, labelled tier, the one
            given under ``balanced``, p_actionable.
    """

    estimates: dict[str, Estimate] = field(default_factory=dict)
    confusion: pd.DataFrame = field(default_factory=pd.DataFrame)
    statements: pd.DataFrame = field(default_factory=pd.DataFrame)


def known_tiers(dataset: Dataset) -> NDArray[np.int64]:
    """Rank of the tier that the rules give to the labels of each row; -1 where labels leave it open."""
    findings = [triage_statement(statement_from_row(row)) for row in dataset]
    return np.array([-1 if f.undecided else f.tier.rank for f in findings], np.int64)


def evaluate_tiers(
    classifier: Classifier, dataset: Dataset, clusters: NDArray[np.int64], resamples: int, seed: int
) -> TierEvaluation:
    """Score the statements whose tier is known, with their circumstances, under every profile.

    Args:
        classifier: the model.
        dataset: labelled rows; only those whose labels settle the tier count.
        clusters: shape (rows,), resampled together.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Nothing in it where fewer than two tiers are known.
    """
    gold = known_tiers(dataset)
    known = np.flatnonzero(gold >= 0)
    if len(np.unique(gold[known])) < 2:
        return TierEvaluation()
    chosen = dataset.select(known)
    found = classifier.score([statement_from_row(row) for row in chosen])
    gold = gold[known]
    statements = pd.DataFrame(
        {
            "id": chosen["id"][:],
            "language": np.array(chosen["language"][:], dtype=object),
            "cluster": clusters[known],
            "labelled": _names(gold),
            "given": [str(assessment.tier) for assessment in found],
            "p_actionable": [assessment.p_actionable for assessment in found],
        }
    )
    languages = statements["language"]
    values: dict[str, Estimate] = {}
    tables = []
    metrics = (*TIER_METRICS, *at_prevalence(_ACTIONABLE))
    for profile in classifier.profiles:
        given = np.array([assessment.tier.rank for assessment in found.rethreshold(profile)])
        for name in ("all", *sorted({code for code in languages if code})):
            rows = np.ones(len(gold), bool) if name == "all" else (languages == name).to_numpy()
            weights = resample_weights(clusters[known][rows], resamples, seed)
            shares = tier_shares(gold[rows], given[rows], weights, metrics)
            values |= {f"{name}/tier/{profile}_{metric}": value for metric, value in shares.items()}
        labels = pd.DataFrame({"profile": profile, "language": languages, "labelled": gold, "given": given})
        tables.append(labels.value_counts().rename("rows").reset_index())
    confusion = pd.concat(tables, ignore_index=True).sort_values(list(tables[0].columns[:4]), ignore_index=True)
    for column in ("labelled", "given"):
        confusion[column] = _names(confusion[column])
    return TierEvaluation(values, confusion, statements)


def tier_shares(
    gold: NDArray[np.int64], given: NDArray[np.int64], weights: Floats, metrics: Iterable[Metric] = TIER_METRICS
) -> dict[str, Estimate]:
    """What a moderator would want to know of the tiers of n statements.

    Args:
        gold: ranks of the labelled tiers, shape (n,).
        given: ranks of the tiers that were given, shape (n,).
        weights: of the bootstrap, shape (resamples + 1, n).
        metrics: none of them reads probabilities.

    Returns:
        By name, each metric that there are enough statements for.
    """
    decision = given.astype(np.float64)
    return estimates(metrics, gold.astype(np.float64), decision, decision, weights)


def _names(ranks: Iterable[int]) -> list[str]:
    return [str(list(Tier)[rank]) for rank in ranks]
