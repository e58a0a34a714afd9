"""How well tiers are given, under each profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.corpora import statement_from_row
from hatespeech_no.evaluation.metrics import Estimate, interval, macro_f1_over_classes, resample_weights
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Tier
from hatespeech_no.triage import triage_statement

if TYPE_CHECKING:
    from datasets import Dataset

FEWEST = 10
"""Statements of a tier below which no share of them is estimated."""

_ACTIONABLE, _PROTECTED, _UNCERTAIN = Tier.ACTIONABLE.rank, Tier.PROTECTED.rank, Tier.UNCERTAIN.rank


def known_tiers(dataset: Dataset) -> NDArray[np.int64]:
    """Rank of the tier that the rules give to the labels of each row; -1 where labels leave it open."""
    findings = [triage_statement(statement_from_row(row)) for row in dataset]
    return np.array([-1 if f.undecided else f.tier.rank for f in findings], np.int64)


def evaluate_tiers(
    classifier: Classifier, dataset: Dataset, clusters: NDArray[np.int64], resamples: int, seed: int
) -> tuple[dict[str, Estimate], pd.DataFrame]:
    """Score the statements whose tier is known, with their circumstances, under every profile.

    Args:
        classifier: the model.
        dataset: labelled rows; only those whose labels settle the tier count.
        clusters: shape (rows,), resampled together.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Estimates by ``<language or all>/tier/<profile>_<metric>``, see ``tier_shares``; and the
        confusion table, one row per profile, language, labelled and given tier.
    """
    gold = known_tiers(dataset)
    known = np.flatnonzero(gold >= 0)
    if len(np.unique(gold[known])) < 2:
        return {}, pd.DataFrame()
    found = classifier.score([statement_from_row(row) for row in dataset.select(known)])
    languages = np.array(dataset["language"][:], dtype=object)[known]
    gold, clusters = gold[known], clusters[known]
    estimates: dict[str, Estimate] = {}
    tables = []
    for profile in classifier.profiles:
        given = np.array([assessment.tier.rank for assessment in found.rethreshold(profile)])
        for name in ("all", *sorted({code for code in languages if code})):
            rows = np.ones(len(gold), bool) if name == "all" else languages == name
            weights = resample_weights(clusters[rows], resamples, seed)
            shares = tier_shares(gold[rows], given[rows], weights)
            estimates |= {f"{name}/tier/{profile}_{metric}": value for metric, value in shares.items()}
        labels = pd.DataFrame({"profile": profile, "language": languages, "labelled": gold, "given": given})
        tables.append(labels.value_counts().rename("rows").reset_index())
    table = pd.concat(tables, ignore_index=True)
    for column in ("labelled", "given"):
        table[column] = [str(list(Tier)[rank]) for rank in table[column]]
    return estimates, table.sort_values(list(table.columns[:4]), ignore_index=True)


def tier_shares(gold: NDArray[np.int64], given: NDArray[np.int64], weights: NDArray[np.float64]) -> dict[str, Estimate]:
    """What a moderator would want to know of the tiers of n statements.

    Args:
        gold: ranks of the labelled tiers, shape (n,).
        given: ranks of the tiers that were given, shape (n,).
        weights: of the bootstrap, shape (resamples + 1, n).

    Returns:
        ``macro_f1`` over the labelled tiers, ``recall`` (share of actionable statements given that tier),
        ``alarms`` (share of protected ones called actionable), ``abstained`` (share of statements of
        another tier called uncertain); a share only where there are enough statements.
    """
    found = {"macro_f1": interval(macro_f1_over_classes(gold, given, weights), len(gold))}
    for name, about, counted in (
        ("recall", gold == _ACTIONABLE, given == _ACTIONABLE),
        ("alarms", gold == _PROTECTED, given == _ACTIONABLE),
        ("abstained", gold != _UNCERTAIN, given == _UNCERTAIN),
    ):
        if about.sum() >= FEWEST:
            chosen = weights[:, about]
            found[name] = interval(chosen @ counted[about] / np.maximum(chosen.sum(axis=1), 1), int(about.sum()))
    return found
