"""The figure of what ``run.py`` found, and the tables of the README.

python experiments/shift/draw.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from plan import ALIKE, LEARNED, OURS, SOURCES

HERE = Path(__file__).parent
FAMILIES = {"tfidf": "linear on words and characters", "embeddings": "linear on frozen embeddings"}
METRICS = {"auroc": "AUROC", "macro_f1": "macro-F1"}
WORDS = {"hateful": "hateful", "abusive": "offensive", "ground_gender": "sexist"}
TITLES = {
    "statements": "our nb, nn, en",
    "English of others": "English, none of it ours",
    "English": "English, ours too",
    "Norwegian": "our nb and nn",
    "all but Norwegian": "all but Norwegian: our en too",
    "all but statements": "all but our statements",
    "all but dkhate": "all but Danish",
    **{f"{name}, {ALIKE} rows": f"{SOURCES[name].title}, {ALIKE:,} rows" for name in OURS},
    **{name: source.title for name, source in SOURCES.items()},
}
ALIKE_OURS = tuple(f"{name}, {ALIKE} rows" for name in OURS)
LANGUAGES = {
    "hateful": (
        *(*ALIKE_OURS, "Norwegian", "English of others", "English", "German"),
        *("all but statements", "all but Norwegian", "all"),
    ),
    "abusive": (
        *(*ALIKE_OURS, "davidson", "hatexplain_fine", "English of others", "germeval2018", "dkhate"),
        *("all but dkhate", "all but statements", "all but Norwegian", "all"),
    ),
}
"""By question what is learned from."""
TESTED = {
    "hateful": (*OURS, "norhatecheck_nb", "norhatecheck_nn", "norhatecheck_en", "hatecheck", "gahd"),
    "abusive": (*OURS, "davidson", "hatexplain_fine", "germeval2018", "dkhate"),
}
BEGIN, END = "<!-- Tables: written by draw.py. -->\n", "<!-- End of the tables. -->\n"


@dataclass(frozen=True)
class Found:
    """The cells of one family's table, by what was learned from, tested on and asked."""

    cells: Mapping[tuple[str, str, str], Mapping[str, Any]]

    @classmethod
    def of(cls, family: str) -> Self:
        """Read ``<family>.csv``."""
        rows = pd.read_csv(HERE / f"{family}.csv").to_dict("records")
        return cls({(row["learned"], row["tested"], row["asked"]): row for row in rows})

    def value(self, learned: str, tested: str, metric: str) -> float:
        """Of the test's own question; NaN where there is none."""
        return float(self.cells.get((learned, tested, SOURCES[tested].asks), {}).get(metric, np.nan))

    def shown(self, learned: str, tested: str, asked: str) -> str:
        """AUROC over macro-F1, with intervals; in italics if the model was taught another question."""
        if (cell := self.cells.get((learned, tested, asked))) is None:
            return "–"
        mark = "" if cell["answered"] == asked else "*"
        lines = (f"{cell[m]:.2f} ({cell[f'{m}_lo']:.2f}–{cell[f'{m}_hi']:.2f})" for m in METRICS)
        return "<br>".join(f"{mark}{line}{mark}" for line in lines)

    def rows(self, learned: str) -> str:
        """How many a model learned from."""
        return next((f"{cell['rows']:,}" for key, cell in self.cells.items() if key[0] == learned), "not run yet")


def alone(name: str) -> str:
    """The choice of all that is learned from a source's corpus."""
    return "statements" if name in OURS else name


def left_out(name: str) -> str:
    """The choice of everything else."""
    return f"all but {SOURCES[name].corpus}"


def tables(found: Mapping[str, Found]) -> str:
    """All of them, as Markdown."""
    return "\n".join(line for family, cells in found.items() for line in _family(family, cells))


def _family(family: str, found: Found) -> Iterator[str]:
    yield f"### {FAMILIES[family].capitalize()} (`{family}`)\n"
    yield "**A corpus left out.**\n"
    heads = ["tested on", "asked", "learned from it alone", "from all", "from all but it", "AUROC lost"]
    yield from _table(heads, [_left_out_row(name, found) for name in LEARNED])
    for asked, tested in TESTED.items():
        yield f"**From language to language: {WORDS[asked]} or not.**\n"
        heads = ["learned from", "rows", *(SOURCES[name].title for name in tested)]
        rows = [
            [TITLES.get(name, name), found.rows(name), *(found.shown(name, test, asked) for test in tested)]
            for name in LANGUAGES[asked]
        ]
        yield from _table(heads, rows)


def _left_out_row(name: str, found: Found) -> list[str]:
    choices, asked = (alone(name), "all", left_out(name)), SOURCES[name].asks
    lost = found.value("all", name, "auroc") - found.value(left_out(name), name, "auroc")
    cells = [found.shown(choice, name, asked) for choice in choices]
    return [SOURCES[name].title, WORDS[asked], *cells, "–" if np.isnan(lost) else f"{lost:.2f}"]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def figure(found: Mapping[str, Found]) -> None:
    """Learned from (down), tested on (across): a panel per metric and family, on one scale."""
    drawing, grid = plt.subplots(
        len(METRICS), len(found), figsize=(10 * len(found), 16), layout="constrained", squeeze=False
    )
    questions = [f"{source.title}: {WORDS[source.asks]}" for source in SOURCES.values()]
    heads = [*questions[: len(LEARNED)], "all but it", "all"]
    for row, (metric, title) in zip(grid, METRICS.items(), strict=True):
        for axes, (family, cells) in zip(row, found.items(), strict=True):
            values = np.array(
                [[cells.value(choice, test, metric) for test in SOURCES] for choice in LEARNED]
                + [[cells.value(left_out(test), test, metric) for test in SOURCES]]
                + [[cells.value("all", test, metric) for test in SOURCES]]
            )
            image = axes.imshow(values, cmap="cividis", vmin=0.3, vmax=1, aspect="auto")
            axes.set_xticks(range(len(questions)), questions, rotation=60, ha="right")
            axes.set_yticks(range(len(heads)), heads)
            axes.set_title(f"{title}, {FAMILIES[family]}")
            for (i, j), value in np.ndenumerate(values):
                if not np.isnan(value):
                    axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color="wk"[int(value > 0.65)])
    drawing.supxlabel("tested on: its own question")
    drawing.supylabel("learned from: its own question")
    drawing.colorbar(image, ax=grid, shrink=0.4)
    drawing.savefig(HERE / "shift.png", dpi=80)


def main() -> None:
    """Figure and tables of the families that have been run."""
    found = {family: Found.of(family) for family in FAMILIES if (HERE / f"{family}.csv").is_file()}
    figure(found)
    readme = HERE / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    readme.write_text(before + BEGIN + "\n" + tables(found) + "\n" + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
