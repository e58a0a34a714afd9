from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

from hatespeech_no import load
from hatespeech_no.cli import app
from hatespeech_no.corpora import load_corpus
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.answers import linked_clusters
from hatespeech_no.evaluation.audit import Audit, audit, draw_rows, write_audit
from hatespeech_no.evaluation.audit_report import SLICES, render
from hatespeech_no.evaluation.audit_words import WORDS
from hatespeech_no.evaluation.robustness import evaluate_robustness
from hatespeech_no.norhatecheck import load_functions
from hatespeech_no.norhatecheck.suite import CASES, suite_folder
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Ground, Lang, element_label
from hatespeech_no.text.keyed import keyed_id
from tests.unit.test_functions import reading_figures

KEY = b"key of the tests"
MARKUP = "<img src=x onerror=alert(1)>"
KEYS = ("suite", "slice", "element", "metric")
FUNCTIONS = ("derog_neg_emote_h", "ident_neutral_nh", "dialect_h", "dialect_nh", "lang_unserved")


@pytest.fixture(scope="module", autouse=True)
def one_strength() -> Iterator[None]:
    """Scoring each text a dozen times and not a hundred is enough here."""
    with pytest.MonkeyPatch.context() as patch:
        few = partial(evaluate_robustness, strengths=[1.0], seeds=[0])
        patch.setattr("hatespeech_no.evaluation.audit.evaluate_robustness", few)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of NorHateCheck as two corpora: ours, and one that is somebody else's, each with a mark in its texts."""
    made = tmp_path_factory.mktemp("suites")
    rows = [json.loads(line) for line in (suite_folder() / CASES).read_text("utf-8").splitlines()]
    chosen = [row for row in rows if row["function"] in FUNCTIONS]
    for name, mark in (("norhatecheck", f" {MARKUP}"), ("theirs", " THEIRS")):
        (made / name).mkdir()
        lines = [json.dumps(row | {"text": row["text"] + mark}) for row in chosen]
        (made / name / CASES).write_text("\n".join(lines), "utf-8")
        description = yaml.safe_load((suite_folder() / "corpus.yaml").read_text("utf-8"))
        (made / name / "corpus.yaml").write_text(yaml.safe_dump(description | {"name": name}), "utf-8")
    return made


@pytest.fixture(scope="module")
def suites(folder: Path) -> dict[str, Any]:
    return {name: load_corpus(str(folder / name / "corpus.yaml"))["test"] for name in ("norhatecheck", "theirs")}


@pytest.fixture(scope="module")
def found(demo_run: Path, suites: dict[str, Any]) -> Audit:
    named = {"norhatecheck": suites["norhatecheck"], MARKUP: suites["theirs"]}
    return audit(load(demo_run), named, ["norhatecheck"], KEY, rows=80, resamples=50)


@pytest.fixture(scope="module", params=["nb", "en"])
def lang(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def names(lang: Lang) -> dict[str, str]:
    return {function.id: function.label(lang) for function in load_functions().values()}


@pytest.fixture(scope="module")
def drawn(
    demo_run: Path, found: Audit, names: dict[str, str], lang: Lang, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, set[str]]]:
    """The folder of an audit, and the texts of its figures."""
    out = tmp_path_factory.mktemp("audit")
    with reading_figures() as texts:
        write_audit(found, load(demo_run), out, KEY, names, lang)
    return out, texts


@pytest.fixture(scope="module")
def written(drawn: tuple[Path, dict[str, set[str]]]) -> Path:
    return drawn[0]


def cells(page: str) -> list[tuple[str, ...]]:
    """The rows of all tables of a page, as a reader sees them."""
    return [
        tuple(html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL))
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    ]


def shown(row: dict[str, Any], lang: Lang, *, sign: bool = False) -> str:
    """A figure of a table as it should stand in the report."""
    value, lo, hi = (f"{row[name]:{'+' if sign else ''}.2f}".replace("-", "−") for name in ("value", "lo", "hi"))
    text = f"{value} ({lo} {'til' if lang == 'nb' else 'to'} {hi})" if sign else f"{value} ({lo}–{hi})"
    return text.replace(".", ",") if lang == "nb" else text


