from __future__ import annotations

import csv
import hashlib
import json
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hatespeech_no.corpora import corpus_names, find_descriptor, load_corpus, statement_from_row
from hatespeech_no.corpora.catalogue import _shipped, data_folders
from hatespeech_no.corpora.dataset import features, to_dataset
from hatespeech_no.corpora.descriptor import read_descriptor
from hatespeech_no.errors import HatespeechError
from hatespeech_no.statement import Elements, LabelledPassage, Statement
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Publicity
from tests.fixtures import SHARED, STATEMENTS


@pytest.mark.parametrize("name", corpus_names())
def test_shipped_descriptors_are_complete(name: str) -> None:
    descriptor = read_descriptor(_shipped()[name])
    assert descriptor.name == name
    for file in descriptor.published:
        assert file.sha256, "a shipped corpus is verified"
        if file.url is None:
            assert any("not published as such" in quirk for quirk in descriptor.quirks)
        else:
            assert re.search(r"/[0-9a-f]{40}[/.]", file.url), "the address is pinned to a commit"
    assert descriptor.citation
    assert descriptor.licence.id
    if descriptor.evaluation_only:
        assert not descriptor.licence.training


@pytest.fixture
def corpora(corpora_folders: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATESPEECH_NO_DATA", corpora_folders)


@pytest.mark.parametrize(
    ("name", "published", "difference"),
    [
        # published: rows, hateful yes, no, unknown in the table of counts; difference: why ours may differ.
        ("hatecheck", (3728, 2563, 1165, 0), None),
        ("edos", (20000, 3837, 0, 16163), "take every sexist row as hateful"),
        ("gahd", (10995, 4666, 6329, 0), None),
        ("hatemoji_build", (5912, 2965, 2947, 0), "counts of 5,911 leave one out"),
        ("dkhate", (3289, 0, 0, 3289), "refer to the later spreadsheet"),
        ("dkhate_full", (3600, 0, 0, 3600), "read GRP as hateful"),
        ("davidson", (24783, 1430, 23353, 0), None),
        ("germeval2018", (8541, 0, 6746, 1795), "read ABUSE as hateful"),
        ("hatemoji_check", (3930, 2654, 1276, 0), None),
        ("multilingual_hatecheck", (36582, 25511, 11071, 0), "counts of 36,580"),
        ("implicit_hate", (21480, 8110, 13291, 79), "missing for the class `other`"),
        ("toxigen", (8960, 3368, 5592, 0), "counts of 8,957"),
        ("mlma", (5647, 0, 0, 5647), "take the labels at their word"),
        ("stormfront", (10944, 1196, 9507, 241), "eight more than counted"),
        ("hatexplain_fine", (12260, 3552, 3718, 4990), "take offensive as not hateful"),
        ("hatexplain_coarse", (7748, 2336, 4032, 1380), "11,214 rows"),
        ("iwg", (469, 54, 0, 415), None),
        ("norec_mentions", (8131, 0, 0, 8131), None),
        ("norquad", (755, 0, 0, 755), None),
        ("ud_norwegian", (7749, 0, 0, 7749), None),
    ],
)
def test_counts(corpora: None, name: str, published: tuple[int, int, int, int], difference: str | None) -> None:
    hateful = Counter(value for part in load_corpus(name).values() for value in part["hateful"][:])
    assert (hateful.total(), hateful[True], hateful[False], hateful[None]) == published
    table = SHARED / "data" / "COUNTS.csv"
    if difference is not None:
        assert any(difference in quirk for quirk in find_descriptor(name)[0].quirks)
    elif table.is_file():
        with table.open(encoding="utf-8") as stream:
            names = (name, f"{name}_de", name.replace("norec", "norec_minority"), f"{name}_contexts")
            counted = next((row for row in csv.DictReader(stream) if row["source"] in names), None)
        assert name == "ud_norwegian" or counted is not None
        if counted is not None:
            assert published == tuple(int(counted[c]) for c in ("rows", "hateful_1", "hateful_0", "hateful_null"))


def test_what_each_source_carries_and_nothing_more(corpora: None) -> None:
    edos = load_corpus("edos")["test"].filter(lambda row: row["ground_gender"] is False)
    assert len(edos)
    assert set(edos["hateful"][:]) == {None}, "not sexist says nothing of other hatred"
    dkhate = load_corpus("dkhate")
    assert Counter(dkhate["train"]["abusive"][:]) == {True: 384, False: 2576}
    assert Counter(dkhate["test"]["abusive"][:]) == {True: 41, False: 288}
    hatemoji = load_corpus("hatemoji_build")["test"]
    assert {row["ground_religion"] for row in hatemoji if not row["hateful"]} == {None}
    assert {row["ground_religion"] for row in hatemoji if row["hateful"]} == {True, False}
    quoted = [row for row in load_corpus("hatecheck")["test"] if row["context_quotation"]]
    assert len(quoted) == 173
    assert all(row["context_counter_speech"] and row["shield"] and row["hateful"] is False for row in quoted)


def test_offensive_is_abusive_and_never_hateful(corpora: None) -> None:
    davidson = load_corpus("davidson")["all"].filter(lambda row: row["abusive"] is True)
    assert set(davidson["hateful"][:]) == {False}
    for name in ("hatexplain_fine", "hatexplain_coarse"):
        offensive = [r for p in load_corpus(name).values() for r in p if r["abusive"] and r["hateful"] is not True]
        assert {row["hateful"] for row in offensive} == {None}
    germeval = load_corpus("germeval2018")["test"]
    assert Counter(zip(germeval["abusive"][:], germeval["hateful"][:], strict=True)) == {
        (False, False): 2330,
        (True, False): 429,
        (True, None): 773,
    }


def test_functions_and_groups_of_the_suites(corpora: None) -> None:
    rows = load_corpus("multilingual_hatecheck")["test"]
    german = rows.filter(lambda row: row["language"] == "de")
    assert len(german) == 3645
    assert set(german.filter(lambda row: row["conduct"] == ["threat"])["hateful"][:]) == {True}
    jews = german.filter(lambda row: row["ground_ethnicity"] and row["ground_religion"])
    assert len(jews)
    unknown = rows.filter(lambda row: row["hateful"] and row["ground_gender"] is None)
    assert {row["language"] for row in unknown} == {"fr"}, "cases that do not say which group they are about"


def test_ordinary_text_is_unlabelled_and_marked(corpora: None) -> None:
    norec = load_corpus("norec_mentions")
    assert {split: len(rows) for split, rows in norec.items()} == {"validation": 813, "test": 991, "train": 6327}
    assert all(norec["test"]["ordinary"][:])
    assert statement_from_row(norec["test"][0]).labels is None
    assert set(load_corpus("ud_norwegian")) == {"validation", "test"}
    assert set(load_corpus("norquad")) == {"test"}
    assert not any(load_corpus("gahd")["test"]["ordinary"][:])


def _hatexplain_release(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release in HateXplain's layout with posts of our own."""

    def post(name: str, labels: list[str], targets: list[list[str]]) -> dict[str, Any]:
        annotators = [
            {"label": la, "annotator_id": i, "target": t} for i, (la, t) in enumerate(zip(labels, targets, strict=True))
        ]
        return {
            "post_id": name,
            "annotators": annotators,
            "rationales": [],
            "post_tokens": ["a", "post", "called", name],
        }

    posts = [
        post("h", ["hatespeech", "hatespeech", "normal"], [["Islam", "Arab"], ["Islam"], ["None"]]),
        post("o", ["offensive", "offensive", "normal"], [["Women"], ["None"], ["None"]]),
        post("n", ["normal"] * 3, [["None"]] * 3),
        post("d", ["hatespeech", "offensive", "normal"], [["None"]] * 3),
    ]
    data = folder / "hatexplain" / "Data"
    data.mkdir(parents=True)
    (data / "dataset.json").write_text(json.dumps({p["post_id"]: p for p in posts}), "utf-8")
    (data / "post_id_divisions.json").write_text(json.dumps({"train": ["h"], "val": ["o"], "test": ["n"]}), "utf-8")
    monkeypatch.setenv("HATESPEECH_NO_DATA", str(folder))
    monkeypatch.setattr("hatespeech_no.corpora.readers.verify", lambda path, file: None)


def test_the_layout_of_hatexplain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _hatexplain_release(tmp_path, monkeypatch)
    parts = load_corpus("hatexplain")
    hateful, disputed = parts["train"]
    assert (hateful["text"], hateful["hateful"], hateful["abusive"]) == ("a post called h", True, True)
    assert (hateful["ground_religion"], hateful["ground_ethnicity"]) == (True, False), "two of three must name a group"
    assert (disputed["id"], disputed["hateful"], disputed["abusive"]) == ("hatexplain:d", None, None)
    assert (parts["validation"][0]["abusive"], parts["validation"][0]["hateful"]) == (True, None)
    assert parts["test"][0]["hateful"] is False
    (tmp_path / "hatexplain" / "Data" / "dataset.json").write_text('{"h": {}}', "utf-8")
    with pytest.raises(HatespeechError, match=r"dataset\.json: is not laid out as HateXplain's"):
        load_corpus("hatexplain")


def test_a_corpus_from_the_hub_or_a_copy_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = _write_own_corpus(tmp_path, "parquet")
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "own.parquet").rename(tmp_path / "owner" / "name" / "train.parquet")
    _edit(descriptor, files=[{"path": "owner/name", "format": "hub", "revision": "abc"}])
    assert load_corpus("own.yaml", tmp_path)["all"]["hateful"][:] == [True, False, None]
    (tmp_path / "owner" / "name").rename(tmp_path / "gone")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HatespeechError, match=r"owner/name: cannot be had from the hub .* put a copy at"):
        load_corpus("own.yaml", tmp_path)
    _edit(descriptor, files=[{"path": "owner/name", "format": "hub"}])
    with pytest.raises(HatespeechError, match="needs a revision"):
        load_corpus("own.yaml", tmp_path)


