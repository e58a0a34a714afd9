"""The file of rejected rows beside an output."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables import Problem, Rejected, open_writer
from hatespeech_no.tables.source import STDIN
from hatespeech_no.tables.writing import Write

_RAW_CHARACTERS = 1000
_COLUMNS = ("row", "field", "problem", "forklaring", "explanation", "raw")


def check_side_file(source: Path | str, side_file: Path) -> None:
    """Never overwrite or remove a file that is not an old side file of ours.

    Raises:
        HatespeechError: it would be.
    """
    if str(source) != STDIN and side_file.resolve() == Path(source).resolve():
        raise HatespeechError(f"{source}: rejected rows would be written to it; give another name for the output")
    ours = ",".join(_COLUMNS).encode()
    if not side_file.is_file():
        return
    with side_file.open("rb") as stream:
        begins = stream.read(len(ours))
    if begins != ours:
        raise HatespeechError(f"{side_file}: rejected rows would be written there, but it is a file of yours; move it")


class SideFile(AbstractContextManager["SideFile"]):
    """Takes rejected rows; the file is only made if there are any, and an old one is removed.

    Attributes:
        path: of the file, once it is closed; ``None`` if there is none.
        counts: rows by problem.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path | None = None
        self.counts: Counter[Problem] = Counter()
        self._path = path
        self._resources = ExitStack()
        self._write: Write | None = None

    def __call__(self, rejected: Rejected) -> None:
        """Take a row."""
        cells = rejected_cells(rejected)
        if self._write is None:
            self._write = self._resources.enter_context(open_writer(self._path, list(cells)))
        self.counts[rejected.problem] += 1
        self._write(cells)

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - as the protocol has it
        self._resources.__exit__(*error)
        if self._write is not None:
            self.path = self._path
        elif error[0] is None:
            self._path.unlink(missing_ok=True)


def rejected_cells(rejected: Rejected) -> dict[str, Any]:
    """What is written of a row, by column; ``file`` is the last, if it stands in one of a folder."""
    field_name = None if rejected.field is None else _readable(rejected.field)
    explained = replace(rejected, field=field_name)
    cells = (
        *(rejected.row, field_name, str(rejected.problem)),
        *(explained.explain("nb"), explained.explain("en"), _readable(rejected.raw.strip("\r\n"))),
    )
    file = {} if rejected.file is None else {"file": rejected.file}
    return {**dict(zip(_COLUMNS, cells, strict=True)), **file}


def _readable(text: str) -> str:
    text = text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _RAW_CHARACTERS else f"{text[:_RAW_CHARACTERS]}…"
