from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from hatespeech_no.evaluation.metrics import (
    ACCURACY,
    ACCURACY_NO,
    ALARM_RATE,
    AURC,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CONDUCT_METRICS,
    ECE,
    F1,
    FEWEST,
    HATEFUL_METRICS,
    MACRO_F1,
    PRECISION,
    QUADRATIC_KAPPA,
    RECALL,
    Metric,
    at_prevalence,
    estimate,
    estimates,
    macro_f1_over_classes,
    precision_and_load,
    resample_weights,
)
from hatespeech_no.evaluation.tiers import TIER_METRICS
from hatespeech_no.triage.profiles import PREVALENCES

RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 2, 400).astype(float)
PROBABILITY = np.round(np.clip(LABEL * 0.2 + RNG.random(400) * 0.8, 0, 1), 1)  # rounded, so that there are ties
DECISION = (PROBABILITY >= 0.5).astype(float)
ONES = np.ones((1, 400))


@pytest.mark.parametrize(
    ("metric", "independent"),
    [
        (MACRO_F1, lambda w: sk.f1_score(LABEL, DECISION, average="macro", sample_weight=w)),
        (F1, lambda w: sk.f1_score(LABEL, DECISION, sample_weight=w)),
        (PRECISION, lambda w: sk.precision_score(LABEL, DECISION, sample_weight=w)),
        (RECALL, lambda w: sk.recall_score(LABEL, DECISION, sample_weight=w)),
        (ACCURACY, lambda w: sk.accuracy_score(LABEL, DECISION, sample_weight=w)),
        (AUROC, lambda w: sk.roc_auc_score(LABEL, PROBABILITY, sample_weight=w)),
        (AVERAGE_PRECISION, lambda w: sk.average_precision_score(LABEL, PROBABILITY, sample_weight=w)),
        (ACCURACY_NO, lambda w: sk.recall_score(LABEL, DECISION, pos_label=0, sample_weight=w)),
        (BRIER, lambda w: sk.brier_score_loss(LABEL, PROBABILITY, sample_weight=w)),
    ],
)
def test_against_scikit_learn(metric: Metric, independent: object) -> None:
    weights = resample_weights(np.arange(400), 20, seed=1)
    values = metric.values(LABEL, PROBABILITY, DECISION, weights)
    assert values == pytest.approx([independent(w) for w in weights])  # type: ignore[operator]


def test_macro_f1_over_classes_against_scikit_learn() -> None:
    label, decision = RNG.integers(0, 4, 300), RNG.integers(0, 5, 300)
    weights = resample_weights(np.arange(300), 10, seed=2)
    expected = [
        sk.f1_score(label, decision, labels=np.unique(label), average="macro", sample_weight=w, zero_division=0)
        for w in weights
    ]
    assert macro_f1_over_classes(label, decision, weights) == pytest.approx(expected)


def test_interval_covers_and_clusters_widen_it() -> None:
    alone = estimate(ACCURACY, LABEL, PROBABILITY, DECISION, resample_weights(np.arange(400), 1000, 0))
    assert alone.lo < alone.value < alone.hi
    # The same rows four times over: a bootstrap that ignores clusters would halve the interval.
    copies = [np.tile(a, 4) for a in (LABEL, PROBABILITY, DECISION)]
    naive = estimate(ACCURACY, *copies, resample_weights(np.arange(1600), 1000, 0))
    clustered = estimate(ACCURACY, *copies, resample_weights(np.tile(np.arange(400), 4), 1000, 0))
    assert clustered.hi - clustered.lo == pytest.approx(alone.hi - alone.lo, rel=0.15)
    assert naive.hi - naive.lo < 0.65 * (alone.hi - alone.lo)


def test_undefined_is_nan_not_zero() -> None:
    yes = np.ones(400)
    assert np.isnan(AUROC.compute(yes, PROBABILITY, DECISION, ONES)[0])
    assert np.isnan(PRECISION.compute(LABEL, PROBABILITY, np.zeros(400), ONES)[0])


def test_calibration_error_bin_by_bin() -> None:
    weights = resample_weights(np.arange(400), 5, seed=4)
    bins = np.array_split(np.argsort(PROBABILITY, kind="stable"), 15)
    for w, value in zip(weights, ECE.compute(LABEL, PROBABILITY, DECISION, weights), strict=True):
        gaps = [
            w[part].sum()
            * abs(np.average(LABEL[part], weights=w[part]) - np.average(PROBABILITY[part], weights=w[part]))
            for part in bins
        ]
        assert value == pytest.approx(sum(gaps) / w.sum())


