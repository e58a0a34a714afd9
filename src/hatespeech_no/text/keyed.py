"""Keyed identifiers: the same row can be found again with the key, and only with the key."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from hatespeech_no.errors import HatespeechError

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

    Raises:
        HatespeechError: it cannot be kept or read.
    """
    if value := os.environ.get(KEY_VARIABLE):
        return value.encode()
    path = Path.home() / _KEY_FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            # Written under another name first, so that an interrupted write leaves no empty key.
            fresh = path.with_name(f"key.{os.getpid()}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(secrets.token_hex(32))
            fresh.rename(path)
        key = path.read_bytes()
    except OSError as error:
        raise HatespeechError(
            f"{path}: no key can be kept there ({error.strerror}); set {KEY_VARIABLE} to a secret of your own"
        ) from error
    if not key:
        raise HatespeechError(f"{path} is empty; delete it, or set {KEY_VARIABLE} to a secret of your own")
    return key
