from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from hatespeech_no.evaluation.metrics import (
    ACCURACY,
    AUROC,
    BRIER,
    F1,
    MACRO_F1,
    PRECISION,
    RECALL,
    Metric,
    estimate,
    macro_f1_over_classes,
    resample_weights,
)

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
        (BRIER, lambda w: sk.brier_score_loss(LABEL, PROBABILITY, sample_weight=w)),
    ],
)
def test_against_scikit_learn(metric: Metric, independent: object) -> None:
    weights = resample_weights(np.arange(400), 20, seed=1)
    values = metric.compute(LABEL, PROBABILITY, DECISION, weights)
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
