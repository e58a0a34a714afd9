"""Errors a user can act on: each message says what is wrong, where, and what to do."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from types import ModuleType


class HatespeechError(Exception):
    """A mistake in the input, the configuration or the installation, not in the program.

    The command line prints its message without a traceback.
    """


class UnwritableError(HatespeechError):
    """A file cannot be written: the disk is full, or it may not be written there."""


class MissingExtraError(HatespeechError):
    """An optional library is needed for what was asked and is not installed."""


def kind_and_place(error: Exception) -> tuple[str, str, int | None]:
    """Kind, file and line of an error whose message may hold a text."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, Path(at.filename).name, at.lineno


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library.

    Args:
        module: dotted module name.
        extra: the extra of this package that installs it.

    Raises:
        MissingExtraError: if it is not installed; the message names the exact command.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise MissingExtraError(
            f"{module.partition('.')[0]} is not installed. Run: pip install 'hatespeech_no[{extra}]'"
        ) from error
