"""The review server: on this machine alone, with accounts, without jobs and reports of use."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass

from hatespeech_no.tracking.review.readers import Readers
from hatespeech_no.tracking.review.store import ReviewStore, address


@dataclass(frozen=True)
class ReviewServer:
    """How a review store is served.

    Attributes:
        store: it.
        port: on 127.0.0.1.
    """

    store: ReviewStore
    port: int = 5001

    @property
    def command(self) -> list[str]:
        """What is run; one process, so that a new password counts at once."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--app-name", "basic-auth", "--workers", "1"]
        return [*command, "--backend-store-uri", address(self.store.database)]

    def environment(self) -> dict[str, str]:
        """What it is run with. Makes the store's databases and the first account where there are none."""
        readers = Readers(self.store)
        readers.names()
        with self.store.telling():
            self.store.records  # noqa: B018 - makes the database before readers come
        return {
            **os.environ,
            "MLFLOW_AUTH_CONFIG_PATH": str(readers.configuration.absolute()),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_ENABLE_AI_GATEWAY": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }

    def link(self, experiment: str) -> str:
        """Where a reader finds the queues of an experiment."""
        return f"http://127.0.0.1:{self.port}/#/experiments/{experiment}/review-queue"
