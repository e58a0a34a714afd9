"""The HTTP service: what it answers, what it refuses, and that it never repeats what was sent."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import hatespeech_no
from hatespeech_no import Assessments, Classifier, Statement
from hatespeech_no.cli import app as command_line
from hatespeech_no.errors import MissingExtraError
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.serving.app import create_app
from hatespeech_no.serving.lane import Lane
from hatespeech_no.serving.limits import Limits
from hatespeech_no.serving.metrics import Metrics
from hatespeech_no.serving.schema import EXAMPLE, Assessed, Item, ScoreRequest, ScoreResponse
from hatespeech_no.serving.server import listen
from hatespeech_no.statement import Circumstances

MARKER = "Qvzxmark"
"""Stands in every wrong place, and must stand in no answer."""

LIMITS = Limits(texts=3, chars=50, body=4000, waiting=1)
THREAT = {"text": "Jeg skal drepe deg, vent bare.", "publicity": "public", "language": "nb", "id": "æ1"}
Body = Any


class Held(Classifier):
    """A classifier that can be held, or made to fail."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__(classifier.bundle)
        self.go = threading.Event()
        self.go.set()
        self.failure: Exception | None = None

    def score(self, *arguments: Any, **options: Any) -> Assessments:
        assert self.go.wait(60)
        if self.failure is not None:
            raise self.failure
        return super().score(*arguments, **options)


@pytest.fixture(scope="module")
def classifier() -> Held:
    return Held(hatespeech_no.load())


@pytest.fixture
def client(classifier: Held) -> Iterator[TestClient]:
    classifier.failure = None
    app = create_app(classifier, limits=LIMITS)
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as opened:
        yield opened


def counts(client: TestClient) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_it_answers_what_the_classifier_says(client: TestClient, classifier: Held) -> None:
    asked = {"items": [THREAT, {"text": "Samer er late."}], "profile": "high_recall", "prevalence": {"hateful": 0.02}}
    answer = client.post("/v1/score", json=asked)
    assert answer.status_code == 200
    statements = [Statement(THREAT["text"], publicity="public", language="nb", id="æ1"), "Samer er late."]
    assert answer.json()["notice"] == NOTICE
    for said, expected in zip(
        answer.json()["assessments"], classifier.score(statements, "high_recall", {"hateful": 0.02}), strict=True
    ):
        label, reasons = said.pop("tier_label"), said.pop("reasons")
        plain = expected.to_dict()
        assert said.pop("probabilities") == pytest.approx(plain.pop("probabilities"))
        assert said == {**plain, "passage": list(expected.passage or ())}
        assert label == {"nb": expected.tier.nb, "en": expected.tier.en}
        assert reasons == {"nb": expected.reasons("nb"), "en": expected.reasons("en")}


def test_circumstances_reach_the_rules(client: TestClient) -> None:
    text = "Dra hjem dit du kom fra, somalier!"
    asked = {
        "items": [{"text": text, "publicity": "private"}, {"text": text, "publicity": "public", "thread": ["Hei"]}]
    }
    private, public = client.post("/v1/score", json=asked).json()["assessments"]
    assert "check_publicity" not in public["flags"]
    assert private["p_actionable"] < public["p_actionable"]


def test_schema_and_code_name_the_same_fields() -> None:
    circumstances = {field.name for field in fields(Circumstances)}
    assert set(Item.model_fields) == circumstances | {"text", "id", "language"}
    assessment = {field.name for field in fields(hatespeech_no.Assessment)}
    assert set(Assessed.model_fields) == assessment | {"tier_label", "reasons"}


