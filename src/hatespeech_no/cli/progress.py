"""How a long command shows where it is: a bar in a terminal, lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hatespeech_no.cli.interrupts import heed
from hatespeech_no.scoring.files import Done

_SHOWN_EVERY_S, _LINE_EVERY_S = 0.1, 60


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
        return _left((time.monotonic() - self._began) / (done - self._first) * (self._total - done))


class ScoringProgress:
    """Shows how far a file is scored, how many rows are flagged, how fast it goes and how long it will take.

    Where there is no terminal, a line is written every minute. A lost interrupt is raised again here.
    """

    def __init__(self, console: Console, name: str) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
        self._console, self._name = console, name
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task(f"reading {name}", total=1.0)
        self._shown = self._printed = time.monotonic()
        self.rows = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, done: Done) -> None:
        """Show it, unless told to stop."""
        heed()
        self.rows = done.rows
        now = time.monotonic()
        if now - self._shown < _SHOWN_EVERY_S:
            return
        self._shown = now
        line = f"{self._name}: {done.rows} rows, {done.flagged} flagged{self._pace(done)}"
        self._bar.update(self._task, completed=done.share, description=line)
        if not self._console.is_terminal and now - self._printed >= _LINE_EVERY_S:
            self._printed = now
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _pace(self, done: Done) -> str:
        """Speed and time left, from the last half minute: what an earlier start left is read much faster."""
        task = self._bar.tasks[self._task]
        if not task.speed or not done.share:
            return ""
        return f", {task.speed * done.rows / done.share:.0f} texts/s{_left((1 - done.share) / task.speed)}"


def _left(seconds: float) -> str:
    return f", {seconds / 60:.0f} min left" if seconds >= 60 else f", {seconds:.0f} s left"
