from __future__ import annotations

import csv
import errno
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hatespeech_no.cli import app
from hatespeech_no.cli.score import score
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring import Assessment, Classifier
from hatespeech_no.scoring.classifier import FRAME_COLUMNS
from hatespeech_no.scoring.files import Done, score_file
from hatespeech_no.scoring.inputs import Options, open_input
from hatespeech_no.statement import Statement
from hatespeech_no.tables import Problem, Rejected, open_table, open_writer
from hatespeech_no.tables.writers import RowWriter
from hatespeech_no.taxonomy import Tier
from tests.fixtures import ROOT

ROWS, SHARD = 18, 4
TARGETS = ["out.csv", "out.jsonl.zst", "out.parquet", "out.xlsx", "out"]


class Killed(BaseException):
    """What stops a run; nobody expects it."""


class Stub(Classifier):
    """Scores are places in a call, so that other batches would give other bytes. Texts with an h are flagged."""

    def __init__(
        self, model: str = "stub@1", *, dies_at: int | None = None, by: type[BaseException] | None = Killed
    ) -> None:
        self.versions: Mapping[str, str] = {"model": model, "rules": "no-9"}
        self.asked: list[str] = []
        self._dies_at, self._by = dies_at, by

    def stream(
        self, texts: Iterable[str | Statement], profile: str = "balanced", prevalence: Mapping[str, float] | None = None
    ) -> Iterator[Assessment]:
        for place, item in enumerate(texts):
            if len(self.asked) == self._dies_at:
                if self._by is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                else:
                    raise self._by
            text = item.text if isinstance(item, Statement) else item
            self.asked.append(text)
            tier = Tier.ACTIONABLE if "h" in text else Tier.PROTECTED
            passage = (0, len(text)) if text else None
            yield Assessment(None, tier, "nb", p_hateful=place / 7, p_actionable=0.25, passage=passage)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hatespeech_no.scoring.inputs.SHARD_ROWS", SHARD)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Rows 3 and 11 have a field too few, row 8 has no text, rows 5 and 6 are alike."""
    lines = [f"{i},tekst {'h' if i % 3 == 0 else 'n'} {i}" for i in range(1, ROWS + 1)]
    lines[2], lines[10], lines[7], lines[5] = "3", "11", "8,", "6,tekst n 5"
    path = tmp_path / "in.csv"
    path.write_text("\n".join(["id,text", *lines, ""]), "utf-8")
    return path


def content(target: Path) -> dict[str, bytes]:
    """The bytes of an output and of all that lies beside it under its name."""
    paths = target.rglob("*") if target.is_dir() else target.parent.glob(f"*{target.name}*")
    return {path.name.replace(target.name, "OUT"): path.read_bytes() for path in paths if path.is_file()}


def undisturbed(source: Path, folder: Path, name: str) -> dict[str, bytes]:
    (folder / "undisturbed").mkdir()
    score_file(Stub(), source, folder / "undisturbed" / name)
    return content(folder / "undisturbed" / name)


def rows_of(path: Path) -> list[dict[str, Any]]:
    with open_table(path) as table:
        return [record[1] for record in table.records if not isinstance(record, Rejected)]


def manifest(target: Path) -> dict[str, Any]:
    path = target / "_manifest.json" if target.is_dir() else target.with_name(f"{target.name}.manifest.json")
    return dict(json.loads(path.read_text("utf-8")))


# Killed and started again.


@pytest.mark.parametrize("name", TARGETS)
def test_a_run_that_is_killed_ends_as_one_that_was_not(source: Path, tmp_path: Path, name: str) -> None:
    expected = undisturbed(source, tmp_path, name)
    (tmp_path / "killed").mkdir()
    asked = []
    for dies_at in (0, 1, 6, 3, 0, 5):
        stub = Stub(dies_at=dies_at)
        with pytest.raises(Killed):
            score_file(stub, source, tmp_path / "killed" / name)
        assert not (tmp_path / "killed" / name).is_file(), "a file is whole or not there"
        asked += stub.asked
    last = Stub()
    summary = score_file(last, source, tmp_path / "killed" / name)
    assert content(tmp_path / "killed" / name) == expected
    assert not list((tmp_path / "killed").rglob(".*")), "nothing is left over"
    assert summary.rows == ROWS
    assert last.asked[0] == "tekst n 17", "four shards were kept"
    assert [flagged.row for flagged in summary.gravest] == [9, 12, 15, 18]


