"""The verdict log: JSON lines that can only be added to, each carrying the digest of the line before.

A changed or removed line breaks the chain. A cut end does not, so that the head of the chain is kept
elsewhere too: the anchor. Lines beyond the anchor were never acknowledged (the process was killed
between the two writes); they are put aside, and the pull that wrote them writes them again.
Source: Schneier and Kelsey (1999), Secure audit logs to support computer forensics.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hatespeech_no.errors import HatespeechError
from hatespeech_no.text.keyed import keyed_id

_START = "0" * 64


class Anchor(Protocol):
    """Where the head of the log is kept besides: out of reach of who can change the log."""

    def read(self) -> str | None:
        """What was written last."""

    def write(self, head: str) -> None:
        """Replace it, whole or not at all."""


@dataclass(frozen=True)
class FileAnchor:
    """An anchor in a file. It shows a cut end only as long as nobody changes both files; the seal needs the key."""

    path: Path

    def read(self) -> str | None:
        """See ``Anchor``."""
        return self.path.read_text("ascii") if self.path.is_file() else None

    def write(self, head: str) -> None:
        """See ``Anchor``."""
        temporary = self.path.with_suffix(".part")
        with temporary.open("w", encoding="ascii") as stream:
            stream.write(head)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.path)


@dataclass(frozen=True)
class VerdictLog:
    """A log with one writer at a time.

    Attributes:
        path: of the file.
        anchor: of its head: number of lines, digest of the last one, and a keyed seal of both.
        key: of the seal, see ``text.keyed``.
    """

    path: Path
    anchor: Anchor
    key: bytes

    def append(self, entries: Iterable[Mapping[str, Any]]) -> int:
        """Add entries, all or none, and wait until they are on disk.

        Returns:
            How many.

        Raises:
            HatespeechError: they could not be written, and the log is as it was; or the log does not fit its anchor.
        """
        entries = list(entries)
        if not entries:
            return 0
        try:
            settled = self._settled()
            number, head, lines = len(settled), _digest(settled), b""
            for i, entry in enumerate(entries, number):
                line = json.dumps({**entry, "n": i, "previous": head}, ensure_ascii=False).encode()
                head = hashlib.sha256(line).hexdigest()
                lines += line + b"\n"
            _write(self.path, lines)
            self.anchor.write(self._sealed(number + len(entries), head))
        except OSError as error:
            raise HatespeechError(
                f"{self.path}: nothing was added ({error.strerror}); make room and run this again"
            ) from error
        return len(entries)

    def entries(self) -> list[dict[str, Any]]:
        """All acknowledged entries, in order.

        Raises:
            HatespeechError: the log was changed or does not fit its anchor.
        """
        if broken := self._broken():
            raise HatespeechError(f"{broken}; see hatespeech-no review verify, and restore log and anchor from a copy")
        lines, _ = self._lines()
        return [json.loads(line) for line in lines[: self._anchored() or 0]]

    def verify(self) -> list[str]:
        """What is wrong with the log, naming file and line; empty = nothing."""
        if broken := self._broken():
            return [broken]
        lines, rest = self._lines()
        count = self._anchored() or 0
        if len(lines) > count or rest:
            return [f"{self.path}: what follows line {count} was never acknowledged; the next pull puts it aside"]
        return []

    def _broken(self) -> str | None:
        """The first thing that cannot come from an interruption."""
        lines, rest = self._lines()
        count = self._anchored()
        if count is None:
            return f"{self.path}: has no anchor" if lines or rest else None
        if count < 0:
            return f"{self.path}: the seal of its anchor does not fit; the anchor was changed, or the key is another"
        if len(lines) < count:
            return f"{self.path}: ends after line {len(lines)} of {count}; its end was cut off"
        previous = _START
        for number, line in enumerate(lines[:count], 1):
            if not _follows(line, number - 1, previous):
                where = f"line {number - 1} or {number}" if number > 1 else "line 1"
                return f"{self.path}, {where}: was changed, added or removed; the chain breaks here"
            previous = hashlib.sha256(line).hexdigest()
        fits = self._sealed(count, previous) == self.anchor.read()
        return None if fits else f"{self.path}, line {count}: was changed; another is anchored"

    def _anchored(self) -> int | None:
        """How many lines the anchor vouches for; -1 if it is not one of this key."""
        anchored = self.anchor.read()
        if anchored is None:
            return None
        count, _, rest = anchored.partition(":")
        genuine = count.isdecimal() and anchored == self._sealed(int(count), rest.partition(":")[0])
        return int(count) if genuine else -1

    def _settled(self) -> list[bytes]:
        """The acknowledged lines; what follows them is put aside."""
        if broken := self._broken():
            raise HatespeechError(f"{broken}; see hatespeech-no review verify")
        count = self._anchored()
        if count is None:
            self.anchor.write(self._sealed(0, _START))
        lines, rest = self._lines()
        settled, extra = lines[: count or 0], [*lines[count or 0 :], rest]
        if extra != [b""]:
            _write(self.path.with_suffix(".unfinished"), b"\n".join(extra) + b"\n")
            with self.path.open("r+b") as stream:
                stream.truncate(sum(len(line) + 1 for line in settled))
        return settled

    def _lines(self) -> tuple[list[bytes], bytes]:
        """Complete lines, and what stands after the last line break."""
        *lines, rest = (self.path.read_bytes() if self.path.is_file() else b"").split(b"\n")
        return lines, rest

    def _sealed(self, count: int, head: str) -> str:
        return f"{count}:{head}:{keyed_id(f'{count}:{head}', self.key)}"


def _follows(line: bytes, number: int, previous: str) -> bool:
    try:
        entry = json.loads(line)
        return bool(entry["n"] == number and entry["previous"] == previous)
    except (ValueError, TypeError, KeyError):
        return False


def _digest(lines: list[bytes]) -> str:
    return hashlib.sha256(lines[-1]).hexdigest() if lines else _START


def _write(path: Path, data: bytes) -> None:
    """Add bytes to a file and wait until they are on disk; if that fails, the file is as it was."""
    with path.open("ab", buffering=0) as stream:
        size = stream.tell()
        try:
            left = memoryview(data)
            while left:
                left = left[stream.write(left) :]
            os.fsync(stream.fileno())
        except BaseException:
            stream.truncate(size)
            raise
