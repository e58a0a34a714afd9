from __future__ import annotations

import csv
import json
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from datasets import Dataset

from hatespeech_no import Classifier, Statement, Tier, load
from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.classifier import FRAME_COLUMNS
from hatespeech_no.scoring.files import score_file
from hatespeech_no.scoring.inputs import Options
from hatespeech_no.tables import Problem, Rejected, open_table, open_writer
from hatespeech_no.triage import load_rules

THREAT = "Jeg skal drepe deg, vent bare."


@pytest.fixture(scope="session")
def classifier(demo_run: Path) -> Classifier:
    return load(demo_run)


def test_assessments(classifier: Classifier) -> None:
    calm, threat = classifier.score(["Noen som vet når biblioteket åpner igjen etter oppussinga?", THREAT])
    assert calm.tier is Tier.PROTECTED
    assert threat.tier.rank > calm.tier.rank
    assert threat.rules[0] == "R1"
    assert "read_first" in threat.flags
    assert threat.versions["rules"].startswith("no-")
    assert threat.versions["model"].startswith("demo@")
    assert "Read first" in threat.reasons("en")
    assert "Les først" in threat.reasons("nb")
    assert json.loads(json.dumps(threat.to_dict()))["tier"] == threat.tier
    assert 0 <= (threat.p_hateful or -1) <= 1
    assert "threat" in str(threat)


def test_the_gravest_passage_decides_and_is_named(classifier: Classifier) -> None:
    text = f"Takk for sist! {THREAT} Hilsen meg."
    found = classifier.score(text)[0]
    assert found.passage is not None
    assert text[slice(*found.passage)] == THREAT
    assert found.tier == classifier.score(THREAT)[0].tier


def test_circumstances_and_language_count(classifier: Classifier) -> None:
    assert classifier.score(Statement("Bussen gikk.", language="fi"))[0].tier is Tier.UNCERTAIN
    assert "language_not_served" in classifier.score(Statement("Bussen gikk.", language="fi"))[0].flags
    for code in ("nb", "no", "nb-NO", "NN", "en_GB"):
        assert "language_not_served" not in classifier.score(Statement("Bussen gikk.", language=code))[0].flags


def test_assessments_name_the_rules_that_were_applied(classifier: Classifier) -> None:
    older = classifier.bundle.manifest.model_copy(update={"rules_version": "no-0.1", "statute_version": "old"})
    found = Classifier(Bundle(older, classifier.bundle.model)).score(THREAT)[0]
    assert (found.versions["rules"], found.versions["statute"]) == (load_rules().version, load_rules().statute)


def test_one_hostile_comment_does_not_stall_a_batch(classifier: Classifier) -> None:
    started = time.perf_counter()
    classifier.score(["!" * 100_000, "a" * 100_000, '"' * 100_000, "1 " * 50_000, "@" * 100_000])
    assert time.perf_counter() - started < 10


def test_texts_without_words(classifier: Classifier) -> None:
    found = classifier.score(["", "   ", "\n"])
    assert all(a.flags == ("no_text",) and a.passage is None for a in found)
    with pytest.raises(HatespeechError, match="text 600 is int"):
        classifier.score([*["a"] * 600, 3])  # type: ignore[list-item]


def test_batches_change_nothing(classifier: Classifier) -> None:
    texts = [f"Kommentar nummer {i}. {THREAT if i % 7 == 0 else 'Fint vær.'}" for i in range(1100)]
    among_many, alone = classifier.score(texts)[1000], classifier.score([texts[1000]])[0]
    assert among_many.p_actionable == pytest.approx(alone.p_actionable, abs=1e-5), "sums in another order"
    assert replace(among_many, p_actionable=None) == replace(alone, p_actionable=None)


