"""hatespeech-no export: a fine-tuned model without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hatespeech_no.corpora import load_corpus
from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import load
from hatespeech_no.models.onnx_export import Precision

if TYPE_CHECKING:
    from hatespeech_no.training.export import Parity


def export(
    model: Annotated[str, typer.Argument(help="Bundle or run folder of an encoder, runs:/… or models:/….")],
    out: Annotated[Path, typer.Argument(help="Folder of the new bundle.")],
    precision: Annotated[Precision, typer.Option(help="int8 is smaller and faster.")] = "int8",
    languages: Annotated[
        list[str] | None,
        typer.Option("--language", help="Serve only this language, in a smaller file; repeat for more: nb, nn, da …"),
    ] = None,
    corpus: Annotated[str, typer.Option(help="Labelled texts to compare on, its test part.")] = (
        "data/statements/corpus.yaml"
    ),
) -> None:
    """Export a fine-tuned encoder to ONNX and report by how much it differs from the original."""
    from hatespeech_no.training.export import export as run

    rows = load_corpus(corpus).get("test")
    if rows is None:
        raise HatespeechError(f"corpus {corpus!r} has no test part to compare on")
    console = Console()
    with console.status("exporting and comparing"):
        parity = run(load(model).bundle, out, precision, rows, languages or ())
    print_parity(console, parity)
    console.print(f"→ {out}", markup=False, soft_wrap=True, highlight=False)


def print_parity(console: Console, parity: Parity) -> None:
    """By how much an exported model differs from its original."""
    for line in (
        f"{parity.megabytes:.1f} MB, compared on {parity.rows} texts that neither learned from:",
        f"  probabilities differ by {parity.percentile_99:.4f} at the 99th percentile, {parity.largest:.4f} at most",
        f"  {100 * parity.tier_flips:.2f} % get another tier",
        f"  macro-F1 of hateful {parity.before:.4f} before, {parity.after:.4f} after",
        f"  alone and in a batch a text differs by {parity.batch_effect:.4f} at most",
    ):
        console.print(line, markup=False, soft_wrap=True, highlight=False)