def test_area_under_the_risk_coverage_curve_answer_by_answer() -> None:
    p = RNG.random(300)  # without ties, so that there is one order
    label = (RNG.random(300) < p).astype(float)
    decision = (p >= 0.3).astype(float)  # another threshold than half: some answers are given below it
    weights = resample_weights(np.arange(300), 5, seed=5)
    for w, value in zip(weights, AURC.compute(label, p, decision, weights), strict=True):
        answers = [i for i in np.argsort(-np.where(decision == 1, p, 1 - p)) for _ in range(int(w[i]))]
        # A row drawn k times is one answer of weight k: the risk is read where all its copies are in.
        last = {i: position for position, i in enumerate(answers)}
        wrong = np.cumsum(label[answers] != decision[answers])
        risks = [wrong[last[i]] / (last[i] + 1) for i in answers]
        assert value == pytest.approx(np.mean(risks))
    tied = AURC.compute(label, np.full(300, 0.5), decision, weights)
    assert tied == pytest.approx(1 - ACCURACY.compute(label, p, decision, weights)), "all are as sure: the share wrong"


def test_weighted_kappa_against_scikit_learn() -> None:
    severity = RNG.integers(0, 8, 300).astype(float)
    given = np.clip(severity + RNG.integers(-2, 3, 300), 0, 7)
    weights = resample_weights(np.arange(300), 10, seed=6)
    expected = [sk.cohen_kappa_score(severity, given, weights="quadratic", sample_weight=w) for w in weights]
    assert QUADRATIC_KAPPA.compute(severity, given, given, weights) == pytest.approx(expected)


@pytest.mark.parametrize("yes", [1, 3])
def test_prevalence_against_a_sample_of_that_prevalence(yes: int) -> None:
    """Rows weighed until the wanted share is ``yes`` have the precision and the load that are predicted."""
    label, decision = LABEL * yes, DECISION * yes
    found = {m.name: m.compute(label, PROBABILITY, decision, ONES)[0] for m in at_prevalence(yes)}
    assert len(found) == 2 * len(PREVALENCES)
    for share in PREVALENCES:
        weight = np.where(label == yes, share / (label == yes).sum(), (1 - share) / (label == 0).sum())
        name = f"{100 * share:g}pct"
        precision = sk.precision_score(LABEL, DECISION, sample_weight=weight)
        assert found[f"precision_at_{name}"] == pytest.approx(precision)
        assert found[f"flagged_per_10000_at_{name}"] == pytest.approx(1e4 * (weight @ DECISION))


def test_precision_and_load_by_hand() -> None:
    shares, recall, alarms = np.array([0.1, 0.5]), np.array([0.5]), np.array([0.05])
    precision, load = precision_and_load(shares, recall, alarms)
    # Of 10,000 texts 1,000 are to be flagged: 500 are, and 450 of the 9,000 others. Then 5,000: 2,500 and 250.
    assert load == pytest.approx([950, 2750])
    assert precision == pytest.approx([500 / 950, 2500 / 2750])
    nothing = precision_and_load(0.1, np.zeros(1), np.zeros(1))
    assert np.isnan(nothing[0])
    assert nothing[1] == 0


def test_too_few_labels_are_not_estimated() -> None:
    few = np.r_[np.ones(FEWEST - 1), np.zeros(50)]
    found = estimates((MACRO_F1, ACCURACY_NO), few, few, few, np.ones((1, len(few))))
    assert set(found) == {"accuracy_no"}
    assert found["accuracy_no"].n == 50
    assert not estimates(CONDUCT_METRICS, np.zeros(50), np.zeros(50), np.zeros(50), np.ones((1, 50))), "one conduct"


def test_the_better_answer_is_better_in_every_metric() -> None:
    """Directions are right: answering well beats answering badly."""
    weights = ONES
    for metrics, label, yes in (
        (HATEFUL_METRICS, LABEL, 1),
        (CONDUCT_METRICS, LABEL * 7, 7),
        (TIER_METRICS, LABEL * 3, 3),
    ):
        for metric in metrics:
            right = metric.values(label, np.clip(LABEL, 0.1, 0.9), label, weights)[0]
            wrong = metric.values(label, np.clip(1 - LABEL, 0.1, 0.9), yes - label, weights)[0]
            if metric.name == "abstained" or metric.name.startswith("flagged"):
                continue  # neither answers "uncertain"; a load has no right size
            assert bool(right > wrong) == (metric.direction == "higher"), metric.name
            assert metric.label("nb")
            assert metric.label("en")


def test_names_are_not_shared() -> None:
    for metrics in (HATEFUL_METRICS, CONDUCT_METRICS, TIER_METRICS, (ACCURACY, ALARM_RATE)):
        for names in zip(*((m.name, m.nb, m.en) for m in metrics), strict=True):
            assert len(set(names)) == len(names)
