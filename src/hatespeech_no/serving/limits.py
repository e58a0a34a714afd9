"""How much may be asked at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a request, and of how many wait.

    Attributes:
        texts: of one request.
        chars: characters of one text, and of its thread altogether.
        body: bytes of a request's body.
        waiting: requests that wait while one is scored; further ones are turned away.
    """

    texts: int = 64
    chars: int = 10_000
    body: int = 262_144
    waiting: int = 8