def test_frame(classifier: Classifier) -> None:
    frame = pd.DataFrame({"text": [THREAT, None, "Hei"]}, index=[7, 8, 9])
    scored = classifier.score_frame(frame)
    assert list(scored.columns) == list(FRAME_COLUMNS)
    assert list(scored.index) == [7, 8, 9]
    assert pd.isna(scored.loc[8, "tier"])
    assert scored.loc[8, "flags"] == "no_text"
    with pytest.raises(HatespeechError, match="no column 'body'"):
        classifier.score_frame(frame, text="body")


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def test_csv_keeps_columns_and_order(classifier: Classifier, tmp_path: Path) -> None:
    source = write_csv(
        tmp_path / "in.csv",
        [["nr", "melding", "dato"], ["3", THREAT, "x"], ["1", 'med "anførsel", komma\nog linje', ""], ["2", "", "z"]],
    )
    summary = score_file(classifier, source, tmp_path / "out.csv", Options(text_column="melding"))
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["nr", "melding", "dato", *FRAME_COLUMNS]
    assert [row["nr"] for row in rows] == ["3", "1", "2"]
    assert rows[1]["melding"] == 'med "anførsel", komma\nog linje'
    assert rows[2]["tier"] == ""
    assert (summary.without_text, sum(summary.tiers.values())) == (1, 2)
    assert summary.gravest[0].row == 1


