"""Figures of an evaluation, each beside the table it is drawn from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hatespeech_no.errors import require
from hatespeech_no.evaluation.audit_words import WORDS
from hatespeech_no.evaluation.pages import number
from hatespeech_no.taxonomy import Lang, element_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hatespeech_no.evaluation.compare import Difference
    from hatespeech_no.evaluation.evaluate import Evaluation

_FEWEST = 5  # rows in a bin, below which its share says nothing
BLUE, ORANGE, GREY = "#2f5d8a", "#c8702a", "#9a9a9a"


def draw_figures(evaluation: Evaluation, folder: Path, lang: Lang) -> None:
    """Draw macro-F1, accuracy on each side, and reliability; nothing is drawn where there is nothing to show.

    Args:
        evaluation: what to show.
        folder: an existing folder for the PNG files.
        lang: of the words in them.
    """
    require("matplotlib", "train").use("Agg")
    words, table = WORDS[lang], evaluation.table()
    overall = table[table["slice"] == "all"]
    macro = overall[(overall["metric"] == "macro_f1") & ~overall["element"].str.startswith("conduct_")]
    asked = macro["element"].map(lambda element: element_label(element, lang))
    _intervals(macro, asked, words["macro_f1_figure"], folder / "macro_f1.png", lang)
    sides = {"accuracy_yes": element_label("hateful", lang), "accuracy_no": words["not"]}
    accuracy = overall[overall["metric"].isin(list(sides)) & (overall["element"] == "hateful")]
    labels = accuracy["metric"].map(sides)
    _intervals(accuracy, labels, words["hateful_accuracy_figure"], folder / "hateful_accuracy.png", lang)
    _reliability(evaluation.predictions, folder / "reliability.png", lang)


def save_figure(figure: Figure, path: Path, lang: Lang) -> None:
    """Write a figure and close it; numbers on its axes are as people write them in that language."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import ScalarFormatter

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):  # others show names
            axis.set_major_formatter(lambda value, _: number(value, lang, 2))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_gains(differences: Sequence[Difference], labels: Sequence[str], title: str) -> str:
    """Draw gains over the baseline with their intervals, in hundredths, as the text of an SVG image.

    Args:
        differences: any number; to the right of 0 the other run is better.
        labels: one for each.
        title: under the axis.
    """
    require("matplotlib", "train").use("Agg")
    import matplotlib.pyplot as plt

    # Letters as outlines look the same in every browser; without date and random ids the file does too.
    with plt.rc_context({"svg.hashsalt": "gains", "svg.fonttype": "path"}):
        figure, axes = plt.subplots(figsize=(8, 1 + 0.3 * len(differences)), layout="constrained")
        for y, found in zip(range(len(differences))[::-1], differences, strict=True):
            colour = GREY if not found.real else BLUE if found.gain > 0 else ORANGE
            ends = sorted((found.lo, found.hi)) if found.gain == found.difference else (-found.hi, -found.lo)
            axes.plot([100 * end for end in ends], [y, y], color=colour, linewidth=1.5, solid_capstyle="butt")
            axes.plot(100 * found.gain, y, "o", color=colour, markersize=5)
        axes.set_yticks(range(len(labels))[::-1], list(labels), fontsize=8)
        axes.set_ylim(-0.6, len(labels) - 0.4)
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel(title, fontsize=9)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
        plt.close(figure)
    return stream.getvalue()


def _intervals(rows: pd.DataFrame, labels: pd.Series, title: str, path: Path, lang: Lang) -> None:
    if rows.empty:
        return
    import matplotlib.pyplot as plt

    names = rows["suite"] + " · " + labels
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.3 * len(rows)), layout="constrained")
    y = np.arange(len(rows))[::-1]
    value = rows["value"].to_numpy()
    axes.barh(y, value, color=BLUE, height=0.6)
    axes.errorbar(
        value,
        y,
        xerr=[value - rows["lo"], rows["hi"] - value],
        fmt="none",
        ecolor="black",
        elinewidth=1,
        capsize=2,
    )
    axes.set_yticks(y, [f"{name}  (n={n})" for name, n in zip(names, rows["n"], strict=True)], fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path, lang)


def _reliability(predictions: dict[str, pd.DataFrame], path: Path, lang: Lang) -> None:
    panels = [
        (f"{suite}\n{element_label(element, lang)}", rows)
        for suite, table in predictions.items()
        for element, rows in table.groupby("element")
        if element in ("hateful", "abusive", "ground_gender") and 0 < rows["label"].mean() < 1 and len(rows) >= 50
    ]
    if not panels:
        return
    import matplotlib.pyplot as plt

    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        lines, columns, figsize=(max(4.5, 2.6 * columns), 2.7 * lines), layout="constrained", squeeze=False
    )
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for axes, (title, rows) in zip(grid.flat, panels, strict=False):
        _reliability_panel(axes, title, rows)
    figure.suptitle(WORDS[lang]["reliability_figure"], fontsize=10)
    save_figure(figure, path, lang)


def _reliability_panel(axes: Axes, title: str, rows: pd.DataFrame) -> None:
    bins = pd.cut(rows["p"], np.linspace(0, 1, 11), include_lowest=True)
    points = rows.groupby(bins, observed=True).agg(p=("p", "mean"), share=("label", "mean"), n=("label", "size"))
    points = points[points["n"] >= _FEWEST]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    axes.plot(points["p"], points["share"], color=ORANGE, linewidth=1)
    axes.scatter(points["p"], points["share"], s=6 + 90 * points["n"] / points["n"].max(), color=ORANGE)
    axes.set_title(title, fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.tick_params(labelsize=7)
