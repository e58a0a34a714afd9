"""Several processes that fine-tune together, started by ``accelerate launch`` or ``torchrun``.

The main process does all that one process alone would do. The others wait for its word, take part in
each fine-tuning with their share of every batch, and keep nothing.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import require

if TYPE_CHECKING:
    from torch import Tensor

_PATIENCE = timedelta(days=7)
"""The others wait while the main process evaluates; the launcher ends them if it dies."""


def number() -> int:
    """How many processes there are; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which one this is; 0 is the main process."""
    return int(os.environ.get("RANK", "0"))


def broadcast(value: object = None) -> Any:  # noqa: ANN401 - what the main process gives
    """What the main process gives, in all processes; the others wait for it."""
    if number() == 1:
        return value
    box = [value]
    require("torch", "encoder").distributed.broadcast_object_list(box, src=0, group=_messages())
    return box[0]


def one_after_another() -> AbstractContextManager[None]:
    """A context that the first process of a machine leaves before the others enter: it downloads for all."""
    if number() == 1:
        return nullcontext()
    context: AbstractContextManager[None] = _state().local_main_process_first()
    return context


def all_of(rows: Tensor, fill: float) -> Tensor:
    """The rows of all processes; only those of this one carry a gradient.

    Args:
        rows: shape (n, ...), n may differ between processes.
        fill: value of the rows that are added where a process has fewer than another.
    """
    accelerate, torch = require("accelerate.utils", "encoder"), require("torch", "encoder")
    mine = accelerate.pad_across_processes(rows.float(), pad_index=fill)
    parts = list(accelerate.gather(mine.detach()).chunk(number()))
    parts[rank()] = mine
    return torch.cat(parts).to(rows.dtype)


def end() -> None:
    """Part: the main process sends the others home."""
    if number() > 1:
        if rank() == 0:
            broadcast(None)
        require("torch", "encoder").distributed.destroy_process_group()


@cache
def _messages() -> Any:  # noqa: ANN401 - a process group of torch
    """A group for messages that no GPU is needed for."""
    _state()
    return require("torch", "encoder").distributed.new_group(backend="gloo", timeout=_PATIENCE)


def _state() -> Any:  # noqa: ANN401 - of accelerate
    accelerate, torch = require("accelerate", "encoder"), require("torch", "encoder")
    return accelerate.PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)
