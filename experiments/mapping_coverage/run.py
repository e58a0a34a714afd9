"""Populations whose prevalence is known: how far off each estimator is, how often its interval holds, how wide it is.

Run: python experiments/mapping_coverage/run.py  (about five minutes on one core). Writes results.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from hatespeech_no.mapping.cells import group_classes
from hatespeech_no.mapping.design import Plan, class_of, plan
from hatespeech_no.mapping.estimators import Strata, adjusted_count, design_weighted, prediction_powered, summarise
from hatespeech_no.mapping.intervals import Interval, Z, wilson
from hatespeech_no.mapping.measures import FLAGGED
from hatespeech_no.triage.profiles import PREVALENCES

# ruff: noqa: T201 - progress of a long script
HERE = Path(__file__).parent
SCORES = dict(list(pd.read_csv(HERE / "scores.csv").groupby("model")))
ROWS, POPULATIONS, DRAWS, CELLS, VALIDATION = 50_000, 10, 200, 500, 715
EXPECTED = 0.02  # what every sample is planned for, whatever the truth
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """A population and a model: which share is hateful, whose scores, and what has changed since it was trained."""

    prevalence: float
    model: str
    drift: str = "none"
    labels: int = 600

    def population(self, rng: np.random.Generator, rows: int = ROWS) -> tuple[Floats, Floats]:
        """Scores and labels; scores are drawn among those of the model for that label, and shaken a little."""
        label = (np.arange(rows) < round(self.prevalence * rows)).astype(float)
        return self.scores(rng, label), label

    def scores(self, rng: np.random.Generator, label: Floats) -> Floats:
        """What the model says of rows with these labels."""
        seen = label.copy()
        if self.drift == "unseen":  # half of what is hateful is written in a way that the model does not know
            seen[(label == 1) & (rng.random(len(label)) < 0.5)] = 0
        odds = np.empty(len(label))
        if self.model == "blind":
            odds[:] = rng.normal(-2, 1, len(label))
        else:
            table = SCORES[self.model]
            for answer in (0, 1):
                p = table["p"][table["label"] == answer].to_numpy().clip(1e-4, 1 - 1e-4)
                odds[seen == answer] = logit(rng.choice(p, int((seen == answer).sum())))
        louder = 1.0 if self.drift == "louder" else 0.0  # everything sounds more hateful to it than before
        return expit(odds + rng.normal(0, 0.2, len(label)) + louder)


def drawn(
    score: Floats, label: Floats, strata: Plan, rng: np.random.Generator, draws: int = DRAWS, surveyed: bool = False
) -> Strata:
    """What many audit samples of one population find, of shape (draws, strata)."""
    code, (rows, n) = class_of(score, strata.edges), (strata.rows[0], strata.labels[0])
    whole = _summary(
        code, np.zeros_like(code), score, np.full_like(score, np.nan), np.ones_like(score), 1, surveyed=surveyed
    )
    picked = [
        np.array([rng.choice(np.flatnonzero(code == h), size, replace=False) for _ in range(draws)])
        for h, size in enumerate(n)
    ]
    chosen = np.concatenate(picked, axis=1)
    turn = np.broadcast_to(np.arange(draws)[:, None], chosen.shape).ravel()
    flat = chosen.ravel()
    found = _summary(code[flat], turn, score[flat], label[flat], (n / rows)[code[flat]], draws, surveyed=surveyed)
    known = {name: getattr(whole, name) for name in ("weight", "rows", "score", "score_variance")}
    return replace(found, **known)


def _summary(
    code: NDArray[np.int64],
    turn: NDArray[np.int64],
    score: Floats,
    label: Floats,
    inclusion: Floats,
    turns: int,
    *,
    surveyed: bool = False,
) -> Strata:
    classes = int(code.max()) + 1
    return summarise(
        turn * classes + code,
        (turns, classes),
        weight=np.ones_like(score),
        score=score,
        inclusion=inclusion,
        label=label,
        surveyed=surveyed,
    )


def normal_ppi(s: Strata) -> Interval:
    """Stratified PPI++ with the usual normal interval, for comparison; λ as it comes, from any number of labels."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.nan_to_num(np.clip(s.covariance / s.score_variance, 0, 1))
        left = s.share * (1 - s.share) - 2 * factor * s.covariance + factor**2 * s.labelled_variance
        value = np.sum(s.weight * (s.share + factor * (s.score - s.labelled_score)), axis=-1)
        half = Z * np.sqrt(np.sum(s.weight**2 * left * s.variance * s.labels / (s.labels - 1), axis=-1))
    return Interval(value, value - half, value + half)


def estimates(scenario: Scenario, rng: np.random.Generator) -> Iterator[tuple[float, dict[str, Interval]]]:
    """Of each population the truth and what every estimator says, DRAWS times."""
    for _ in range(POPULATIONS):
        score, label = scenario.population(rng)
        everywhere = np.zeros(ROWS, np.int64)
        strata = drawn(score, label, plan(score, np.ones(ROWS), everywhere, EXPECTED, scenario.labels), rng)
        alone = rng.hypergeometric(int(label.sum()), int(ROWS - label.sum()), scenario.labels, DRAWS)
        flagged = np.full(DRAWS, np.mean(score >= FLAGGED))
        adjusted = [_adjusted(scenario, flagged[:1], rng) for _ in range(DRAWS)]
        yield (
            label.mean(),
            {
                "naive count": wilson(flagged, np.full(DRAWS, float(ROWS))),
                "labels alone": wilson(alone / scenario.labels, np.full(DRAWS, float(scenario.labels))),
                "adjusted count": Interval(
                    *(np.concatenate([getattr(a, x) for a in adjusted]) for x in ("value", "lo", "hi"))
                ),
                "PPI++, normal interval": normal_ppi(strata),
                "design-weighted": design_weighted(strata),
                "prediction-powered": prediction_powered(strata),
            },
        )


