"""Read the rows of a corpus file: general tables, tables in archives and on the hub, and released layouts."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from hatespeech_no.corpora.descriptor import CorpusFile, Published
from hatespeech_no.corpora.layouts import LAYOUTS
from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.files import sha256_of
from hatespeech_no.tables import Rejected, open_table
from hatespeech_no.tables.rejected import problem_with
from hatespeech_no.tables.source import Format, check_archive

Row = dict[str, Any]


# The released "tsv" is CSV with tabs, quotation marks and all.
_AS_TABLE = {"csv": ("csv", ","), "tsv": ("csv", "\t"), "tsv_unquoted": ("tsv", None)}


def read_rows(file: CorpusFile, folders: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    """The rows of a file with their numbers, the first data row being 1.

    Raises:
        HatespeechError: the file is missing, has another checksum, lies outside the folders, or a
            row cannot be read; names file and row.
    """
    if file.format == "hub":
        yield from _read_hub(file, folders)
        return
    path = locate(file, folders)
    if file.format in LAYOUTS:
        yield from LAYOUTS[file.format](path, [locate(part, folders) for part in file.companions])
    elif file.member is None:
        yield from _read_table(path, file)
    else:
        with tempfile.TemporaryDirectory() as folder:
            unpacked = Path(folder) / Path(file.member).name
            unpacked.write_bytes(read_member(path, file.member))
            yield from _read_table(unpacked, file)


def locate(file: Published, folders: Sequence[Path]) -> Path:
    """The file's place on disk, in the first folder that has it, its checksum verified."""
    for folder in folders:
        path = place(file, folder)
        if path.is_file():
            verify(path, file)
            return path
    places = " or ".join(str(folder / file.path) for folder in folders)
    how = "hatespeech-no data fetch gets it" if file.url else "it is not published as such; get it from its owners"
    raise HatespeechError(f"{places} is missing; {how}, or set HATESPEECH_NO_DATA to the folder that holds {file.path}")


def place(file: Published, folder: Path) -> Path:
    """Where in a folder a file belongs.

    Raises:
        HatespeechError: its path leads out of the folder.
    """
    root = folder.resolve()
    path = (root / file.path).resolve()
    if not path.is_relative_to(root):
        raise HatespeechError(f"{file.path!r} leads out of the data folder {folder}")
    return path


def read_member(archive: Path, member: str) -> bytes:
    """One file of a zip archive, at the top or under its only folder, read in memory and within limits."""
    check_archive(archive)
    try:
        with zipfile.ZipFile(archive) as files:
            names = [name for name in files.namelist() if name == member or name.endswith(f"/{member}")]
            if names:
                return files.read(min(names, key=len))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:  # encrypted, or packed in unknown ways
        raise HatespeechError(f"{archive}: is no zip archive that can be read ({error})") from error
    raise HatespeechError(f"{archive}: holds no file {member!r}")


def verify(path: Path, file: Published) -> None:
    """Compare a file with its checksum.

    Raises:
        HatespeechError: it is another file than the one described.
    """
    if file.sha256 is None:
        return
    member = file.member
    digest = sha256_of(path) if member is None else hashlib.sha256(read_member(path, member)).hexdigest()
    if digest != file.sha256:
        raise HatespeechError(f"{path} is not the file described (sha256 {digest}, expected {file.sha256})")


def _read_table(path: Path, file: CorpusFile) -> Iterator[tuple[int, Row]]:
    file_format, delimiter = _AS_TABLE.get(file.format, (file.format, None))
    header = file.header or None
    with open_table(
        path, file_format=cast(Format, file_format), delimiter=delimiter, header=header, sheet=file.sheet
    ) as table:
        if table.columns and len(set(table.columns)) < len(table.columns):
            raise HatespeechError(f"{path}: column names occur more than once in {table.columns}")
        for number, row in table.rows(file.broken_rows):
            wrong = problem_with(row)
            if wrong is None:
                yield number, row
            elif number not in file.broken_rows:
                raise HatespeechError(f"{path}, {Rejected(number, *wrong).explain()}")


def _read_hub(file: CorpusFile, folders: Sequence[Path]) -> Iterator[tuple[int, Row]]:
    datasets = require("datasets", "train")
    # A copy in a data folder goes first, so that nothing needs the hub.
    local = next((folder / file.path for folder in folders if (folder / file.path).is_dir()), None)
    try:
        rows = datasets.load_dataset(
            str(local or file.path), name=file.subset, split=file.part, revision=None if local else file.revision
        )
    except (OSError, ValueError) as error:
        raise HatespeechError(
            f"{file.path}: cannot be had from the hub ({str(error).splitlines()[0]}). "
            f"Without it, put a copy at {folders[0] / file.path}"
        ) from error
    yield from enumerate(rows, 1)
