"""``hatespeech-no train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.cli.progress import TrainingProgress
from hatespeech_no.loading import RUNS
from hatespeech_no.taxonomy import DETAILS
from hatespeech_no.tracking import MlflowTracker
from hatespeech_no.tracking.store import local_store
from hatespeech_no.training import load_config, processes, take_part
from hatespeech_no.training import train as run_training
from hatespeech_no.training.config import without_password


def train(
    config: Annotated[Path, typer.Argument(help="Configuration file, for example configs/demo.yaml.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: model.tfidf.regularisation=2.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run of this folder, which was cut off.")] = None,
) -> None:
    """Train, evaluate and save a model per seed, and log the runs to MLflow."""
    settings = load_config(config, changes or [])
    if processes.rank() > 0:
        take_part(settings)
        return
    uri = settings.tracking.uri or local_store(settings.output)
    tracker = MlflowTracker(uri, settings.tracking.experiment, settings.tracking.register_as)
    console = Console()
    with TrainingProgress(console) as progress:
        folder, summary = run_training(settings, tracker, progress, resume)
    console.print(_table(summary))
    console.print(f"Saved in {folder}", soft_wrap=True)
    shown = without_password(uri)
    if tracker.problem is not None:
        console.print(f"Not logged to {shown}: {tracker.problem}", style="yellow", markup=False, soft_wrap=True)
        console.print(f"Log it later with: hatespeech-no log {folder}", soft_wrap=True)
        return
    if tracker.cut_short is not None:
        console.print(f"Steps were not all logged: {tracker.cut_short}", style="yellow", markup=False, soft_wrap=True)
    if tracker.unregistered is not None:
        console.print(f"Not registered as {tracker.unregistered}", style="yellow", markup=False, soft_wrap=True)
    store = "" if uri == local_store(RUNS) else f" --uri {shown}"
    console.print(f"Logged to {shown}. Look at it: hatespeech-no ui{store}", markup=False, soft_wrap=True)


def _table(summary: dict[str, Any]) -> Table:
    """The main figures: macro-F1 and AUROC of yes/no elements and grounds, macro-F1 of conduct."""
    table = Table(title=f"{summary['name']}: test parts, seeds {summary['seeds']}", title_justify="left")
    for name in ("corpus", "element", "macro-F1", "95 % interval", "AUROC"):
        table.add_column(name, justify="left" if name in ("corpus", "element") else "right")
    metrics = summary["metrics"]
    for key, value in metrics.items():
        suite, *rest = key.split("/")
        if len(rest) != 3 or rest[0] != "all" or rest[2] != "macro_f1" or rest[1] in DETAILS:
            continue
        auroc = metrics.get(key.replace("macro_f1", "auroc"))
        spread = "" if value["sd"] is None else f" ± {value['sd']:.3f}"
        interval = f"{metrics[f'{key}_lo']['mean']:.2f}–{metrics[f'{key}_hi']['mean']:.2f}"
        ranking = "–" if auroc is None else f"{auroc['mean']:.3f}"
        table.add_row(suite, rest[1], f"{value['mean']:.3f}{spread}", interval, ranking)
    return table
