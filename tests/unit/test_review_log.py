"""The verdict log: whatever happens to it, it is whole or says what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.log import FileAnchor, VerdictLog

KEY = b"key of the tests"
BATCHES = st.lists(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=8)), max_size=4), max_size=5)


def log_in(folder: Path) -> VerdictLog:
    return VerdictLog(folder / "log.jsonl", FileAnchor(folder / "log.head"), KEY)


def filled(folder: Path, entries: int = 6) -> VerdictLog:
    log = log_in(folder)
    for i in range(entries):
        log.append([{"kind": "reading", "item": f"{i:016x}", "codes": {"tier": ["protected"]}}])
    return log


@given(batches=BATCHES)
@settings(max_examples=25, deadline=None)
def test_what_is_appended_comes_back_in_order(batches, tmp_path_factory):
    log = log_in(tmp_path_factory.mktemp("log"))
    for batch in batches:
        assert log.append(batch) == len(batch)
    ours = ("n", "previous")  # an entry's own fields of these names give way
    expected = [{k: v for k, v in entry.items() if k not in ours} for batch in batches for entry in batch]
    assert [{k: v for k, v in e.items() if k not in ours} for e in log.entries()] == expected
    assert log.verify() == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[VerdictLog, bytes]:
    log = filled(tmp_path_factory.mktemp("log"))
    return log, log.path.read_bytes()


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_every_changed_byte_is_detected(data, whole):
    log, untouched = whole
    content = bytearray(untouched)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    log.path.write_bytes(bytes(content))
    assert log.verify()
    with pytest.raises(HatespeechError, match=r"log\.jsonl"):
        log.entries()
    with pytest.raises(HatespeechError, match=r"log\.jsonl"):
        log.append([{"kind": "reading"}])


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_cut_end_is_detected(cut, tmp_path):
    log = filled(tmp_path)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-cut]))
    assert f"ends after line {6 - cut} of 6" in log.verify()[0]


@pytest.mark.parametrize("change", ["remove", "double", "swap", "all"])
def test_removed_added_and_moved_lines_are_detected(change, tmp_path):
    log = filled(tmp_path)
    lines = log.path.read_bytes().splitlines(keepends=True)
    changed = {
        "remove": lines[:2] + lines[3:],
        "double": [*lines[:3], lines[2], *lines[3:]],
        "swap": [lines[1], lines[0], *lines[2:]],
        "all": [],
    }[change]
    log.path.write_bytes(b"".join(changed))
    assert log.verify()


def test_a_chain_made_anew_does_not_fit_the_seal(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    log = filled(tmp_path / "a")
    forged = VerdictLog(tmp_path / "b" / "log.jsonl", FileAnchor(tmp_path / "b" / "log.head"), b"another key")
    forged.append([{"kind": "reading", "item": "forged"}])
    log.path.write_bytes(forged.path.read_bytes())
    (tmp_path / "a" / "log.head").write_bytes((tmp_path / "b" / "log.head").read_bytes())
    assert "seal" in log.verify()[0]


def test_a_lost_anchor_is_detected_and_nothing_is_written_over(tmp_path):
    log = filled(tmp_path)
    (tmp_path / "log.head").unlink()
    before = log.path.read_bytes()
    assert "anchor" in log.verify()[0]
    with pytest.raises(HatespeechError, match="anchor"):
        log.append([{"kind": "reading"}])
    assert log.path.read_bytes() == before


@given(tail=st.binary(min_size=1, max_size=300))
@settings(max_examples=40, deadline=None)
def test_what_a_killed_append_left_is_put_aside(tail, tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    log = filled(folder, 3)
    with log.path.open("ab") as stream:
        stream.write(tail)
    assert "never acknowledged" in log.verify()[0]
    assert len(log.entries()) == 3
    log.append([{"kind": "reading", "item": "next"}])
    assert [e.get("item") for e in log.entries()][3:] == ["next"]
    assert log.verify() == []
    assert tail in (folder / "log.unfinished").read_bytes()


def test_an_anchor_that_fails_leaves_the_log_readable_and_the_append_can_be_repeated(tmp_path):
    class Failing(FileAnchor):
        def write(self, head: str) -> None:
            raise OSError(5, "server is gone")

    log = filled(tmp_path, 2)
    with pytest.raises(HatespeechError, match="server is gone"):
        VerdictLog(log.path, Failing(tmp_path / "log.head"), KEY).append([{"kind": "reading", "item": "x"}])
    assert len(log.entries()) == 2
    log.append([{"kind": "reading", "item": "x"}])
    assert [e.get("item") for e in log.entries()].count("x") == 1


def test_a_full_disk_changes_nothing(tmp_path):
    log = filled(tmp_path, 3)
    before = log.path.read_bytes()
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))  # to write more fails, as on a full disk
    try:
        with pytest.raises(HatespeechError, match="nothing was added"):
            log.append([{"item": "y" * 50, "i": i} for i in range(5)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.path.read_bytes() == before
    assert log.verify() == []


def test_a_process_killed_at_any_write_loses_nothing_acknowledged(tmp_path):
    """A child is killed in the middle; what it said was appended is there, and appending goes on."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from hatespeech_no.review.log import FileAnchor, VerdictLog\n"
        "folder = Path(sys.argv[1])\n"
        f"log = VerdictLog(folder / 'log.jsonl', FileAnchor(folder / 'log.head'), {KEY!r})\n"
        "for i in range(10**6):\n"
        "    log.append([{'i': i, 'part': j, 'fill': 'z' * 2000} for j in range(5)])\n"
        "    print(i, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        acknowledged = [int(child.stdout.readline()) for _ in range(8)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout.read().split()]
    log = log_in(tmp_path)
    found = [(e["i"], e["part"]) for e in log.entries()]
    assert found[: 5 * len(acknowledged)] == [(i, j) for i in acknowledged for j in range(5)]
    assert len(found) % 5 == 0
    log.append([{"i": -1}])
    assert log.verify() == []
    assert json.loads(log.path.read_bytes().splitlines()[-1])["i"] == -1
