"""How much a model's answers hang on spelling and on what stands beside; see ``text.perturb``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.evaluation.answers import (
    TABLE,
    Answers,
    linked_clusters,
    served_suites,
    statements_of,
    table_row,
)
from hatespeech_no.evaluation.audit_words import WORDS
from hatespeech_no.evaluation.figures import BLUE, GREY, ORANGE, save_figure
from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.evaluation.metrics import (
    ALARM_RATE,
    FEWEST,
    MACRO_F1,
    Estimate,
    Floats,
    estimate,
    interval,
    resample_weights,
)
from hatespeech_no.evaluation.tiers import known_tiers
from hatespeech_no.scoring import Classifier
from hatespeech_no.statement import Statement
from hatespeech_no.taxonomy import Lang, Tier
from hatespeech_no.text.perturb import PERTURBATIONS, perturb

if TYPE_CHECKING:
    from datasets import Dataset
    from matplotlib.axes import Axes

_Variant = tuple[str, float, int]
"""Perturbation, strength and seed."""

STRENGTHS = (0.25, 0.5, 1.0)
SEEDS = (0, 1, 2)
ROWS = 400
"""Of each suite: each is scored about a hundred times."""

_NEGATION = "negation"
_PLAIN: _Variant = (_NEGATION, 0.0, 0)  # with strength 0 any perturbation leaves a text as it is
_NEGATED: _Variant = (_NEGATION, 1.0, 0)
_KEEPING_MEANING = tuple(name for name in PERTURBATIONS if name != _NEGATION)


def evaluate_robustness(
    classifier: Classifier,
    suites: Mapping[str, Dataset],
    *,
    strengths: Sequence[float] = STRENGTHS,
    seeds: Sequence[int] = SEEDS,
    rows: int = ROWS,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How figures change under each perturbation.

    Args:
        classifier: the model at its operating point.
        suites: labelled rows by name; rows in a language that the model does not serve, and those not known to be
            hateful or not, are left out.
        strengths: of the perturbations, above 0 to 1.
        seeds: of the perturbations; figures are means over them.
        rows: so many of each suite at most, drawn at random with the seed.
        resamples: of the bootstrap; see ``linked_clusters`` for what is drawn together.
        seed: of the draw of rows and of the bootstrap.

    Returns:
        Columns ``TABLE`` and ``strength``, the slice being the perturbation. Differences from the same rows as they
        stand, with paired intervals over rows: ``macro_f1_change``, ``recall_change`` (share of hateful texts that is
        called so) and ``alarms_change`` (share of the others) of ``hateful``; ``recall_change`` and
        ``alarms_change`` of the ``tier`` possibly punishable, the alarms being on protected texts.

        A negation changes what is said: of the texts that are hateful, called so and can be negated, ``flipped`` is
        the share that is not called hateful once they are. Here more is better.

    Raises:
        HatespeechError: the model does not answer whether a text is hateful, or a strength is not above 0 to 1.
    """
    if not all(0 < strength <= 1 for strength in strengths):
        raise HatespeechError(f"strengths of perturbations lie above 0 and up to 1, not {list(strengths)}")
    found = []
    for suite, dataset in served_suites(classifier, suites, "hateful").items():
        chosen = _sample(dataset, rows, seed)
        if not len(chosen):
            continue
        hateful, tier = label_columns(chosen)[0]["hateful"].astype(np.float64), known_tiers(chosen)
        weights = resample_weights(linked_clusters(chosen), resamples, seed)
        answers, at = _score(classifier, statements_of(chosen), strengths, seeds)
        before = answers[at[_PLAIN]]
        for name, strength in product(_KEEPING_MEANING, strengths):
            after = [answers[at[name, strength, s]] for s in seeds]
            for element, metric, change in _changes(before, after, hateful, tier, weights):
                found.append(table_row(suite, name, element, metric, change) | {"strength": strength})
        about = (at[_NEGATED] != at[_PLAIN]) & (hateful == 1) & (before.hateful == 1)
        if about.sum() >= FEWEST:
            after_negation = answers[at[_NEGATED][about]]
            flips = estimate(
                ALARM_RATE, hateful[about], after_negation.p, 1 - after_negation.hateful, weights[:, about]
            )
            found.append(table_row(suite, _NEGATION, "hateful", "flipped", flips) | {"strength": 1.0})
    return pd.DataFrame(found, columns=[*TABLE, "strength"])


def _sample(dataset: Dataset, rows: int, seed: int) -> Dataset:
    known = np.flatnonzero(~np.isnan(label_columns(dataset)[0]["hateful"]))
    return dataset.select(np.sort(np.random.default_rng(seed).permutation(known)[:rows]))


