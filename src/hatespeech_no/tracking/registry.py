"""Fetch a bundle from MLflow, without running anything that lies in the store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking.store import mlflow_module, reason
from hatespeech_no.training.config import without_password


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
