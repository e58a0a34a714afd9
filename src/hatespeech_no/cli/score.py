"""``hatespeech-no score``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hatespeech_no.loading import load
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.scoring.files import Flagged, Summary, score_file
from hatespeech_no.taxonomy import Lang, Publicity, Tier
from hatespeech_no.text.masking import mask_patterns

_COLOURS = {Tier.ACTIONABLE: "bold red", Tier.UNCERTAIN: "bold yellow", Tier.LAWFUL_HATE: "bold magenta"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")
_WORDS = {
    "nb": (
        "De groveste funnene",
        "rad",
        "vurdering",
        "tekst og begrunnelse",
        "rader uten tekst",
        "rader i alt",
        "hatefull",
    ),
    "en": (
        "The gravest findings",
        "row",
        "assessment",
        "text and reasons",
        "rows without text",
        "rows in all",
        "hateful",
    ),
}


def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="CSV, TSV or JSONL file, UTF-8.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: .csv or .jsonl.")],
    text_column: Annotated[str, typer.Option(help="Column that holds the text.")] = "text",
    model: Annotated[
        str | None, typer.Option(help="Bundle or run folder, runs:/… or models:/…; default the demo's.")
    ] = None,
    publicity: Annotated[Publicity, typer.Option(help="Where all these comments were made.")] = Publicity.UNKNOWN,
    lang: Annotated[Lang, typer.Option(help="Language of the table.")] = "en",
    show: Annotated[int, typer.Option(help="How many of the gravest rows to show.", min=0)] = 10,
) -> None:
    """Score a file of comments and show the gravest flags. A human must read them."""
    classifier = load(model)
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"scoring {source.name}", total=None)
        summary = score_file(
            classifier,
            source,
            target,
            text_column=text_column,
            publicity=publicity,
            keep=show,
            progress=lambda rows: progress.update(task, completed=rows),
        )
    _print(console, summary, lang)
    console.print(f"→ {target}", markup=False, soft_wrap=True)


def _print(console: Console, summary: Summary, lang: Lang) -> None:
    title, row, assessment, reasons, without_text, rows, _ = _WORDS[lang]
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column(row, justify="right")
    table.add_column(assessment, ratio=2)
    table.add_column(reasons, ratio=3)
    for flagged in summary.gravest:
        table.add_row(*_cells(flagged, lang))
    if summary.gravest:
        console.print(table)
    for tier in reversed(Tier):
        console.print(f"{summary.tiers[tier]:>8}  {tier.label(lang)}", highlight=False)
    if summary.without_text:
        console.print(f"{summary.without_text:>8}  {without_text}", highlight=False)
    console.print(f"{sum(summary.tiers.values()) + summary.without_text:>8}  {rows}", highlight=False)
    console.print(NOTICE[lang], style="bold")


def _cells(flagged: Flagged, lang: Lang) -> tuple[Text, Group, Group]:
    a = flagged.assessment
    probability = "?" if a.p_hateful is None else f"{a.p_hateful:.2f}"
    conduct = "?" if a.conduct is None else a.conduct.label(lang)
    facts = [
        Text(f"p({_WORDS[lang][-1]}) = {probability}"),
        Text(conduct),
        *(Text(g.label(lang)) for g in a.grounds),
    ]
    # Texts are hostile when printed too: no markup, no control codes, no handles.
    text = _CONTROL.sub(" ", mask_patterns(flagged.text))[:160]
    return (
        Text(str(flagged.row)),
        Group(Text(a.tier.label(lang), style=_COLOURS.get(a.tier, "")), *facts),
        Group(Text(text), *(Text(f"– {reason}", style="dim") for reason in a.reasons(lang))),
    )