def _score(
    classifier: Classifier, plain: Sequence[Statement], strengths: Sequence[float], seeds: Sequence[int]
) -> tuple[Answers, dict[_Variant, NDArray[np.int64]]]:
    """Answers to all different variants of n statements, and where among them those of each kind are, shape (n,)."""
    place: dict[tuple[int, str], int] = {}
    at = {
        kind: np.array([place.setdefault((i, perturb(s.text, *kind)), len(place)) for i, s in enumerate(plain)])
        for kind in (_PLAIN, _NEGATED, *product(_KEEPING_MEANING, strengths, seeds))
    }
    return Answers.of(classifier, (replace(plain[i], text=text) for i, text in place)), at


def _changes(
    before: Answers, after: Sequence[Answers], hateful: Floats, tier: NDArray[np.int64], weights: Floats
) -> Iterator[tuple[str, str, Estimate]]:
    then = _figures(before, hateful, tier, weights)
    now = [_figures(answers, hateful, tier, weights) for answers in after]
    for key, (values, n) in then.items():
        yield *key, interval(np.mean([figures[key][0] - values for figures in now], axis=0), n)


def _figures(
    answers: Answers, hateful: Floats, tier: NDArray[np.int64], weights: Floats
) -> dict[tuple[str, str], tuple[Floats, int]]:
    """By element and metric the values over the resamples, and the number of rows they are about."""
    found = {}
    if MACRO_F1.enough(hateful):
        values = MACRO_F1.compute(hateful, answers.p, answers.hateful, weights)
        found["hateful", "macro_f1_change"] = values, len(hateful)
    possibly_punishable = (answers.tier == Tier.ACTIONABLE.rank).astype(np.float64)
    for element, metric, about, flagged in (
        ("hateful", "recall_change", hateful == 1, answers.hateful),
        ("hateful", "alarms_change", hateful == 0, answers.hateful),
        ("tier", "recall_change", tier == Tier.ACTIONABLE.rank, possibly_punishable),
        ("tier", "alarms_change", tier == Tier.PROTECTED.rank, possibly_punishable),
    ):
        if about.sum() >= FEWEST:
            shares = ALARM_RATE.compute(hateful[about], answers.p[about], flagged[about], weights[:, about])
            found[element, metric] = shares, int(about.sum())
    return found


_LINES = {
    ("hateful", "macro_f1_change"): ("black", "-"),
    ("hateful", "recall_change"): (BLUE, "-"),
    ("hateful", "alarms_change"): (ORANGE, "-"),
    ("tier", "recall_change"): (BLUE, ":"),
    ("tier", "alarms_change"): (ORANGE, ":"),
}


def draw_robustness(table: pd.DataFrame, path: Path, lang: Lang) -> None:
    """Draw the changes against strength: one panel per perturbation, a column per suite.

    Args:
        table: of ``evaluate_robustness``; nothing is drawn where it is empty.
        path: the PNG file.
        lang: of the words in it.
    """
    curves = table[table["slice"] != _NEGATION]
    if curves.empty:
        return
    require("matplotlib", "train").use("Agg")
    import matplotlib.pyplot as plt

    words = WORDS[lang]
    suites, names = list(curves["suite"].unique()), list(curves["slice"].unique())
    figure, grid = plt.subplots(
        *(len(names), len(suites)),
        figsize=(1.5 + 3.2 * len(suites), 1.2 + 1.4 * len(names)),
        sharex=True,
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for (i, name), (j, suite) in ((row, column) for row in enumerate(names) for column in enumerate(suites)):
        _panel(grid[i, j], curves[(curves["slice"] == name) & (curves["suite"] == suite)], lang)
        grid[i, 0].set_ylabel(fill(words[name], 23), fontsize=8)
        grid[0, j].set_title(suite, fontsize=9)
        grid[-1, j].set_xlabel(words["strength"], fontsize=8)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", fontsize=7, frameon=False)
    figure.suptitle(words["robustness_figure"], fontsize=10)
    save_figure(figure, path, lang)


def _panel(axes: Axes, curves: pd.DataFrame, lang: Lang) -> None:
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.tick_params(labelsize=7)
    for (element, metric), (colour, style) in _LINES.items():
        label = WORDS[lang][f"{element}_{metric}"]
        line = curves[(curves["element"] == element) & (curves["metric"] == metric)].sort_values("strength")
        strength = [0.0, *line["strength"]]
        value, lo, hi = ([0.0, *line[name]] for name in ("value", "lo", "hi"))
        axes.plot(strength, value, color=colour, linestyle=style, linewidth=1.2, label=label)
        axes.fill_between(strength, lo, hi, color=colour, alpha=0.12, linewidth=0)