WRONG: list[tuple[Body, str, int]] = [
    ([MARKER], "body", 422),
    ({"items": MARKER}, "body.items", 422),
    ({"items": []}, "body.items", 422),
    ({"items": [{"text": [MARKER]}]}, "body.items.0.text", 422),
    ({"items": [{"text": {MARKER: MARKER}}]}, "body.items.0.text", 422),
    ({"items": [{"id": MARKER}]}, "body.items.0.text", 422),
    ({"items": [{"text": MARKER * 50}]}, "body.items.0.text", 422),
    ({"items": [{"text": f"{MARKER}\0"}]}, "body.items.0.text", 422),
    ({"items": [{"text": MARKER, MARKER: MARKER}]}, "body.items.0.?", 422),
    ({"items": [{"text": "a"}], MARKER: MARKER}, "body.?", 422),
    ({"items": [{"text": "a", "id": MARKER * 50}]}, "body.items.0.id", 422),
    ({"items": [{"text": "a", "language": f"{MARKER} {MARKER}"}]}, "body.items.0.language", 422),
    ({"items": [{"text": "a", "publicity": MARKER}]}, "body.items.0.publicity", 422),
    ({"items": [{"text": "a", "repeated": MARKER}]}, "body.items.0.repeated", 422),
    ({"items": [{"text": "a", "repeated": 1}]}, "body.items.0.repeated", 422),
    ({"items": [{"text": "a", "thread": MARKER}]}, "body.items.0.thread", 422),
    ({"items": [{"text": "a", "thread": [MARKER] * 10}]}, "body.items.0.thread", 422),
    ({"items": [{"text": "a"}], "profile": MARKER}, "body.profile", 422),
    ({"items": [{"text": "a"}], "prevalence": {MARKER: 0.5}}, "body.prevalence.?", 422),
    ({"items": [{"text": "a"}], "prevalence": {"hateful": MARKER}}, "body.prevalence.hateful", 422),
    ({"items": [{"text": "a"}], "prevalence": {"hateful": 1}}, "body.prevalence.hateful", 422),
    ({"items": [{"text": "a"}], "prevalence": {"context_satire": 0}}, "body.prevalence.context_satire", 422),
    ({"items": [{"text": MARKER}] * 4}, "body.items", 422),
    (f'{{"items": [{{"text": "{MARKER}'.encode(), "body.20", 422),
    (f'{{"items": [{{"text": "{MARKER}\\ud800"}}]}}'.encode(), "body.items.0.text", 422),
    (f'{{"items": [{{"text": "a", "id": "{MARKER}\\ud800"}}]}}'.encode(), "body.items.0.id", 422),
    (f'{{"items": [{{"text": "a"}}], "prevalence": {{"{MARKER}\\ud800": 0.5}}}}'.encode(), "body.prevalence.?", 422),
    (f'"{MARKER}'.encode() + b"\xff", "", 400),
    (b"[" * 4000, "", 400),
    (b'{"items": ' + MARKER.encode() * 1000, "", 413),
]  # fmt: skip


@pytest.mark.parametrize(("body", "place", "status"), WRONG)
def test_refusals_name_the_place_and_repeat_nothing(
    client: TestClient, caplog: pytest.LogCaptureFixture, body: Body, place: str, status: int
) -> None:
    if isinstance(body, bytes):
        answer = client.post("/v1/score", content=body, headers={"content-type": "application/json"})
    else:
        answer = client.post("/v1/score", json=body)
    assert answer.status_code == status
    detail = answer.json()["detail"]
    if status == 422:
        assert place in [".".join(map(str, fault["loc"])) for fault in detail]
        assert all(set(fault) == {"loc", "msg", "type"} and fault["msg"] for fault in detail)
    for shown in (answer.text, str(answer.headers), caplog.text, client.get("/metrics").text):
        assert MARKER not in shown


