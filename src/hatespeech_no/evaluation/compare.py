"""Whether one model is better than another, on the texts that both were tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.metrics import (
    ACCURACY_NO,
    ACCURACY_YES,
    AURC,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CONDUCT_METRICS,
    ECE,
    MACRO_F1,
    Floats,
    Metric,
    interval,
    resample_weights,
)
from hatespeech_no.evaluation.tiers import TIER_METRICS
from hatespeech_no.taxonomy import Tier

TIER, ALL = "tier", "all"
HEADLINES = ("hateful", TIER)
"""Elements whose macro-F1 on a whole suite is what a comparison is about."""
LEVEL = 0.05

_PREDICTIONS, _ASSESSMENTS = "predictions_", "assessments_"
_COMPARED: dict[str, tuple[Metric, ...]] = {
    "hateful": (MACRO_F1, ACCURACY_YES, ACCURACY_NO, AUROC, AVERAGE_PRECISION, BRIER, ECE, AURC),
    TIER: TIER_METRICS,
    "conduct": CONDUCT_METRICS,
}
_QUESTION = ["seed", "suite", "element", "id"]
_COLUMNS = [*_QUESTION, "label", "language", "cluster", "p", "decision"]
_ROUNDS = 10
"""Times as many resamples for headlines: corrected for being many, their p-values must be able to be small."""

_WeightsOf = Callable[[bytes, int], Floats]


@dataclass(frozen=True)
class Run:
    """What the models of a run answered on its tests.

    Attributes:
        name: of its folder.
        rows: one per seed, suite, element and text: ``seed``, ``suite``, ``element``, keyed ``id``,
            ``label``, ``language``, ``cluster``, ``p``, ``decision``; of ``tier`` label and decision
            are ranks and ``p`` is that of ``actionable``.
        settings: its configuration, flat.
    """

    name: str
    rows: pd.DataFrame
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """In rising order."""
        return sorted(self.rows["seed"].unique())


@dataclass(frozen=True)
class Difference:
    """How another run differs from the baseline in one metric.

    Attributes:
        run: name of the other one.
        suite, slice, element, metric: as in the keys of an evaluation.
        baseline: the baseline's value, the mean over seeds.
        value: the other's.
        difference: ``value - baseline``.
        lo, hi: 95 % percentile interval of the difference over resampled texts, for these trained models.
        p: two-sided bootstrap p-value: 1 less the level of the widest interval without 0.
        n: answers of each, all seeds together.
        dropped: answers to this element that only one has, or that have another label in the other; of the whole suite.
        seeds: how many were averaged over.
        spread: standard deviation of the difference over seeds; NaN with one.
        p_holm: of headlines, ``p`` corrected for all headlines together.
    """

    run: str
    suite: str
    slice: str
    element: str
    metric: Metric
    baseline: float
    value: float
    difference: float
    lo: float
    hi: float
    p: float
    n: int
    dropped: int
    seeds: int
    spread: float
    p_holm: float | None = None

    @property
    def headline(self) -> bool:
        """Whether this is what the comparison is about."""
        return _is_headline(self.slice, self.element, self.metric)

    @property
    def gain(self) -> float:
        """The difference, with a sign that says whether the other run is better (above 0) or worse."""
        return self.difference if self.metric.direction == "higher" else -self.difference

    @property
    def real(self) -> bool:
        """Whether it is told from chance at the 5 % level; corrected for their number only among headlines."""
        return (self.p if self.p_holm is None else self.p_holm) < LEVEL


def read_run(folder: Path, settings: Mapping[str, str] | None = None) -> Run:
    """The predictions and tiers in a run folder, of every seed.

    Args:
        folder: of a run that is finished.
        settings: its configuration.

    Raises:
        HatespeechError: it has no such tables, they are of an older form, or ids are not unique.
    """
    tables = []
    for path in sorted(folder.glob("seed-*/tables/*.csv")):
        if not path.name.startswith((_PREDICTIONS, _ASSESSMENTS)):
            continue
        rows = pd.read_csv(path, dtype={"id": str, "language": str}, keep_default_na=False, na_values=[""])
        if path.name.startswith(_ASSESSMENTS) and "given" in rows:
            ranks = {str(tier): tier.rank for tier in Tier}
            rows = rows.rename(columns={"p_actionable": "p"}).assign(
                element=TIER, label=rows["labelled"].map(ranks), decision=rows["given"].map(ranks)
            )
        seed = int(path.parent.parent.name.removeprefix("seed-"))
        rows = rows.assign(seed=seed, suite=path.stem.partition("_")[2])
        if missing := [name for name in _COLUMNS if name not in rows]:
            raise HatespeechError(
                f"{path}: has no column {missing[0]!r}; it is of an older version, train the run anew"
            )
        tables.append(rows[_COLUMNS])
    if not tables:
        raise HatespeechError(f"{folder}: is no run folder; it has no tables seed-…/tables/{_PREDICTIONS}….csv")
    everything = pd.concat(tables, ignore_index=True)
    if (twice := everything.duplicated(_QUESTION)).any():
        first = everything[twice].iloc[0]
        raise HatespeechError(
            f"{folder}: in suite {first['suite']!r} several texts have the id {first['id']}, so that answers cannot be "
            "paired; give each row of that corpus an id of its own"
        )
    return Run(folder.resolve().name, everything, settings or {})


def compare(runs: Sequence[Run], *, resamples: int = 1000, seed: int = 0) -> list[Difference]:
    """Compare runs with the first of them by a paired cluster bootstrap (Berg-Kirkpatrick et al. 2012).

    An answer counts where both runs have it, to the same question about the same text and with the
    same label, by models of the same seed. Each resample draws clusters of texts (those of the
    baseline), the same for both runs and for all seeds; a run's value is the mean over its seeds.

    The interval is about the choice of texts; how much training itself varies is in ``spread``.

    Args:
        runs: two or more; the first is the baseline.
        resamples: of the bootstrap; ten times as many for headlines.
        seed: of the bootstrap.

    Returns:
        Differences overall and per language, headlines with p-values corrected by Holm (1979).

    Raises:
        HatespeechError: fewer than two runs, two of one name, or runs with no answer in common.
    """
    names = [run.name for run in runs]
    if len(set(names)) < max(2, len(names)):
        raise HatespeechError(f"give two or more runs, each once and of different names, not {', '.join(names)}")
    found = [difference for other in runs[1:] for difference in _compare(runs[0], other, resamples, seed)]
    headlines = [i for i, difference in enumerate(found) if difference.headline]
    for i, p in zip(headlines, holm(np.array([found[i].p for i in headlines])), strict=True):
        found[i] = replace(found[i], p_holm=float(p))
    return found


def holm(p: Floats) -> Floats:
    """P-values corrected so that the chance of any false finding among n is kept (Holm 1979); shape (n,)."""
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected


def _compare(baseline: Run, other: Run, resamples: int, seed: int) -> Iterator[Difference]:
    seeds = sorted(set(baseline.seeds) & set(other.seeds))
    both = [run.rows[run.rows["seed"].isin(seeds)] for run in (baseline, other)]
    paired = both[0].merge(both[1][[*_QUESTION, "label", "p", "decision"]], on=[*_QUESTION, "label"])
    if paired.empty:
        raise HatespeechError(
            f"{other.name}: has no answer in common with {baseline.name}; compare runs with the same tests, a seed in "
            "common, and ids made with the same key"
        )
    asked = pd.concat(both).drop_duplicates(_QUESTION).groupby(["suite", "element"]).size()

    for suite, answers in paired.groupby("suite", sort=False):

        @lru_cache(maxsize=1)  # the elements of a slice are mostly labelled on the same rows
        def weights_of(clusters: bytes, turn: int) -> Floats:
            return resample_weights(np.frombuffer(clusters, np.int64), resamples, seed + turn)

        for name, mine in _slices(answers["language"]):
            for element, rows in answers[mine].groupby("element", sort=False):
                dropped = int(asked[suite, element] - (answers["element"] == element).sum())
                for metric in _COMPARED.get(str(element), (MACRO_F1,)):
                    about = (other.name, str(suite), name, str(element), metric)
                    yield from _difference(about, rows, dropped, weights_of)


def _difference(
    about: tuple[str, str, str, str, Metric], rows: pd.DataFrame, dropped: int, weights_of: _WeightsOf
) -> Iterator[Difference]:
    """Nothing where a seed has too few labels for the metric."""
    *_, name, element, metric = about
    clusters = rows["cluster"].to_numpy(np.int64).tobytes()
    label = rows["label"].to_numpy(float)
    answers = [(rows[f"p_{side}"].to_numpy(float), rows[f"decision_{side}"].to_numpy(float)) for side in "xy"]
    seeds = [(rows["seed"] == seed).to_numpy() for seed in rows["seed"].unique()]
    if not all(metric.enough(label[mine]) for mine in seeds):
        return

    def values(turn: int) -> Floats:
        """Of each run, seed and resample, shape (2, seeds, resamples + 1)."""
        weights = weights_of(clusters, turn)
        return np.array(
            [[metric.values(label[s], p[s], decision[s], weights[:, s]) for s in seeds] for p, decision in answers]
        )

    found = values(0)
    if _is_headline(name, element, metric):
        found = np.concatenate([found, *(values(turn)[..., 1:] for turn in range(1, _ROUNDS))], axis=2)
    baseline, value = found.mean(axis=1)
    difference = interval(value - baseline, len(rows))
    apart = (found[1] - found[0])[:, 0]
    yield Difference(
        *about,
        baseline=float(baseline[0]),
        value=float(value[0]),
        difference=difference.value,
        lo=difference.lo,
        hi=difference.hi,
        p=_p_value((value - baseline)[1:]),
        n=len(rows),
        dropped=dropped,
        seeds=len(seeds),
        spread=float(apart.std(ddof=1)) if len(seeds) > 1 else float("nan"),
    )


def _is_headline(slice_name: str, element: str, metric: Metric) -> bool:
    return slice_name == ALL and element in HEADLINES and metric.name == MACRO_F1.name


def _p_value(differences: Floats) -> float:
    defined = differences[~np.isnan(differences)]
    tail = min((defined <= 0).sum(), (defined >= 0).sum())
    # The sample itself is one more resample, so that no p-value is 0 (Davison and Hinkley 1997).
    return float(min(1.0, 2 * (tail + 1) / (len(defined) + 1)))


def _slices(languages: pd.Series[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    yield ALL, np.ones(len(languages), bool)
    codes = sorted(languages.dropna().unique())
    if len(codes) > 1:
        for code in codes:
            yield code, (languages == code).to_numpy()
