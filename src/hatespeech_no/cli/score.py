"""``hatespeech-no score``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import load
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.scoring.files import Flagged, Summary, score_file
from hatespeech_no.tables.source import Format
from hatespeech_no.taxonomy import Lang, Publicity, Tier
from hatespeech_no.text.passages import passage_at
from hatespeech_no.text.printable import printable

ROWS_REJECTED = 3
"""Exit code if the file was scored but some of its rows could not be used."""

_COLOURS = {Tier.ACTIONABLE: "bold red", Tier.UNCERTAIN: "bold yellow", Tier.LAWFUL_HATE: "bold magenta"}
_SHOWN = 160
_WORDS = {
    "title": ("De groveste funnene", "The gravest findings"),
    "row": ("rad", "row"),
    "assessment": ("vurdering", "assessment"),
    "reasons": ("tekst og begrunnelse", "text and reasons"),
    "without_text": ("rader uten tekst", "rows without text"),
    "rows": ("rader i alt", "rows in all"),
    "hateful": ("hatefull", "hateful"),
    "actionable": ("mulig straffbar", "possibly punishable"),
    "read_as": ("Lest som", "Read as"),
    "separated": ("kolonner skilt med", "columns separated by"),
    "unread_sheets": (
        "Ark som ikke er lest (lagre dem for seg)",
        "Sheets not read (save them by themselves)",
    ),
    "rejected": ("rader kunne ikke brukes", "rows could not be used"),
    ",": ("komma", "commas"),
    ";": ("semikolon", "semicolons"),
    "\t": ("tabulator", "tabs"),
}
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


def score(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", help="CSV, TSV, JSONL, Excel, Parquet or text file, also .gz or .zst; - for standard input."
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: .csv, .jsonl, .xlsx or .parquet.")],
    text_column: Annotated[str, typer.Option(help="Column that holds the text.")] = "text",
    model: Annotated[
        str | None, typer.Option(help="Bundle or run folder, runs:/… or models:/…; default the package's own.")
    ] = None,
    publicity: Annotated[Publicity, typer.Option(help="Where all these comments were made.")] = Publicity.UNKNOWN,
    profile: Annotated[str, typer.Option(help="balanced, high_recall or high_precision.")] = "balanced",
    prevalence: Annotated[
        list[str] | None,
        typer.Option(help="Share of such comments with an element, for example hateful=0.02; may be repeated."),
    ] = None,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="What IN is; default by its name. text: a comment per line.")
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the table.")] = "en",
    show: Annotated[int, typer.Option(help="How many of the gravest rows to show.", min=0)] = 10,
) -> None:
    """Score a file of comments and show the gravest flags. A human must read them.

    Rows that cannot be used are written to OUT.rejected.csv with the reason; the exit code is then 3.
    """
    shares = dict(_share(text) for text in prevalence or ())
    classifier = load(model)
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"scoring {source.name}", total=None)
        summary = score_file(
            partial(classifier.stream, profile=profile, prevalence=shares),
            source,
            target,
            text_column=text_column,
            publicity=publicity,
            file_format=file_format,
            keep=show,
            progress=lambda rows: progress.update(task, completed=rows),
        )
    _print(console, summary, lang)
    console.print(f"→ {target}", markup=False, soft_wrap=True)
    if summary.rejected_file is not None:
        console.print(f"→ {summary.rejected_file}", markup=False, soft_wrap=True, style="yellow")
        raise typer.Exit(ROWS_REJECTED)


def _share(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise HatespeechError(f"--prevalence {text!r}: write an element and its share, like hateful=0.02") from None


def _print(console: Console, summary: Summary, lang: Lang) -> None:
    table = Table(title=_word("title", lang), title_justify="left", show_lines=True)
    table.add_column(_word("row", lang), justify="right")
    table.add_column(_word("assessment", lang), ratio=2)
    table.add_column(_word("reasons", lang), ratio=3)
    for flagged in summary.gravest:
        table.add_row(*_cells(flagged, lang))
    if summary.gravest:
        console.print(table)
    rejected = summary.rejected.total()
    for tier in reversed(Tier):
        console.print(f"{summary.tiers[tier]:>8}  {tier.label(lang)}", highlight=False)
    if summary.without_text:
        console.print(f"{summary.without_text:>8}  {_word('without_text', lang)}", highlight=False)
    if rejected:
        counts = ", ".join(f"{n} {p.label(lang)}" for p, n in summary.rejected.most_common())
        console.print(f"{rejected:>8}  {_word('rejected', lang)}: {counts}", highlight=False, style="yellow")
    total = summary.tiers.total() + summary.without_text + rejected
    console.print(f"{total:>8}  {_word('rows', lang)}", highlight=False)
    if summary.encoding is not None:
        separated = (
            "" if summary.delimiter is None else f", {_word('separated', lang)} {_word(summary.delimiter, lang)}"
        )
        console.print(f"{_word('read_as', lang)} {_ENCODINGS[summary.encoding]}{separated}.", style="dim")
    if summary.unread_sheets:
        sheets = ", ".join(summary.unread_sheets)
        console.print(f"{_word('unread_sheets', lang)}: {sheets}", style="yellow", markup=False)
    console.print(NOTICE[lang], style="bold")


def _cells(flagged: Flagged, lang: Lang) -> tuple[Text, Group, Group]:
    a = flagged.assessment
    conduct = "?" if a.conduct is None else a.conduct.label(lang)
    facts = [
        *(
            Text(f"p({_word(name, lang)}) = {p:.2f}")
            for name, p in (("hateful", a.p_hateful), ("actionable", a.p_actionable))
            if p is not None
        ),
        Text(conduct),
        *(Text(g.label(lang)) for g in a.grounds),
    ]
    return (
        Text(str(flagged.row)),
        Group(Text(a.tier.label(lang), style=_COLOURS.get(a.tier, "")), *facts),
        Group(_excerpt(flagged), *(Text(f"– {reason}", style="dim") for reason in a.reasons(lang))),
    )


def _excerpt(flagged: Flagged) -> Text:
    """The gravest passage between the sentences beside it, as far as there is room."""
    start = flagged.assessment.passage[0] if flagged.assessment.passage else 0
    passage = passage_at(flagged.text, start)
    words, before, after = (printable(text) for text in (passage.text, passage.before, passage.after))
    room = max(0, _SHOWN - len(words)) // 2
    before = before if len(before) <= room else f"…{before[len(before) - room :]}"
    after = after if len(after) <= room else f"{after[:room]}…"
    parts = (Text(before, style="dim"), Text(words[:_SHOWN]), Text(after, style="dim"))
    return Text(" ").join(part for part in parts if part)


def _word(key: str, lang: Lang) -> str:
    return _WORDS[key][0 if lang == "nb" else 1]
