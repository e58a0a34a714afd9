"""The whole loop as its people walk it: two readers and an adjudicator in a real browser, push and pull beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from typer.testing import CliRunner

from hatespeech_no import load
from hatespeech_no.cli import app
from hatespeech_no.scoring.files import score_file
from hatespeech_no.tracking.review import ReviewServer
from hatespeech_no.tracking.review.places import Place
from hatespeech_no.training import load_config, train
from tests.fixtures import statement_rows
from tests.review_server import ASKED, WHOLE, Server

pytestmark = pytest.mark.filterwarnings("default")  # other people's warnings

CHROMIUM = [Path(path) for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")]
PROTECTED = WHOLE | {"conduct": "ingen", "grounds": ["ingen av disse"], "hateful": "nei", "tier": "lovlig/vernet"}
_PATIENCE_MS = 200_000  # a busy machine
Answers = Callable[[str], dict[str, Any]]
"""What a reader answers to the text of the page."""


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
        self.context.set_default_timeout(_PATIENCE_MS)
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
        page.get_by_text("View full trace").wait_for()
        boxes = page.get_by_role("combobox")
        boxes.nth(len(ASKED) - 1).wait_for()
        assert boxes.count() == len(ASKED)
        trace = parse_qs(urlparse(page.url).fragment.partition("?")[2])["selectedItemId"][0]
        given = answers(page.inner_text("body"))
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
        page.wait_for_function(
            "trace => !location.hash.includes(trace) || document.body.innerText.includes('Reviewed')", arg=trace
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("flask_wtf")
    path = next((path for path in CHROMIUM if path.exists()), None)
    if path is None:
        pytest.skip("no Chromium is here")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def scored(small_config: Path, tmp_path: Path) -> Path:
    """Statements as the linear model scores them: the gravest, and some that it passes by."""
    run = train(load_config(small_config, [f"output={tmp_path / 'runs'}"]))[0]
    source, target = tmp_path / "texts.jsonl", tmp_path / "scored.jsonl"
    rows = [row for row in statement_rows() if row["part"] == "dev" and row["language"] == "nb"][:40]
    lines = [json.dumps({"text": row["text"], "thread": row.get("thread")}, ensure_ascii=False) for row in rows]
    source.write_text("\n".join(lines), "utf-8")
    score_file(load(run / "seed-0" / "bundle").stream, source, target)
    return target


def test_from_push_to_verdict(browser: Any, scored: Path, tmp_path: Path) -> None:
    server = Server(tmp_path / "review" / "store", "kari", "ola", "eva")
    workspace = ["--workspace", str(tmp_path / "review")]

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["review", *arguments, *workspace])
        assert done.exit_code == 0, done.output
        return done.output

    try:
        server.start()
        people = ["--reader", "kari", "--reader", "ola", "--adjudicator", "eva"]
        budget = ["--flagged", "2", "--active", "0", "--audit", "1", "--lang", "nb"]
        push = ["push", str(scored), "--to", "mlflow", str(server.desk.store.folder), *people, *budget]
        run(*push)
        run(*push)
        places = {place.reader: place for place in server.desk.places.all()}
        waiting = {name: server.desk.places.waiting(place) for name, place in places.items()}
        assert sum(waiting.values()) in (4, 5)
        page = {}

        def read(name: str, given: dict[str, Any]) -> int:
            def answers(text: str) -> dict[str, Any]:
                page[name] = text
                return given

            reader = Reader(browser, server, name, tmp_path)
            here = [place for place in server.desk.places.all() if place.reader == name]
            return sum(reader.read(place, answers) for place in here)

        assert read("kari", WHOLE | {"reason": "Fordi det står «dem»."}) == waiting["kari"]
        assert read("ola", PROTECTED) == waiting["ola"]
        titles = [question.title for question in ASKED]
        assert sorted(titles, key=page["kari"].index) == titles
        assert "Modellens syn" not in page["kari"]
        run("pull")
        conflicts = read("eva", WHOLE | {"reason": "Begge har rett."})
        assert conflicts > 0
        assert "Leser A" in page["eva"]
        assert "Fordi det står «dem»." in page["eva"]
        assert "Modellens syn" not in page["eva"]
        run("pull")
        assert read("eva", WHOLE | {"reason": "Holder fast."}) > 0
        assert "Modellens syn (kan være feil): mulig straffbar" in page["eva"]
        run("pull")
        run("verify")
    finally:
        server.kill()
