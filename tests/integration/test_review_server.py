"""Human review on MLflow, with a server and readers who log in: who sees what, what comes back, what survives."""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.checks import Fault, fault
from hatespeech_no.review.desk import Answer, Item
from hatespeech_no.review.log import FileAnchor, VerdictLog
from hatespeech_no.tracking.review import MlflowDesk, TagAnchor
from hatespeech_no.tracking.review.traces import as_markdown, item_of, span, trace_id
from tests.review_server import ASKED, KEY, WHOLE, Server

pytestmark = pytest.mark.filterwarnings("default")  # other people's warnings

NAMED = {
    "conduct": ("derogation",),
    "grounds": ("religion", "gender"),
    "target": ("people",),
    "shields": ("none",),
    "descriptions": ("political_debate",),
    "hateful": ("yes",),
    "tier": ("lawful_hate",),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("flask_wtf")
    server = Server(tmp_path_factory.mktemp("review") / "store", "kari", "ola")
    yield server
    server.kill()


def made(name: str, count: int) -> list[Item]:
    """Items that no other test has."""
    return [Item(f"{name}{i:08d}", f"Utsagn {i} om {name}, som noen skrev æøå.") for i in range(count)]


def push(desk: MlflowDesk, items: Sequence[Item], reader: str = "kari", queue: str = "01-a") -> int:
    return desk.push(queue, reader, "first", items, ASKED)


def check(answer: Answer, item: Item, reader: str = "kari") -> Fault | None:
    found = fault(answer, {(item.id, reader, "first"): item.shown(KEY)}, ASKED)
    return None if found is None else found[0]


def test_each_reader_opens_their_own_alone(server: Server) -> None:
    item = made("blind", 1)[0]
    assert push(server.desk, [item]) == push(server.desk, [item], "ola") == 1
    places = {place.reader: place for place in server.desk.places.all()}
    mine, trace = places["kari"].experiment, trace_id("kari", "first", item.id)
    requests_for = {
        "experiment": ("GET", f"2.0/mlflow/experiments/get?experiment_id={mine}", {}),
        "trace": ("GET", f"3.0/mlflow/traces/get?trace_id={trace}", {}),
        "info": ("GET", f"3.0/mlflow/traces/{trace}", {}),
        "text": ("GET", f"3.0/mlflow/get-trace-artifact?request_id={trace}", {}),
        "queues": ("GET", f"3.0/mlflow/review-queues/list?experiment_id={mine}", {}),
        "questions": ("GET", f"3.0/mlflow/label-schemas/list?experiment_id={mine}", {}),
    }
    for name, (method, path, arguments) in requests_for.items():
        assert server.ask("kari", method, path, **arguments).ok, name
        assert server.ask("ola", method, path, **arguments).status_code == 403, name
        assert server.ask(None, method, path, **arguments).status_code == 401, name
    listed = server.ask("kari", "POST", "2.0/mlflow/experiments/search", json={"max_results": 100}).json()
    assert {e["experiment_id"] for e in listed["experiments"]} == {
        p.experiment for p in server.desk.places.all() if p.reader == "kari"
    }
    body = {"assessment": {"assessment_name": "x", "trace_id": trace, "feedback": {"value": "ja"}}}
    assert server.ask("ola", "POST", f"3.0/mlflow/traces/{trace}/assessments", json=body).status_code == 403


def test_nothing_of_the_model_and_no_assistant(server: Server) -> None:
    item = made("plain", 1)[0]
    push(server.desk, [item])
    trace = server.desk.store.mlflow.batch_get_traces([trace_id("kari", "first", item.id)])[0]
    assert trace.info.assessments == []
    assert trace.data.spans[0].outputs is None
    held = f"{trace.info.to_dict()} {trace.data.spans[0].to_dict()}"
    assert not any(word in held for word in ("tier", "actionable", "purpose", "inclusion", "hateful"))
    for path in ("3.0/mlflow/assistant/config", "3.0/mlflow/assistant/providers", "3.0/jobs"):
        assert server.ask("kari", "GET", path).status_code == 403


def test_answers_come_back(server: Server) -> None:
    first, second = made("whole", 2)
    second = Item(second.id, second.text, thread="Hva mener\ndere?")
    assert push(server.desk, [first, second]) == 2
    before = datetime.now(UTC) - timedelta(seconds=1)
    server.answer("kari", second, WHOLE, reason="Fordi det står «dem».")
    (answer,) = server.answers(first, second)
    assert answer.values == NAMED
    assert (answer.item, answer.reader, answer.completed_by, answer.round) == (second.id, "kari", "kari", "first")
    assert answer.reason == "Fordi det står «dem»."
    assert answer.shown == second.shown(KEY)
    assert before <= answer.at <= datetime.now(UTC)
    assert check(answer, second) is None


def test_pushed_again_nothing_is_stored_twice(server: Server) -> None:
    items = made("again", 30)
    assert push(server.desk, items[:20], queue="02-b") == 20
    server.answer("kari", items[0], WHOLE)
    assert push(server.desk, items, queue="02-b") == 30
    assert push(server.desk, items, queue="03-c") == 30
    place = server.desk.places.of("kari", "first", ASKED)
    entries = [
        entry.item_id for q in server.desk.places.queues(place) for entry in server.desk.places.entries(q.queue_id)
    ]
    assert sorted(e for e in entries if e in {trace_id("kari", "first", i.id) for i in items}) == sorted(
        trace_id("kari", "first", item.id) for item in items
    )
    assert "03-c" not in {queue.name for queue in server.desk.places.queues(place)}
    assert len(server.answers(*items)) == 1
    other = [Item(items[0].id, "En annen tekst."), *items[1:]]
    assert push(server.desk, other, queue="02-b") == 29
    assert server.answers(*items)[0].shown == items[0].shown(KEY)


def test_what_does_not_count(server: Server) -> None:
    half, spoofed, stray, declined, empty, odd = items = made("faulty", 6)
    push(server.desk, items)
    server.answer("kari", half, {"tier": WHOLE["tier"]})
    server.answer("kari", spoofed, WHOLE, source="ola")
    server.answer("kari", stray, WHOLE | {"conduct": "noe helt annet"})
    server.submit("kari", trace_id("kari", "first", declined.id), status="DECLINED")
    server.submit("kari", trace_id("kari", "first", empty.id), completed_by="ola")
    server.feedback("kari", trace_id("kari", "first", odd.id), "Noe annet?", "ja", "kari")
    server.answer("kari", odd, WHOLE)
    by_item = {answer.item: answer for answer in server.answers(*items)}
    assert {answer.completed_by for answer in by_item.values()} == {"kari"}  # whatever was claimed
    assert by_item[half.id].values == {"tier": ("lawful_hate",)}
    assert by_item[spoofed.id].reader == "ola"
    assert by_item[declined.id].values == by_item[empty.id].values == {}
    expected = [Fault.INCOMPLETE, Fault.UNKNOWN_ITEM, Fault.NO_OPTION, Fault.INCOMPLETE, Fault.INCOMPLETE]
    assert [check(by_item[item.id], item) for item in items] == [*expected, Fault.NO_QUESTION]
    given_to_both = {(spoofed.id, reader, "first"): spoofed.shown(KEY) for reader in ("kari", "ola")}
    assert fault(by_item[spoofed.id], given_to_both, ASKED) == (Fault.OTHER_SOURCE, "")


def test_two_readers_of_one_item(server: Server) -> None:
    item = made("both", 1)[0]
    for reader in ("kari", "ola"):
        push(server.desk, [item], reader)
    server.answer("kari", item, WHOLE)
    server.answer("ola", item, WHOLE | {"tier": "lovlig/vernet", "hateful": "nei"})
    tiers = {answer.reader: answer.values["tier"] for answer in server.answers(item)}
    assert tiers == {"kari": ("lawful_hate",), "ola": ("protected",)}
    # One of them changes their mind.
    server.answer("ola", item, {"tier": "uavklart – trenger kontekst"})
    tiers = {answer.reader: answer.values["tier"] for answer in server.answers(item)}
    assert tiers == {"kari": ("lawful_hate",), "ola": ("uncertain",)}


def test_what_a_reader_writes_besides_is_left_alone(server: Server) -> None:
    item, changed = made("own", 2)
    push(server.desk, [item, changed])
    place = server.desk.places.of("kari", "first", ASKED)
    new = {"experiment_id": place.experiment, "name": "min egen", "queue_type": "CUSTOM", "users": ["kari"]}
    queue = server.ask("kari", "POST", "3.0/mlflow/review-queues/create", json=new).json()["review_queue"]["queue_id"]
    body = {"queue_id": queue, "item_ids": [trace_id("kari", "first", item.id)]}
    assert server.ask("kari", "POST", "3.0/mlflow/review-queues/items/add", json=body).ok
    body = {"queue_id": queue, "item_id": body["item_ids"][0], "status": "COMPLETE"}
    assert server.ask("kari", "POST", "3.0/mlflow/review-queues/items/set-status", json=body).ok
    assert server.answers(item) == []
    tag = {"experiment_id": place.experiment, "key": "log_head", "value": "0"}
    assert server.ask("kari", "POST", "2.0/mlflow/experiments/set-experiment-tag", json=tag).ok
    server.answer("kari", changed, WHOLE)
    with closing(sqlite3.connect(server.desk.store.database)) as db, db:
        db.execute(
            "UPDATE spans SET content = replace(content, 'Utsagn 1 om own', 'Noe annet') WHERE trace_id = ?",
            [trace_id("kari", "first", changed.id)],
        )
    (answer,) = server.answers(changed)
    assert check(answer, changed) == Fault.OTHER_TEXT


def test_a_trace_of_a_readers_own_stops_nobody(server: Server) -> None:
    item = made("strange", 1)[0]
    push(server.desk, [item])
    for strange in (["item"], {"id": item.id, "text": 7}):
        with closing(sqlite3.connect(server.desk.store.database)) as db, db:
            trace = trace_id("kari", "first", item.id)
            held = db.execute("SELECT content FROM spans WHERE trace_id = ?", [trace]).fetchone()[0]
            other = json.loads(held)
            other["attributes"]["item"] = json.dumps(strange)
            db.execute("UPDATE spans SET content = ? WHERE trace_id = ?", [json.dumps(other), trace])
        server.submit("kari", trace)
        assert "" in {answer.item for answer in server.desk.pull()}
        with closing(sqlite3.connect(server.desk.store.database)) as db, db:
            db.execute("UPDATE spans SET content = ? WHERE trace_id = ?", [held, trace])


def test_clocks_that_go_wrong(server: Server) -> None:
    item = made("clock", 1)[0]
    push(server.desk, [item])
    trace = trace_id("kari", "first", item.id)
    for question in ASKED:
        time_ = "2035-01-01T00:00:00Z" if question.name != "tier" else "1999-01-01T00:00:00Z"
        server.feedback(
            "kari", trace, question.title, WHOLE[question.name], "kari", create_time=time_, last_update_time=time_
        )
    server.submit("kari", trace)
    (answer,) = server.answers(item)
    assert answer.values == NAMED
    assert abs(answer.at - datetime.now(UTC)) < timedelta(minutes=1)  # the server's clock, not the browser's
    assert check(answer, item) is None


def test_erased_from_the_file(server: Server) -> None:
    gone, quoting, kept = made("erased", 3)
    quoting = Item(quoting.id, quoting.text, thread=gone.text)
    for reader in ("kari", "ola"):
        push(server.desk, [gone, quoting, kept], reader)
    server.answer("kari", gone, WHOLE, reason="Begrunnelsen nevner også noen.")
    server.answer("kari", kept, WHOLE)
    server.desk.erase([gone.id])  # another item quotes the text
    assert gone.text.encode() in server.desk.store.database.read_bytes()
    assert [answer.item for answer in server.answers(gone, quoting, kept)] == [kept.id]
    server.desk.erase([gone.id, quoting.id])
    held = server.desk.store.database.read_bytes()
    for text in (gone.text, quoting.text, gone.id, "Begrunnelsen nevner også noen."):
        assert text.encode() not in held
    assert kept.text.encode() in held
    assert [answer.item for answer in server.answers(gone, quoting, kept)] == [kept.id]
    assert push(server.desk, [kept]) == 1


PUSHER = """
    import sys
    from pathlib import Path
    from hatespeech_no.review.desk import Item
    from hatespeech_no.review.questions import questions
    from hatespeech_no.tracking.review import MlflowDesk

    desk = MlflowDesk(Path(sys.argv[1]), b"key of the tests")
    items = [Item(f"cut{i:08d}", f"Utsagn {i} om cut, som noen skrev æøå.") for i in range(300)]
    for start in range(0, 300, 10):
        print(desk.push("20-d", "ola", "first", items[start : start + 10], questions("nb")), flush=True)
"""


def test_pusher_killed(server: Server) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PUSHER), str(server.desk.store.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as pusher:
        assert pusher.stdout is not None
        for _ in range(3):
            assert pusher.stdout.readline() == b"10\n"
        time.sleep(0.05)
        pusher.kill()
    items = made("cut", 300)
    place = server.desk.places.of("ola", "first", ASKED)
    assert [push(server.desk, items[i : i + 100], "ola", "20-d") for i in range(0, 300, 100)] == [100] * 3
    (queue,) = [queue.queue_id for queue in server.desk.places.queues(place) if queue.name == "20-d"]
    assert len(server.desk.places.entries(queue)) == 300
    with closing(sqlite3.connect(server.desk.store.database)) as db:
        count = "SELECT count(*), count(DISTINCT trace_id) FROM spans WHERE name LIKE 'cut%' AND experiment_id = ?"
        assert db.execute(count, [int(place.experiment)]).fetchone() == (300, 300)


def test_database_locked_for_a_while(server: Server) -> None:
    items = made("locked", 20)
    with closing(sqlite3.connect(server.desk.store.database, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(1.5, other.rollback)
        release.start()
        begun = time.monotonic()
        assert push(server.desk, items, queue="30-e") == 20
        assert time.monotonic() - begun > 1
        release.join()


def test_disk_full(server: Server) -> None:
    items = [Item(item.id, item.text * 50) for item in made("full", 100)]
    push(server.desk, items[:1], queue="31-f")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (server.desk.store.database.stat().st_size, hard))
    try:
        with pytest.raises(HatespeechError, match=r"disk.*it stores nothing twice") as raised:
            push(server.desk, items, queue="31-f")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Utsagn" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert push(server.desk, items, queue="31-f") == 100


def test_log_is_anchored_out_of_reach(server: Server, tmp_path: Path) -> None:
    log = VerdictLog(tmp_path / "log.jsonl", TagAnchor(server.desk.store, FileAnchor(tmp_path / "log.head")), KEY)
    log.append([{"item": str(i)} for i in range(5)])
    assert log.verify() == []
    # Log and file are put back together to how they were; the store still knows.
    log.path.write_bytes(b"".join(log.path.read_bytes().splitlines(keepends=True)[:3]))
    log.anchor.beside.path.unlink()
    assert "its end was cut off" in log.verify()[0]
    for place in server.desk.places.all():
        assert place.experiment != server.desk.store.experiment("records")
    records = server.desk.store.experiment("records")
    tag = {"experiment_id": records, "key": "log_head", "value": "0"}
    assert server.ask("kari", "POST", "2.0/mlflow/experiments/set-experiment-tag", json=tag).status_code == 403
    assert server.ask("kari", "GET", f"2.0/mlflow/experiments/get?experiment_id={records}").status_code == 403


def test_accounts(server: Server) -> None:
    readers = server.desk.readers
    assert readers.names() == ["kari", "ola"]
    with pytest.raises(HatespeechError, match="no reader named 'nils'; add one with"):
        push(server.desk, made("nobody", 1), "nils")
    for name in ("Kari", "admin", "default", "x", "kari ola"):
        with pytest.raises(HatespeechError, match="a reader's name is"):
            readers.add(name)
    old = readers.add("nils")
    server.passwords["nils"] = new = readers.add("nils")
    assert old != new
    assert len(new) >= 12
    assert server.ask("nils", "GET", "2.0/mlflow/users/current").status_code == 200
    item = made("left", 1)[0]
    push(server.desk, [item], "nils")
    readers.remove("nils")
    assert readers.names() == ["kari", "ola"]
    server.passwords["nils"] = server.desk.places.add_reader("nils")
    assert server.ask("nils", "GET", f"3.0/mlflow/traces/{trace_id('nils', 'first', item.id)}").ok
    readers.remove("nils")
    assert oct(server.desk.store.folder.stat().st_mode)[-3:] == "700"
    assert not any(
        p.encode() in f.read_bytes() for p in server.passwords.values() for f in readers.store.folder.glob("*")
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![bilde](http://x.no/y.png)", r"!\[bilde\](http://x.no/y.png)"),
        ("# Tittel\n- punkt\n1. en\n> sitat", "\\# Tittel\\\n\\- punkt\\\n1\\. en\\\n\\> sitat"),
        ("*fet* _kursiv_ `kode` <b>", r"\*fet\* \_kursiv\_ \`kode\` \<b\>"),
        ("  i 2024, 3.5 % – ja.\n", "i 2024, 3.5 % – ja."),
    ],
)
def test_texts_are_shown_as_they_stand(text: str, shown: str) -> None:
    assert as_markdown(text) == shown
    item = Item("a", text, thread=text[::-1], notes=f"notat {text}")
    written = span(trace_id("kari", "first", "a"), item)
    assert item_of(SimpleNamespace(data=SimpleNamespace(spans=[written]))) == (item, True)
    assert shown in written.inputs["messages"][0]["content"]


def test_server_killed_during_push_and_pull(server: Server) -> None:
    items = made("killed", 300)
    push(server.desk, items[:1])
    server.answer("kari", items[0], WHOLE)
    killer = threading.Timer(0.3, server.kill)
    killer.start()
    assert [push(server.desk, items[i : i + 100], queue=f"1{i}-k") for i in range(0, 300, 100)] == [100] * 3
    killer.join()
    assert [answer.item for answer in server.answers(*items)] == [items[0].id]
