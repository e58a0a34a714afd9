"""Fetch bundles and tables from MLflow, without running anything that lies in the store."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking.runs import seed_runs
from hatespeech_no.tracking.store import mlflow_module, reason
from hatespeech_no.training.config import without_password
from hatespeech_no.training.record import SUMMARY


@contextmanager
def download_bundle(address: str, uri: str) -> Iterator[Path]:
    """Download the bundle folder of a logged model; it is gone when the context ends.

    Args:
        address: ``runs:/<run id>`` or ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        uri: of the tracking store.

    Yields:
        A folder that ``Bundle.load`` reads; it verifies every digest.

    Raises:
        HatespeechError: the store has no such model.
    """
    mlflow = mlflow_module()
    mlflow.set_tracking_uri(uri)
    model = address if address.startswith("models:/") or address.endswith("/model") else f"{address}/model"
    with tempfile.TemporaryDirectory(prefix="hatespeech_no-") as folder:
        try:
            model_id = mlflow.models.get_model_info(model).model_id
            location = mlflow.MlflowClient(tracking_uri=uri).get_logged_model(model_id).artifact_location
            mlflow.artifacts.download_artifacts(artifact_uri=f"{location}/artifacts/bundle", dst_path=folder)
        except Exception as error:
            raise HatespeechError(
                f"{address}: cannot be fetched from {without_password(uri)} ({reason(error)})"
            ) from error
        yield Path(folder) / "bundle"


@contextmanager
def download_run(address: str, uri: str) -> Iterator[Path]:
    """Lay a logged run of one or more seeds out as a run folder: its summary, and each seed's tables.

    Args:
        address: ``runs:/<run id>`` of the run that its seeds are children of.
        uri: of the tracking store.

    Yields:
        The folder, named after run and id; it is gone when the context ends.

    Raises:
        HatespeechError: the store has no such run.
    """
    mlflow = mlflow_module()
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    with tempfile.TemporaryDirectory(prefix="hatespeech_no-") as parent:
        try:
            run = client.get_run(address.removeprefix("runs:/"))
            folder = Path(parent) / f"{run.info.run_name}-{run.info.run_id[:8]}"
            client.download_artifacts(run.info.run_id, SUMMARY, str(_made(folder)))
            for seed in seed_runs(client, run):
                tables = _made(folder / seed.info.run_name / "tables")
                for file in client.list_artifacts(seed.info.run_id):
                    if file.path.endswith(".json"):
                        table = json.loads(mlflow.artifacts.load_text(f"{seed.info.artifact_uri}/{file.path}"))
                        rows = pd.DataFrame(table["data"], columns=table["columns"])
                        rows.to_csv(tables / Path(file.path).with_suffix(".csv").name, index=False)
        except Exception as error:
            raise HatespeechError(
                f"{address}: cannot be fetched from {without_password(uri)} ({reason(error)})"
            ) from error
        yield folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
