"""A review server, its readers, and the pages they read: for tests, and for experiments/review_loop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from hatespeech_no.review.desk import Answer, Item
from hatespeech_no.review.questions import questions
from hatespeech_no.tracking.review import MlflowDesk, ReviewServer
from hatespeech_no.tracking.review.places import Place
from hatespeech_no.tracking.review.traces import trace_id

KEY = b"key of the tests"
ASKED = questions("nb")
WHOLE = {
    "conduct": "nedsettende ytring",
    "grounds": ["religion eller livssyn", "kjønn"],
    "target": ["en gruppe mennesker"],
    "shields": ["ingen av disse"],
    "descriptions": ["politisk debatt"],
    "hateful": "ja",
    "tier": "hatefull, men trolig lovlig",
}
"""Every question answered, in the words of the page."""


CHROMIUM = [Path(path) for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")]
Answers = Callable[[str], dict[str, Any]]
"""What a reader answers to the text of the page."""
_PATIENCE_S = 300  # a busy machine
_SHOWN = """([title, before]) => {
    const [, after] = document.body.innerText.split("View full trace");
    const shown = (after || "").split(title).slice(0, -1).join(title).trim();  // notes name the questions too
    return shown !== before && shown;
}"""


class Server:
    """A review server with some readers; it is started when it is first asked."""

    def __init__(self, folder: Path, *readers: str) -> None:
        self.desk = MlflowDesk(folder, KEY)
        self.passwords = {name: self.desk.readers.add(name) for name in readers}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        served = ReviewServer(self.desk.store, self.port)
        with (self.desk.store.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                served.command, env=served.environment(), stdout=log, stderr=log, start_new_session=True
            )
        begun = time.monotonic()
        while time.monotonic() - begun < _PATIENCE_S:
            try:
                if requests.get(f"http://127.0.0.1:{self.port}/health", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise TimeoutError((self.desk.store.folder / "server.log").read_text())

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask(self, reader: str | None, method: str, path: str, **arguments: Any) -> requests.Response:
        if self.process is None or self.process.poll() is not None:
            self.start()
        login = (reader, self.passwords[reader]) if reader else None
        url = f"http://127.0.0.1:{self.port}/ajax-api/{path}"
        return requests.request(method, url, auth=login, timeout=60, **arguments)

    def feedback(self, reader: str, trace: str, title: str, value: Any, source: str, **further: Any) -> None:
        """What the page sends for one question."""
        given = {"assessment_name": title, "trace_id": trace, "feedback": {"value": value}, **further}
        given["source"] = {"source_type": "HUMAN", "source_id": source}
        done = self.ask(reader, "POST", f"3.0/mlflow/traces/{trace}/assessments", json={"assessment": given})
        assert done.ok, done.text

    def submit(self, reader: str, trace: str, status: str = "COMPLETE", completed_by: str = "") -> None:
        """What the page sends in the end."""
        queues = [q for p in self.desk.places.all() for q in self.desk.places.queues(p)]
        queue = next(q.queue_id for q in queues if trace in {e.item_id for e in self.desk.places.entries(q.queue_id)})
        body = {"queue_id": queue, "item_id": trace, "status": status, "completed_by": completed_by or reader}
        assert self.ask(reader, "POST", "3.0/mlflow/review-queues/items/set-status", json=body).ok

    def answer(self, reader: str, item: Item, values: dict[str, Any], source: str = "", reason: str = "") -> None:
        trace = trace_id(reader, "first", item.id)
        for question in ASKED:
            if question.name in values:
                last = {"rationale": reason} if reason and question is ASKED[-1] else {}
                self.feedback(reader, trace, question.title, values[question.name], source or reader, **last)
        self.submit(reader, trace)

    def answers(self, *items: Item) -> list[Answer]:
        return [answer for answer in self.desk.pull() if answer.item in {item.id for item in items}]


class Reader:
    """A reader at a browser of their own."""

    def __init__(self, browser: Any, server: Server, name: str, pictures: Path) -> None:
        login = {"username": name, "password": server.passwords[name]}
        size = {"width": 1440, "height": 900}
        self.context = browser.new_context(http_credentials=login, viewport=size, locale="nb-NO")
        self.context.add_init_script(
            "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');"
            "localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')"
        )
        self.context.set_default_timeout(1000 * _PATIENCE_S)
        self.server, self.name, self.pictures = server, name, pictures

    def read(self, place: Place, answers: Answers) -> int:
        """Answer everything that waits at a place; how many items that were."""
        done = 0
        for queue in self.server.desk.places.queues(place):
            waiting = sum(e.completed_by is None for e in self.server.desk.places.entries(queue.queue_id))
            if waiting:
                self._open(place, queue.name)
                for _ in range(waiting):
                    self._answer(answers)
                done += waiting
        return done

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def _open(self, place: Place, queue: str) -> None:
        self.shown = ""
        self.page = self.context.new_page()  # a new address behind the # alone loads nothing
        self.page.goto(
            ReviewServer(self.server.desk.store, self.server.port).link(place.experiment), wait_until="commit"
        )
        self.page.get_by_text(queue, exact=True).first.click()
        self.page.get_by_role("button", name="Start review").wait_for()
        self.picture(f"{self.name}-{place.round}-queue")
        self.page.get_by_role("button", name="Start review").click()

    def _answer(self, answers: Answers) -> None:
        page = self.page
        page.get_by_text("Needs review").first.wait_for()
        boxes = page.get_by_role("combobox")
        boxes.nth(len(ASKED) - 1).wait_for()
        titles, body = [question.title for question in ASKED], page.inner_text("body")
        assert boxes.count() == len(ASKED)
        assert sorted(titles, key=body.index) == titles
        # The form may be there before the text is, or with the text of the item before.
        self.shown = page.wait_for_function(_SHOWN, arg=[ASKED[0].title, self.shown]).json_value()
        given = answers(self.shown)
        for box, question in enumerate(ASKED):
            boxes.nth(box).click()
            chosen = given[question.name]
            for label in chosen if question.several else [chosen]:
                page.get_by_role("option", name=label, exact=True).click()
            if question.several:
                page.keyboard.press("Escape")
        page.get_by_placeholder("Rationale (optional)").fill(given.get("reason", ""))
        self.picture(f"{self.name}-answered")
        with page.expect_response(lambda response: response.url.endswith("/items/set-status")) as submitted:
            page.get_by_role("button", name="Submit").click()
        assert submitted.value.ok
