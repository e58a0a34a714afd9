"""Read the rows of a corpus file, whatever its format."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatespeech_no.corpora.descriptor import CorpusFile
from hatespeech_no.errors import HatespeechError, require

Row = dict[str, Any]

csv.field_size_limit(2**31 - 1)


def read_rows(file: CorpusFile, folder: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file with their numbers, the first data row being 1.

    Raises:
        HatespeechError: the file is missing, has another checksum, lies outside the folder, or a
            row cannot be read; names file and row.
    """
    path = locate(file, folder)
    readers = {"jsonl": _read_jsonl, "parquet": _read_parquet, "spreadsheet": _read_spreadsheet}
    try:
        yield from readers.get(file.format, _read_delimited)(path, file)
    except UnicodeDecodeError as error:
        raise HatespeechError(f"{path}: is not UTF-8 ({error.reason}); save it as UTF-8 first") from error
    except (csv.Error, OSError) as error:
        raise HatespeechError(f"{path}: cannot be read as {file.format} ({error})") from error


def locate(file: CorpusFile, folder: Path) -> Path:
    """The file's place on disk, its checksum verified."""
    root = folder.resolve()
    path = (root / file.path).resolve()
    if not path.is_relative_to(root):
        raise HatespeechError(f"{file.path!r} leads out of the data folder {folder}")
    if not path.is_file():
        source = f"; download it from {file.url}" if file.url else ""
        raise HatespeechError(f"{path} is missing{source}")
    if file.sha256:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != file.sha256:
            raise HatespeechError(f"{path} is not the file described (sha256 {digest}, expected {file.sha256})")
    return path


def _read_delimited(path: Path, file: CorpusFile) -> Iterator[tuple[int, Row]]:
    delimiter = "," if file.format == "csv" else "\t"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        if file.format == "tsv_unquoted":
            reader = csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        else:
            reader = csv.reader(stream, delimiter=delimiter)
        header = next(reader, None)
        if not header:
            raise HatespeechError(f"{path}: is empty")
        for number, cells in enumerate(reader, 1):
            if len(cells) != len(header):
                if number in file.broken_rows or not any(cell.strip() for cell in cells):
                    continue
                raise HatespeechError(f"{path}, row {number}: {len(cells)} fields where the header has {len(header)}")
            yield number, dict(zip(header, cells, strict=True))


def _read_jsonl(path: Path, _: CorpusFile) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise HatespeechError(f"{path}, row {number}: is not JSON ({error})") from error
            if not isinstance(row, dict):
                raise HatespeechError(f"{path}, row {number}: is not a JSON object")
            yield number, row


def _read_parquet(path: Path, _: CorpusFile) -> Iterator[tuple[int, Row]]:
    try:
        table = require("pyarrow.parquet", "train").read_table(path)
    except ValueError as error:  # what pyarrow raises for a damaged file
        raise HatespeechError(f"{path}: is no Parquet file ({error})") from error
    yield from enumerate(table.to_pylist(), 1)


def _read_spreadsheet(path: Path, file: CorpusFile) -> Iterator[tuple[int, Row]]:
    calamine = require("python_calamine", "train")
    try:
        workbook = calamine.CalamineWorkbook.from_path(path)
        rows = iter(workbook.get_sheet_by_name(file.sheet or workbook.sheet_names[0]).to_python())
    except calamine.CalamineError as error:
        raise HatespeechError(f"{path}: is no spreadsheet, or has no sheet {file.sheet!r} ({error})") from error
    header = [str(cell) for cell in next(rows, [])]
    for number, cells in enumerate(rows, 1):
        yield number, {name: str(cell) for name, cell in zip(header, cells, strict=False) if name}
