"""The leaderboard's figures are those of scikit-learn, its protocol is kept, and its page is that of its results."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.metrics import f1_score, recall_score

from hatespeech_no import Statement
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.statement import Elements
from tests.fixtures import ROOT, script_in

FOLDER = ROOT / "experiments" / "leaderboard"
TEXTS = ["Din idiot", "Idiotene der borte", "En fin dag", "Han sa ikke noe", "Skadedyr i kornet"]


@pytest.fixture(scope="module")
def board() -> Iterator[Any]:
    """The script ``run.py``, which finds its modules beside it."""
    yield from script_in(FOLDER, "page", "board", "tools")


def rows(board: Any, label: list[int]) -> Any:
    statements = [Statement(t, labels=Elements({"hateful": bool(y)})) for t, y in zip(TEXTS * 10, label, strict=True)]
    return board.Rows(to_dataset(statements, "toy"), np.array(label, float), np.arange(len(label)))


def test_figures_are_those_of_scikit_learn(board: Any) -> None:
    label, said = np.random.default_rng(1).integers(0, 2, (2, 50))
    found = board.figures(board.Suite("toy", "toy", "hateful"), rows(board, label.tolist()), said.astype(float))
    assert found["macro_f1"].value == pytest.approx(f1_score(label, said, average="macro"))
    assert found["accuracy_yes"].value == pytest.approx(recall_score(label, said))
    assert found["accuracy_no"].value == pytest.approx(recall_score(label, said, pos_label=0))
    assert found["macro_f1"].lo < found["macro_f1"].value < found["macro_f1"].hi
    ordinary = board.figures(board.Suite("toy", "toy"), rows(board, label.tolist()), said.astype(float))
    assert ordinary["alarm_rate"].value == pytest.approx(said.mean())


def test_the_keyword_baseline_finds_beginnings_of_words(board: Any) -> None:
    command = board.command_of(board.MODELS["keywords"], Path(), [])
    said = board.said_by(command, board.Suite("toy", "toy", "abusive"), rows(board, [1, 1, 0, 0, 1] * 10))
    assert said.tolist() == [1, 1, 0, 0, 1] * 10


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('{\"hateful\": 1}')", "gave 1 answers to 50 texts"),
        ("import sys; sys.exit('no model here')", "no model here"),
    ],
)
def test_a_tool_that_does_not_answer_says_why(board: Any, code: str, reason: str) -> None:
    with pytest.raises(board.ToolError, match=reason):
        board.said_by([sys.executable, "-c", code], board.Suite("toy", "toy", "hateful"), rows(board, [1, 0] * 25))


def test_an_element_is_asked_for_by_name(board: Any) -> None:
    code = 'import sys\nfor _ in sys.stdin: print(\'{"hateful": 0.2, "abusive": 0.5}\')'
    for element, answer in (("abusive", 1), ("hateful", 0), ("ground_gender", 0)):
        suite = board.Suite("toy", "toy", element)
        assert set(board.said_by([sys.executable, "-c", code], suite, rows(board, [1, 0] * 25))) == {answer}


def test_of_a_large_part_whole_clusters_are_drawn(
    board: Any, small_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = yaml.safe_load(small_corpus.read_text("utf-8"))
    for file in description["files"]:
        file["split"] = "test"
    (small_corpus.parent / "as_test.yaml").write_text(yaml.safe_dump(description), "utf-8")
    suite = board.Suite("small", str(small_corpus.parent / "as_test.yaml"), "hateful")
    every = board.Rows.of(suite)
    monkeypatch.setattr(board, "ENOUGH", 50)
    drawn = board.Rows.of(suite)
    assert len(every.label) > 100
    assert len(drawn.label) == pytest.approx(50, abs=10)
    assert drawn.label.mean() == pytest.approx(every.label.mean(), abs=0.1)
    chosen, pairs = set(drawn.texts["id"][:]), set(drawn.texts["pair"][:])
    of_pair = zip(every.texts["id"][:], every.texts["pair"][:], strict=True)
    assert chosen == {i for i, pair in of_pair if pair in pairs}


def test_the_page_is_that_of_the_results(board: Any) -> None:
    results = json.loads(board.RESULTS.read_text("utf-8"))
    for suite in results["suites"].values():
        assert set(suite["models"]) | set(results["failed"]) == set(board.MODELS)
    written = (FOLDER.parent / "README.md").read_text("utf-8")
    assert board.page(results, FOLDER.parent) == written, "run: python experiments/leaderboard/run.py"
