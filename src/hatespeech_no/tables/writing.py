"""Write a table: it appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hatespeech_no.errors import HatespeechError, UnwritableError
from hatespeech_no.tables.delimited import Row
from hatespeech_no.tables.rejected import Problem
from hatespeech_no.tables.source import compression_of
from hatespeech_no.tables.writers import WRITERS

if TYPE_CHECKING:
    import pyarrow as pa

Write = Callable[[Row], tuple[Problem, str] | None]
"""Writes one row. Returns what kept it from being written, and in which field; ``None`` if it was."""

_COMPRESSIBLE = (".csv", ".jsonl")


def check_target(target: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        HatespeechError: says why.
    """
    if _suffix(target) not in WRITERS:
        names = ", ".join([*WRITERS, ".csv.gz", ".jsonl.zst"])
        raise HatespeechError(f"{target}: cannot tell the format to write; use a name ending in {names}")
    if not target.parent.is_dir():
        raise HatespeechError(f"{target.parent}: there is no such folder to write {target.name} to")


@contextmanager
def open_writer(
    target: Path, columns: Sequence[str] | None, types: Mapping[str, pa.DataType] | None = None
) -> Iterator[Write]:
    """A function that writes rows, one by one.

    Args:
        target: CSV, JSON Lines, Excel or Parquet by its name; the first two may be compressed.
        columns: their names in order; ``None`` = those of the first row.
        types: of columns whose types are known; used where the format has types (Parquet).

    Raises:
        UnwritableError: it cannot be written.
    """
    check_target(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with WRITERS[_suffix(target)](temporary, columns, compression_of(target), types) as writer:
            yield writer.write
        temporary.replace(target)
    except OSError as error:
        raise UnwritableError(f"{target}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _suffix(target: Path) -> str:
    if compression_of(target) is None:
        return target.suffix.lower()
    inner = target.with_suffix("").suffix.lower()
    return inner if inner in _COMPRESSIBLE else ""
