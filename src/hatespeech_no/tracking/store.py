"""Open an MLflow tracking store with settings that suit this package."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from hatespeech_no.errors import require
from hatespeech_no.training.config import without_password

# No usage reports, no chatter between our own lines, and a store that does not answer is given up
# within seconds, not minutes.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def local_store(output: Path) -> str:
    """Address of the SQLite store kept in the folder of all runs."""
    return f"sqlite:///{(output / 'mlflow.db').resolve()}"


def mlflow_module() -> ModuleType:
    """MLflow itself, with this package's defaults set before it is first imported.

    Raises:
        MissingExtraError: it is not installed.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    return require("mlflow", "tracking")


def reason(error: BaseException) -> str:
    """The first line of what a store complains of, without the password its address may hold."""
    return without_password((str(error).strip() or type(error).__name__).splitlines()[0])


def experiment_id(uri: str, name: str) -> str:
    """The id of an experiment, made if there is none; artifacts of a local store lie beside it."""
    client = mlflow_module().MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = None
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()
    # The UI then opens on runs and charts instead of traces.
    tags = {"mlflow.experimentKind": "custom_model_development"}
    return str(client.create_experiment(name, artifact_location=location, tags=tags))