def test_files_in_archives(tmp_path: Path) -> None:
    descriptor = _write_own_corpus(tmp_path, "csv")
    content = (tmp_path / "own.csv").read_bytes()
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr("own-abc/data/own.csv", content)
    digest = hashlib.sha256(content).hexdigest()
    file = {"path": "own.zip", "format": "csv", "member": "data/own.csv", "sha256": digest}
    _edit(descriptor, files=[file])
    assert load_corpus("own.yaml", tmp_path)["all"]["hateful"][:] == [True, False, None]
    _edit(descriptor, files=[{**file, "sha256": "0" * 64}])
    with pytest.raises(HatespeechError, match="is not the file described"):
        load_corpus("own.yaml", tmp_path)
    _edit(descriptor, files=[{**file, "member": "gone.csv"}])
    with pytest.raises(HatespeechError, match=r"own\.zip: holds no file 'gone\.csv'"):
        load_corpus("own.yaml", tmp_path)


def test_rules_with_stars_files_with_languages_and_rows_left_out(tmp_path: Path) -> None:
    descriptor = _write_own_corpus(tmp_path, "csv")
    _edit(
        descriptor,
        files=[{"path": "own.csv", "format": "csv", "language": "nn"}],
        labels=[{"when": {"kommentar": "*e*e"}, "set": {"abusive": True}}],
        leave_out={"merke": "?"},
    )
    rows = load_corpus("own.yaml", tmp_path)["all"]
    assert rows["language"][:] == ["nn", "nn"]
    assert rows["abusive"][:] == [None, None]
    _edit(descriptor, labels=[{"when": {"kommentar": ["f*e", "tre*"]}, "set": {"abusive": True}}])
    assert load_corpus("own.yaml", tmp_path)["all"]["abusive"][:] == [True, None]