def test_the_report_holds_the_figures_of_the_tables(demo_run: Path, found: Audit, written: Path, lang: Lang) -> None:
    page = render(found, load(demo_run).bundle, written / "figures", {f"gone {MARKUP}": "why not"}, {}, lang)
    rows, words = cells(page), WORDS[lang]
    tables = {path.stem: pd.read_csv(path) for path in (written / "tables").glob("*.csv")}
    estimates = {tuple(row.pop(k) for k in KEYS): row for row in tables["metrics"].to_dict("records")}

    def cell(*key: str) -> str:
        return shown(estimates[key], lang) if key in estimates else "–"

    for suite in ("norhatecheck", MARKUP):
        mine = [cell(suite, part, "hateful", "macro_f1") for part in SLICES]
        assert (suite, words["macro_f1"], *mine) in rows
        assert "–" not in mine[:2]
        for part in SLICES:
            tier = [cell(suite, part, "tier", f"balanced_{metric}") for metric in ("macro_f1", "recall", "alarms")]
            named = (suite, "balanced", *([] if part == "all" else [words[part]]), *tier)
            assert (named in rows) == (tier != ["–"] * 3)
    for row in tables["fairness"].to_dict("records"):
        end = (words[row["metric"]], shown(row, lang, sign=row["metric"].endswith("_difference")), str(row["n"]))
        assert any(r[0] == row["suite"] and r[3:] == end for r in rows), row
    strongest = tables["robustness"].query("strength == 1").to_dict("records")
    assert {row["suite"] for row in strongest} == {"norhatecheck"}
    for row in strongest:
        text = shown(row, lang, sign=row["metric"] != "flipped")
        assert any(r[:2] == (row["suite"], words[row["slice"]]) and text in r[2:] for r in rows), row
    assert (f"gone {MARKUP}", "why not") in rows
    assert ("norhatecheck", *map(str, found.rows["norhatecheck"])) in rows
    assert page.count('src="data:image/png;base64,') == 4
    assert not re.search(r"<script|<link|<img src=x|(src|href)=\"(?!data:)", page), "nothing is loaded, nothing runs"
    for match in re.finditer(r"straffbar\w*|ulovlig\w*|illegal\w*|punishable", page, re.IGNORECASE):
        assert re.search(r"(mulig|possibly)\s+$", page[: match.start()], re.IGNORECASE)
    assert page.rstrip().endswith(f'<p class="notice">{NOTICE[lang]}</p>\n</body>\n</html>')


def test_figures_speak_the_language(drawn: tuple[Path, dict[str, set[str]]], names: dict[str, str], lang: Lang) -> None:
    folder, texts = drawn
    words, other = WORDS[lang], WORDS["en" if lang == "nb" else "nb"]
    assert texts.keys() == {path.name for path in (folder / "figures").iterdir()}
    tables = {name: pd.read_csv(folder / "tables" / f"{name}.csv") for name in ("metrics", "fairness", "robustness")}
    macro = tables["metrics"].query("slice == 'all' and metric == 'macro_f1' and not element.str.match('conduct_')")
    for row in macro.to_dict("records"):
        assert f"{row['suite']} · {element_label(row['element'], lang)}  (n={row['n']})" in texts["macro_f1.png"]
    sides = {
        "accuracy_yes": {"nb": "hatefull", "en": "hateful"},
        "accuracy_no": {"nb": "ikke hatefull", "en": "not hateful"},
    }
    for row in tables["metrics"].query("slice == 'all' and element == 'hateful'").to_dict("records"):
        if row["metric"] in sides:
            label = f"{row['suite']} · {sides[row['metric']][lang]}  (n={row['n']})"
            assert label in texts["hateful_accuracy.png"]
    assert f"norhatecheck {element_label('hateful', lang)}" in texts["reliability.png"]
    assert texts["functions.png"] >= {names[function] for function in FUNCTIONS if function != "lang_unserved"}
    grounds = {name for name in tables["fairness"]["slice"] if name.startswith("ground_")}
    assert texts["fairness.png"] >= {Ground(name.removeprefix("ground_")).label(lang) for name in grounds} != set()
    perturbations = set(tables["robustness"]["slice"]) - {"negation"}
    assert texts["robustness.png"] >= {words[name] for name in perturbations} != set()
    numeric = re.compile(r"−?\d+([.,])\d+")
    for name, shown in texts.items():
        assert not shown & (set(other.values()) - set(words.values())), name
        marks = {match[1] for text in shown if (match := numeric.fullmatch(text))}
        assert marks == {"," if lang == "nb" else "."}, name


def test_words_say_no_more_than_possibly() -> None:
    for text in (text for words in WORDS.values() for text in words.values()):
        for match in re.finditer(r"straffbar\w*|ulovlig\w*|illegal\w*|punishable", text, re.IGNORECASE):
            assert re.search(r"(mulig|possibly)\s+$", text[: match.start()], re.IGNORECASE), text
            assert re.search(r"menneske|human", text), text


def test_only_our_own_texts_are_quoted(
    demo_run: Path, found: Audit, suites: dict[str, Any], written: Path, lang: Lang
) -> None:
    page = render(found, load(demo_run).bundle, written / "figures", {}, {}, lang)
    assert html.escape(MARKUP) in page
    assert "THEIRS" not in page
    assert not any("THEIRS" in path.read_text("utf-8") for path in written.glob("tables/*.csv"))
    worst = pd.read_csv(written / "tables" / "worst_functions.csv")
    theirs = worst[worst["suite"] == MARKUP]
    assert len(theirs)
    assert theirs["text"].isna().all()
    assert worst[worst["suite"] == "norhatecheck"]["text"].str.endswith(MARKUP).all()
    keyed = {keyed_id(str(i), KEY) for rows in suites.values() for i in rows["id"][:]}
    for path in written.glob("tables/*.csv"):
        assert set(pd.read_csv(path).get("id", [])) <= keyed, path


def test_whole_clusters_are_drawn(suites: dict[str, Any]) -> None:
    rows = suites["norhatecheck"].add_column("cluster", linked_clusters(suites["norhatecheck"]))
    sizes = pd.Series(rows["cluster"][:]).value_counts()
    drawn = draw_rows(rows, 100)
    counted = pd.Series(drawn["cluster"][:]).value_counts()
    assert counted.to_dict() == sizes[counted.index].to_dict()
    assert 100 - sizes.min() < len(drawn) <= 100
    assert draw_rows(rows, 100)["id"][:] == drawn["id"][:] != draw_rows(rows, 100, seed=1)["id"][:]
    assert draw_rows(rows, len(rows))["id"][:] == rows["id"][:]
    assert len(draw_rows(rows, int(sizes.min()) - 1)) == 0


def test_words_are_the_same_in_both_languages() -> None:
    assert WORDS["nb"].keys() == WORDS["en"].keys()


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments), "--rows", "30", "--resamples", "100"])


def test_the_command_writes_everything(
    demo_run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = import_module("hatespeech_no.cli.audit")  # the package names the function so
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HATESPEECH_NO_DATA", str(tmp_path))
    monkeypatch.setattr(command, "suite_folder", lambda: folder / "norhatecheck")
    monkeypatch.setattr(command, "corpus_names", lambda: ["hatecheck", "gahd"])
    out = tmp_path / "new" / "audit"
    done = invoke(demo_run, out, "--lang", "nb")
    assert done.exit_code == 0, done.output
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    tables = ("metrics", "reliability", "functions", "worst_functions", "fairness", "robustness")
    kinds = ("predictions", "assessments", "tiers")
    assert names >= {"card.nb.md", "report.nb.html", "figures/functions.png", "figures/robustness.png"}
    assert names >= {f"tables/{name}.csv" for name in (*tables, *(f"{kind}_norhatecheck" for kind in kinds))}
    assert "Utelatt hatecheck: " in done.output
    assert "Utelatt gahd: " in done.output
    page = (out / "report.nb.html").read_text("utf-8")
    assert html.escape(MARKUP) in page, "named by nobody, it is ours all the same"
    predictions = pd.read_csv(out / "tables" / "predictions_norhatecheck.csv")
    drawn = predictions["id"].nunique()
    assert drawn <= 30
    assert any(row[:2] == ("norhatecheck", str(drawn)) for row in cells(page))
    assert np.isin(predictions["language"], ["nb", "nn", "en"]).all()


def test_mistakes_are_named(demo_run: Path, folder: Path, small_corpus: Path, tmp_path: Path) -> None:
    learned = tmp_path / "learned.yaml"
    learned.write_text(small_corpus.read_text("utf-8").replace("name: small", "name: statements"), "utf-8")
    (tmp_path / "statements.jsonl").write_bytes((small_corpus.parent / "statements.jsonl").read_bytes())
    theirs = folder / "theirs" / "corpus.yaml"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine", "utf-8")
    for arguments, message in (
        ((demo_run, tmp_path / "full", theirs), "is there already and not empty"),
        ((demo_run, tmp_path / "full" / "notes.txt", theirs), "is there already and not empty"),
        ((demo_run, tmp_path / "new", learned), "the model learned from part of corpus 'statements'"),
        ((demo_run, tmp_path / "new", theirs, theirs), "corpus 'theirs' is named twice"),
    ):
        done = invoke(*arguments)
        assert isinstance(done.exception, HatespeechError), done.output
        assert message in str(done.exception)
    assert not (tmp_path / "new").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_a_model_that_serves_nothing_here_says_so(demo_run: Path, suites: dict[str, Any]) -> None:
    rows = suites["theirs"]
    unserved = [i for i, code in enumerate(rows["language"][:]) if code not in ("nb", "nn", "en")]
    with pytest.raises(HatespeechError, match="there is nothing to audit on"):
        audit(load(demo_run), {"theirs": rows.select(unserved)}, [], KEY)
