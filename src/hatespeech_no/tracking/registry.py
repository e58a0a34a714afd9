"""Fetch a bundle from MLflow, without running anything that lies in the store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hatespeech_no.bundle import MANIFEST
from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking.store import mlflow_module

SCHEMES = ("runs:/", "models:/")


def download_bundle(address: str, uri: str) -> Path:
    """Download the bundle folder of a logged model.

    Args:
        address: ``runs:/<run id>`` or ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
        uri: of the tracking store.

    Returns:
        A folder that ``Bundle.load`` reads; it verifies every digest.

    Raises:
        HatespeechError: the store has no such model.
    """
    mlflow = mlflow_module()
    mlflow.set_tracking_uri(uri)
    model = address if address.startswith("models:/") or address.endswith("/model") else f"{address}/model"
    try:
        found = mlflow.models.get_model_info(model)
        folder = Path(tempfile.mkdtemp(prefix="hatespeech_no-"))
        downloaded = Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=f"{found.model_uri}/artifacts/bundle", dst_path=str(folder), tracking_uri=uri
            )
        )
    except Exception as error:
        raise HatespeechError(f"{address}: cannot be fetched from {uri} ({str(error).splitlines()[0]})") from error
    manifests = [downloaded / MANIFEST, *downloaded.rglob(MANIFEST)]
    return next((m.parent for m in manifests if m.is_file()), downloaded)