def test_sigkill(source: Path, tmp_path: Path) -> None:
    expected = undisturbed(source, tmp_path, "out.csv")
    script = (
        "import sys; from hatespeech_no.scoring import inputs; from tests.unit.test_shards import *;"
        f"inputs.SHARD_ROWS = {SHARD};"
        "score_file(Stub(dies_at=9, by=None), Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(source), str(tmp_path / "out.csv")]
    killed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(tmp_path.glob(".out.csv*.part")), "it had no time to tidy up"
    stub = Stub()
    score_file(stub, source, tmp_path / "out.csv")
    assert content(tmp_path / "out.csv") == expected
    assert not list(tmp_path.glob(".*"))
    assert stub.asked[0] == "tekst n 13", "three shards were kept"


def test_a_full_disk_loses_nothing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = undisturbed(source, tmp_path, "out")
    write = RowWriter.write
    left = iter(range(10))

    def full(self: RowWriter, row: dict[str, Any]) -> Any:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, row)

    with monkeypatch.context() as patched:
        patched.setattr(RowWriter, "write", full)
        with pytest.raises(HatespeechError, match=r"part-00002.parquet: cannot be written .*No space left.* is kept"):
            score_file(Stub(), source, tmp_path / "out")
    stub = Stub()
    score_file(stub, source, tmp_path / "out")
    assert content(tmp_path / "out") == expected
    assert stub.asked[0] == "tekst n 13", "what was scored before the disk was full is not scored again"


def test_an_output_that_cannot_be_written(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scored").write_text("my notes", "utf-8")
    stub = Stub()
    with pytest.raises(HatespeechError, match=r"scored: cannot be written \(File exists\)"):
        score_file(stub, source, tmp_path / "scored", overwrite=True)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(HatespeechError, match=r"out: cannot be written \(Permission denied\)"):
        score_file(stub, source, tmp_path / "out")
    assert (tmp_path / "scored").read_text("utf-8") == "my notes"
    assert not stub.asked, "it is told before any work is done"


def test_what_a_power_cut_damaged_is_scored_anew(source: Path, tmp_path: Path) -> None:
    expected = undisturbed(source, tmp_path, "out.csv")
    with pytest.raises(Killed):
        score_file(Stub(dies_at=9), source, tmp_path / "out.csv")
    first, second, _ = sorted((tmp_path / ".out.csv.scores").iterdir())
    first.write_bytes(b"")
    with open_writer(second, None) as write:
        write({"tier": "no such"})
    score_file(Stub(), source, tmp_path / "out.csv")
    assert content(tmp_path / "out.csv") == expected


def test_ctrl_c_says_how_to_go_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Stub(dies_at=10, by=KeyboardInterrupt)
    monkeypatch.setitem(score.__globals__, "load", lambda _: stub)
    command = ["score", str(source), str(tmp_path / "out.csv")]
    stopped = CliRunner().invoke(app, command)
    assert stopped.exit_code == 130
    assert "Stopped after 13 rows. The same command goes on from there." in stopped.output
    monkeypatch.setitem(score.__globals__, "load", lambda _: Stub())
    assert CliRunner().invoke(app, command).exit_code == 3, "rows were rejected"
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0
    assert "was finished already and is left alone" in again.output


# Finished, changed, started over.


@pytest.mark.parametrize("name", TARGETS)
def test_a_finished_output_is_left_alone(source: Path, tmp_path: Path, name: str) -> None:
    first = score_file(Stub(), source, tmp_path / name)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    stub = Stub()
    again = score_file(stub, source, tmp_path / name)
    assert not stub.asked
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert again.already
    assert not first.already
    assert (again.tiers, again.rejected, again.rejected_file) == (first.tiers, first.rejected, first.rejected_file)
    stub = Stub()
    assert not score_file(stub, source, tmp_path / name, overwrite=True).already
    assert len(stub.asked) == ROWS - 2 - 1


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": "id,text\n1,hei\n"}, r"input \(in.csv\)"),
        ({"model": "stub@2"}, r"model \(stub@1, now stub@2\)"),
        ({"profile": "high_recall"}, r"profile \(balanced, now high_recall\)"),
        ({"limit": 5}, r"limit \(None, now 5\)"),
        ({"columns": ("id",)}, r"columns \(None, now \['id'\]\)"),
        ({"prevalence": {"hateful": 0.1}}, r"prevalence \(hateful\)"),
    ],
)
def test_what_changed_is_named(
    source: Path, tmp_path: Path, change: dict[str, Any], message: str, *, finished: bool
) -> None:
    out = tmp_path / "out"
    if finished:
        score_file(Stub(), source, out)
    else:
        with pytest.raises(Killed):
            score_file(Stub(dies_at=9), source, out)
    before = content(out)
    change = dict(change)
    if "input" in change:
        source.write_text(change.pop("input"), "utf-8")
    stub = Stub(change.pop("model", "stub@1"))
    state = "is there already" if finished else "was begun"
    with pytest.raises(HatespeechError, match=rf"out: {state}, from something else: {message}\. .*--overwrite"):
        score_file(stub, source, out, Options(**change))
    assert content(out) == before
    assert not stub.asked
    score_file(stub, source, out, Options(**change), overwrite=True)
    fresh = tmp_path / "fresh"
    score_file(Stub(stub.versions["model"]), source, fresh, Options(**change))
    assert content(out) == content(fresh), "nothing of the first run is left"


