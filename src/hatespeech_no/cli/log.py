"""``hatespeech-no log``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.loading import RUNS
from hatespeech_no.tracking import log_run_folder
from hatespeech_no.tracking.store import local_store


def log(
    folder: Annotated[Path, typer.Argument(help="A finished run folder.")],
    uri: Annotated[str | None, typer.Option(help="MLflow tracking store; default the local one.")] = None,
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")] = "hatespeech_no",
) -> None:
    """Log a run folder to MLflow, for example one whose store could not be reached in time."""
    address = uri or local_store(RUNS)
    log_run_folder(folder, address, experiment)
    Console().print(f"Logged to {address}", soft_wrap=True)
