"""The loop over files: push, read, pull, adjudicate, reveal, export, forget; and what goes wrong on the way."""

from __future__ import annotations

import csv
import json
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hatespeech_no.cli import app
from hatespeech_no.corpora import load_corpus
from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.checks import Fault
from hatespeech_no.review.corpus import write_corpus, write_retrain
from hatespeech_no.review.desk import Answer, Item
from hatespeech_no.review.files import FileDesk
from hatespeech_no.review.forget import expired, find, forget
from hatespeech_no.review.pull import pull
from hatespeech_no.review.push import Source, push
from hatespeech_no.review.questions import questions
from hatespeech_no.review.records import Settings
from hatespeech_no.review.select import Budget
from hatespeech_no.review.status import status
from hatespeech_no.review.verdicts import Stage
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.tables import open_table, open_writer
from hatespeech_no.tables.writers import undefuse
from hatespeech_no.taxonomy import Tier
from hatespeech_no.training import load_config
from tests.fixtures import ROOT, statement_rows

KEY = b"key of the tests"
READERS = ("r1", "r2", "r3")
SETTINGS = Settings(READERS, "r1", "en", (Tier.ACTIONABLE,), ("files", "desk"))
BUDGET = Budget(flagged=15, active=5, audit=10)
ASKED = 2 * 15 + 5 + 10  # what the model calls actionable goes to two


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Path:
    """Sixty of our statements as if scored: every fourth flagged, one with a handle, one to be read first."""
    path = tmp_path_factory.mktemp("scored") / "scored.csv"
    rows = [row for row in statement_rows() if not row.get("thread") and len(row["text"]) > 40][::97][:60]
    with open_writer(path, None) as write:
        for i, row in enumerate(rows):
            tier = ["actionable", "protected", "lawful_hate", "protected"][i % 4]
            text = f"@kari_nordmann {row['text']}" if i == 0 else row["text"]
            flags = "read_first" if i == 4 else ""
            p = 0.99 - i / 100 if tier == "actionable" else 0.3
            write(
                {
                    "text": text,
                    "tier": tier,
                    "p_hateful": 0.4,
                    "p_actionable": p,
                    "flags": flags,
                    "guessed_language": "nb",
                }
            )
    return path


@dataclass
class ListDesk:
    """A desk in memory whose readers answer by a function."""

    answer: Callable[[Item, str, str], dict | None]
    queues: dict = field(default_factory=dict)
    loses: int = 0
    after: Callable[[Answer], Answer] = lambda answer: answer

    def push(self, queue, reader, round, items, asked, progress=lambda done: None):
        kept = self.queues.setdefault((queue, reader), (round, {}))[1]
        for item in items:
            if self.loses and item.id not in kept:
                self.loses -= 1
            else:
                kept[item.id] = item
        return len(kept)

    def pull(self) -> Iterator[Answer]:
        for (_, reader), (round_, items) in self.queues.items():
            for item in items.values():
                values = self.answer(item, reader, round_)
                if values is not None:
                    values = dict(values)
                    reason = values.pop("reason", None)
                    codes = {name: (v,) if isinstance(v, str) else v for name, v in values.items()}
                    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
                    yield self.after(Answer(item.id, reader, reader, round_, codes, reason, at, item.shown(KEY)))

    def erase(self, items):
        for _, kept in self.queues.values():
            for item in items:
                kept.pop(item, None)


def codes(tier: str = "protected", hateful: str = "no", **more: str) -> dict[str, str]:
    none = dict.fromkeys(("conduct", "grounds", "target", "shields", "descriptions"), "none")
    return {**none, "hateful": hateful, "tier": tier, **more}


def settle(workspace: Workspace, desk: ListDesk, rounds: int = 5) -> None:
    for _ in range(rounds):
        pull(workspace, desk)


# --- push


def test_a_first_reader_sees_text_alone(scored, tmp_path):
    desk = ListDesk(lambda *_: None)
    pushed = push(Workspace(tmp_path, KEY), desk, Source(scored), BUDGET, SETTINGS)
    assert pushed.chosen == {"flagged": 15, "active": 5, "audit": 10}
    items = [item for _, kept in desk.queues.values() for item in kept.values()]
    assert len(items) == ASKED
    assert {item.notes for item in items} == {None}
    everything = json.dumps([[q, r, [item.text for item in k.values()]] for (q, r), (_, k) in desk.queues.items()])
    assert "kari_nordmann" not in everything
    assert "[USER-" in everything
    assert not any(word in everything for word in ("flagged", "audit", "actionable", "0.99"))
    twice = Counter(item.id for item in items)
    sides = Workspace(tmp_path, KEY).sides()
    assert {i for i, n in twice.items() if n == 2} == {i for i, s in sides.items() if s.tier is Tier.ACTIONABLE}
    assert {s.inclusion for s in sides.values() if s.purpose == "audit"} == {10 / 45}
    assert {s.versions["rules"] for s in sides.values()} != {""}


def test_the_same_push_again_changes_nothing_and_another_takes_others(scored, tmp_path):
    desk = ListDesk(lambda *_: None)
    push(Workspace(tmp_path, KEY), desk, Source(scored), BUDGET, SETTINGS)
    before = {q: dict(kept) for q, (_, kept) in desk.queues.items()}
    again = push(Workspace(tmp_path, KEY), desk, Source(scored), BUDGET, SETTINGS)
    assert again.repeated
    assert {q: kept for q, (_, kept) in desk.queues.items()} == before
    first = set(Workspace(tmp_path, KEY).sides())
    more = push(Workspace(tmp_path, KEY), desk, Source(scored), Budget(5, 3, 5), SETTINGS)
    assert more.chosen == {"active": 3, "audit": 5}
    assert len(set(Workspace(tmp_path, KEY).sides()) - first) == 8
    assert [sum(batch.tiers.values()) for batch in Workspace(tmp_path, KEY).batches] == [60, 30]


