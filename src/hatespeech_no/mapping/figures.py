"""Figures of a mapping: estimates with their intervals, and the naive count marked as what it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hatespeech_no.errors import require
from hatespeech_no.evaluation.figures import BLUE, GREY, ORANGE, save_figure
from hatespeech_no.mapping.words import WORDS
from hatespeech_no.taxonomy import Lang


def draw_shares(shown: pd.DataFrame, labels: Sequence[str], path: Path, lang: Lang) -> None:
    """Draw estimates, one below the other.

    Args:
        shown: ``share``, ``lo``, ``hi``, ``naive`` of one or more cells; NaN is not drawn.
        labels: one for each.
        path: of the PNG file.
        lang: of the words.
    """
    require("matplotlib", "mapping").use("Agg")
    import matplotlib.pyplot as plt

    words, y = WORDS[lang], np.arange(len(shown))[::-1]
    value, lo, hi, naive = (100 * shown[name].to_numpy(float) for name in ("share", "lo", "hi", "naive"))
    figure, axes = plt.subplots(figsize=(8, 1.4 + 0.36 * len(shown)), layout="constrained")
    errors = np.maximum([value - lo, hi - value], 0)
    axes.errorbar(value, y, xerr=errors, fmt="o", color=BLUE, capsize=3, label=words["estimate_axis"])
    axes.plot(naive, y, "x", color=ORANGE, label=words["naive_axis"])
    axes.set_yticks(y, list(labels), fontsize=9)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlim(left=0)
    axes.set_xlabel(words["axis"])
    axes.grid(axis="x", color=GREY, linewidth=0.4, alpha=0.6)
    figure.legend(loc="outside upper left", ncols=2, fontsize=9, frameon=False)
    save_figure(figure, path, lang)
