"""Where bytes come from: a file or standard input, compressed or not, within limits."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Literal

from hatespeech_no.errors import HatespeechError
from hatespeech_no.files import sha256_of

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
MOST_CELLS = 50_000_000
_CELL = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')


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

        packed = pa.OSFile(str(self.path))
        unpacked = pa.CompressedInputStream(packed, self.compression)
        allowed = max(ALWAYS_ALLOWED, LARGEST_RATIO * self.path.stat().st_size)
        return io.BufferedReader(_Limited(unpacked, packed.tell, allowed, self.name))


class _Limited(io.RawIOBase):
    """A stream that gives no more than a number of bytes; its place is that in the packed file."""

    def __init__(self, stream: BinaryIO, tell: Callable[[], int], allowed: int, name: str) -> None:
        self._stream, self._tell, self._left, self._name = stream, tell, allowed, name

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._tell()

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


def files_in(folder: Path, file_format: Format | None = None) -> tuple[list[Path], list[str]]:
    """The tables in a folder, by name, and the names of what else is there; hidden files are neither.

    Args:
        folder: its own files count, not those of folders in it.
        file_format: what every file is; default those whose names tell.

    Raises:
        HatespeechError: there are none.
    """
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))
    except OSError as error:
        raise HatespeechError(f"{folder}: cannot be read ({error.strerror})") from error
    files = [path for path in found if path.is_file() and (file_format is not None or _suffix_of(path) in _SUFFIXES)]
    if not files:
        raise HatespeechError(f"{folder}: holds no file whose name ends in {', '.join(_SUFFIXES)}")
    return files, [path.name for path in found if path not in files]


def parts_of(source: Path) -> list[Path]:
    """The tables that an output of ``hatespeech-no score`` is made of: those in a folder by name, or the file itself.

    Raises:
        HatespeechError: a folder without any.
    """
    return files_in(source)[0] if source.is_dir() else [source]


def digest_of(source: Path) -> str:
    """SHA-256 of what is read of such an output, hexadecimal: of a folder that of its parts' names and digests.

    Raises:
        HatespeechError: it cannot be read.
    """
    if not source.is_dir():
        return sha256_of(source)
    inside = (f"{part.name} {sha256_of(part)}\n" for part in parts_of(source))
    return hashlib.sha256("".join(inside).encode()).hexdigest()


@contextmanager
def open_source(source: Path | str, file_format: Format | None = None) -> Iterator[Source]:
    """Find out what a file is.

    Args:
        source: a path, or ``-`` for standard input, which like any pipe is copied to a temporary file.
        file_format: what it is; default by its name, for standard input by its first character.

    Raises:
        HatespeechError: there is no such file, or its format cannot be told.
    """
    path = Path(source)
    if str(source) == STDIN:
        if sys.stdin is None:
            raise HatespeechError("standard input is closed; give a file, or pipe one in")
        with _copied("standard input", sys.stdin.buffer, file_format) as found:
            yield found
        return
    _check_file(path)
    if path.is_file():
        yield Source(str(path), path, file_format or format_of(path), compression_of(path))
        return
    with path.open("rb") as pipe, _copied(str(path), pipe, file_format) as found:
        yield found


@contextmanager
def _copied(name: str, stream: BinaryIO, file_format: Format | None) -> Iterator[Source]:
    """A copy of what can be read only once; its format is told by its first character."""
    with tempfile.NamedTemporaryFile(prefix="hatespeech-no-") as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        path = Path(copy.name)
        compression = next((c for magic, c in _MAGIC.items() if _starts_with(path, magic)), None)
        with Source(name, path, "csv", compression).open() as unpacked:
            first = unpacked.read(4096).lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
        yield Source(name, path, file_format or ("jsonl" if first == b"{" else "csv"), compression)


def format_of(path: Path) -> Format:
    """The format a file name stands for, whether the file is there or not.

    Raises:
        HatespeechError: the name says nothing.
    """
    if _suffix_of(path) not in _SUFFIXES:
        raise HatespeechError(f"{path}: cannot tell the format; use a name ending in {', '.join(_SUFFIXES)}")
    return _SUFFIXES[_suffix_of(path)]


def _suffix_of(path: Path) -> str:
    """The last suffix that is not one of compression, in lower case."""
    return next((s for s in reversed([s.lower() for s in path.suffixes]) if s not in _COMPRESSED), "")


def compression_of(path: Path) -> str | None:
    """``gzip``, ``zstd`` or ``None``, by the file's name."""
    return _COMPRESSED.get(path.suffix.lower())


def check_archive(path: Path) -> None:
    """Refuse a zip archive (a spreadsheet is one) that unpacks to far more than its size."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise HatespeechError(f"{path}: is damaged ({error})") from error
    if unpacked > max(ALWAYS_ALLOWED, LARGEST_RATIO * path.stat().st_size):
        raise HatespeechError(f"{path}: unpacks to over {LARGEST_RATIO} times its size; it is not read")


def check_extent(path: Path) -> None:
    """Refuse an .xlsx file of which two cells lie so far apart that the sheet between them fills the memory.

    Raises:
        HatespeechError: a sheet spans more than ``MOST_CELLS``.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as sheet:
                    rows, columns = _extent(sheet)
                if rows * columns > MOST_CELLS:
                    place = f"row {rows}, column {columns}"
                    raise HatespeechError(f"{path}: a sheet reaches to {place}; delete what stands far out")


def _extent(sheet: IO[bytes]) -> tuple[int, int]:
    last_row = last_column = 0
    rest = b""
    while chunk := sheet.read(2**20):
        for letters, row in _CELL.findall(rest + chunk):
            column = 0
            for letter in letters:
                column = 26 * column + letter - 64
            last_row, last_column = max(last_row, int(row)), max(last_column, column)
        rest = chunk[-64:]  # a reference may be cut between two chunks
    return last_row, last_column


def _check_file(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        why = "there is no such file" if missing else f"cannot be read ({error.strerror})"
        raise HatespeechError(f"{path}: {why}") from error
    if path.is_dir():
        raise HatespeechError(f"{path}: is a folder; name a file")


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic
