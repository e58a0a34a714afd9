from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from hatespeech_no.corpora import find_descriptor, load_corpus
from hatespeech_no.errors import HatespeechError
from hatespeech_no.norhatecheck import Case, Prediction, load_cases, load_functions, run
from hatespeech_no.norhatecheck.check import check_cases
from hatespeech_no.norhatecheck.export import export
from hatespeech_no.norhatecheck.labels import agreement, gold_labels, read_labels, write_labels, write_sheet
from hatespeech_no.norhatecheck.run import _clusters, predict_by_call, read_predictions, write_predictions
from hatespeech_no.norhatecheck.suite import CASES, FROZEN, build_rows, serialise, suite_folder, to_case
from hatespeech_no.taxonomy import YES_NO, Conduct, Context, Ground, Target, Tier
from tests.fixtures import ROOT

# Words that a list of slurs and animal names would hold; as features they must not give the label away.
SLUR_STEMS = (
    *("neger", "negr", "svarting", "pakkis", "soper", "homse", "homo", "lesbe", "transe", "sigøyner", "jødesvin"),
    *("mongo", "spass", "krøpling", "lapp", "finn", "polakkjæv", "apekatt", "utøy", "rott", "pest", "kreft", "svin"),
    *("gris", "parasitt", "vermin", "rats", "scum", "søppel", "dyr", "hore", "kjerring", "tater", "skadedyr"),
    *("insekt", "snylt", "udyr", "kakkerlakk", "retard", "faggot", "tranny", "gypsy", "negro"),
)

FOLDER = ROOT / "data" / "norhatecheck"


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load_cases()


def handwritten(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.template is None]


def test_the_build_gives_the_frozen_bytes() -> None:
    content = serialise(build_rows(FOLDER))
    assert content == (FOLDER / CASES).read_bytes()
    assert hashlib.sha256(content).hexdigest() == (FOLDER / FROZEN).read_text().split()[0]
    assert suite_folder() == FOLDER


def test_the_suite_has_no_faults(cases: list[Case]) -> None:
    assert check_cases(cases, load_functions()) == []


def test_the_suite_is_as_large_and_varied_as_its_data_card_says(cases: list[Case]) -> None:
    by_hand = handwritten(cases)
    assert len(by_hand) >= 800
    assert len(cases) - len(by_hand) >= 3000
    functions = load_functions()
    assert len(functions) >= 40
    assert sum(f.unseen for f in functions.values()) >= 10
    assert set(Counter(case.function for case in cases)) == set(functions)
    assert min(Counter(case.function for case in by_hand).values()) >= 10
    english = [c for c in by_hand if c.statement.language == "en"]
    assert len(english) >= 300
    groups = yaml.safe_load((FOLDER / "groups.yaml").read_text("utf-8"))
    assert {ground for group in groups.values() for ground in group["grounds"]} >= {g for g in Ground if g.section_185}
    card = (FOLDER / "README.md").read_text("utf-8")
    assert f"{len(cases):,}" in card
    assert f"{len(by_hand):,}" in card


def test_the_words_do_not_give_the_label_away(cases: list[Case]) -> None:
    """Cross-validated with pairs, twins and templates kept together, on hand-written cases."""
    chosen = [c for c in handwritten(cases) if c.hateful is not None and c.statement.language in ("nb", "nn", "en")]
    texts, hateful = [c.statement.text for c in chosen], np.array([c.hateful for c in chosen])
    groups = yaml.safe_load((FOLDER / "groups.yaml").read_text("utf-8"))
    stems = {
        form.split()[-1].lower()[:6]
        for g in groups.values()
        for lang in ("nb", "nn", "en")
        for form in g[lang].values()
    }

    def score(features: Any, values: Any, strength: float = 1.0) -> float:
        classifier = LogisticRegression(C=strength, class_weight="balanced", max_iter=3000)
        model = make_pipeline(features, classifier)
        said = cross_val_predict(model, values, hateful, groups=_clusters(chosen), cv=GroupKFold(5))
        return float(f1_score(hateful, said, average="macro"))

    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    assert score(make_union(words, characters), texts, 10) < 0.75
    slurs = CountVectorizer(analyzer=lambda text: [s for s in SLUR_STEMS if s in text.lower()], binary=True)
    assert score(slurs, texts) < 0.60
    group_words = CountVectorizer(analyzer=lambda text: [s for s in stems if s in text.lower()], binary=True)
    assert score(group_words, texts) < 0.60
    lengths = np.array([[len(text), len(text.split())] for text in texts], dtype=float)
    assert score(StandardScaler(), lengths) < 0.60


def test_faults_are_found(cases: list[Case]) -> None:
    rows = [json.loads(line) for line in (FOLDER / "handwritten.jsonl").read_text("utf-8").splitlines()[:2]]
    functions = load_functions()

    def faults(**changes: Any) -> str:
        return "\n".join(check_cases([to_case({**rows[0], **changes}), to_case(rows[1])], functions))

    assert faults(pair=None, twin=None) == "pair A-p01: its members do not differ"
    for changes, fault in (
        ({"function": "gone"}, "there is no function 'gone'"),
        ({"hateful": False}, "hateful is False, its function derog_neg_emote_h says hateful"),
        ({"tier": "protected"}, "its tier is protected, the rules say lawful_hate by R8"),
        ({"rule_gap": "none"}, "the rules agree; take rule_gap away"),
        ({"ground_explicit": None}, "has a ground without saying whether the text shows it"),
        ({"grounds": []}, "is hateful without a ground"),
        ({"abusive": False}, "is a slur or an insult and not abusive"),
        ({"text": rows[1]["text"], "id": rows[1]["id"]}, "A-002: is the same as A-002"),
        ({"twin": "x"}, "twin x: has languages ['nb']"),
    ):
        assert fault in faults(**changes), fault


def test_it_is_a_corpus_for_evaluation_only(cases: list[Case]) -> None:
    descriptor, _ = find_descriptor("corpus.yaml", FOLDER)
    assert descriptor.evaluation_only
    assert not descriptor.licence.training
    rows = load_corpus("corpus.yaml", FOLDER)["test"]
    assert len(rows) == len(cases)
    assert Counter(rows["hateful"][:]) == Counter(case.hateful for case in cases)


def test_results_of_a_perfect_and_of_a_constant_model(cases: list[Case]) -> None:
    functions = load_functions()
    some = [case for case in cases if case.template is None][::7]
    perfect = {str(c.statement.id): Prediction(bool(c.hateful), c.tier) for c in some}
    result = run(some, functions, perfect, resamples=100)
    assert set(result.functions["accuracy"].dropna()) == {1.0}
    assert result.summary["all/hateful/macro_f1"].value == result.summary["all/tier/macro_f1"].value == 1.0
    constant = run(some, functions, {str(c.statement.id): Prediction(True) for c in some}, resamples=100)
    table = constant.functions.set_index("function")
    assert table.loc["slur_h", "accuracy"] == 1.0
    assert table.loc["counter_quote_nh", "accuracy"] == 0.0
    assert "tier_accuracy" not in table
    assert 0.2 < constant.summary["all/hateful/macro_f1"].value < 0.4
    assert constant.summary["unseen/hateful/macro_f1"].n < constant.summary["seen/hateful/macro_f1"].n
    with pytest.raises(HatespeechError, match="1 cases have no prediction"):
        run(some, functions, {k: v for k, v in perfect.items() if k != some[0].statement.id})


def always_yes(texts: list[str]) -> list[float]:
    return [0.9] * len(texts)


def too_few(texts: list[str]) -> list[bool]:
    return [True]


def test_anybodys_model(cases: list[Case], tmp_path: Path) -> None:
    found = predict_by_call(f"{__name__}:always_yes", cases[:5])
    assert {p.hateful for p in found.values()} == {True}
    with pytest.raises(HatespeechError, match="gave 1 answers to 5 texts"):
        predict_by_call(f"{__name__}:too_few", cases[:5])
    with pytest.raises(HatespeechError, match="gone:f: there is no such function"):
        predict_by_call("gone:f", cases[:5])
    (tmp_path / "twice.csv").write_text("id,hateful\na,1\na,0\n", "utf-8")
    with pytest.raises(HatespeechError, match="the id 'a' occurs twice"):
        read_predictions(tmp_path / "twice.csv")
    (tmp_path / "norsk.csv").write_text('id;hateful\na;"0,73"\nb;USANN\n', "utf-8")
    assert [p.hateful for p in read_predictions(tmp_path / "norsk.csv").values()] == [True, False]
    original = {"a": Prediction(True, Tier.ACTIONABLE), "b": Prediction(False)}
    write_predictions(tmp_path / "p.csv", original)
    assert read_predictions(tmp_path / "p.csv") == original


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "id,hateful\na,perhaps\n",
            r"p\.csv, row 1, field 'hateful': 'perhaps' is neither yes nor no nor a probability",
        ),
        ("id,hateful\na,1.5\n", "neither yes nor no"),
        ("id,hateful,tier\na,1,illegal\n", r"field 'tier': 'illegal' is no tier"),
        ("id,label\na,1\n", "needs the fields 'id' and 'hateful'"),
        ("id,hateful\na\n", "row 1: has another number of fields"),
    ],
)
def test_bad_predictions_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "p.csv").write_text(content, "utf-8")
    with pytest.raises(HatespeechError, match=message):
        read_predictions(tmp_path / "p.csv")


def test_export_has_the_columns_of_hatecheck(cases: list[Case], tmp_path: Path) -> None:
    assert export(tmp_path / "e.csv", cases) == len(cases)
    with (tmp_path / "e.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {"functionality", "case_id", "test_case", "label_gold", "target_ident", "direction", "templ_id"} <= set(
        rows[0]
    )
    assert Counter(row["label_gold"] for row in rows)["hateful"] == sum(case.hateful is True for case in cases)


def test_a_reader_fills_a_sheet_and_agreement_is_told(cases: list[Case], tmp_path: Path) -> None:
    some = handwritten(cases)[:30]
    assert write_sheet(tmp_path / "sheet.csv", some) == 30
    with (tmp_path / "sheet.csv").open(encoding="utf-8", newline="") as stream:
        sheet = list(csv.DictReader(stream))
    assert "tier" in sheet[0]
    assert not any(sheet[0][f] for f in ("hateful", "tier", "conduct")), "the sheet does not show the suite's labels"
    gold = gold_labels(some)
    write_labels(tmp_path / "filled.csv", gold)
    read = read_labels(tmp_path / "filled.csv", cases)
    assert read == gold
    for n, same, alpha in agreement(gold, read).values():
        assert (same, alpha) == (1.0, 1.0)
        assert n <= 30
    other = {name: {**answers, "tier": "protected"} for name, answers in read.items()}
    n, same, alpha = agreement(gold, other)["tier"]
    assert same < 1
    assert alpha < 0.5


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "gone"}, "'gone' is no case"),
        ({"id": "A-001", "Tierr": "protected"}, r"columns \['tierr'\] are not those of a sheet"),
        ({"id": "A-001", "hateful": "perhaps"}, "field 'hateful': 'perhaps' is neither yes nor no"),
        ({"id": "A-001", "conduct": "yelling"}, "field 'conduct': 'yelling' is not one of"),
        ({"id": "A-001", "grounds": "ethnicity|shoes"}, r"field 'grounds': \['shoes'\] are not of the codebook"),
    ],
)
def test_bad_labels_are_named(cases: list[Case], tmp_path: Path, row: dict[str, str], message: str) -> None:
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
    with pytest.raises(HatespeechError, match=message):
        read_labels(tmp_path / "filled.csv", cases)


def test_a_changed_suite_is_refused(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "suite")
    with (tmp_path / "suite" / CASES).open("a", encoding="utf-8") as stream:
        stream.write("\n")
    with pytest.raises(HatespeechError, match="is not the frozen suite"):
        load_cases(tmp_path / "suite")


@pytest.mark.parametrize(("name", "lang"), [("codebook.md", "en"), ("kodebok.md", "nb")])
def test_the_codebook_says_what_the_taxonomy_says(name: str, lang: str) -> None:
    text = (ROOT / "data" / name).read_text("utf-8")
    for kind in (Ground, Conduct, Target, Context, Tier):
        for member in kind:
            assert f"`{member}`" in text, member
            assert member.label(lang).lower() in text.lower(), member  # type: ignore[arg-type]
    for element, names in YES_NO.items():
        assert f"`{element}`" in text
        assert names[0 if lang == "nb" else 1] in text
    assert len(set(re.findall(r"\bB(\d+)\b", text))) >= 30, "borderline decisions can be cited"


def test_the_published_second_labels_give_the_published_agreement(cases: list[Case]) -> None:
    labels = read_labels(FOLDER / "labels" / "secondreader.csv", cases)
    with (FOLDER / "labels" / "secondreader.csv").open(encoding="utf-8", newline="") as stream:
        sample = {row["id"]: row["sample"] for row in csv.DictReader(stream)}
    random = {name: answers for name, answers in labels.items() if sample[name] == "random"}
    card = (FOLDER / "README.md").read_text("utf-8")
    assert f"{len(random)} drawn at random" in card
    for field, (_, same, alpha) in agreement(gold_labels(cases), random).items():
        line = next(line for line in card.splitlines() if line.startswith(f"| `{field}`") and "α" not in line)
        assert f"{same:.1%}".replace("100.0%", "100%").replace("%", " %") + f", {alpha:.2f}" in line, field


def test_a_tier_judged_from_the_law_counts_as_right(cases: list[Case]) -> None:
    case = next(c for c in cases if c.law_tier is not None)
    assert case.law_tier is not case.tier
    name = str(case.statement.id)
    for tier, right in ((case.tier, 1.0), (case.law_tier, 1.0), (Tier.LAWFUL_HATE, 0.0)):
        found = run([case], load_functions(), {name: Prediction(True, tier)}, resamples=100)
        assert found.functions["tier_accuracy"].tolist() == [right]
