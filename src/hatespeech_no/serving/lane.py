"""Scoring off the event loop, one request after the other."""

from __future__ import annotations

import logging

import anyio
from fastapi import HTTPException, Request

from hatespeech_no.errors import kind_and_place
from hatespeech_no.scoring import Classifier
from hatespeech_no.serving.metrics import Metrics
from hatespeech_no.serving.schema import ScoreRequest, ScoreResponse

_LATER = {"Retry-After": "5"}
_CLIENT_GONE = 499

_log = logging.getLogger(__name__)


class Lane:
    """One request is scored at a time, since each uses all cores; a fixed number wait, in order."""

    def __init__(self, classifier: Classifier, waiting: int, metrics: Metrics) -> None:
        self._classifier, self._waiting, self._metrics = classifier, waiting, metrics
        self._turn = anyio.Lock()
        metrics.waiting.set_function(lambda: self._turn.statistics().tasks_waiting)

    async def score(self, asked: ScoreRequest, request: Request) -> ScoreResponse:
        """Wait for a turn and score.

        Raises:
            HTTPException: 503 if too many wait already or the service stops, 499 if nobody waits for the
                answer any more, 500 if the program is at fault.
        """
        if self._turn.statistics().tasks_waiting >= self._waiting:
            raise HTTPException(503, "too many requests wait; try again later", _LATER)
        try:
            async with self._turn:
                if await request.is_disconnected():
                    raise HTTPException(_CLIENT_GONE, "nobody waits for the answer")
                return await anyio.to_thread.run_sync(self._score, asked)
        except anyio.get_cancelled_exc_class():
            raise HTTPException(503, "the service is being stopped", _LATER) from None

    def _score(self, asked: ScoreRequest) -> ScoreResponse:
        try:
            with self._metrics.seconds.time():
                statements = [item.statement() for item in asked.items]
                answer = ScoreResponse.of(self._classifier.score(statements, asked.profile, asked.prevalence))
        except Exception as error:
            # Its message, and so a traceback, may hold a text.
            _log.error("Scoring failed: %s in %s:%s", *kind_and_place(error))
            raise HTTPException(500, "scoring failed; the service's log says where") from None
        for assessed in answer.assessments:
            self._metrics.texts.labels(assessed.tier).inc()
        return answer
