"""Keyed identifiers: the same row can be found again with the key, and only with the key."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

KEY_VARIABLE = "HATESPEECH_NO_KEY"
_KEY_FILE = Path(".hatespeech_no") / "key"


def keyed_id(identifier: str, key: bytes) -> str:
    """HMAC-SHA256 of an identifier, 16 hexadecimal digits (RFC 2104)."""
    return hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()[:16]


def load_key() -> bytes:
    """The key of this user.

    Taken from the environment variable ``HATESPEECH_NO_KEY``, else from ``~/.hatespeech_no/key``,
    which is made when first needed and readable by its owner alone. It must never be kept beside
    the ids made with it.
    """
    if value := os.environ.get(KEY_VARIABLE):
        return value.encode()
    path = Path.home() / _KEY_FILE
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_bytes()
