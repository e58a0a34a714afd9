"""Shares of tiers against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hatespeech_no import Classifier, load
from hatespeech_no.corpora import load_corpus, statement_from_row
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.evaluation.tiers import COSTS, evaluate_tiers, known_tiers, tier_shares
from hatespeech_no.statement import Elements, Statement
from hatespeech_no.taxonomy import Tier
from hatespeech_no.triage.profiles import PREVALENCES
from tests.fixtures import STATEMENTS, complete, ruled_tier, statement_rows


def test_a_tier_is_known_only_where_the_labels_settle_it() -> None:
    rows = to_dataset(
        [
            Statement("a", labels=complete()),
            Statement("b", labels=Elements.of(hateful=True)),
            Statement("c", labels=complete(conduct="threat")),
            Statement("d"),
        ],
        "x",
    )
    assert known_tiers(rows).tolist() == [Tier.PROTECTED.rank, -1, Tier.ACTIONABLE.rank, -1]


def test_our_statements_have_the_tier_they_were_written_for() -> None:
    rows = load_corpus(str(STATEMENTS))["test"]
    written = {f"statements:{row['id']}": ruled_tier(row).rank for row in statement_rows() if row["part"] == "test"}
    known = known_tiers(rows)
    expected = np.array([written[i] for i in rows["id"][:]])
    settled = known >= 0
    assert (known[settled] == expected[settled]).all()
    assert (expected[~settled] == Tier.UNCERTAIN.rank).all(), "an element was left open on purpose"
    assert settled.mean() > 0.98


def test_shares_are_counted_per_profile_and_language(demo_run) -> None:  # type: ignore[no-untyped-def]
    classifier: Classifier = load(demo_run)
    rows = load_corpus(str(STATEMENTS))["test"].select(range(300))
    evaluation = evaluate_tiers(classifier, rows, np.arange(300), resamples=100, seed=0)
    estimates, table = evaluation.estimates, evaluation.confusion
    gold = known_tiers(rows)
    found = classifier.score([statement_from_row(row) for row in rows], "high_recall")
    given = np.array([assessment.tier.rank for assessment in found])
    nn = np.array(rows["language"][:]) == "nn"
    actionable, protected = Tier.ACTIONABLE.rank, Tier.PROTECTED.rank
    recall = (given[nn & (gold == actionable)] == actionable).mean()
    alarms = (given[gold == protected] == actionable).mean()
    assert estimates["nn/tier/high_recall_recall"].value == pytest.approx(recall)
    assert estimates["all/tier/high_recall_alarms"].value == pytest.approx(alarms)
    assert estimates["all/tier/high_recall_recall"].value > estimates["all/tier/high_precision_recall"].value
    mine = table[(table["profile"] == "high_recall") & (table["given"] == "actionable")]
    assert mine[mine["labelled"] == "protected"]["rows"].sum() == (given[gold == protected] == actionable).sum()
    assert table.groupby("profile")["rows"].sum().unique().tolist() == [300]
    statements = evaluation.statements.set_index("id").loc[rows["id"][:]]
    balanced = classifier.score([statement_from_row(row) for row in rows], "balanced")
    assert statements["given"].tolist() == [str(assessment.tier) for assessment in balanced]
    assert statements["p_actionable"].tolist() == [assessment.p_actionable for assessment in balanced]
    assert statements["labelled"].tolist() == [str(list(Tier)[rank]) for rank in gold]
    assert statements["language"].tolist() == rows["language"][:]
    assert "text" not in statements.columns


def test_costs_say_what_they_are_meant_to() -> None:
    cost = {(a, b): COSTS[a.rank, b.rank] for a in Tier for b in Tier}
    assert all(cost[tier, tier] == 0 for tier in Tier)
    missed = cost[Tier.ACTIONABLE, Tier.PROTECTED]
    assert cost[Tier.PROTECTED, Tier.ACTIONABLE] == missed == COSTS.max()
    assert all(cost[tier, Tier.UNCERTAIN] < missed / 2 for tier in Tier)
    gold, given = np.array([0] * 10 + [3] * 10 + [1] * 10), np.array([3] * 10 + [2] * 10 + [1] * 10)
    counted = sum(cost[list(Tier)[a], list(Tier)[b]] for a, b in zip(gold, given, strict=True)) / 30
    assert tier_shares(gold, given, np.ones((2, 30)))["cost"].value == pytest.approx(counted)


def test_loads_are_what_the_risk_rows_weighed_to_a_share_give(demo_run) -> None:  # type: ignore[no-untyped-def]
    classifier: Classifier = load(demo_run)
    rows = load_corpus(str(STATEMENTS))["risk"]
    gold = known_tiers(rows)
    actionable, protected = gold == Tier.ACTIONABLE.rank, gold == Tier.PROTECTED.rank
    found = classifier.score([statement_from_row(row) for row in rows])
    for name, profile in classifier.profiles.items():
        flagged = np.array([assessment.tier is Tier.ACTIONABLE for assessment in found.rethreshold(name)])
        assert [load.prevalence for load in profile.loads] == list(PREVALENCES)
        for load_ in profile.loads:
            share = load_.prevalence
            weight = actionable * share / actionable.sum() + protected * (1 - share) / protected.sum()
            assert load_.flagged_per_10000 == pytest.approx(1e4 * (weight @ flagged), abs=0.06), name
            right = (weight * actionable) @ flagged / (weight @ flagged)
            assert load_.precision == pytest.approx(right, abs=6e-5), name
