"""What identifies a file, and how one is written whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hatespeech_no.errors import HatespeechError, UnwritableError


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal.

    Raises:
        HatespeechError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise HatespeechError(f"{path}: cannot be read ({error.strerror})") from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file that is there whole or as it was before.

    Raises:
        UnwritableError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UnwritableError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)
