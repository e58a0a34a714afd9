"""Other people's tools, each in a virtual environment of its own, as scripts of ``adapters`` that answer texts."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from board import Model

HERE = Path(__file__).parent


class ToolError(Exception):
    """A tool cannot be installed or does not answer; the message is its own last word."""


def command_of(model: Model, environments: Path, arguments: Sequence[str] = ()) -> list[str]:
    """An adapter's command line; its environment is made where there is none.

    Raises:
        ToolError: what the adapter requires cannot be installed.
    """
    python = Path(sys.executable)
    if model.requires:
        python = environments / model.adapter / "bin" / "python"
        if not python.exists():
            venv.create(environments / model.adapter, with_pip=True)
        _call([str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *model.requires])
    # -P: an adapter has the name of its tool, and must not import itself in place of it.
    return [str(python), "-P", f"adapters/{model.adapter}.py", *model.arguments, *arguments]


def answers(command: Sequence[str], given: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    """What an adapter answers to rows with ``text`` and ``thread``.

    Raises:
        ToolError: it failed, or did not answer every text.
    """
    found = [json.loads(line) for line in _call(command, "".join(json.dumps(row) + "\n" for row in given)).splitlines()]
    if len(found) != len(given):
        raise ToolError(f"gave {len(found)} answers to {len(given)} texts")
    return found


def _call(command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=HERE, check=False)  # noqa: S603
    if done.returncode:
        raise ToolError((done.stderr.strip() or "it failed without a word").splitlines()[-1])
    return done.stdout
