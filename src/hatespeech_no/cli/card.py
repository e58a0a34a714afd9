"""``hatespeech-no card``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import RELEASED, load
from hatespeech_no.taxonomy import Lang
from hatespeech_no.training.card import find_seed, model_card


def card(
    model: Annotated[
        str | None, typer.Argument(help="Bundle or run folder, runs:/… or models:/…; default the package's own.")
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the card.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    watts: Annotated[
        float | None, typer.Option(help="Mean power of the machine it was trained on, to estimate energy.", min=0)
    ] = None,
) -> None:
    """Show what a model is, what it may be used for and how well it does, as Markdown."""
    if out is not None and not out.parent.is_dir():
        raise HatespeechError(f"{out.parent}: there is no such folder to write {out.name} to")
    bundle = load(model).bundle
    seed = find_seed(bundle.manifest, RELEASED if model is None else Path(model))
    text = model_card(bundle.manifest, bundle.digest, seed, lang, watts)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, "utf-8")
    Console().print(f"→ {out}", markup=False, soft_wrap=True)
