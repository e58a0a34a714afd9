from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn.metrics import accuracy_score, f1_score

from hatespeech_no import Assessment, Statement, Tier, load
from hatespeech_no.corpora import load_corpus
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.answers import linked_clusters
from hatespeech_no.evaluation.functions import (
    FunctionResults,
    draw_functions,
    evaluate_functions,
    worst_functions,
)
from hatespeech_no.norhatecheck import load_cases, load_functions, run
from hatespeech_no.norhatecheck.run import predict_with
from hatespeech_no.statement import Elements

SUITE = ("function", "group", "template", "twin")


class Stub:
    """A classifier that answers as it is told."""

    bundle = SimpleNamespace(manifest=SimpleNamespace(thresholds={"hateful": 0.5}))

    def __init__(
        self, p: Callable[[str], float | None], tier: Callable[[str], Tier] = lambda _: Tier.PROTECTED
    ) -> None:
        self._p, self._tier = p, tier
        self.scored = 0

    def serves(self, language: str) -> bool:
        return language in ("nb", "nn", "en")

    def stream(self, statements: Iterable[Statement]) -> Iterator[Assessment]:
        for s in statements:
            assert s.labels is None
            self.scored += 1
            yield Assessment(s.id, self._tier(s.text), p_hateful=self._p(s.text))


def cases(rows: list[dict[str, Any]]) -> Any:
    """A suite from rows with a text, elements (hateful or not, or all of them) and columns of suites."""
    statements = [
        Statement(
            row.get("text", f"t{i}"),
            id=str(i),
            language=row.get("language", "nb"),
            labels=row["labels"] if "labels" in row else Elements.of(hateful=row["hateful"]),
            pair=row.get("pair"),
        )
        for i, row in enumerate(rows)
    ]
    return to_dataset(statements, "x", suite={name: [row.get(name) for row in rows] for name in SUITE})


def number(text: str) -> int:
    return int(text.removeprefix("t"))


@contextmanager
def reading_figures() -> Iterator[dict[str, set[str]]]:
    """By file name the texts of each figure that is written meanwhile; none may reach over its edge."""
    texts: dict[str, set[str]] = {}
    seen: dict[Text, Any] = {}
    draw, save = Text.draw, Figure.savefig

    def draw_and_see(text: Text, renderer: Any) -> None:
        draw(text, renderer)
        assert text.figure is not None
        # The last drawing counts, after the layout has been settled.
        seen[text] = text.get_window_extent(renderer).frozen(), text.figure.bbox.frozen()

    def save_and_read(figure: Figure, path: Path, **options: Any) -> None:
        seen.clear()
        save(figure, path, **options)
        shown = {text.get_text(): boxes for text, boxes in seen.items() if text.get_text().strip()}
        for text, (box, edge) in shown.items():
            assert edge.x0 - 1 <= box.x0 < box.x1 <= edge.x1 + 1, f"{path.name}: {text!r} is cut"
            assert edge.y0 - 1 <= box.y0 < box.y1 <= edge.y1 + 1, f"{path.name}: {text!r} is cut"
        texts[path.name] = {text.replace("\n", " ") for text in shown}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", draw_and_see)
        patch.setattr(Figure, "savefig", save_and_read)
        yield texts


def test_figures_are_those_of_norhatecheck_itself(demo_run: Path) -> None:
    """Its own ``run`` scores with guessed languages and knows clusters from its cases."""
    functions = ("dialect_nh", "slur_h", "long_one_attack_h", "thread_nh", "lang_unserved")
    chosen = [case for case in load_cases() if case.function in functions]
    classifier = load(demo_run)
    theirs = run(chosen, load_functions(), predict_with(classifier, chosen), resamples=200).functions
    columns = {name: [getattr(case, name) for case in chosen] for name in SUITE}
    rows = to_dataset([case.statement for case in chosen], "norhatecheck", suite=columns)
    found = evaluate_functions(classifier, {"norhatecheck": rows}, resamples=200)
    accuracy = found.table[found.table["metric"] == "accuracy"].set_index("slice")
    assert set(accuracy.index) == set(functions) - {"lang_unserved"}
    for row in theirs[theirs["function"].isin(accuracy.index)].to_dict("records"):
        mine = accuracy.loc[row["function"]]
        assert [mine["value"], mine["lo"], mine["hi"]] == pytest.approx([row["accuracy"], row["lo"], row["hi"]])
        assert mine["lo"] < mine["hi"]
    assert "text" not in found.predictions


def test_accuracy_always_and_macro_f1_where_both_answers_occur() -> None:
    rng = np.random.default_rng(0)
    p, hateful = rng.random(90), np.r_[rng.random(60) < 0.4, np.ones(30, bool)]
    rows = [{"hateful": bool(h), "function": "mixed" if i < 60 else "yes_h"} for i, h in enumerate(hateful)]
    rows.append({"hateful": None, "function": "mixed"})
    suites = {"x": cases(rows), "no suite": to_dataset([Statement("a", labels=Elements.of(hateful=True))], "y")}
    found = evaluate_functions(Stub(lambda text: [*p, 0.1][number(text)]), suites, resamples=50).table
    got = {(row.slice, row.metric): row.value for row in found.itertuples()}
    said = p >= 0.5
    assert got == pytest.approx(
        {
            ("mixed", "accuracy"): accuracy_score(hateful[:60], said[:60]),
            ("mixed", "macro_f1"): f1_score(hateful[:60], said[:60], average="macro"),
            ("yes_h", "accuracy"): said[60:].mean(),
        }
    )
    assert list(found["n"]) == [60, 60, 30]


