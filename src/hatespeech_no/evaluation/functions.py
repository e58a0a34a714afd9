"""Functional suites (Röttger et al. 2021, HateCheck): what a model can and cannot do, function by function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hatespeech_no.errors import require
from hatespeech_no.evaluation.answers import (
    TABLE,
    Answers,
    linked_clusters,
    served_suites,
    statements_of,
    table_row,
)
from hatespeech_no.evaluation.audit_words import WORDS, function_label
from hatespeech_no.evaluation.figures import save_figure
from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.evaluation.metrics import ACCURACY, MACRO_F1, estimate, resample_weights
from hatespeech_no.evaluation.pages import number
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Lang

if TYPE_CHECKING:
    from datasets import Dataset
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class FunctionResults:
    """Results on functional suites.

    Attributes:
        table: columns ``TABLE``, the slice being the function. ``accuracy`` of ``hateful``, and its ``macro_f1``
            where a function has enough cases of both answers.
        predictions: one row per case: suite, function, id, cluster, label, p and decision; no texts.
    """

    table: pd.DataFrame
    predictions: pd.DataFrame


def evaluate_functions(
    classifier: Classifier, suites: Mapping[str, Dataset], *, resamples: int = 1000, seed: int = 0
) -> FunctionResults:
    """Accuracy per function.

    Args:
        classifier: the model at its operating point.
        suites: labelled rows by name; those without a column ``function`` are passed over, rows in a
            language that the model does not serve are left out.
        resamples: of the bootstrap; see ``linked_clusters`` for what is drawn together.
        seed: of the bootstrap.

    Raises:
        HatespeechError: the model does not answer whether a text is hateful.
    """
    estimates, tables = [], []
    for suite, rows in served_suites(classifier, suites, "function").items():
        answers = Answers.of(classifier, statements_of(rows))
        columns = {"function": rows["function"][:], "id": rows["id"][:], "cluster": linked_clusters(rows)}
        label = label_columns(rows)[0]["hateful"].astype(np.float64)
        cases = pd.DataFrame(columns | {"label": label, "p": answers.p, "decision": answers.hateful})
        cases = cases.dropna(subset=["function", "label"])
        tables.append(cases.assign(suite=suite))
        for function, mine in cases.groupby("function", sort=False):
            y, p, decision = (mine[name].to_numpy() for name in ("label", "p", "decision"))
            weights = resample_weights(mine["cluster"].to_numpy(), resamples, seed)
            for metric in (ACCURACY, *([MACRO_F1] if MACRO_F1.enough(y) else [])):
                found = estimate(metric, y, p, decision, weights)
                estimates.append(table_row(suite, str(function), "hateful", metric.name, found))
    names = ["suite", "function", "id", "cluster", "label", "p", "decision"]
    predictions = pd.concat(tables, ignore_index=True)[names] if tables else pd.DataFrame(columns=names)
    return FunctionResults(pd.DataFrame(estimates, columns=list(TABLE)), predictions)


def worst_functions(
    results: FunctionResults, quotes: Mapping[str, str] | None = None, *, functions: int = 10, examples: int = 3
) -> pd.DataFrame:
    """The functions of lowest accuracy in each suite, with the failures the model was surest of.

    Args:
        results: of ``evaluate_functions``.
        quotes: texts by id, of statements that this project wrote and nobody else's: others stay unquoted.
        functions: so many per suite, as far as they have failures.
        examples: so many failures per function, one at most of what is drawn together (fillings of one template).

    Returns:
        Columns suite, function, accuracy, n, failures (how many), id, label, p, text (missing without a quote).
    """
    cases = results.predictions.assign(wrong=results.predictions["label"] != results.predictions["decision"])
    overview = cases.groupby(["suite", "function"], sort=False)["wrong"].agg(n="size", failures="sum").reset_index()
    overview["accuracy"] = 1 - overview["failures"] / overview["n"]
    worst = overview[overview["failures"] > 0].sort_values(["suite", "accuracy"], kind="stable")
    worst = worst.groupby("suite", sort=False).head(functions)
    sure = cases[cases["wrong"]].assign(off=(cases["label"] - cases["p"]).abs())
    sure = sure.sort_values("off", ascending=False, kind="stable").drop_duplicates(["suite", "function", "cluster"])
    shown = worst.merge(sure.groupby(["suite", "function"]).head(examples), on=["suite", "function"])
    shown["text"] = shown["id"].map((quotes or {}).get).astype(object)
    return shown[["suite", "function", "accuracy", "n", "failures", "id", "label", "p", "text"]]


def draw_functions(tables: Mapping[str, pd.DataFrame], names: Mapping[str, str], path: Path, lang: Lang) -> None:
    """Draw accuracy per function as a heat map, one panel per suite and one column per model.

    Args:
        tables: ``FunctionResults.table`` by name of the model; nothing is drawn where all are empty.
        names: of functions by id, in that language; others are shown by their id.
        path: the PNG file.
        lang: of the words in it.
    """
    merged = pd.concat([table.assign(model=model) for model, table in tables.items()])
    merged = merged[merged["metric"] == ACCURACY.name]
    if merged.empty:
        return
    require("matplotlib", "train").use("Agg")
    import matplotlib.pyplot as plt

    panels = {
        suite: rows.pivot_table(index="slice", columns="model", values="value", sort=False).rename(
            lambda function: function_label(function, names)
        )
        for suite, rows in merged.groupby("suite", sort=False)
    }
    longest = max(map(len, panels.values()))
    letters = sum(cells.index.str.len().max() for cells in panels.values())
    width = 1.5 + 0.06 * letters + 0.5 * len(panels) * len(tables)
    figure, grid = plt.subplots(1, len(panels), figsize=(width, 2 + 0.2 * longest), layout="constrained", squeeze=False)
    for axes, (suite, cells) in zip(grid.flat, panels.items(), strict=True):
        _heat_map(axes, str(suite), cells.reindex(columns=list(tables)), lang)
        axes.set_ylim(longest - 0.5, -0.5)  # rows of one height
    figure.colorbar(grid.flat[0].images[0], ax=grid, shrink=0.4, label=WORDS[lang]["accuracy"])
    save_figure(figure, path, lang)


def _heat_map(axes: Axes, suite: str, cells: pd.DataFrame, lang: Lang) -> None:
    values = cells.to_numpy()
    axes.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(values.shape[1]), [str(name) for name in cells.columns], rotation=90, fontsize=8)
    axes.set_yticks(range(values.shape[0]), [str(name) for name in cells.index], fontsize=8)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_title(suite, fontsize=10)
    for (i, j), value in np.ndenumerate(values):
        if not np.isnan(value):
            colour = "wk"[int(value > 0.5)]
            axes.text(j, i, number(value, lang, 2), ha="center", va="center", fontsize=7, color=colour)
