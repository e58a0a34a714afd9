"""The app: one way to ask for assessments, and what it takes to run it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

from fastapi import Body, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from hatespeech_no.scoring import Classifier
from hatespeech_no.serving.lane import Lane
from hatespeech_no.serving.limits import Limits
from hatespeech_no.serving.metrics import Metrics
from hatespeech_no.serving.middleware import Bounded, Counted
from hatespeech_no.serving.refusals import check, refuse
from hatespeech_no.serving.schema import EXAMPLE, Health, Problem, Refused, ScoreRequest, ScoreResponse

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine for itself, as they stand in addresses."""

_ABOUT = """
Finds possibly hateful statements in Norwegian and English, and says why. Nothing is decided: a human must read and
assess. A request holds at most {texts} texts of at most {chars} characters (a thread counts apart), in {body} bytes.
Answers that report an error never repeat what was sent. Nothing is stored.
"""


def create_app(classifier: Classifier, *, limits: Limits | None = None, hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """The service around one classifier.

    Args:
        classifier: it answers the example of the description at once, and is warm from then on.
        limits: see ``Limits``.
        hosts: names that requests may be addressed to; others are refused, so that no website can
            reach the service through its visitor's browser.
    """
    limits = limits or Limits()
    example = ScoreRequest.model_validate(EXAMPLE)
    answer = ScoreResponse.of(classifier.score([item.statement() for item in example.items], example.profile))
    metrics = Metrics(classifier.versions)
    lane = Lane(classifier, limits.waiting, metrics)
    app = FastAPI(
        title="hatespeech_no",
        version=version("hatespeech_no"),
        description=_ABOUT.format(texts=limits.texts, chars=limits.chars, body=limits.body),
        docs_url=None,  # that page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        # It would tell of exceptions, which may hold texts.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        exception_handlers={RequestValidationError: refuse},
    )

    @app.post(
        "/v1/score",
        summary="Assess texts",
        responses={
            200: {"content": {"application/json": {"example": answer.model_dump(mode="json")}}},
            400: {"model": Problem, "description": "The body cannot be read."},
            413: {"model": Problem, "description": "The body is too large."},
            422: {"model": Refused, "description": "The request has the wrong shape, or asks for too much."},
            503: {"model": Problem, "description": "Too many requests wait. `Retry-After` says for how many seconds."},
        },
    )
    async def score(asked: Annotated[ScoreRequest, Body(examples=[EXAMPLE])], request: Request) -> ScoreResponse:
        """One assessment for each text, in order. A human must read what is flagged."""
        check(asked, classifier, limits)
        return await lane.score(asked, request)

    @app.get("/health", summary="Whether the service answers, and with which model")
    async def health() -> Health:
        return Health(versions=dict(classifier.versions))

    @app.get("/metrics", summary="Counts for Prometheus", response_class=Response)
    async def counts() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app.add_middleware(Bounded, most=limits.body)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(
        Counted, metrics=metrics, paths=frozenset(route.path for route in app.routes if isinstance(route, Route))
    )
    return app
