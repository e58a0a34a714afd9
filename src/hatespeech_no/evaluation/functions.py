"""Functional suites (Röttger et al. 2021, HateCheck): what a model can and cannot do, function by function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hatespeech_no.corpora import statement_from_row
from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.evaluation.evaluate import _served
from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.evaluation.metrics import ACCURACY, MACRO_F1, Estimate, estimate, resample_weights
from hatespeech_no.scoring import Classifier
from hatespeech_no.statement import Statement

if TYPE_CHECKING:
    from datasets import Dataset
    from matplotlib.axes import Axes

TABLE = ("suite", "slice", "element", "metric", "value", "lo", "hi", "n")
"""Columns of a table of estimates, as in ``Evaluation.table``."""

_LINKS = ("cluster", "pair", "template", "twin")


@dataclass(frozen=True)
class Answers:
    """What a classifier says of n statements, disguised words undone as for a moderator.

    Attributes:
        p: of being hateful, shape (n,).
        hateful: the decision on it, 0 or 1, shape (n,).
        tier: rank of the tier under the profile ``balanced``, shape (n,).
    """

    p: NDArray[np.float64]
    hateful: NDArray[np.float64]
    tier: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.int64]) -> Answers:
        return Answers(self.p[rows], self.hateful[rows], self.tier[rows])

    @classmethod
    def of(cls, classifier: Classifier, statements: Iterable[Statement]) -> Self:
        """Score statements.

        Raises:
            HatespeechError: the model does not answer whether a text is hateful.
        """
        found = list(classifier.stream(statements))
        p = np.array([np.nan if a.p_hateful is None else a.p_hateful for a in found], np.float64)
        if np.isnan(p).any():
            raise HatespeechError("the model does not tell what is hateful; train it on a corpus that labels 'hateful'")
        threshold = classifier.bundle.manifest.thresholds.get("hateful", 0.5)
        return cls(p, (p >= threshold).astype(np.float64), np.array([a.tier.rank for a in found], np.int64))


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


def draw_functions(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Draw accuracy per function as a heat map, one panel per suite and one column per model.

    Args:
        tables: ``FunctionResults.table`` by name of the model; nothing is drawn where all are empty.
        path: the PNG file.
    """
    merged = pd.concat([table.assign(model=model) for model, table in tables.items()])
    merged = merged[merged["metric"] == ACCURACY.name]
    if merged.empty:
        return
    require("matplotlib", "train").use("Agg")
    import matplotlib.pyplot as plt

    panels = {
        suite: rows.pivot_table(index="slice", columns="model", values="value", sort=False)
        for suite, rows in merged.groupby("suite", sort=False)
    }
    longest = max(map(len, panels.values()))
    width = len(panels) * (2.6 + 0.5 * len(tables))
    figure, grid = plt.subplots(1, len(panels), figsize=(width, 2 + 0.2 * longest), layout="constrained", squeeze=False)
    for axes, (suite, cells) in zip(grid.flat, panels.items(), strict=True):
        _heat_map(axes, str(suite), cells.reindex(columns=list(tables)))
        axes.set_ylim(longest - 0.5, -0.5)  # rows of one height
    figure.colorbar(grid.flat[0].images[0], ax=grid, shrink=0.4, label="accuracy of hateful or not")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _heat_map(axes: Axes, suite: str, cells: pd.DataFrame) -> None:
    values = cells.to_numpy()
    axes.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(values.shape[1]), [str(name) for name in cells.columns], rotation=90, fontsize=8)
    axes.set_yticks(range(values.shape[0]), [str(name) for name in cells.index], fontsize=8)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_title(suite, fontsize=10)
    for (i, j), value in np.ndenumerate(values):
        if not np.isnan(value):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7, color="wk"[int(value > 0.5)])


def served_suites(classifier: Classifier, suites: Mapping[str, Dataset], column: str) -> dict[str, Dataset]:
    """The suites that have a column, without rows in languages that the model does not serve."""
    served = {name: _served(rows, classifier) for name, rows in suites.items() if column in rows.column_names}
    return {name: rows for name, rows in served.items() if len(rows)}


def statements_of(dataset: Dataset) -> list[Statement]:
    """What a model may be given of each row: text, language and circumstances, no labels."""
    statements = map(statement_from_row, dataset)
    return [replace(s.bare, language=s.language) for s in statements]


def linked_clusters(dataset: Dataset) -> NDArray[np.int64]:
    """Cluster number of each row, shape (n,): rows of one contrast pair, template, twin or ``cluster`` share it."""
    first: dict[tuple[str, Any], int] = {}
    links = [
        (i, first.setdefault((column, value), i))
        for column in _LINKS
        if column in dataset.column_names
        for i, value in enumerate(dataset[column][:])
        if value is not None
    ]
    edges = np.array(links, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(len(dataset), len(dataset)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def table_row(suite: str, slice_name: str, element: str, metric: str, found: Estimate) -> dict[str, Any]:
    """One row of a table with the columns ``TABLE``."""
    return dict(zip(TABLE[:4], (suite, slice_name, element, metric), strict=True)) | asdict(found)