def test_an_id_that_occurs_twice_is_named(tmp_path: Path) -> None:
    descriptor = _write_own_corpus(tmp_path, "csv")
    _edit(descriptor, columns={"text": "kommentar", "id": "merke"}, labels=[], groups=None)
    with (tmp_path / "own.csv").open("a", encoding="utf-8") as stream:
        stream.write("4,fjerde,hat,a\n")
    with pytest.raises(HatespeechError, match=r"the id 'own:hat' occurs twice"):
        load_corpus("own.yaml", tmp_path)


def _write_own_corpus(folder: Path, file_format: str) -> Path:
    rows = [
        {"nr": "1", "kommentar": "første", "merke": "hat", "gruppe": "a"},
        {"nr": "2", "kommentar": "andre", "merke": "ok", "gruppe": ""},
        {"nr": "3", "kommentar": "tredje", "merke": "?", "gruppe": ""},
    ]
    path = folder / f"own.{file_format}"
    if file_format == "csv":
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif file_format == "jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    descriptor = folder / "own.yaml"
    descriptor.write_text(
        yaml.safe_dump(
            {
                "name": "own",
                "title": "Own",
                "citation": "none",
                "homepage": "none",
                "licence": {"id": "own", "training": True, "shipping_models": False, "redistribution": False},
                "language": "nb",
                "files": [{"path": path.name, "format": file_format}],
                "columns": {"text": "kommentar", "id": "nr"},
                "labels": [
                    {"when": {"merke": "hat"}, "set": {"hateful": True}},
                    {"when": {"merke": "ok"}, "set": {"hateful": False, "conduct": "none"}},
                ],
                "groups": {
                    "column": "gruppe",
                    "when": {"merke": "hat"},
                    "values": {"a": ["religion"]},
                    "exhaustive": False,
                },
            }
        ),
        "utf-8",
    )
    return descriptor


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_researchers_own_corpus_needs_no_code(tmp_path: Path, file_format: str) -> None:
    rows = load_corpus("own.yaml", _write_own_corpus(tmp_path, file_format).parent)["all"]
    assert rows["id"][:] == ["own:1", "own:2", "own:3"]
    assert rows["hateful"][:] == [True, False, None]
    assert rows["ground_religion"][:] == [True, None, None]
    assert rows["ground_ethnicity"][:] == [None, None, None]
    assert rows["conduct"][:] == [None, ["none"], None]


