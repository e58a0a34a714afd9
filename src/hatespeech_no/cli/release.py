"""``hatespeech-no release``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.cli.export import print_parity
from hatespeech_no.cli.progress import TrainingProgress
from hatespeech_no.training import load_config


def release(
    config: Annotated[Path, typer.Argument(help="Configuration of the run.")],
    run: Annotated[Path, typer.Argument(help="Folder of the finished run.")],
    out: Annotated[Path, typer.Argument(help="Folder to write bundle, record and cards to; it is replaced.")],
) -> None:
    """Make the model that the package carries of the best seed of a run: nb, nn, da, sv and en, int8."""
    from hatespeech_no.training.release import release as run_release

    console = Console()
    with TrainingProgress(console) as progress:
        record, parity = run_release(load_config(config), run, out, progress)
    print_parity(console, parity)
    console.print(f"→ {out}, digest {record.tags['bundle']}", markup=False, soft_wrap=True, highlight=False)
