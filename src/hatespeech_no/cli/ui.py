"""``hatespeech-no ui``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.loading import RUNS
from hatespeech_no.tracking.store import local_store


def ui(
    uri: Annotated[str | None, typer.Option(help="MLflow tracking store; default the local one.")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5000,
) -> None:
    """Open the MLflow UI on this machine alone (127.0.0.1). Ctrl-C ends it."""
    require("mlflow", "tracking")
    if uri is None and not (RUNS / "mlflow.db").is_file():
        raise HatespeechError(f"There are no runs in {RUNS.resolve()} yet. Train first: make demo")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", uri or local_store(RUNS)]
    # Without jobs the server takes a third of a gigabyte instead of three.
    settings = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    Console().print(f"http://127.0.0.1:{port} – Ctrl-C ends it", highlight=False)
    sys.exit(subprocess.run(command, env={**os.environ, **settings}, check=False).returncode)  # noqa: S603