def test_what_cannot_be_evaluated() -> None:
    rows = cases([{"hateful": True, "function": "f_h", "language": code} for code in ("fi", "nb")])
    found = evaluate_functions(Stub(lambda _: 0.9), {"x": rows}, resamples=10)
    assert list(found.predictions["id"]) == ["1"]
    none = evaluate_functions(Stub(lambda _: 0.9), {"x": rows.select([0])}, resamples=10)
    assert none.table.empty
    assert none.predictions.empty
    assert worst_functions(none).empty
    with pytest.raises(HatespeechError, match="does not tell what is hateful"):
        evaluate_functions(Stub(lambda _: None), {"x": rows})


def test_the_worst_functions_and_their_surest_failures() -> None:
    rows = [
        # function, cluster, label, p
        ("good", 1, 1, 0.9),
        ("half", 2, 1, 0.9),
        ("half", 3, 1, 0.2),
        ("bad", 4, 0, 0.7),
        ("bad", 4, 0, 0.8),  # of one template with the row before
        ("bad", 5, 0, 0.6),
        ("bad", 6, 1, 0.6),
        ("bad", 7, 1, 0.05),
    ]
    table = pd.DataFrame(rows, columns=["function", "cluster", "label", "p"])
    table = table.assign(suite="x", id=[f"id{i}" for i in range(len(rows))], decision=(table["p"] >= 0.5).astype(float))
    worst = worst_functions(FunctionResults(pd.DataFrame(), table), {"id4": "vår egen tekst"}, examples=3)
    assert list(worst["function"]) == ["bad", "bad", "bad", "half"]
    assert list(worst["id"]) == ["id7", "id4", "id5", "id2"]
    assert list(worst["failures"]) == [4, 4, 4, 1]
    assert list(worst["accuracy"]) == pytest.approx([0.2, 0.2, 0.2, 0.5])
    assert list(worst["text"].fillna("")) == ["", "vår egen tekst", "", ""]
    assert set(worst_functions(FunctionResults(pd.DataFrame(), table), functions=1)["function"]) == {"bad"}


def test_linked_clusters_against_a_naive_search() -> None:
    rng = np.random.default_rng(3)
    columns = ("pair", "template", "twin")
    rows = [
        {"hateful": True} | {c: None if rng.random() < 0.6 else str(rng.integers(25)) for c in columns}
        for _ in range(60)
    ]
    naive = list(range(60))
    for _ in range(60):
        for i in range(60):
            for j in range(60):
                if any(rows[i][c] is not None and rows[i][c] == rows[j][c] for c in columns):
                    naive[i] = naive[j] = min(naive[i], naive[j])
    found = linked_clusters(cases(rows))
    assert 3 < len(set(naive)) < 50
    assert [[a == b for b in naive] for a in naive] == [[a == b for b in found] for a in found]


def test_the_heat_map_is_drawn(tmp_path: Path) -> None:
    rows = [{"hateful": bool(i % 2), "function": f"function_with_a_long_name_{i % 3}"} for i in range(30)]
    table = evaluate_functions(Stub(lambda text: number(text) / 30), {"x": cases(rows)}, resamples=10).table
    names = {"function_with_a_long_name_1": "En ting som prøves, og som det tar sin tid å si hva er"}
    with reading_figures() as texts:
        draw_functions({"one": table, "two": table.head(1)}, names, tmp_path / "f.png", "nb")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    accuracy = table[table["metric"] == "accuracy"]["value"]
    shown = {*names.values(), "function with a long name 0", "function with a long name 2", "one", "two", "andel rett"}
    assert texts["f.png"] >= shown | {f"{value:.2f}".replace(".", ",") for value in accuracy}
    assert not any("long name 1" in text or "." in text for text in texts["f.png"])
    draw_functions({"one": table.head(0)}, names, tmp_path / "none.png", "nb")
    assert not (tmp_path / "none.png").exists()


def test_columns_of_suites_are_read(tmp_path: Path) -> None:
    lines = (
        '{"id": 1, "t": "a", "y": "1", "f": "slur_h", "g": "women", "k": 3}',
        '{"id": 2, "t": "b", "y": "0", "g": "None"}',
    )
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), "utf-8")
    licence = {"id": "x", "training": False, "shipping_models": False, "redistribution": False}
    description = {
        **{"name": "own", "title": "t", "citation": "c", "homepage": "h", "language": "en", "licence": licence},
        "files": [{"path": "rows.jsonl", "format": "jsonl", "split": "test"}],
        "columns": {"text": "t", "function": "f", "group": "g", "template": "k"},
        "labels": [{"when": {"y": "1"}, "set": {"hateful": True}}],
        "groups": {"column": "g", "when": {"y": "1"}, "values": {"women": ["gender"]}, "exhaustive": True},
    }

    def read() -> Any:
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(description), "utf-8")
        return load_corpus(str(tmp_path / "own.yaml"))["test"]

    rows = read()
    assert rows["function"][:] == ["slur_h", None]
    assert rows["group"][:] == ["women", None]
    assert rows["template"][:] == ["3", None]
    assert "twin" not in rows.column_names
    description["columns"]["twin"] = "tvilling"  # type: ignore[index]
    with pytest.raises(HatespeechError, match=r"columns.twin: no row has a value under 'tvilling'"):
        read()


def test_hatecheck_names_its_functions(corpora_folders: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATESPEECH_NO_DATA", corpora_folders)
    rows = load_corpus("hatecheck")["test"].to_pandas()
    assert rows["function"].nunique() == 29
    assert set(rows["group"].dropna()) == {
        *("women", "trans people", "gay people", "black people", "disabled people", "Muslims", "immigrants")
    }
    assert (
        (rows["function"] == "ident_neutral_nh").sum()
        == rows["group"][rows["function"] == "ident_neutral_nh"].count()
        == 126
    )
