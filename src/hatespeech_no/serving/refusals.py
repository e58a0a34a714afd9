"""What is wrong with a request, said without repeating anything of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from hatespeech_no.scoring import Classifier
from hatespeech_no.serving.limits import Limits
from hatespeech_no.serving.schema import Fault, Item, Refused, ScoreRequest
from hatespeech_no.tables.rejected import problem_with_text
from hatespeech_no.taxonomy import ELEMENTS

_NAMES = frozenset({"body", *ScoreRequest.model_fields, *Item.model_fields, *ELEMENTS})


async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
    """The answer to a request of the wrong shape. FastAPI's own repeats the values that are wrong."""
    faults = [Fault(loc=_places(fault["loc"]), msg=fault["msg"], type=fault["type"]) for fault in error.errors()]
    return JSONResponse(Refused(detail=faults).model_dump(), status_code=422)


def check(asked: ScoreRequest, classifier: Classifier, limits: Limits) -> None:
    """Refuse what this model or these limits do not allow.

    Raises:
        RequestValidationError: with everything that is wrong.
    """
    faults = list(_faults(asked, classifier, limits))
    if faults:
        raise RequestValidationError(faults)


def _faults(asked: ScoreRequest, classifier: Classifier, limits: Limits) -> Iterator[dict[str, Any]]:
    if asked.profile not in classifier.profiles:
        yield _fault("unknown", f"this model has the profiles {', '.join(classifier.profiles)}", "profile")
    shares = classifier.bundle.calibration.prevalence
    for name in asked.prevalence.keys() - shares.keys():
        yield _fault("unknown", f"this model states a prevalence for {', '.join(shares)}", "prevalence", name)
    if len(asked.items) > limits.texts:
        yield _fault("too_many", f"send at most {limits.texts} texts at once", "items")
        return
    for i, item in enumerate(asked.items):
        for name, texts in (("id", [item.id or ""]), ("text", [item.text]), ("thread", item.thread)):
            if sum(map(len, texts)) > limits.chars:
                yield _fault("too_long", f"is over {limits.chars} characters", "items", i, name)
            for problem in filter(None, map(problem_with_text, texts)):
                yield _fault(problem, problem.en, "items", i, name)


def _fault(kind: str, message: str, *place: str | int) -> dict[str, Any]:
    return {"type": kind, "loc": ("body", *place), "msg": message}


def _places(loc: Sequence[str | int]) -> list[str | int]:
    """A place without names that the sender made up."""
    return [part if isinstance(part, int) or part in _NAMES else "?" for part in loc]
