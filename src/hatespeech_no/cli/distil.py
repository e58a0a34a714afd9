"""``hatespeech-no distil``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.cli.progress import TrainingProgress
from hatespeech_no.loading import load
from hatespeech_no.scoring.inputs import Options, open_input
from hatespeech_no.tables.source import Format


def distil(
    source: Annotated[
        Path, typer.Argument(metavar="TEXTS", help="Texts like those to be scored, without labels: a file or a folder.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder of the new bundle.")],
    population: Annotated[str, typer.Option(help="What texts these are, for those who use the model.")],
    model: Annotated[
        str | None, typer.Option(help="Bundle or run folder, runs:/… or models:/…; default the package's own.")
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column that holds the text.")] = "text",
    file_format: Annotated[Format | None, typer.Option("--format", help="What TEXTS is; default by its name.")] = None,
    sample: Annotated[int | None, typer.Option(help="Use so many rows drawn at random.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of the sample and of the parts.")] = 0,
) -> None:
    """Let an exported model dismiss, on the way through its layers, what it would surely not flag.

    It is refused where it would lose more than half a percent of what the model flags.
    """
    from hatespeech_no.training.distil import distil as run

    bundle = load(model).bundle
    options = Options(text_column=text_column, file_format=file_format, sample=sample, seed=seed)
    console = Console()
    with open_input(source, options) as given:
        texts = [row.text for shard in given.shards() for row in shard.usable]
    with TemporaryDirectory() as folder:
        with TrainingProgress(console) as progress:
            made = run(bundle, texts, population, Path(folder), seed=seed, report=progress)
        made.save(out)
    record = made.manifest.screen
    if record is not None:
        for line in (
            f"measured on {record.texts} texts it was not made from ({population}):",
            f"  {sum(record.dismissed) / record.texts:.1%} are dismissed on the way through the model",
            *(
                f"    {number / record.texts:.1%} after layer {layer}"
                for layer, number in zip(record.layers, record.dismissed, strict=True)
            ),
            f"  {record.lost} of the {record.flagged} that the model flags are among them",
        ):
            console.print(line, markup=False, soft_wrap=True, highlight=False)
    console.print(f"→ {out}", markup=False, soft_wrap=True, highlight=False)