def test_a_push_that_is_killed_goes_on(scored, tmp_path):
    class Killed(ListDesk):
        left = 1

        def push(self, *args):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            return super().push(*args)

    killed = Killed(lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        push(Workspace(tmp_path, KEY), killed, Source(scored), BUDGET, SETTINGS)
    killed.left = 100
    pushed = push(Workspace(tmp_path, KEY), killed, Source(scored), BUDGET, SETTINGS)
    assert pushed.repeated
    assert sum(len(kept) for _, kept in killed.queues.values()) == ASKED


def test_a_desk_that_drops_items_is_asked_again_and_then_reported(scored, tmp_path):
    desk = ListDesk(lambda *_: None, loses=3)
    assert push(Workspace(tmp_path / "a", KEY), desk, Source(scored), BUDGET, SETTINGS).lacking == {}
    assert sum(len(kept) for _, kept in desk.queues.values()) == ASKED
    deaf = ListDesk(lambda *_: None, loses=10**6)
    lacking = push(Workspace(tmp_path / "b", KEY), deaf, Source(scored), BUDGET, SETTINGS).lacking
    assert sum(lacking.values()) == ASKED
    deaf.loses = 0
    assert pull(Workspace(tmp_path / "b", KEY), deaf).lacking == {}
    assert sum(len(kept) for _, kept in deaf.queues.values()) == ASKED


def test_two_processes_do_not_write_at_once(scored, tmp_path, monkeypatch):
    monkeypatch.setattr("hatespeech_no.review.workspace._WAIT_S", 0.1)
    one, other = Workspace(tmp_path, KEY), Workspace(tmp_path, KEY)
    with one.writing(), pytest.raises(HatespeechError, match="another push or pull is running"):
        push(other, ListDesk(lambda *_: None), Source(scored), BUDGET, SETTINGS)
    assert other.sides() == {}


# --- pull and the rounds


def test_the_whole_way_from_readings_to_verdicts(scored, tmp_path):
    """r1 finds everything lawful hate, the others protected; who adjudicates agrees with r1."""

    def answer(item, reader, round_):
        if round_ == "adjudication":
            assert "Reader A" in item.notes
            assert "Reader B" in item.notes
            assert "model" not in item.notes.lower()
            return codes("lawful_hate", "yes")
        if round_ == "reveal":
            assert "The model's view" in item.notes
            return codes("lawful_hate" if "probably lawful\n" in item.notes else "protected")
        return codes("lawful_hate", "yes") if reader == "r1" else codes()

    workspace, desk = Workspace(tmp_path, KEY), ListDesk(answer)
    push(workspace, desk, Source(scored), BUDGET, SETTINGS)
    first = pull(workspace, desk)
    assert first.new == ASKED
    assert first.faults == {}
    assert first.stages[Stage.ADJUDICATION] > 0
    settle(workspace, desk)
    found = status(workspace)
    assert found.stages == {Stage.DONE: 30}
    assert workspace.log.verify() == []
    readers = {(a.item, a.round): a.reader for a in workspace.assignments()}
    for (item, round_), reader in readers.items():
        if round_ == "adjudication":  # a third reader, as there is one
            assert reader not in [a.reader for a in workspace.assignments() if a.item == item and a.round == "first"]
    again = pull(workspace, desk)
    assert (again.new, again.delivered) == (0, {})


def test_who_is_alone_in_finding_it_possibly_punishable_is_not_alone_for_long(scored, tmp_path):
    grave = []

    def answer(item, reader, round_):
        if not grave and round_ == "first":
            grave.append(item.id)
        return codes("actionable", "yes") if item.id in grave else codes()

    workspace, desk = Workspace(tmp_path, KEY), ListDesk(answer)
    settings = replace(SETTINGS, readers=("r1", "r2"))
    push(workspace, desk, Source(scored), Budget(0, 0, 20), settings)
    pulled = pull(workspace, desk)
    assert pulled.stages[Stage.SECOND] == 1
    second = [(q, r, items) for (q, r), (round_, items) in desk.queues.items() if round_ == "first"][-1]
    assert grave[0] in second[2]
    assert len(second[2]) > 1  # among decoys
    assert all(item.notes is None for item in second[2].values())
    settle(workspace, desk)
    assert [v.blind for v in status_verdicts(workspace)].count(Tier.ACTIONABLE) == 1


def status_verdicts(workspace):
    from hatespeech_no.review.rounds import verdicts_of

    return verdicts_of(workspace).values()


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        (lambda a: replace(a, completed_by="r9"), Fault.OTHER_SOURCE),
        (lambda a: replace(a, completed_by=None), Fault.NO_SOURCE),
        (lambda a: replace(a, shown="0" * 16), Fault.OTHER_TEXT),
        (lambda a: replace(a, item="nowhere"), Fault.UNKNOWN_ITEM),
        (lambda a: replace(a, values={"tier": ("protected",)}), Fault.INCOMPLETE),
        (lambda a: replace(a, values={**a.values, "tier": ("straff",)}), Fault.NO_OPTION),
    ],
)
def test_what_fails_a_check_is_put_aside_once_counted_and_can_be_mended(scored, tmp_path, after, fault):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: codes(), after=after)
    push(workspace, desk, Source(scored), Budget(0, 0, 6), SETTINGS)
    pulled = pull(workspace, desk)
    assert (pulled.new, pulled.faults) == (0, {fault: 6})
    assert pull(workspace, desk).faults.total() == 0
    assert len(workspace.quarantined()) == 6
    desk.after = lambda a: a
    assert pull(workspace, desk).new == 6
    assert status(workspace).faults == {fault: 6}


def test_the_first_answer_stands(scored, tmp_path):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: codes())
    push(workspace, desk, Source(scored), Budget(0, 0, 4), SETTINGS)
    pull(workspace, desk)
    desk.answer = lambda *_: codes("lawful_hate", "yes")
    changed = pull(workspace, desk)
    assert changed.new == 0
    assert changed.faults[Fault.CHANGED] == 4
    assert {v.tier for v in status_verdicts(workspace)} == {Tier.PROTECTED}


def test_a_change_after_the_reveal_needs_a_reason(scored, tmp_path):
    def answer(item, reader, round_):
        return codes("actionable", "yes") if round_ == "reveal" else codes()

    workspace, desk = Workspace(tmp_path, KEY), ListDesk(answer)
    push(workspace, desk, Source(scored), Budget(4, 0, 0), SETTINGS)
    settle(workspace, desk, 3)
    assert [fault for _, fault, _ in workspace.quarantined()] == [Fault.NO_REASON] * 4
    desk.answer = lambda i, r, round_: {**answer(i, r, round_), "reason": "sett på nytt av @kari_nordmann"}
    settle(workspace, desk, 3)
    assert {(v.tier, v.blind) for v in status_verdicts(workspace)} == {(Tier.ACTIONABLE, Tier.PROTECTED)}
    assert all("kari" not in reason for reason in workspace.reasons().values())
    assert b"kari_nordmann" not in (tmp_path / "log.jsonl").read_bytes()
    assert b"nytt" not in (tmp_path / "log.jsonl").read_bytes()