def test_a_body_without_length_is_read_to_its_bound_only(client: TestClient) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1000)
            yield MARKER.encode() * 125

    answer = client.post("/v1/score", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert str(LIMITS.body) in answer.json()["detail"]
    assert MARKER not in answer.text


def test_a_page_elsewhere_cannot_reach_it(client: TestClient) -> None:
    plain = client.post("/v1/score", content=b'{"items": [{"text": "a"}]}', headers={"content-type": "text/plain"})
    assert plain.status_code == 422, "what a page may send unasked is no JSON to us"
    for host, status in (
        ("evil.example", 400),
        ("localhost:8000", 200),
        ("[::1]:8000", 200),
        ("127.0.0.1.nip.io", 400),
    ):
        assert client.get("/health", headers={"host": host}).status_code == status
    answer = client.options("/v1/score", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_other_addresses_repeat_nothing(client: TestClient) -> None:
    for path in (f"/{MARKER}?text={MARKER}", f"/v1/score?text={MARKER}", f"/v1/score/?{MARKER}", "/docs"):
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code in (404, 405)
        assert MARKER not in answer.text + str(answer.headers)
    assert MARKER not in client.get("/metrics").text
    assert counts(client)['hatespeech_no_requests_total{path="other",status="404"}'] == 3


def test_counts(client: TestClient) -> None:
    client.post("/v1/score", json={"items": [THREAT, {"text": "Fint vær i dag."}]})
    client.post("/v1/score", json={"items": []})
    found = counts(client)
    assert found['hatespeech_no_requests_total{path="/v1/score",status="200"}'] == 1
    assert found['hatespeech_no_requests_total{path="/v1/score",status="422"}'] == 1
    assert found['hatespeech_no_texts_total{tier="actionable"}'] == 1
    assert found['hatespeech_no_texts_total{tier="protected"}'] == 1
    assert found['hatespeech_no_texts_total{tier="uncertain"}'] == 0
    assert found["hatespeech_no_scoring_seconds_count"] == 1


def test_health_answers_and_the_queue_is_bounded_while_texts_are_scored(client: TestClient, classifier: Held) -> None:
    def post() -> int:
        return client.post("/v1/score", json={"items": [{"text": "Hei"}]}).status_code

    classifier.go.clear()
    try:
        with ThreadPoolExecutor() as pool:
            accepted = [pool.submit(post) for _ in range(1 + LIMITS.waiting)]
            deadline = time.monotonic() + 60
            while counts(client)["hatespeech_no_waiting"] < LIMITS.waiting:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            health = client.get("/health")
            refused = client.post("/v1/score", json={"items": [{"text": MARKER}]})
            assert not any(one.done() for one in accepted)
            classifier.go.set()
            assert [one.result(timeout=60) for one in accepted] == [200, 200]
    finally:
        classifier.go.set()
    assert health.json() == {"status": "ok", "versions": dict(classifier.versions)}
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert MARKER not in refused.text
    assert post() == 200


def test_what_nobody_waits_for_is_not_scored(classifier: Held) -> None:
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    metrics = Metrics(classifier.versions)
    request = Request({"type": "http"}, gone)
    with pytest.raises(HTTPException) as stopped:
        asyncio.run(Lane(classifier, 1, metrics).score(ScoreRequest.model_validate(EXAMPLE), request))
    assert stopped.value.status_code == 499
    assert metrics.registry.get_sample_value("hatespeech_no_scoring_seconds_count") == 0


def test_a_fault_of_ours_shows_no_text_either(
    client: TestClient, classifier: Held, caplog: pytest.LogCaptureFixture
) -> None:
    classifier.failure = ValueError(f"cannot handle {MARKER}")
    answer = client.post("/v1/score", json={"items": [{"text": MARKER}]})
    assert answer.status_code == 500
    assert "ValueError in test_serving.py:" in caplog.text
    assert MARKER not in answer.text + caplog.text
    classifier.failure = None
    assert client.post("/v1/score", json={"items": [{"text": MARKER}]}).status_code == 200


def test_the_description_holds(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    operation = described["paths"]["/v1/score"]["post"]
    (asked,) = operation["requestBody"]["content"]["application/json"]["schema"]["examples"]
    answered = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert client.post("/v1/score", json=asked).json()["assessments"][1]["tier"] == "actionable"
    ScoreResponse.model_validate(answered)
    assert {"400", "413", "422", "503"} < set(operation["responses"])
    schemas = described["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas), "FastAPI's own, which repeat the input"
    for name in ("Item", "Assessed", "ScoreRequest"):
        for field, told in schemas[name]["properties"].items():
            assert "description" in told or field in ("items",), f"{name}.{field}"
    assert str(LIMITS.texts) in described["info"]["description"]


def test_the_command_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen("127.0.0.1", 0) as taken:
        done = CliRunner().invoke(command_line, ["serve", "--port", str(taken.getsockname()[1])])
    assert "name another with --port" in str(done.exception)
    assert "without *" in str(CliRunner().invoke(command_line, ["serve", "--allow-host", "*"]).exception)
    assert "cannot be served from" in str(CliRunner().invoke(command_line, ["serve", "--host", "192.0.2.1"]).exception)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(command_line, ["serve"])
    assert isinstance(done.exception, MissingExtraError)
    assert "pip install 'hatespeech_no[serve]'" in str(done.exception)
