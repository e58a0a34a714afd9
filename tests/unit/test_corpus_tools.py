"""``data list | fetch | check``: the functions behind them, with a server on this machine alone."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from hatespeech_no.corpora import find_descriptor
from hatespeech_no.corpora.check import SharedTexts, check_corpora
from hatespeech_no.corpora.fetch import fetch, missing_files
from hatespeech_no.errors import HatespeechError

CONTENT = ("text,label\n" + "\n".join(f"Kommentar nummer {i} om været,{i % 2}" for i in range(20_000))).encode()


class _Server(BaseHTTPRequestHandler):
    """Serves CONTENT, from where it is asked; the first answer of ``/breaks`` stops in the middle."""

    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        breaks = self.path == "/breaks" and len(self.ranges) == 1
        if start >= len(CONTENT):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : len(CONTENT) // 2] if breaks else CONTENT[start:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    _Server.ranges = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def write_descriptor(folder: Path, name: str, files: list[dict[str, object]], **more: object) -> str:
    descriptor = {
        "name": name,
        "title": "A corpus",
        "citation": "none",
        "homepage": "none",
        "licence": {"id": "own", "training": True, "shipping_models": False, "redistribution": False},
        "files": files,
        "columns": {"text": "text", "id": None},
        "labels": [
            {"when": {"label": "1"}, "set": {"hateful": True}},
            {"when": {"label": "0"}, "set": {"hateful": False}},
        ],
        **more,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(descriptor), "utf-8")
    return str(path)


def published(address: str, path: str = "breaks", sha256: str | None = None) -> dict[str, object]:
    digest = sha256 or hashlib.sha256(CONTENT).hexdigest()
    return {"path": "sub/own.csv", "format": "csv", "url": f"{address}/{path}", "sha256": digest}


def test_fetch_resumes_verifies_and_leaves_alone_what_is_here(tmp_path: Path, address: str) -> None:
    descriptor, folders = find_descriptor(write_descriptor(tmp_path, "own", [published(address)]))
    with pytest.raises(HatespeechError, match=r"cannot be reached .* What is here is kept; try again"):
        fetch(descriptor, folders)
    assert missing_files(descriptor, folders)
    seen: list[tuple[int, int]] = []
    assert fetch(descriptor, folders, lambda path, here, size: seen.append((here, size))) == [
        tmp_path / "sub" / "own.csv"
    ]
    assert _Server.ranges[0] is None
    assert _Server.ranges[1] is not None, "the second attempt goes on where the first broke off"
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert (tmp_path / "sub" / "own.csv").read_bytes() == CONTENT
    assert fetch(descriptor, folders) == []
    assert len(_Server.ranges) == 2
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["own.csv"]


def test_a_download_that_was_complete_but_not_renamed_recovers(tmp_path: Path, address: str) -> None:
    descriptor, folders = find_descriptor(write_descriptor(tmp_path, "own", [published(address, "whole")]))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "own.csv.part").write_bytes(CONTENT + b"x")
    assert fetch(descriptor, folders) == [tmp_path / "sub" / "own.csv"]
    assert (tmp_path / "sub" / "own.csv").read_bytes() == CONTENT


def test_another_file_than_the_one_described_is_not_kept(tmp_path: Path, address: str) -> None:
    name = write_descriptor(tmp_path, "own", [published(address, "whole", "0" * 64)])
    with pytest.raises(HatespeechError, match="is not the file described any more"):
        fetch(*find_descriptor(name))
    assert not (tmp_path / "sub" / "own.csv").exists()


def test_what_cannot_be_fetched_says_what_to_do(tmp_path: Path) -> None:
    unpublished = write_descriptor(tmp_path, "a", [{"path": "a.csv", "format": "csv"}])
    with pytest.raises(HatespeechError, match=r"a\.csv is not published as such; .* or set HATESPEECH_NO_DATA"):
        fetch(*find_descriptor(unpublished))
    offline = write_descriptor(tmp_path, "b", [published("http://127.0.0.1:9")])
    with pytest.raises(HatespeechError, match=r"cannot be reached \(ConnectionError\).* or set HATESPEECH_NO_DATA"):
        fetch(*find_descriptor(offline))
    outside = write_descriptor(tmp_path, "c", [{"path": "../c.csv", "format": "csv"}])
    with pytest.raises(HatespeechError, match="leads out of the data folder"):
        missing_files(*find_descriptor(outside))


def test_check_counts_labels_duplicates_conflicts_and_languages(tmp_path: Path) -> None:
    nb, nn = "Vi vet ikke hvorfor kommunen har stengt veien", "Eg veit ikkje kva dei meiner med dette vedtaket"
    (tmp_path / "a.csv").write_text(f"text,label\n{nb},1\n{nb.upper()},0\n{nn},1\n{nn} i dag,?\n", "utf-8")
    (tmp_path / "b.csv").write_text(f"text,label\n{nn},0\n{nb} igjen,0\n", "utf-8")
    names = [
        write_descriptor(tmp_path, name, [{"path": f"{name}.csv", "format": "csv"}], language=language)
        for name, language in (("a", "nn"), ("b", None))
    ]
    (a, b), shared = check_corpora(names)
    assert (a.splits, a.duplicates, a.conflicts) == ({"all": 4}, 1, 1)
    assert (b.splits, b.duplicates, b.conflicts) == ({"all": 2}, 0, 0)
    assert a.labels == {"hateful": (2, 1, 1)}
    assert a.languages == {("nn", "nb"): 2, ("nn", "nn"): 2}
    assert b.languages == {("?", "nn"): 1, ("?", "nb"): 1}
    assert shared == [SharedTexts("a", "b", 1, 1)]
    assert not a.licence.shipping_models
