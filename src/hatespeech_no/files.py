"""What identifies a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hatespeech_no.errors import HatespeechError


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
