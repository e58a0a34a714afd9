"""``hatespeech-no sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.cli.progress import TrainingProgress
from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking import MlflowSweep
from hatespeech_no.tracking.store import local_store
from hatespeech_no.training import load_config
from hatespeech_no.training.config import without_password
from hatespeech_no.training.sweep import CRITERION, LOG_LOSS, TRIALS, plan_trials
from hatespeech_no.training.sweep import sweep as run_sweep


def sweep(
    config: Annotated[Path, typer.Argument(help="Configuration file, for example configs/tfidf.yaml.")],
    over: Annotated[list[str], typer.Option(help="A setting and its values: model.tfidf.regularisation=0.5,1,2.")],
    changes: Annotated[list[str] | None, typer.Option("--set", help="Change a setting of all trials.")] = None,
    random: Annotated[int | None, typer.Option(min=1, help="Try this many combinations, not all.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of combinations.")] = 0,
    resume: Annotated[Path | None, typer.Option(help="Go on with the sweep of this folder, which was cut off.")] = None,
) -> None:
    """Train with several settings and rank them by macro-F1 of hateful on the validation part."""
    settings = load_config(config, changes or [])
    uri = settings.tracking.uri or local_store(settings.output)
    tracker = MlflowSweep(uri, settings.tracking.experiment)
    trials = plan_trials(over, random, seed)
    console = Console()
    with TrainingProgress(console) as progress:
        folder, table = run_sweep(config, trials, changes or [], tracker, progress, resume)
    console.print(_table(table))
    for _, row in table[table["problem"].notna()].iterrows():
        console.print(f"Trial {row['trial']} failed: {row['problem']}", style="yellow", markup=False, soft_wrap=True)
    console.print(f"Saved in {folder}", soft_wrap=True)
    if tracker.problem is not None:
        shown = f"Not logged to {without_password(uri)}: {tracker.problem}"
        console.print(shown, style="yellow", markup=False, soft_wrap=True)
    if table["problem"].notna().all():
        raise HatespeechError(f"no trial could be finished; see {folder / TRIALS}")
    best = table.iloc[0]
    chosen = " ".join(f"--set {change}" for change in trials[best["trial"] - 1])
    console.print(f"Best is trial {best['trial']}: {chosen}", markup=False, soft_wrap=True)
    caution = "That figure is the best of several and so too high; the test parts of its run say how good it is."
    console.print(caution, soft_wrap=True)


def _table(trials: pd.DataFrame) -> Table:
    table = Table(title="Trials by macro-F1 of hateful on the validation part", title_justify="left")
    settings = list(trials.columns[1 : trials.columns.get_loc(CRITERION)])
    for name in ("trial", *(key.rpartition(".")[2] for key in settings), "macro-F1", "log loss"):
        table.add_column(name, justify="right")
    for _, row in trials.iterrows():
        spread = "" if pd.isna(row[f"{CRITERION}_sd"]) else f" ± {row[f'{CRITERION}_sd']:.3f}"
        failed = pd.notna(row["problem"])
        figures = ("failed", "–") if failed else (f"{row[CRITERION]:.3f}{spread}", f"{row[LOG_LOSS]:.3f}")
        table.add_row(str(row["trial"]), *(row[name] for name in settings), *figures)
    return table
