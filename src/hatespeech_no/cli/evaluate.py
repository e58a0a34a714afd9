"""``hatespeech-no evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.corpora import load_corpus
from hatespeech_no.corpora.load import NO_SPLIT
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.evaluate import Evaluation
from hatespeech_no.evaluation.evaluate import evaluate as run_evaluation
from hatespeech_no.loading import load


def evaluate(
    model: Annotated[str, typer.Argument(help="Bundle or run folder, runs:/… or models:/….")],
    corpora: Annotated[list[str], typer.Argument(help="Corpora, by name or descriptor file.")],
    split: Annotated[str, typer.Option(help="Split to evaluate on.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Write the whole table to this CSV file.")] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 1000,
) -> None:
    """Evaluate a model on labelled corpora, with 95 % intervals."""
    classifier = load(model)
    suites = {}
    for name in corpora:
        parts = load_corpus(name)
        chosen = split if split in parts else NO_SPLIT
        if chosen not in parts:
            raise HatespeechError(f"corpus {name!r} has no split {split!r}; it has {', '.join(parts)}")
        rows = parts[chosen]
        suites[rows[0]["corpus"]] = rows
    console = Console()
    with console.status("evaluating"):
        result = run_evaluation(classifier, suites, resamples=resamples)
    console.print(_table(result))
    if out is not None:
        result.table().to_csv(out, index=False)
        console.print(f"→ {out}", markup=False, soft_wrap=True)


def _table(result: Evaluation) -> Table:
    table = Table(title="macro-F1, AUROC and accuracy on yes / no, whole texts", title_justify="left")
    shown = ("macro_f1", "auroc", "accuracy_yes", "accuracy_no")
    for name in ("corpus", "element", "n", *shown):
        table.add_column(name, justify="left" if name in ("corpus", "element") else "right")
    rows = result.table()
    rows = rows[rows["slice"] == "all"]
    for (suite, element), group in rows.groupby(["suite", "element"], sort=False):
        by_metric = group.set_index("metric")
        cells = [
            f"{e['value']:.3f} ({e['lo']:.2f}–{e['hi']:.2f})" if (e := by_metric.loc[m]) is not None else "–"
            for m in shown
            if m in by_metric.index
        ]
        missing = [m for m in shown if m not in by_metric.index]
        table.add_row(str(suite), str(element), str(group["n"].max()), *(["–"] * len(missing)), *cells)
    return table
