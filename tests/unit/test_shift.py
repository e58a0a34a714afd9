"""The study of shift: what is left out has no say, figures are those of scikit-learn, tables those of the results."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from hatespeech_no.corpora import load_corpus
from hatespeech_no.training import load_config
from tests.fixtures import ROOT, STATEMENTS, script_in

FOLDER = ROOT / "experiments" / "shift"


@pytest.fixture(scope="module")
def study() -> Iterator[Any]:
    """The script ``run.py``, which finds its modules beside it."""
    yield from script_in(FOLDER, "draw", "plan")


@pytest.fixture(scope="module")
def rows(study: Any) -> Any:
    """Of our Bokmål statements and no others what is learned from; tested on Nynorsk."""
    corpus = load_corpus(str(STATEMENTS))

    def part(name: str, source: str, most: int) -> Any:
        chosen = study._of(corpus[name], study.SOURCES[source])
        return chosen.select(range(min(most, len(chosen))))

    train, validation = part("train", "statements_nb", 600), part("validation", "statements_nb", 200)
    tests = {"statements_nn": part("test", "statements_nn", 150)}
    carried = {"hateful": ["statements"], "abusive": ["statements"], "ground_gender": []}
    return study.Rows({"statements_nb": train}, {"statements_nb": validation}, tests, carried, "digest")


@pytest.fixture(scope="module")
def config() -> Any:
    return load_config(FOLDER / "tfidf.yaml")


def test_what_is_left_out_is_left_out(study: Any) -> None:
    plan = importlib.import_module("plan")
    assert set(plan.CHOICES["all"].sources) == {name for name, source in plan.SOURCES.items() if source.learned}
    for corpus in plan.CORPORA:
        left = set(plan.CHOICES["all"].sources) - set(plan.CHOICES[f"all but {corpus}"].sources)
        assert left == {name for name, source in plan.SOURCES.items() if source.corpus == corpus and source.learned}
    languages = {name: {plan.SOURCES[s].language for s in choice.sources} for name, choice in plan.CHOICES.items()}
    assert (languages["English"], languages["German"]) == ({"en"}, {"de"})
    assert not languages["all but Norwegian"] & {"nb", "nn"}
    assert not {plan.SOURCES[name].corpus for name in plan.CHOICES["English of others"].sources} & {"statements"}


@pytest.mark.parametrize("carried", ["hateful", "abusive"])
def test_figures_are_those_of_scikit_learn(study: Any, rows: Any, config: Any, carried: str) -> None:
    """Of the question that was asked, by the head that there is; nothing but the chosen source is at hand."""
    only = {question: ["statements"] if question == carried else [] for question in study.QUESTIONS}
    rows = study.Rows(rows.train, rows.validation, rows.tests, only, "digest")
    choice = study.Choice(("statements_nb",))
    model, learned = study.learn(config, rows, choice)
    cells = {cell["asked"]: cell for cell in study.examine(model, rows, choice, resamples=20)}
    assert learned == 600
    assert set(cells) == {"hateful", carried}
    cell, test = cells["hateful"], rows.tests["statements_nn"]
    known = [i for i, answer in enumerate(test["hateful"][:]) if answer is not None]
    label = np.array([test["hateful"][i] for i in known])
    score = model.scores(study.inputs_of(test))
    odds = score.log_odds[known, score.names.index(carried)]
    assert cell["answered"] == carried
    assert (cell["n"], cell["yes"]) == (len(label), label.sum())
    assert cell["auroc"] == pytest.approx(roc_auc_score(label, odds))
    # The threshold is a point on the scores, somewhere.
    cuts = [f1_score(label, odds >= cut, average="macro") for cut in (-np.inf, *np.sort(odds), np.inf)]
    assert min(abs(np.array(cuts) - cell["macro_f1"])) < 1e-9
    assert cell["macro_f1_lo"] <= cell["macro_f1"] <= cell["macro_f1_hi"]


def test_a_corpus_that_only_says_yes_teaches_nothing(study: Any, rows: Any) -> None:
    train = rows.train["statements_nb"]
    assert np.isnan(rows.labels(train)["ground_gender"]).all()
    assert np.isnan(rows.labels(train)["ground_religion"]).all()
    assert not np.isnan(rows.labels(train)["abusive"]).all()
    assert study._both(np.repeat([0.0, 1.0], 10))
    assert not study._both(np.repeat([0.0, 1.0], [50, 9]))


def test_rows_are_drawn_in_whole_pairs(study: Any, rows: Any) -> None:
    train = rows.train["statements_nb"]
    drawn = study.draw(train, 200)
    assert len(drawn) == pytest.approx(200, abs=10)
    pairs = {pair for pair in drawn["pair"][:] if pair}
    assert set(drawn["id"][:]) >= {i for i, pair in zip(train["id"][:], train["pair"][:], strict=True) if pair in pairs}
    assert study.draw(train, 600) is train


def test_a_study_that_was_killed_goes_on(
    study: Any, rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[tuple[str, ...]] = []

    def learn(config: object, rows: object, choice: Any) -> tuple[None, int]:
        if len(learned) == 1:
            raise KeyboardInterrupt
        learned.append(choice.sources)
        return None, 7

    folder = tmp_path / "shift"
    folder.mkdir()
    (folder / "tfidf.yaml").write_text(f"extends: {FOLDER / 'tfidf.yaml'}\n", "utf-8")
    cell = {"tested": "gahd", "asked": "hateful", "answered": "hateful", "n": 1, "yes": 1, "auroc": 0.123456}
    for name, value in {
        "HERE": folder,
        "KEPT": tmp_path / "kept",
        "CHOICES": {"one": study.Choice(("gahd",)), "two": study.Choice(("edos",))},
        "learn": learn,
        "examine": lambda *_: iter([cell]),
    }.items():
        monkeypatch.setattr(study, name, value)
    monkeypatch.setattr(study.Rows, "of", lambda *_: rows)
    monkeypatch.setattr(sys, "argv", ["run.py", "tfidf"])
    with pytest.raises(KeyboardInterrupt):
        study.main()
    assert pd.read_csv(folder / "tfidf.csv")["learned"].tolist() == ["one"]
    learned[:] = []
    monkeypatch.setattr(study, "learn", lambda config, rows, choice: (learned.append(choice.sources), 7))
    study.main()
    assert learned == [("edos",)]
    table = pd.read_csv(folder / "tfidf.csv")
    assert table[["learned", "rows", "auroc"]].to_numpy().tolist() == [["one", 7, 0.1235], ["two", 7, 0.1235]]


def test_tables_are_those_of_the_results(study: Any) -> None:
    draw = importlib.import_module("draw")
    found = {family: draw.Found.of(family) for family in draw.FAMILIES}
    for cells in found.values():
        assert {learned for learned, _, _ in cells.cells} == set(study.CHOICES)
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert draw.tables(found) in readme, "run: python experiments/shift/draw.py"
