"""Log the report of a mapping to MLflow: what may be shown, never a text or an id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking.runs import log_dataset
from hatespeech_no.tracking.store import experiment_id, mlflow_module, reason
from hatespeech_no.training.config import without_password
from hatespeech_no.training.record import Record

_EXPERIMENT = "mapping"


def log_mapping(record: Record, files: Sequence[Path], uri: str) -> None:
    """Log a mapping as a run.

    Args:
        record: see ``mapping.record``.
        files: its reports and tables.
        uri: of the tracking store.

    Raises:
        HatespeechError: the store cannot be reached.
    """
    mlflow = mlflow_module()
    try:
        mlflow.set_tracking_uri(uri)
        with mlflow.start_run(experiment_id=experiment_id(uri, _EXPERIMENT), run_name=record.name):
            mlflow.log_params(record.params)
            mlflow.set_tags(record.tags)
            mlflow.log_metrics(record.metrics)
            for row in record.data:
                log_dataset(mlflow, row)
            for file in files:
                mlflow.log_artifact(str(file))
    except mlflow.MlflowException as error:
        raise HatespeechError(f"{without_password(uri)}: cannot be logged to ({reason(error)})") from error
