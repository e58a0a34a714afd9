"""The whole loop on 200 of our statements: people in browsers, played by a program that knows our labels.

    PYTHONPATH=. python experiments/review_loop/run.py runs/demo-… FOLDER

needs Chromium and Playwright; then train and compare as README.md says. Screenshots stay in FOLDER.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import sync_playwright
from tests.fixtures import STATEMENTS, statement_rows
from tests.review_server import ASKED, CHROMIUM, KEY, Reader, Server
from typer.testing import CliRunner

from hatespeech_no import load
from hatespeech_no.cli import app
from hatespeech_no.scoring.files import score_file
from hatespeech_no.taxonomy import Context, Tier
from hatespeech_no.text.keyed import KEY_VARIABLE

# How often a reader gives another tier than ours in the first reading.
SLIPS = {"kari": 0.03, "ola": 0.12, "eva": 0.0}


def main() -> None:
    """Score, push, read, pull until nothing waits."""
    os.environ[KEY_VARIABLE] = KEY.decode()
    run, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row in statement_rows() if row["part"] == "dev"]
    scored = _score(run, rows, folder)
    server = Server(folder / "review" / "store", *SLIPS)
    people = ["--reader", "kari", "--reader", "ola", "--adjudicator", "eva", "--lang", "nb"]
    budget = ["--flagged", "100", "--active", "50", "--audit", "50", "--model", str(run / "seed-0" / "bundle")]
    server.start()
    try:
        _say(folder, "push", str(scored), "--to", "mlflow", str(server.desk.store.folder), *people, *budget)
        while True:
            begun = time.monotonic()
            with ThreadPoolExecutor() as pool:
                done = dict(zip(SLIPS, pool.map(lambda name: _read(server, name, rows, folder), SLIPS), strict=True))
            sys.stdout.write(f"read in the browser: {done} in {time.monotonic() - begun:.0f} s\n")
            _say(folder, "pull")
            if not any(done.values()):
                break
        _say(folder, "status", "--lang", "en")
        _say(folder, "verify")
        _say(folder, "corpus", str(folder / "verdicts"))
    finally:
        server.kill()
    _configure(folder)


def _score(run: Path, rows: list[dict[str, Any]], folder: Path) -> Path:
    lines = [json.dumps({"text": r["text"], "thread": r.get("thread")}, ensure_ascii=False) for r in rows]
    (folder / "texts.jsonl").write_text("\n".join(lines), "utf-8")
    score_file(load(run / "seed-0" / "bundle"), folder / "texts.jsonl", folder / "scored.jsonl")
    return folder / "scored.jsonl"


def _configure(folder: Path) -> None:
    """Two configurations: without and with the verdicts, neither with the statements that were read.

    These are the dev part of a corpus that trains. Left there, they would keep the verdicts out as duplicates.
    """
    (folder / "base").mkdir(exist_ok=True)
    rows = [json.dumps(row, ensure_ascii=False) for row in statement_rows() if row["part"] != "dev"]
    (folder / "base" / "statements.jsonl").write_text("\n".join(rows), "utf-8")
    corpus = yaml.safe_load(STATEMENTS.read_text("utf-8"))
    del corpus["splits"]["dev"]
    (folder / "base" / "corpus.yaml").write_text(yaml.safe_dump(corpus), "utf-8")
    corpora = {"without": ["base/corpus.yaml"], "with": ["base/corpus.yaml", "verdicts/corpus.yaml"]}
    for name, train in corpora.items():
        demo = {"extends": str(Path("configs/demo.yaml").resolve()), "name": name, "data": {"train": train}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(demo), "utf-8")


def _say(folder: Path, *arguments: str) -> None:
    done = CliRunner().invoke(app, ["review", *arguments, "--workspace", str(folder / "review")])
    sys.stdout.write(f"$ review {arguments[0]}\n{done.output}")
    sys.stdout.flush()
    if done.exit_code:
        raise SystemExit(str(done.exception))


def _read(server: Server, name: str, rows: list[dict[str, Any]], folder: Path) -> int:
    """One person in a browser of their own reads all that waits."""
    rng = random.Random(f"{name} {len(list(server.desk.pull()))}")  # noqa: S311
    places = [place for place in server.desk.places.all() if place.reader == name]
    if not any(map(server.desk.places.waiting, places)):
        return 0
    path = next(path for path in CHROMIUM if path.exists())
    # The longest text first: some are part of others.
    known = sorted(((_spaced(row["text"]), row) for row in rows), key=lambda pair: -len(pair[0]))
    done = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for place in places:
            slips = SLIPS[name] if place.round == "first" else 0.0

            def answers(page: str, slips: float = slips) -> dict[str, Any]:
                page = _spaced(page)
                return _labels(next(row for text, row in known if text in page), rng, slips)

            done += Reader(browser, server, name, folder).read(place, answers)
        browser.close()
    return done


def _labels(row: dict[str, Any], rng: random.Random, slips: float) -> dict[str, Any]:
    """Our labels in the words of the page; the first of several conducts."""
    context = [Context(name) for name in row.get("context") or []]
    conduct = row.get("conduct") or "unknown"
    tier = rng.choice([t for t in Tier if t != row["tier"]]) if rng.random() < slips else row["tier"]
    given = {
        "conduct": conduct if isinstance(conduct, str) else conduct[0],
        "grounds": row.get("grounds") or ["none"],
        "target": [name for name in row.get("target") or [] if name != "none"] or ["none"],
        "shields": [str(c) for c in context if c.is_shield] or ["none"],
        "descriptions": [str(c) for c in context if not c.is_shield] or ["none"],
        "hateful": {True: "yes", False: "no"}.get(row.get("hateful"), "unknown"),
        "tier": str(tier),
    }
    words = {q.name: [q.options[o] for o in given[q.name]] if q.several else q.options[given[q.name]] for q in ASKED}
    return words | {"reason": "Etter kodeboken."}


def _spaced(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
