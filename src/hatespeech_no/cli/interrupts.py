"""Ctrl-C and SIGTERM end a command, also where a library swallows the exception they raise.

``datasets``, for one, hashes row numbers under a bare ``except``. A command that goes on for long
therefore asks at each of its steps whether it was told to stop.
"""

from __future__ import annotations

import signal
from types import FrameType

_told: list[int] = []


def listen() -> None:
    """Take SIGTERM, and SIGINT where it isn't ignored as it is for commands in the background."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def heed() -> None:
    """Stop if told to.

    Raises:
        KeyboardInterrupt: a signal came, and what it raised got lost.
    """
    if _told:
        raise KeyboardInterrupt


def _interrupt(signum: int, frame: FrameType | None) -> None:
    _told.append(signum)
    raise KeyboardInterrupt
