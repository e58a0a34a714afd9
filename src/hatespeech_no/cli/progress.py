"""How a training shows where it is: a bar in a terminal, lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hatespeech_no.cli.interrupts import heed


class TrainingProgress:
    """A ``training.record.Report`` that is seen.

    A step whose length is known has a bar, its place and the time left. Where there is no terminal, a
    line is written whenever a step's name changes, which it does as often as something is measured.
    A lost interrupt is raised again here, see ``interrupts``.
    """

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self._console = console
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("starting", total=None)
        self._step, self._total = "starting", 0
        self._first, self._began = 0, 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, step: str, done: int = 0, total: int | None = None, /) -> None:
        """Show a step, unless told to stop; see ``Report``."""
        heed()
        if (total or 0) != self._total:
            self._bar.remove_task(self._task)
            self._task = self._bar.add_task(step, total=total)
            self._total, self._first, self._began = total or 0, done, time.monotonic()
        shown = step if total is None else f"{step} (step {done} of {total}{self._left(done)})"
        self._bar.update(self._task, description=shown, completed=done)
        if step != self._step and not self._console.is_terminal:
            self._console.print(shown, markup=False, highlight=False, soft_wrap=True)
        self._step = step

    def _left(self, done: int) -> str:
        """The time left at the mean speed so far."""
        if done == self._first:
            return ""
        seconds = (time.monotonic() - self._began) / (done - self._first) * (self._total - done)
        return f", {seconds / 60:.0f} min left" if seconds >= 60 else f", {seconds:.0f} s left"