def _adjusted(scenario: Scenario, flagged: Floats, rng: np.random.Generator) -> Interval:
    """With error rates from a test set as large as our statements', from before the drift."""
    label = (np.arange(VALIDATION) < 0.44 * VALIDATION).astype(float)
    decision = replace(scenario, drift="none").scores(rng, label) >= FLAGGED
    return adjusted_count(flagged, np.full(1, float(ROWS)), label == 1, decision)


def judged(found: list[tuple[float, Interval]]) -> dict[str, float]:
    """Bias as a share of the truth, coverage and mean width."""
    truth = np.concatenate([np.full(len(e.value), t) for t, e in found])
    value, lo, hi = (np.concatenate([getattr(e, name) for _, e in found]) for name in ("value", "lo", "hi"))
    return {
        "bias": float(np.mean(value - truth) / truth.mean()),
        "coverage": float(np.mean((lo <= truth) & (truth <= hi))),
        "width": float(np.mean(np.minimum(hi, 1) - np.maximum(lo, 0))),
        "replications": len(truth),
    }


def cells(prevalence: float, rng: np.random.Generator) -> dict[str, list[tuple[float, Interval]]]:
    """Four arenas of 60, 25, 10 and 5 % of the rows, the small ones worse, and twelve months that grow worse."""
    scenario = Scenario(prevalence, "encoder")
    found: dict[str, list[tuple[float, Interval]]] = {"all": [], "arenas": [], "months": []}
    for _ in range(CELLS):
        arena = rng.choice(np.arange(4), ROWS, p=[0.6, 0.25, 0.1, 0.05])
        month = rng.integers(0, 12, ROWS)
        chance = prevalence * np.array([0.6, 1.0, 2.0, 4.0])[arena] * np.linspace(0.5, 1.5, 12)[month]
        label = (rng.random(ROWS) < chance).astype(float)
        score = scenario.scores(rng, label)
        chosen = plan(score, np.ones(ROWS), arena, EXPECTED, 1500)
        number = class_of(score, chosen.edges)
        code = arena * (len(chosen.edges) + 1) + number
        seen = np.full(ROWS, np.nan)
        for h, n in enumerate(chosen.labels.ravel()):
            mine = rng.choice(np.flatnonzero(code == h), n, replace=False)
            seen[mine] = label[mine]
        inclusion = (chosen.labels / np.maximum(chosen.rows, 1)).ravel()[code]
        for name, cell in (("all", np.zeros_like(arena)), ("arenas", arena), ("months", month)):
            size = int(cell.max()) + 1
            group, _ = group_classes(cell, number, ~np.isnan(seen), size)
            strata = _summary(group, cell, score, seen, inclusion, size)
            told = prediction_powered(strata)
            for c, truth in enumerate(np.bincount(cell, label) / np.bincount(cell)):
                found[name].append((truth, Interval(*(x[[c]] for x in (told.value, told.lo, told.hi)))))
    return found


def survey(prevalence: float, rng: np.random.Generator) -> list[tuple[float, Interval]]:
    """Free-text answers of 5,000 residents, who stand for all; the truth is that of all."""
    scenario, rows, found = Scenario(prevalence, "encoder"), 5_000, []
    for _ in range(POPULATIONS * DRAWS // 4):
        label = (rng.random(rows) < prevalence).astype(float)
        score = scenario.scores(rng, label)
        chosen = plan(score, np.ones(rows), np.zeros(rows, np.int64), EXPECTED, 600)
        found.append((prevalence, prediction_powered(drawn(score, label, chosen, rng, draws=4, surveyed=True))))
    return found


def main() -> None:
    """Run everything."""
    rng, rows = np.random.default_rng(0), []
    kinds = [(model, "none") for model in (*SCORES, "blind")] + [("encoder", drift) for drift in ("unseen", "louder")]
    for labels in (600, 1500):
        for model, drift in kinds:
            for prevalence in PREVALENCES:
                scenario = Scenario(prevalence, model, drift, labels)
                told = list(estimates(scenario, rng))
                for name in told[0][1]:
                    figures = judged([(truth, by_name[name]) for truth, by_name in told])
                    rows.append({**vars(scenario), "estimator": name, **figures})
                print(
                    *vars(scenario).values(),
                    *(f"{r['estimator']} {r['coverage']:.3f} {r['width']:.4f}" for r in rows[-6:]),
                    sep=" | ",
                    flush=True,
                )
    for prevalence in PREVALENCES:
        parts = {**cells(prevalence, rng), "survey": survey(prevalence, rng)}
        for name, found in parts.items():
            rows.append({"prevalence": prevalence, "estimator": "prediction-powered", "part": name, **judged(found)})
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round({"bias": 4, "coverage": 4, "width": 6})
    (HERE / "results.json").write_text(table.to_json(orient="records", indent=1), "utf-8")


if __name__ == "__main__":
    main()
