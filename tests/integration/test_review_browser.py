"""The whole loop as its people walk it: two readers and an adjudicator in a real browser, push and pull beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hatespeech_no import load
from hatespeech_no.cli import app
from hatespeech_no.scoring.files import score_file
from hatespeech_no.training import load_config, train
from tests.fixtures import statement_rows
from tests.review_server import CHROMIUM, WHOLE, Reader, Server

pytestmark = pytest.mark.filterwarnings("default")  # other people's warnings

PROTECTED = WHOLE | {"conduct": "ingen", "grounds": ["ingen av disse"], "hateful": "nei", "tier": "lovlig/vernet"}


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
    score_file(load(run / "seed-0" / "bundle"), source, target)
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
