"""Prevalence: estimators against other people's, and the draw against what it promises."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import binomtest

from hatespeech_no.mapping.cells import group_classes
from hatespeech_no.mapping.design import MISSED, Plan, chances, class_of, plan
from hatespeech_no.mapping.estimators import Strata, adjusted_count, design_weighted, prediction_powered, summarise
from hatespeech_no.mapping.intervals import Interval, Z, clopper_pearson, weighted_sum, wilson

ONE = np.ones(1)


@pytest.mark.parametrize(("cases", "n"), [(0, 40), (1, 40), (13, 40), (39, 40), (40, 40)])
def test_intervals_of_one_share_are_those_of_scipy(cases: int, n: int) -> None:
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        found = ours(np.array([cases / n]), np.array([float(n)]))
        theirs = binomtest(cases, n).proportion_ci(0.95, method)
        assert found.lo[0] == pytest.approx(theirs.low, abs=1e-9)
        assert found.hi[0] == pytest.approx(theirs.high, abs=1e-9)


def test_a_sum_of_one_part_is_that_part_and_of_several_their_distances_squared() -> None:
    parts = clopper_pearson(np.array([0.1, 0.0]), np.array([50.0, 80.0]))
    alone = weighted_sum(Interval(*(x[:1] for x in (parts.value, parts.lo, parts.hi))), ONE)
    assert (alone.lo, alone.hi) == (pytest.approx(parts.lo[0]), pytest.approx(parts.hi[0]))
    both = weighted_sum(parts, np.array([0.3, 0.7]))
    below, above = 0.3 * (0.1 - parts.lo[0]), (0.3 * (parts.hi[0] - 0.1), 0.7 * parts.hi[1])
    assert both.lo == pytest.approx(0.03 - below)
    assert both.hi == pytest.approx(0.03 + np.hypot(*above))


def _strata(score: NDArray[np.float64], label: NDArray[np.float64], **changes: object) -> Strata:
    """Of one stratum whose labels are those that are not NaN."""
    n = np.sum(~np.isnan(label))
    settings = {
        "weight": np.ones_like(score),
        "inclusion": np.full_like(score, n / len(score)),
        "surveyed": True,
    } | changes
    return summarise(np.zeros(len(score), np.int64), (1, 1), score=score, label=label, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_within_a_stratum_it_is_ppi_plus_plus(seed: int) -> None:
    ppi = pytest.importorskip("ppi_py", reason="ppi-python is not installed: pip install ppi-python")
    rng = np.random.default_rng(seed)
    truth = (rng.random(6000) < 0.3).astype(float)
    score = expit(3 * truth - 2 + rng.normal(0, 1, 6000))
    label = np.where(np.arange(6000) < 900, truth, np.nan)
    found = prediction_powered(_strata(score, label))
    data = truth[:900], score[:900], score[900:]
    assert found.value[0] == pytest.approx(float(ppi.ppi_mean_pointestimate(*data)[0]), abs=1e-4)
    lo, hi = (float(end[0]) for end in ppi.ppi_mean_ci(*data, alpha=0.05))
    # Theirs is normal, ours exact and so a little wider and not symmetric.
    assert found.hi[0] - found.lo[0] == pytest.approx(hi - lo, rel=0.05)
    assert found.lo[0] == pytest.approx(lo, abs=0.003)


@pytest.mark.parametrize("flagged", [0.05, 0.3, 0.9])
def test_the_adjusted_count_is_that_of_quapy(flagged: float) -> None:
    pytest.importorskip("quapy", reason="quapy is not installed: pip install quapy")
    from quapy.method.aggregative import ACC
    from sklearn.dummy import DummyClassifier

    rng = np.random.default_rng(0)
    label = rng.random(500) < 0.4
    decision = np.where(rng.random(500) < 0.8, label, ~label)
    classifier = DummyClassifier().fit(np.zeros((500, 1)), label)
    theirs = ACC(classifier, fit_classifier=False, val_split=None, solver="exact-raise")
    theirs.aggregation_fit(decision.astype(int), label.astype(int))
    answers = (np.arange(1000) < 1000 * flagged).astype(int)
    found = adjusted_count(np.array([flagged]), np.array([1000.0]), label, decision)
    assert found.value[0] == pytest.approx(theirs.aggregate(answers)[1], abs=1e-9)
    assert found.lo[0] <= found.value[0] <= found.hi[0]


def test_the_interval_of_an_adjusted_count_holds() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        label = np.arange(400) < 150
        decision = np.where(label, rng.random(400) < 0.7, rng.random(400) < 0.1)
        flagged = rng.binomial(2000, 0.05 * 0.7 + 0.95 * 0.1) / 2000
        found = adjusted_count(np.array([flagged]), np.array([2000.0]), label, decision)
        held += bool(found.lo[0] <= 0.05 <= found.hi[0])
    assert held / 400 >= 0.93


def test_sums_are_those_of_a_slow_loop() -> None:
    rng = np.random.default_rng(1)
    n, cells, strata = 400, 3, 2
    cell, stratum = rng.integers(0, cells, n), rng.integers(0, strata, n)
    weight, score = rng.uniform(0.5, 2, n), rng.random(n)
    inclusion = np.array([0.2, 0.6])[stratum]
    label = np.where(rng.random(n) < inclusion, rng.random(n) < score, np.nan)
    found = summarise(
        cell * strata + stratum,
        (cells, strata),
        weight=weight,
        score=score,
        inclusion=inclusion,
        label=label,
        surveyed=True,
    )
    for c, s in product(range(cells), range(strata)):
        rows = (cell == c) & (stratum == s)
        mine = rows & ~np.isnan(label)
        d = weight[mine] / inclusion[mine]
        expected = {
            "weight": weight[rows].sum() / weight[cell == c].sum(),
            "rows": weight[rows].sum() ** 2 / (weight[rows] ** 2).sum(),
            "score": np.average(score[rows], weights=weight[rows]),
            "score_variance": np.cov(score[rows], aweights=weight[rows], ddof=0),
            "labels": mine.sum(),
            "cases": label[mine].sum(),
            "share": np.average(label[mine], weights=d),
            "labelled_score": np.average(score[mine], weights=d),
            "covariance": np.cov(score[mine], label[mine], aweights=d, ddof=0)[0, 1],
            "labelled_variance": np.cov(score[mine], aweights=d, ddof=0),
            "variance": (d**2 * (1 - inclusion[mine])).sum() / d.sum() ** 2,
        }
        for name, value in expected.items():
            assert getattr(found, name)[c, s] == pytest.approx(value), name


def test_labels_alone_of_one_simple_draw_are_an_exact_binomial_interval_of_a_larger_population() -> None:
    label = np.r_[np.ones(3), np.zeros(97), np.full(99_900, np.nan)]
    found = prediction_powered(_strata(np.full(100_000, 0.2), label, surveyed=False))
    theirs = binomtest(3, 100).proportion_ci(0.95, "exact")
    assert (found.value[0], found.lo[0], found.hi[0]) == (
        pytest.approx(0.03),
        pytest.approx(theirs.low, rel=0.01),
        pytest.approx(theirs.high, rel=0.01),
    )


def test_where_every_row_is_labelled_the_share_is_known_and_of_a_survey_it_is_not() -> None:
    label = np.r_[np.ones(20), np.zeros(180)]
    score = np.linspace(0, 1, 200)
    for estimator in (prediction_powered, design_weighted):
        everybody = estimator(_strata(score, label, surveyed=False))
        assert (everybody.value[0], everybody.lo[0], everybody.hi[0]) == pytest.approx((0.1, 0.1, 0.1), abs=1e-6)
        survey = estimator(_strata(score, label))
        assert survey.lo[0] < 0.08
        assert survey.hi[0] > 0.12


def test_what_nobody_looked_at_may_be_anything_and_no_case_is_not_none() -> None:
    label = np.r_[np.zeros(50), np.full(950, np.nan)]
    code = (np.arange(1000) >= 800).astype(np.int64)
    found = prediction_powered(
        summarise(
            code,
            (1, 2),
            weight=np.ones(1000),
            score=np.full(1000, 0.1),
            inclusion=np.full(1000, 50 / 800),
            label=label,
            surveyed=False,
        )
    )
    seen = 0.8 * (1 - 0.025 ** (1 / (50 / (1 - 50 / 800))))  # exact limit of no case among so many labels
    assert found.hi[0] == pytest.approx(0.02 + np.hypot(seen, 0.2 * 0.9), rel=1e-6)
    assert found.lo[0] == 0


def test_scores_that_no_label_contradicts_still_leave_doubt() -> None:
    label = np.r_[np.ones(30), np.zeros(70), np.full(9900, np.nan)]
    score = np.r_[np.ones(30), np.zeros(70), np.repeat([1.0, 0.0], [2970, 6930])]
    found = prediction_powered(_strata(score, label, surveyed=False))
    assert found.value[0] == pytest.approx(0.3)
    assert 0.01 < found.hi[0] - found.value[0] < 0.05


def test_a_stratum_that_nobody_answered_of_is_no_division_by_zero() -> None:
    code = np.repeat([0, 1], 50).astype(np.int64)
    label = np.r_[np.zeros(50), np.full(50, np.nan)]
    settings = {"weight": np.ones(100), "score": np.full(100, 0.1), "inclusion": np.repeat([1.0, 0.0], 50)}
    found = design_weighted(summarise(code, (1, 2), label=label, surveyed=False, **settings))  # type: ignore[arg-type]
    assert np.isfinite(found.hi[0])


def _population(
    rng: np.random.Generator, prevalence: float, rows: int = 5_000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    label = (np.arange(rows) < prevalence * rows).astype(float)
    return expit(rng.normal(4 * label - 2, 1.5)), label


def _sampled(
    score: NDArray[np.float64], label: NDArray[np.float64], chosen: Plan, rng: np.random.Generator
) -> Interval:
    code, seen = class_of(score, chosen.edges), np.full(len(score), np.nan)
    for h, n in enumerate(chosen.labels[0]):
        mine = rng.choice(np.flatnonzero(code == h), n, replace=False)
        seen[mine] = label[mine]
    inclusion = (chosen.labels / chosen.rows)[0][code]
    shape = (1, len(chosen.edges) + 1)
    strata = summarise(
        code, shape, weight=np.ones_like(score), score=score, inclusion=inclusion, label=seen, surveyed=False
    )
    return prediction_powered(strata)


@pytest.mark.parametrize(("prevalence", "narrower"), [(0.004, 1.1), (0.1, 0.7)])
def test_intervals_hold_where_naive_counts_do_not_and_are_narrower_than_labels_alone(
    prevalence: float, narrower: float
) -> None:
    rng = np.random.default_rng(0)
    score, label = _population(rng, prevalence)
    chosen = plan(score, np.ones_like(score), np.zeros(len(score), np.int64), 0.02, 600)
    found = [_sampled(score, label, chosen, rng) for _ in range(200)]
    value, lo, hi = (np.array([getattr(e, name)[0] for e in found]) for name in ("value", "lo", "hi"))
    assert np.mean((lo <= prevalence) & (prevalence <= hi)) >= 0.93
    assert value.mean() == pytest.approx(prevalence, rel=0.1)
    naive = wilson(np.array([np.mean(score >= 0.5)]), np.array([float(len(score))]))
    assert not naive.lo[0] <= prevalence <= naive.hi[0]
    alone = wilson(rng.binomial(600, prevalence, 2000) / 600, np.full(2000, 600.0))
    assert np.mean(hi - lo) < narrower * np.mean(alone.hi - alone.lo)


def test_a_plan_expects_what_is_asked_of_it_and_does_not_trust_the_model_wholly() -> None:
    score, _ = _population(np.random.default_rng(0), 0.1)
    chance = chances(score, 0.01)
    assert chance.mean() == pytest.approx(0.01)
    assert chance.min() >= MISSED * 0.01
    assert (np.diff(chance[np.argsort(score)]) >= -1e-12).all()


def test_labels_go_where_they_narrow_the_interval_most() -> None:
    score, _ = _population(np.random.default_rng(0), 0.1, rows=400)
    found = plan(score, np.ones(400), np.zeros(400, np.int64), 0.1, 40)
    weight, chance, rows = found.weight[0], found.chance[0], found.rows[0]
    assert found.labels.sum() == 40
    assert (found.labels >= 10).all()

    def cost(n: NDArray[np.int64]) -> float:
        return float(np.sum(weight**2 * (chance * (1 - chance) / n + Z**2 / (4 * n**2))))

    others = [
        np.array(n) for n in product(range(10, 41), repeat=len(rows)) if sum(n) == 40 and all(np.array(n) <= rows)
    ]
    assert cost(found.labels[0]) == pytest.approx(min(map(cost, others)))


def test_more_labels_promise_narrower_intervals_and_small_arenas_get_their_share() -> None:
    score, _ = _population(np.random.default_rng(0), 0.02)
    arena = (np.arange(len(score)) % 20 == 0).astype(np.int64)
    plans = [plan(score, np.ones_like(score), arena, 0.02, n) for n in (200, 400, 1600)]
    assert plans[0].width > plans[1].width > plans[2].width
    given = plans[1].labels.sum(axis=1)
    assert given.sum() == pytest.approx(400, abs=1)
    assert given[0] / given[1] == pytest.approx(19**0.5, rel=0.05)
    assert plans[1].widths[1] > plans[1].widths[0]
    assert plans[1].rows.sum() == len(score)


def test_scores_that_are_all_one_make_one_stratum() -> None:
    found = plan(np.full(500, 0.3), np.ones(500), np.zeros(500, np.int64), 0.02, 100)
    assert found.rows.tolist() == [[500]]
    assert found.labels.tolist() == [[100]]


def test_neighbouring_classes_of_a_cell_go_together_until_they_have_labels_enough() -> None:
    counts = np.array([[30, 4, 7, 40], [3, 3, 3, 3], [10, 10, 10, 9]])
    cell, number = np.repeat(np.arange(3), counts.sum(axis=1)), np.concatenate([np.repeat(range(4), c) for c in counts])
    group, most = group_classes(cell, number, np.ones(len(cell), bool), 3)
    by_class = [[int(group[(cell == c) & (number == h)][0]) for h in range(4)] for c in range(3)]
    assert by_class == [[0, 1, 1, 2], [0, 0, 0, 0], [0, 1, 2, 2]]
    assert most == 3