def _edit(path: Path, **changes: object) -> None:
    data = yaml.safe_load(path.read_text("utf-8"))
    path.write_text(yaml.safe_dump({**data, **changes}), "utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"text": "body"}}, r"own\.csv, row 1: there is no field 'body'; there are"),
        ({"files": [{"path": "gone.csv", "format": "csv"}]}, r"gone\.csv is missing"),
        ({"files": [{"path": "../own.csv", "format": "csv"}]}, "leads out of the data folder"),
        ({"files": [{"path": "own.csv", "format": "csv", "sha256": "0" * 64}]}, "is not the file described"),
        ({"labels": [{"when": {"merke": "hat"}, "set": {"conduct": "yelling"}}]}, "'yelling' is no conduct"),
        ({"labels": [{"when": {"merke": True}, "set": {"hateful": True}}]}, "put it in quotes"),
        ({"lables": []}, "lables: Extra inputs are not permitted"),
        (
            {"labels": [{"when": {"merke": "hat"}, "set": {"hateful": "no"}}]},
            "hateful is 'no'; use True, False or None",
        ),
        ({"labels": [{"when": {"merke": "hat"}, "set": {"grounds": {"religion": "no"}}}]}, "use True, False or None"),
        ({"columns": {"text": "kommentar", "id": "nr", "split": "merke"}}, "split 'hat' is not declared"),
        (
            {"groups": {"column": "gruppe", "when": {"merke": "hat"}, "values": {}, "exhaustive": True}},
            r"row 1: field 'gruppe': group 'a' has no ground",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    _edit(_write_own_corpus(tmp_path, "csv"), **changes)
    with pytest.raises(HatespeechError, match=message):
        load_corpus("own.yaml", tmp_path)


def test_a_row_with_missing_fields_is_named(tmp_path: Path) -> None:
    _write_own_corpus(tmp_path, "csv")
    with (tmp_path / "own.csv").open("a", encoding="utf-8") as stream:
        stream.write("4,bare to\n")
    with pytest.raises(HatespeechError, match="row 4: has another number of fields than the header"):
        load_corpus("own.yaml", tmp_path)


def test_unknown_corpus_and_unset_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HatespeechError, match="Did you mean 'hatecheck'"):
        find_descriptor("hatechek")
    monkeypatch.setenv("HATESPEECH_NO_DATA", "/gone:/away")
    with pytest.raises(HatespeechError, match=r"/gone/edos.* or /away/edos.* is missing; hatespeech-no data fetch"):
        load_corpus("edos")
    monkeypatch.delenv("HATESPEECH_NO_DATA")
    assert data_folders() == [Path.home() / ".hatespeech_no" / "data"]


_ELEMENTS = st.builds(
    Elements,
    st.dictionaries(st.sampled_from(ELEMENTS), st.booleans(), max_size=6),
    st.none() | st.frozensets(st.sampled_from(list(Conduct)), min_size=1),
).map(lambda e: e if e.answers or e.conduct else None)
_STATEMENTS = st.builds(
    Statement,
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=3),
    id=st.text(st.characters(exclude_categories=["Cs"])),
    language=st.sampled_from(["nb", "nn", None]),
    labels=_ELEMENTS,
    passages=st.lists(
        st.builds(LabelledPassage, st.just(0), st.integers(1, 3), _ELEMENTS.map(lambda e: e or Elements()))
    ).map(tuple),
    publicity=st.sampled_from(Publicity),
    addressee_is_minor=st.none() | st.booleans(),
    thread=st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(st.lists(_STATEMENTS, min_size=1, max_size=4))
def test_statements_survive_the_typed_table(statements: list[Statement]) -> None:
    dataset = to_dataset(statements, "x")
    assert dataset.features == features()
    assert [statement_from_row(row) for row in dataset] == statements


def test_our_statements_load_with_parts_and_passages() -> None:
    parts = load_corpus(str(STATEMENTS))
    assert set(parts) == {"train", "validation", "calibration", "risk", "test"}
    rows = [row for part in parts.values() for row in part]
    with_passages = [statement_from_row(row) for row in rows if row["passages"]]
    assert len(with_passages) > 300
    assert all(s.labels is not None and s.labels.context == () for s in with_passages)