def test_tab_separated_values_have_no_quoting(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text('id\ttext\n1\t"Hei" sa han\n2\t"åpent\n', "utf-8")
    score_file(classifier, tmp_path / "in.tsv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["text"] for row in csv.DictReader(stream)] == ['"Hei" sa han', '"åpent']
    with pytest.raises(HatespeechError, match=r"out.tsv: cannot tell the format to write"):
        score_file(classifier, tmp_path / "in.tsv", tmp_path / "out.tsv")


def test_blank_lines_are_no_rows(classifier: Classifier, tmp_path: Path) -> None:
    for name, content in (("a.csv", "text\nhei\n\n"), ("a.jsonl", '{"text": "hei"}\n\n')):
        (tmp_path / name).write_text(content, "utf-8")
        assert sum(score_file(classifier, tmp_path / name, tmp_path / f"out-{name}").tiers.values()) == 1


def test_json_lines_keep_types(classifier: Classifier, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "hei", "n": 1, "more": {"a": [1]}}\n{"text": null}\n', "utf-8")
    score_file(classifier, source, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert rows[0]["more"] == {"a": [1]}
    assert rows[1]["tier"] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", "", "in.csv: is empty"),
        ("in.csv", "a,b\n1,2\n", r"has no column 'text'; it has \['a', 'b'\]. Name the right one with --text-column"),
        ("in.csv", "text,tier\nhei,1\n", r"columns \['tier'\] would be overwritten"),
        ("in.csv", "text,text\nhei,1\n", "occur more than once"),
        ("in.docx", "x", "cannot tell the format"),
    ],
)
def test_mistakes_in_files_are_named(
    classifier: Classifier, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(HatespeechError, match=message):
        score_file(classifier, tmp_path / name, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing half-written is left"


def test_bad_rows_go_to_a_side_file_and_good_ones_are_scored(classifier: Classifier, tmp_path: Path) -> None:
    lines = ["id;text;n", "1;hei;1", "2;for få", '3;"åpent;1', f"4;{THREAT};1", "5;nul\0;1", f"6;{'a' * 100_001};1"]
    (tmp_path / "in.csv").write_bytes("\n".join(lines).encode("cp1252"))
    summary = score_file(classifier, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (summary.encoding, summary.delimiter) == ("cp1252", ";")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == ["1", "4"]
    assert summary.rejected == {Problem.FIELDS: 1, Problem.QUOTE: 1, Problem.NUL: 1, Problem.TOO_LONG: 1}
    assert summary.rejected_file == tmp_path / "out.csv.rejected.csv"
    with summary.rejected_file.open(encoding="utf-8", newline="") as stream:
        rejected = list(csv.DictReader(stream))
    assert [(row["row"], row["field"], row["problem"]) for row in rejected] == [
        ("2", "", "fields"),
        ("3", "", "quote"),
        ("5", "text", "nul"),
        ("6", "text", "too_long"),
    ]
    assert rejected[2]["forklaring"] == "rad 5, felt 'text': inneholder et NUL-tegn"
    assert rejected[2]["raw"] == "nul\\0"
    assert len(rejected[3]["raw"]) == 1001
    # The next run without bad rows takes the old side file away.
    (tmp_path / "in.csv").write_text("text\nhei\n", "utf-8")
    assert score_file(classifier, tmp_path / "in.csv", tmp_path / "out.csv", overwrite=True).rejected_file is None
    assert not (tmp_path / "out.csv.rejected.csv").exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "a\\ud800"}', Problem.BAD_BYTES),
        ('{"text": "a", "note": "\\u0000"}', Problem.NUL),
        ('{"text": ', Problem.NOT_JSON),
        ('{"text": 3}', Problem.NOT_TEXT),
        ("[1]", Problem.NOT_JSON),
        ('{"txt": "a"}', Problem.NO_FIELD),
        ('{"text": "a", "tier": 1}', Problem.TAKEN),
    ],
)
def test_bad_json_lines(classifier: Classifier, tmp_path: Path, line: str, problem: Problem) -> None:
    (tmp_path / "in.jsonl").write_text(f'{line}\n{{"text": "hei"}}\n', "utf-8")
    summary = score_file(classifier, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (dict(summary.rejected), summary.tiers.total()) == ({problem: 1}, 1)


def test_a_row_that_cannot_be_written_is_rejected(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b", "mer": 1}\n{"text": "c"}\n', "utf-8")
    summary = score_file(classifier, tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert (dict(summary.rejected), summary.tiers.total()) == ({Problem.EXTRA_FIELD: 1}, 2)


HOSTILE = [
    "🙂🙂🙂",
    "שלום עולם",
    "\u202e\u200b\u200fabc",
    "=HYPERLINK(1)",
    "<b>hei</b>",
    "[red]rødt[/red]",
    "\x1b[31mrødt",
]


@pytest.mark.parametrize("name", ["in.csv", "in.xlsx", "in.parquet", "in.jsonl.gz"])
def test_hostile_texts_are_scored_and_kept(classifier: Classifier, tmp_path: Path, name: str) -> None:
    texts = HOSTILE[:-1] if name == "in.xlsx" else HOSTILE  # XML has no escape character
    with open_writer(tmp_path / name, ["text"]) as write:
        for text in texts:
            write({"text": text})
    summary = score_file(classifier, tmp_path / name, tmp_path / "out.jsonl")
    assert not summary.rejected
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"].lstrip("'") for row in rows] == texts


@pytest.mark.parametrize("out", ["o.csv", "o.xlsx", "o.parquet", "o.jsonl", "o.csv.zst"])
def test_every_output_holds_the_same(classifier: Classifier, tmp_path: Path, out: str) -> None:
    (tmp_path / "in.txt").write_text(f"hei\n{THREAT}\n", "utf-8")
    score_file(classifier, tmp_path / "in.txt", tmp_path / out)
    with open_table(tmp_path / out) as table:
        rows = [record[1] for record in table.records if not isinstance(record, Rejected)]
    assert [row["text"] for row in rows] == ["hei", THREAT]
    assert rows[1]["rules"].startswith("R1")
    assert float(rows[1]["p_hateful"]) > 0


def test_the_language_is_guessed_and_only_a_sure_other_one_counts(classifier: Classifier) -> None:
    found = {
        text: (a.guessed_language, "language_not_served" in a.flags)
        for text in (
            "Vi vet ikke hvorfor kommunen har stengt veien ved skolen denne uken.",
            "Eg veit ikkje kva dei meiner med dette vedtaket om skulen.",
            "Du e dum",
            "Minä en tiedä milloin kirjasto avataan uudelleen remontin jälkeen",
            "Ми не знаємо, коли бібліотека знову відкриється",
            "wypierdalaj",
            "🙂",
        )
        for a in classifier.score(text)
    }
    assert list(found.values()) == [
        ("nb", False),
        ("nn", False),
        (found["Du e dum"][0], False),
        ("fi", True),
        ("ru", True),
        ("pl", False),
        ("und", False),
    ]
    assert classifier.score(Statement("Bussen gikk.", language="nb"))[0].guessed_language is None


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "datasets"])
def test_frames_are_answered_in_kind(classifier: Classifier, kind: str) -> None:
    columns = {"n": [1, 2, 3], "melding": [THREAT, None, "Hei"]}
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table, "datasets": Dataset.from_dict}[kind]
    frame = make(columns)
    scored = classifier.score_frame(frame, text="melding")
    assert type(scored) is type(frame)
    tiers = (
        scored["tier"][:]
        if kind == "datasets"
        else scored["tier"].to_pylist()
        if kind == "arrow"
        else list(scored["tier"])
    )
    assert tiers[0] == str(classifier.score(THREAT)[0].tier)
    assert pd.isna(tiers[1])
    with pytest.raises(HatespeechError, match="no column 'text'; it has"):
        classifier.score_frame(frame)


@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]", pd.ArrowDtype(pa.string())])
def test_nullable_columns(classifier: Classifier, dtype: Any) -> None:
    frame = pd.DataFrame({"text": pd.array([THREAT, None], dtype=dtype), 3: [1, 2]})
    assert list(classifier.score_frame(frame)["tier"].isna()) == [False, True]
    frame.columns = ["text", "text"]
    with pytest.raises(HatespeechError, match="several columns 'text'"):
        classifier.score_frame(frame)


