"""The service as its user starts it: on loopback, asked over HTTP, ended by Ctrl-C."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hatespeech_no import load
from tests.fixtures import ROOT

MARKER = "Qvzxmark"
PATIENCE_S = 120  # a busy machine


class Service:
    """The command in a process of its own."""

    def __init__(self, *options: str, cwd: Path) -> None:
        # A test runner in the background may ignore SIGINT, and children inherit that.
        heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        command = [sys.executable, "-W", "error", "-c", heed + "from hatespeech_no.cli import main; main()", "serve"]
        self.process = subprocess.Popen(
            [*command, "--port", "0", *options], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.told = self.process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:(\d+)) ", self.told)
        assert found, self.told + self.process.communicate()[1]
        self.address, self.port = found[1], int(found[2])

    def ask(self, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def stop(self, how: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(how)
        out, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, errors


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service("--max-bytes", "5000", cwd=tmp_path)
    yield started
    started.process.kill()
    started.process.communicate()


def test_it_scores_and_stops(service: Service, tmp_path: Path) -> None:
    texts = ["Jeg skal drepe deg, vent bare.", f"Fint vær i dag, {MARKER}."]
    answer = service.ask("/v1/score", {"items": [{"text": text} for text in texts]})
    assert [said["tier"] for said in answer["assessments"]] == [str(said.tier) for said in load().score(texts)]
    assert service.ask("/health")["versions"] == dict(load().versions)

    client: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "serving.md").read_text("utf-8"), re.S)[0], client)
    found = client["assess"](texts * 3, service.address, at_once=4)
    assert [said["tier"] for said in found] == [said["tier"] for said in answer["assessments"]] * 3
    with pytest.raises(RuntimeError, match="status 413"):
        client["assess"]([MARKER * 1000], service.address)

    with pytest.raises(urllib.error.HTTPError) as wrong:
        service.ask("/v1/score", {"items": [{"text": [MARKER]}]})
    with wrong.value as refusal:
        assert refusal.code == 422
        assert MARKER not in refusal.read().decode()

    with pytest.raises(urllib.error.HTTPError) as misled:
        service.ask(f"/v1/score?text={MARKER}")
    misled.value.close()

    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_S)
    chunks = iter([MARKER.encode() * 100] * 20)
    connection.request("POST", "/v1/score", chunks, {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()

    taken = [sys.executable, "-c", "from hatespeech_no.cli import main; main()", "serve", "--port", str(service.port)]
    second = subprocess.run(taken, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert second.returncode == 2
    assert re.fullmatch(r"Error: .*, port \d+: .* --port or --host\n", second.stderr)

    code, out, errors = service.stop(signal.SIGINT)
    assert (code, out, errors) == (0, "", ""), "nothing of what was asked is told, and it stops in peace"
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", service.port)):
        pass
    assert not list(tmp_path.iterdir())