def test_a_pull_that_is_killed_before_or_after_the_log_counts_nothing_twice(scored, tmp_path, monkeypatch):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: {**codes(), "reason": "slik"})
    push(workspace, desk, Source(scored), Budget(0, 0, 8), SETTINGS)
    whole = type(workspace.log).append
    for wait in ("before", "after"):

        def killed(log, entries, wait=wait):
            if wait == "after":
                whole(log, entries)
            raise KeyboardInterrupt

        monkeypatch.setattr(type(workspace.log), "append", killed)
        with pytest.raises(KeyboardInterrupt):
            pull(workspace, desk)
        monkeypatch.setattr(type(workspace.log), "append", whole)
    pulled = pull(workspace, desk)
    assert (pulled.new, pulled.known) == (0, 8)
    assert len(workspace.log.entries()) == 8
    assert len(workspace.reasons()) == 8
    assert workspace.log.verify() == []


def test_an_altered_log_stops_the_pull(scored, tmp_path):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: codes())
    push(workspace, desk, Source(scored), Budget(0, 0, 4), SETTINGS)
    pull(workspace, desk)
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text("utf-8").replace("protected", "uncertain", 1), "utf-8")
    with pytest.raises(HatespeechError, match="verify"):
        pull(workspace, desk)


# --- files