def test_a_users_file_is_never_taken_for_a_side_file(classifier: Classifier, tmp_path: Path) -> None:
    mine = tmp_path / "out.csv.rejected.csv"
    mine.write_text("raw\nhei\n", "utf-8")
    with pytest.raises(HatespeechError, match="rejected rows would be written to it"):
        score_file(classifier, mine, tmp_path / "out.csv", Options(text_column="raw"))
    (tmp_path / "in.csv").write_text("text\nhei\n", "utf-8")
    with pytest.raises(HatespeechError, match="it is a file of yours; move it"):
        score_file(classifier, tmp_path / "in.csv", tmp_path / "out.csv")
    assert mine.read_text("utf-8") == "raw\nhei\n"


def test_bad_names_and_nested_halves_of_pairs(classifier: Classifier, tmp_path: Path) -> None:
    lines = ['{"text": "a", "meta": {"n": "\\ud83d"}}', '{"text": "a", "\\ud800": 1}', '{"text": "hei"}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines), "utf-8")
    summary = score_file(classifier, tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert (dict(summary.rejected), summary.tiers.total()) == ({Problem.BAD_BYTES: 2}, 1)
    (tmp_path / "in.csv").write_bytes(b"id,text,bl\xe5\n1,\xc3\xa5,x\n")
    with pytest.raises(HatespeechError, match=r"the names of columns \[3\] cannot be read"):
        score_file(classifier, tmp_path / "in.csv", tmp_path / "out.csv")


def test_long_words_and_many_lines_cost_little(classifier: Classifier) -> None:
    started = time.perf_counter()
    classifier.score(["a" * 100_000] * 8 + ["a\n" * 5000] * 2)
    assert time.perf_counter() - started < 20


def test_what_is_no_frame_or_no_text(classifier: Classifier) -> None:
    with pytest.raises(HatespeechError, match="list is no pandas, polars or Arrow table"):
        classifier.score_frame([THREAT])
    with pytest.raises(HatespeechError, match=r"LazyFrame is no .* collect it first"):
        classifier.score_frame(pl.DataFrame({"text": ["a"]}).lazy())
    with pytest.raises(HatespeechError, match="row 1, column 'text': is int, not a text"):
        classifier.score_frame(pd.DataFrame({"text": ["a", 3]}))
    with pytest.raises(HatespeechError, match="text 1 holds characters that cannot be read"):
        classifier.score(["hei", "a\ud800"])


def test_missing_file_and_folder(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nhei\n", "utf-8")
    with pytest.raises(HatespeechError, match="holds no file whose name ends in"):
        (tmp_path / "folder.csv").mkdir()
        score_file(classifier, tmp_path / "folder.csv", tmp_path / "out.csv")
    with pytest.raises(HatespeechError, match="there is no such file"):
        score_file(classifier, tmp_path / "gone.csv", tmp_path / "out.csv")
    with pytest.raises(HatespeechError, match="no such folder to write"):
        score_file(classifier, tmp_path / "in.csv", tmp_path / "gone" / "out.csv")
    with pytest.raises(HatespeechError, match="is the input itself"):
        score_file(classifier, tmp_path / "in.csv", tmp_path / "in.csv")


def test_memory_does_not_grow_with_the_file(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hatespeech_no.scoring.inputs.SHARD_ROWS", 500)

    def peak(rows: int) -> int:
        source = write_csv(
            tmp_path / f"{rows}.csv", [["text"], *([f"Kommentar {i} om vær og vind"] for i in range(rows))]
        )
        tracemalloc.start()
        score_file(classifier, source, tmp_path / f"{rows}-out.csv")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak(10)
    assert peak(8000) < 1.3 * peak(2000)
