"""Where bytes come from: a file or standard input, compressed or not, within limits."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from hatespeech_no.errors import HatespeechError

Format = Literal["csv", "tsv", "jsonl", "parquet", "spreadsheet", "text"]

STDIN = "-"
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "spreadsheet",
    ".xls": "spreadsheet",
    ".ods": "spreadsheet",
    ".txt": "text",
}
_COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
# A real table of comments shrinks to a tenth; an archive that unpacks to far more is an attack or a mistake.
LARGEST_RATIO = 200
ALWAYS_ALLOWED = 2**28


@dataclass(frozen=True)
class Source:
    """Bytes that can be read more than once.

    Attributes:
        name: as the user knows it, for messages.
        path: where the bytes lie.
        format: what they are.
        compression: ``gzip``, ``zstd`` or ``None``.
    """

    name: str
    path: Path
    format: Format
    compression: str | None

    def open(self) -> BinaryIO:
        """The bytes, unpacked while they are read.

        Raises:
            HatespeechError: they unpack to more than ``LARGEST_RATIO`` times their size.
        """
        if self.compression is None:
            return self.path.open("rb")
        import pyarrow as pa

        unpacked = pa.CompressedInputStream(pa.OSFile(str(self.path)), self.compression)
        allowed = max(ALWAYS_ALLOWED, LARGEST_RATIO * self.path.stat().st_size)
        return io.BufferedReader(_Limited(unpacked, allowed, self.name))


class _Limited(io.RawIOBase):
    """A stream that gives no more than a number of bytes."""

    def __init__(self, stream: BinaryIO, allowed: int, name: str) -> None:
        self._stream, self._left, self._name = stream, allowed, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except OSError as error:
            raise HatespeechError(f"{self._name}: is damaged or was cut off; it cannot be unpacked") from error
        self._left -= len(data)
        if self._left < 0:
            raise HatespeechError(f"{self._name}: unpacks to over {LARGEST_RATIO} times its size; unpack it yourself")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_source(source: Path | str, file_format: Format | None = None) -> Iterator[Source]:
    """Find out what a file is.

    Args:
        source: a path, or ``-`` for standard input, which is copied to a temporary file.
        file_format: what it is; default by its name, for standard input by its first character.

    Raises:
        HatespeechError: there is no such file, or its format cannot be told.
    """
    if str(source) == STDIN:
        with tempfile.NamedTemporaryFile(prefix="hatespeech-no-") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            path = Path(copy.name)
            compression = next((c for magic, c in _MAGIC.items() if _starts_with(path, magic)), None)
            with Source("standard input", path, "csv", compression).open() as stream:
                first = stream.read(4096).lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
            yield Source("standard input", path, file_format or ("jsonl" if first == b"{" else "csv"), compression)
        return
    path = Path(source)
    _check_file(path)
    compression = _COMPRESSED.get(path.suffix.lower())
    found = Source(str(path), path, file_format or format_of(path), compression)
    if found.format == "spreadsheet":
        check_archive(path)
    yield found


def format_of(path: Path) -> Format:
    """The format a file name stands for, whether the file is there or not.

    Raises:
        HatespeechError: the name says nothing.
    """
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in _COMPRESSED]
    if not suffixes or suffixes[-1] not in _SUFFIXES:
        raise HatespeechError(f"{path}: cannot tell the format; use a name ending in {', '.join(_SUFFIXES)}")
    return _SUFFIXES[suffixes[-1]]


def compression_of(path: Path) -> str | None:
    """``gzip``, ``zstd`` or ``None``, by the file's name."""
    return _COMPRESSED.get(path.suffix.lower())


def check_archive(path: Path) -> None:
    """Refuse a zip archive (a spreadsheet is one) that unpacks to far more than its size."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > max(ALWAYS_ALLOWED, LARGEST_RATIO * path.stat().st_size):
        raise HatespeechError(f"{path}: unpacks to over {LARGEST_RATIO} times its size; it is not read")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise HatespeechError(f"{path}: is a folder; name a file")
    if not path.exists():
        raise HatespeechError(f"{path}: there is no such file")


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic
