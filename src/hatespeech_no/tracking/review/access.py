"""Who is let in by the review server: readers with a password, and nowhere but to review.

MLflow's assistant runs commands in the name of whoever started the server, for everybody who is logged in on
the same machine, and sends texts to the model it is set up with.
"""

from __future__ import annotations

from typing import Any

_CLOSED = ("/mlflow/assistant", "/gateway", "/jobs")


def authenticate() -> Any:  # noqa: ANN401 - MLflow is untyped
    """The name and password of a request, or the answer that refuses it; MLflow's ``authorization_function``."""
    from flask import Response, request
    from mlflow.server.auth import authenticate_request_basic_auth

    if any(part in request.path for part in _CLOSED):
        return Response("Not part of the review server", 403)
    return authenticate_request_basic_auth()
