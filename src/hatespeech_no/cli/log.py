"""``hatespeech-no log``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.tracking import log_run_folder
from hatespeech_no.training.config import without_password


def log(
    folder: Annotated[Path, typer.Argument(help="A finished run folder.")],
    uri: Annotated[str | None, typer.Option(help="MLflow tracking store; default as configured.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Experiment; default as configured.")] = None,
) -> None:
    """Log a run folder to MLflow, for example one whose store could not be reached in time."""
    address = log_run_folder(folder, uri, experiment)
    Console().print(f"Logged to {without_password(address)}", markup=False, soft_wrap=True)
