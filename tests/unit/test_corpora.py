from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hatespeech_no.corpora import corpus_names, find_descriptor, load_corpus, statement_from_row
from hatespeech_no.corpora.catalogue import _shipped
from hatespeech_no.corpora.dataset import features, to_dataset
from hatespeech_no.corpora.descriptor import read_descriptor
from hatespeech_no.errors import HatespeechError
from hatespeech_no.statement import Elements, LabelledPassage, Statement
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Publicity
from tests.fixtures import SHARED, STARTER


@pytest.mark.parametrize("name", corpus_names())
def test_shipped_descriptors_are_complete(name: str) -> None:
    descriptor = read_descriptor(_shipped()[name])
    assert descriptor.name == name
    for file in descriptor.files:
        assert file.sha256, "a shipped corpus is verified"
        assert file.url, "a shipped corpus names where its owners publish it"
        assert any(len(part) == 40 for part in file.url.split("/")), "the address is pinned to a commit"
    assert descriptor.citation
    assert descriptor.licence.id
    if descriptor.evaluation_only:
        assert not descriptor.licence.training


@pytest.fixture
def corpora(corpora_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HATESPEECH_NO_DATA", str(corpora_folder))
    return corpora_folder


@pytest.mark.parametrize(
    ("name", "published", "difference"),
    [
        # published: rows, hateful yes, no, unknown in the table of counts; difference: why ours may differ.
        ("hatecheck", (3728, 2563, 1165, 0), None),
        ("edos", (20000, 4854, 0, 15146), None),
        ("gahd", (10995, 4666, 6329, 0), None),
        ("hatemoji_build", (5912, 2965, 2947, 0), "counts of 5,911 leave one out"),
        ("dkhate", (3289, 0, 0, 3289), "refer to the later spreadsheet"),
        ("dkhate_full", (3600, 0, 0, 3600), "read GRP as hateful"),
    ],
)
def test_counts(corpora: Path, name: str, published: tuple[int, int, int, int], difference: str | None) -> None:
    hateful = Counter(value for part in load_corpus(name).values() for value in part["hateful"][:])
    assert (hateful.total(), hateful[True], hateful[False], hateful[None]) == published
    table = SHARED / "data" / "COUNTS.csv"
    if difference is not None:
        assert any(difference in quirk for quirk in find_descriptor(name)[0].quirks)
    elif table.is_file():
        with table.open(encoding="utf-8") as stream:
            counted = next(row for row in csv.DictReader(stream) if row["source"] in (name, f"{name}_de"))
        assert published == tuple(int(counted[c]) for c in ("rows", "hateful_1", "hateful_0", "hateful_null"))


def test_what_each_source_carries_and_nothing_more(corpora: Path) -> None:
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
    with pytest.raises(HatespeechError, match="row 4: 2 fields where the header has 4"):
        load_corpus("own.yaml", tmp_path)


def test_unknown_corpus_and_unset_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HatespeechError, match="Did you mean 'hatecheck'"):
        find_descriptor("hatechek")
    monkeypatch.delenv("HATESPEECH_NO_DATA", raising=False)
    with pytest.raises(HatespeechError, match="set HATESPEECH_NO_DATA"):
        find_descriptor("edos")


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


def test_starter_corpus_loads_with_passages() -> None:
    rows = load_corpus(str(STARTER))["all"]
    with_passages = [statement_from_row(row) for row in rows if row["passages"]]
    assert len(rows) == 330
    assert len(with_passages) == 25
    assert all(s.labels is not None and s.labels.context == () for s in with_passages)