def fill(folder: Path, cells: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Answer every file as a reader would, in their spreadsheet."""
    for path in folder.glob("*/*"):
        if path.suffix == ".txt":
            continue
        with open_table(path, text_column="id [id]") as table:
            restore = undefuse if table.delimiter else str
            rows = [{header: restore(cell or "") for header, cell in row.items()} for _, row in table.rows()]
        with open_writer(path, None) as write:
            for row in rows:
                names = {header.rpartition("[")[2].rstrip("]"): header for header in row}
                given = cells({name: row[header] for name, header in names.items()})
                write(row | {names[name]: value for name, value in given.items()})


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".jsonl"])
def test_the_round_trip_through_files(scored, tmp_path, suffix):
    desk = FileDesk(tmp_path / "desk", KEY, "nb", suffix)
    workspace = Workspace(tmp_path / "review", KEY)
    pushed = push(workspace, desk, Source(scored), BUDGET, SETTINGS)
    assert pushed.lacking == {}
    assert sum(pushed.delivered.values()) == ASKED
    assert list(desk.pull()) == []
    labels = {q.name: list(q.options.values()) for q in questions("nb")}
    by_label = {"conduct": labels["conduct"][1].upper(), "grounds": f"{labels['grounds'][0]}; 2", "hateful": "ja"}
    rest = {"target": "2", "shields": "none", "descriptions": labels["descriptions"][0], "tier": "lawful_hate"}
    fill(tmp_path / "desk", lambda row: by_label | rest)
    pulled = pull(workspace, desk)
    assert pulled.faults == {}
    assert pulled.new == ASKED
    codes_found = next(iter(workspace.readings().values()))[0].codes
    assert codes_found["conduct"] == ("stereotype",)
    assert codes_found["grounds"] == ("ethnicity", "religion")
    assert codes_found["target"] == ("people",)
    assert codes_found["tier"] == ("lawful_hate",)


def test_texts_that_look_like_formulas_survive_csv(tmp_path):
    desk = FileDesk(tmp_path, KEY, "en", ".csv")
    items = [
        Item(f"{i:x}", text) for i, text in enumerate(["=1+1", "'=1", "@alle", "-ta dem", "to\r\nlinjer", " rom "])
    ]
    assert desk.push("01-a", "r1", "first", items, questions()) == len(items)
    fill(tmp_path, lambda row: codes())
    assert {a.item: a.shown for a in desk.pull()} == {item.id: item.shown(KEY) for item in items}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_what_a_norwegian_spreadsheet_program_saves_is_read(tmp_path, encoding):
    desk = FileDesk(tmp_path, KEY, "nb", ".csv")
    items = [Item("a", 'Blåbær; "syltetøy"\nog rømme', "på norsk, æøå"), Item("b", "=to")]
    desk.push("01-a", "r1", "first", items, questions("nb"))
    fill(tmp_path, lambda row: codes(hateful="Nei", grounds="kjønn"))
    path = tmp_path / "r1" / "01-a.csv"
    rows = list(csv.reader(path.read_text("utf-8").splitlines(keepends=True)))
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    assert {a.item: a.shown for a in desk.pull()} == {item.id: item.shown(KEY) for item in items}
    assert {a.values["grounds"] for a in desk.pull()} == {("gender",)}


def test_a_workbook_offers_the_options_where_one_is_wanted(tmp_path):
    desk = FileDesk(tmp_path, KEY, "nb")
    desk.push("01-a", "r1", "first", [Item("a", "=1+1"), Item("b", "to\nlinjer")], questions("nb"))
    with zipfile.ZipFile(tmp_path / "r1" / "01-a.xlsx") as book:
        sheet, options = (book.read(f"xl/worksheets/sheet{i}.xml").decode() for i in (1, 2))
        words = book.read("xl/sharedStrings.xml").decode()
    alone = [question for question in questions("nb") if not question.several]
    assert sheet.count('type="list"') == len(alone) == 3
    assert "<f>" not in sheet + options  # no text is run as a formula
    assert all(label in words for question in questions("nb") for label in question.options.values())


def test_an_id_is_never_a_number_to_a_spreadsheet(tmp_path):
    desk = FileDesk(tmp_path, KEY, "en", ".csv")
    ids = ["1234567890123456", "12345678e9012345", "0000000000000001"]
    desk.push("01-a", "r1", "first", [Item(i, i) for i in ids], questions())
    with open_table(tmp_path / "r1" / "01-a.csv", text_column="id [id]") as table:
        assert all(row["id [id]"].startswith("id-") for _, row in table.rows())
    fill(tmp_path, lambda row: codes())
    assert {a.item for a in desk.pull()} == set(ids)
    desk.erase(ids[:1])
    assert {a.item for a in desk.pull()} == set(ids[1:])


def test_a_file_with_answers_is_never_written_over(tmp_path):
    desk = FileDesk(tmp_path, KEY, "en", ".csv")
    desk.push("01-a", "r1", "first", [Item("a", "en"), Item("b", "to")], questions())
    fill(tmp_path, lambda row: codes() if row["id"] == "id-a" else {})
    assert desk.push("01-a", "r1", "first", [Item(x, x) for x in "abc"], questions()) == 0
    assert [a.item for a in desk.pull()] == ["a"]


def test_half_answered_swapped_and_copied_rows_do_not_count(scored, tmp_path):
    desk = FileDesk(tmp_path / "desk", KEY, "en", ".csv")
    workspace = Workspace(tmp_path / "review", KEY)
    push(workspace, desk, Source(scored), Budget(0, 0, 9), SETTINGS)
    fill(tmp_path / "desk", lambda row: codes() | ({"hateful": ""} if row["reader"] == "r1" else {}))
    fill(tmp_path / "desk", lambda row: {"text": "noe annet"} if row["reader"] == "r2" else {})
    other = next((tmp_path / "desk" / "r3").glob("*.csv"))
    (tmp_path / "desk" / "r2" / "copied.csv").write_bytes(other.read_bytes())
    pulled = pull(workspace, desk)
    assert pulled.faults == {Fault.INCOMPLETE: 3, Fault.OTHER_TEXT: 3, Fault.OTHER_SOURCE: 3}
    assert pulled.new == 3


# --- out, and away


@pytest.fixture
def settled(scored, tmp_path) -> tuple[Workspace, ListDesk]:
    workspace, desk = (
        Workspace(tmp_path / "review", KEY),
        ListDesk(lambda *_: {**codes("lawful_hate", "yes"), "reason": "slik"}),
    )
    push(workspace, desk, Source(scored), BUDGET, SETTINGS)
    settle(workspace, desk, 4)
    return workspace, desk


def test_the_corpus_trains_on_all_but_the_audit(settled, tmp_path):
    workspace, _ = settled
    assert write_corpus(workspace, tmp_path / "out") == {"train": 20, "test": 10}
    parts = load_corpus(str(tmp_path / "out" / "corpus.yaml"))
    purposes = {side.id: side.purpose for side in workspace.sides().values()}
    for part, expected in (("train", {"flagged", "active"}), ("test", {"audit"})):
        assert {purposes[i.removeprefix("reviewed:")] for i in parts[part]["id"]} == expected
    assert set(parts["train"]["hateful"]) == {True}
    assert set(parts["train"]["ground_religion"]) == {False}
    assert set(parts["train"]["abusive"]) == {None}  # nobody was asked
    rows = [json.loads(line) for line in (tmp_path / "out" / "verdicts.jsonl").read_text("utf-8").splitlines()]
    assert {row["purpose"] for row in rows} == {"flagged", "active", "audit"}
    config = load_config(write_retrain(tmp_path / "out", ROOT / "configs" / "demo.yaml"))
    assert config.data.train[-1] == "corpus.yaml"
    assert (config.folder / config.data.train[0]).resolve() == ROOT / "data" / "statements" / "corpus.yaml"


def test_a_corpus_whose_texts_are_gone_is_not_written_over(settled, tmp_path):
    workspace, desk = settled
    write_corpus(workspace, tmp_path / "out")
    write_corpus(workspace, tmp_path / "out")  # the same again is no loss
    forget(workspace, desk, [next(iter(workspace.texts()))])
    with pytest.raises(HatespeechError, match="holds 1 verdicts"):
        write_corpus(workspace, tmp_path / "out")


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_forgotten_is_gone_from_files_and_the_log_stays_whole(settled, scored):
    workspace, desk = settled
    before = status(workspace)
    texts = {item: text.text for item, text in workspace.texts().items()}
    gone = list(texts)[:3]
    assert all(texts[item].encode() in bytes_of(workspace.folder) for item in gone)
    assert forget(workspace, desk, gone) == 3
    assert not any(texts[item].encode() in bytes_of(workspace.folder) for item in gone)
    assert workspace.log.verify() == []
    assert [e["item"] for e in workspace.log.entries() if e["kind"] == "erase"] == sorted(gone)
    assert not any(item in kept for _, kept in desk.queues.values() for item in gone)
    assert status(workspace).stages == before.stages
    assert forget(workspace, desk, gone) == 0
    # It is not chosen again either.
    more = push(workspace, desk, Source(scored), Budget(100, 0, 100), SETTINGS)
    assert more.chosen.total() == 60 - 30


def test_expiry_by_age_and_by_export(settled, tmp_path):
    workspace, desk = settled
    assert expired(workspace, timedelta(days=1), exported=False) == []
    assert expired(workspace, None, exported=True) == []
    assert len(expired(workspace, timedelta(seconds=-5), exported=False)) == 30
    write_corpus(workspace, tmp_path / "out")
    assert len(expired(workspace, None, exported=True)) == 30
    forget(workspace, desk, expired(workspace, None, exported=True))
    assert b"slik" not in bytes_of(workspace.folder)
    assert workspace.texts() == {}
    with pytest.raises(HatespeechError, match="no verdicts"):
        write_corpus(workspace, tmp_path / "later")


def test_an_unread_item_whose_text_is_gone_lapses(scored, tmp_path):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: None)
    push(workspace, desk, Source(scored), Budget(0, 0, 4), SETTINGS)
    forget(workspace, desk, list(workspace.texts())[:1])
    assert pull(workspace, desk).stages == {Stage.LAPSED: 1, Stage.READING: 3}


def test_everything_about_one_item_is_found_by_its_text(settled, scored):
    workspace, _ = settled
    with open_table(scored) as table:
        texts = [row["text"].removeprefix("'") for _, row in table.rows()]
    item = find(workspace, None, texts[0])
    everything = workspace.everything_about(item)
    assert everything["items"][0]["purpose"] == "flagged"
    assert len(everything["log"]) == len([e for e in workspace.log.entries() if e["item"] == item]) > 1
    with pytest.raises(HatespeechError, match="no such item"):
        find(workspace, "nowhere", None)


def test_the_key_is_nowhere_in_the_workspace(settled):
    workspace, _ = settled
    assert KEY not in bytes_of(workspace.folder)


def test_the_side_table_of_another_program_is_refused(tmp_path):
    (tmp_path / "review.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(HatespeechError, match="not a database"):
        Workspace(tmp_path, KEY).sides()


def test_a_full_disk_is_said_and_changes_nothing(scored, tmp_path):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: None)
    assert workspace.sides() == {}
    workspace._db.execute("PRAGMA max_page_count = 20")
    with pytest.raises(HatespeechError, match="nothing changed"):
        push(workspace, desk, Source(scored), BUDGET, SETTINGS)
    assert workspace.sides() == {}
    workspace._db.execute("PRAGMA max_page_count = 100000")
    assert push(workspace, desk, Source(scored), BUDGET, SETTINGS).chosen.total() == 30


# --- status and the command line


def test_status_compares_with_people_over_time(scored, tmp_path):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: codes("actionable", "yes"))
    push(workspace, desk, Source(scored), Budget(6, 0, 12), SETTINGS)
    settle(workspace, desk, 4)
    push(workspace, desk, Source(scored), Budget(6, 0, 0), SETTINGS)
    later = datetime(2026, 12, 24, 12, tzinfo=UTC)
    known = set(workspace.readings())
    desk.answer = lambda item, *_: codes("actionable" if item.id in known else "lawful_hate", "yes")
    desk.after = lambda a: a if a.item in known else replace(a, at=later)
    settle(workspace, desk, 4)
    found = status(workspace)
    assert {week: e.value for week, e in found.weeks.items()} == {"2026-W48": 1.0, "2026-W52": 0.0}
    assert found.drift.agreement < 0.01
    assert found.drift.tiers is not None
    assert found.precision[Tier.ACTIONABLE].value == 0.5
    assert found.missed is None or found.missed.rate.value > 0.5
    assert all(done == asked for done, asked in found.readers.values())


def test_what_is_missed_is_not_told_before_the_audit_is_settled(scored, tmp_path):
    workspace, desk = Workspace(tmp_path, KEY), ListDesk(lambda *_: codes("actionable", "yes"))
    push(workspace, desk, Source(scored), Budget(15, 0, 12), SETTINGS)
    pull(workspace, desk)
    assert status(workspace).missed is None  # second readers are still to come
    settle(workspace, desk, 4)
    assert status(workspace).missed.rate.value == 45 / 60
    assert status(workspace).missed.flagged_unread == 0


def test_the_command_line_goes_round(scored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke

    def ok(*args: str) -> str:
        result = run(app, ["review", *args])
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.output

    readers = [part for reader in READERS for part in ("--reader", reader)]
    chosen = ok("push", str(scored), "--to", "csv", "desk", *readers, "--flagged", "5", "--active", "2", "--audit", "4")
    assert "5  flagged by the model" in chosen
    fill(tmp_path / "desk", lambda row: codes())
    assert "nye vurderinger" in ok("pull", "--lang", "nb")
    fill(tmp_path / "desk", lambda row: codes())
    ok("pull")
    assert "The model against people" in ok("status")
    assert "mulig straffbar" in ok("status", "--lang", "nb")
    assert "unbroken" in ok("verify")
    ok("corpus", "out", "--config", str(ROOT / "configs" / "demo.yaml"))
    item = json.loads((tmp_path / "out" / "verdicts.jsonl").read_text("utf-8").splitlines()[0])["id"]
    assert item in ok("show", item)
    assert "delete it there too" in ok("forget", item)
    assert "10 texts deleted" in ok("purge", "--exported")
    assert "unbroken" in ok("verify")
    assert isinstance(run(app, ["review", "push", "gone.csv", "--to", "csv", "d", *readers]).exception, HatespeechError)
    for wrong in (["purge"], ["purge", "--older-than", "soon"], ["push", str(scored), "--to", "paper", "x", *readers]):
        assert isinstance(run(app, ["review", *wrong]).exception, HatespeechError)
    assert isinstance(
        run(app, ["review", "push", str(scored), "--to", "csv", "d", "--reader", "r1"]).exception, HatespeechError
    )
    assert isinstance(run(app, ["review", "status", "--workspace", "empty"]).exception, HatespeechError)


def test_no_text_is_kept_that_was_not_chosen(scored, tmp_path):
    push(Workspace(tmp_path, KEY), ListDesk(lambda *_: None), Source(scored), Budget(2, 0, 2), SETTINGS)
    with sqlite3.connect(tmp_path / "review.sqlite") as db:
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (4,)
    db.close()