def test_overwrite_goes_on_with_the_same_run(source: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        score_file(Stub(dies_at=9), source, tmp_path / "out", overwrite=True)
    stub = Stub()
    score_file(stub, source, tmp_path / "out", overwrite=True)
    assert stub.asked[0] == "tekst n 13"


def test_a_mistake_before_anything_was_scored_stands_in_nobodys_way(source: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        score_file(Stub("wrong@1", dies_at=0), source, tmp_path / "out.csv")
    score_file(Stub(), source, tmp_path / "out.csv")
    assert manifest(tmp_path / "out.csv")["follows_from"]["model"] == "stub@1"


def test_files_of_others_are_not_touched(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "part-00000.parquet").write_text("mine", "utf-8")
    for overwrite in (False, True):
        with pytest.raises(HatespeechError, match="mine: holds files that are no output of scoring"):
            score_file(Stub(), source, tmp_path / "mine", overwrite=overwrite)
    (tmp_path / "mine.csv").write_text("mine", "utf-8")
    with pytest.raises(HatespeechError, match=r"mine.csv: is there already; .*--overwrite"):
        score_file(Stub(), source, tmp_path / "mine.csv")
    score_file(Stub(), source, tmp_path / "notes.csv")
    (tmp_path / "notes.csv").write_text("with notes of a moderator", "utf-8")
    with pytest.raises(HatespeechError, match=r"notes.csv: .* has been removed or changed since"):
        score_file(Stub(), source, tmp_path / "notes.csv")
    (tmp_path / "odd.csv.manifest.json").write_text("[]", "utf-8")
    with pytest.raises(HatespeechError, match=r"odd.csv.manifest.json: is no manifest"):
        score_file(Stub(), source, tmp_path / "odd.csv")
    with pytest.raises(HatespeechError, match="lies in the folder that is scored"):
        score_file(Stub(), tmp_path, tmp_path / "inside.csv")


# What is written.


def test_shards_and_their_manifest(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stub = Stub()
    score_file(stub, source, out)
    found = manifest(out)
    assert [(f["file"], f["rows_in"], f["rows_out"], f["rejected"]) for f in found["files"]] == [
        ("part-00000.parquet", 4, 3, 1),
        ("part-00001.parquet", 4, 4, 0),
        ("part-00002.parquet", 4, 3, 1),
        ("part-00003.parquet", 4, 4, 0),
        ("part-00004.parquet", 2, 2, 0),
    ]
    assert found["tiers"] == {"protected": 11, "actionable": 4}
    assert (found["without_text"], found["rejected"]) == (1, {"fields": 2})
    assert Counter(stub.asked)["tekst n 5"] == 1, "of two alike in a shard one is scored"
    table = pd.read_parquet(out)
    assert list(table.columns) == ["id", "text", *FRAME_COLUMNS]
    assert list(table["id"]) == [str(i) for i in range(1, ROWS + 1) if i not in (3, 11)]
    assert table["p_hateful"][4] == table["p_hateful"][3], "and both get its scores"
    assert [str(pq.read_schema(part).field("p_hateful").type) for part in sorted(out.glob("*.parquet"))] == [
        "double"
    ] * 5
    with (out / "_rejected.csv").open(encoding="utf-8", newline="") as stream:
        assert [(row["row"], row["problem"]) for row in csv.DictReader(stream)] == [("3", "fields"), ("11", "fields")]


def test_rejected_rows_stand_in_order_and_once(tmp_path: Path) -> None:
    rows: list[Any] = [{"text": "a", "n": 1}, "bad", {"text": "b", "n": "x"}, {"text": 3}, {"text": "c"}, {"text": "d"}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    for dies_at in (1, 2):
        with pytest.raises(Killed):
            score_file(Stub(dies_at=dies_at), tmp_path / "in.jsonl", tmp_path / "out.parquet")
    summary = score_file(Stub(), tmp_path / "in.jsonl", tmp_path / "out.parquet")
    assert summary.rejected == {Problem.NOT_JSON: 1, Problem.OTHER_TYPE: 1, Problem.NOT_TEXT: 1}
    assert [row["row"] for row in rows_of(tmp_path / "out.parquet.rejected.csv")] == ["2", "3", "4"]


def test_fields_that_come_late_are_kept_in_a_folder(tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": "b", "reply_to": "x"}, *[{"text": "c"}] * 4]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert not score_file(Stub(), tmp_path / "in.jsonl", tmp_path / "out").rejected
    assert rows_of(tmp_path / "out" / "part-00000.parquet")[1]["reply_to"] == "x"
    assert "reply_to" not in rows_of(tmp_path / "out" / "part-00001.parquet")[0]


def test_a_folder_of_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.csv").write_text("text,n\nb1,1\nb2,2\n", "utf-8")
    (folder / "a.csv").write_text("text,n\na1,1\nfor,mange,felt\na3,3\n", "utf-8")
    (folder / "c.tsv").write_text("text\tarena\nc1\tx\n", "utf-8")
    (folder / "notes.docx").write_text("x", "utf-8")
    (folder / ".hidden.csv").write_text("x", "utf-8")
    with pytest.raises(HatespeechError, match=r"c.tsv: has other columns than .*a.csv; name those to keep"):
        score_file(Stub(), folder, tmp_path / "out.csv")
    summary = score_file(Stub(), folder, tmp_path / "out")
    assert summary.unread == ["notes.docx"]
    parts = [rows_of(part) for part in sorted((tmp_path / "out").glob("*.parquet"))]
    assert [[(row["file"], row["text"]) for row in part] for part in parts] == [
        [("a.csv", "a1"), ("a.csv", "a3"), ("b.csv", "b1")],
        [("b.csv", "b2")],
        [("c.tsv", "c1")],
    ]
    assert list(parts[2][0]) == ["text", "arena", "file", *FRAME_COLUMNS]
    assert [(row["row"], row["file"]) for row in rows_of(tmp_path / "out" / "_rejected.csv")] == [("2", "a.csv")]
    score_file(Stub(), folder, tmp_path / "out.csv", Options(columns=("text",)))
    assert [row["file"] for row in rows_of(tmp_path / "out.csv")] == ["a.csv", "a.csv", "b.csv", "b.csv", "c.tsv"]
    score_file(Stub(), folder, tmp_path / "out.jsonl")
    assert rows_of(tmp_path / "out.jsonl")[4]["arena"] == "x"
    (folder / "b.csv").rename(folder / "d.csv")
    with pytest.raises(HatespeechError, match=r"input \(b.csv, d.csv\)"):
        score_file(Stub(), folder, tmp_path / "out")


def test_some_rows_and_columns(source: Path, tmp_path: Path) -> None:
    score_file(Stub(), source, tmp_path / "first.csv", Options(limit=7, columns=("id",)))
    rows = rows_of(tmp_path / "first.csv")
    assert list(rows[0]) == ["id", *FRAME_COLUMNS]
    assert [row["id"] for row in rows] == ["1", "2", "4", "5", "6", "7"], "row 3 is bad and counts"
    score_file(Stub(), source, tmp_path / "drawn.csv", Options(sample=6, seed=5))
    drawn = [int(row["id"]) for row in rows_of(tmp_path / "drawn.csv")]
    expected = sorted(1 + i for i in random.Random(5).sample(range(ROWS), 6))
    assert drawn == [i for i in expected if i not in (3, 11)]
    with pytest.raises(HatespeechError, match=r"has no columns \['gone'\] to keep"):
        score_file(Stub(), source, tmp_path / "gone.csv", Options(columns=("id", "gone")))


def test_a_sample_draws_every_row_as_often(source: Path) -> None:
    drawn: Counter[int] = Counter()
    for seed in range(300):
        with open_input(source, Options(sample=3, limit=9, seed=seed)) as given:
            for shard in given.shards():
                drawn.update(r.row if isinstance(r, Rejected) else r.number for r in shard.records)
    assert sorted(drawn) == list(range(1, 10))
    assert drawn.total() == 900
    assert all(70 < n < 130 for n in drawn.values()), "100 expected, standard deviation 8"
    with open_input(source, Options(sample=100)) as given:
        assert sum(len(shard.records) for shard in given.shards()) == ROWS


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.jsonl.zst", "in.parquet", "in.xlsx"])
def test_progress(tmp_path: Path, name: str) -> None:
    with open_writer(tmp_path / name, ["text"]) as write:
        for i in range(1, 11):
            write({"text": "h" if i == 2 else f"tekst {i}"})
    told: list[Done] = []
    score_file(Stub(), tmp_path / name, tmp_path / "out.csv", progress=told.append)
    assert told[-1] == Done(10, 1, 1.0)
    shares = [done.share for done in told]
    assert shares == sorted(shares)
    assert [done.rows for done in told] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 10]
    if name in ("in.parquet", "in.xlsx"):
        assert shares[:2] == [pytest.approx(0.1), pytest.approx(0.2)]
    limited: list[Done] = []
    score_file(Stub(), tmp_path / name, tmp_path / "limited.csv", Options(limit=5), progress=limited.append)
    assert limited[-1].share == 1.0
