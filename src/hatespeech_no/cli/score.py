"""``hatespeech-no score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from hatespeech_no.cli.progress import ScoringProgress
from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import load
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.scoring.files import ScoredRow, Summary, score_file
from hatespeech_no.scoring.inputs import Options
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
    "unread": (
        "Ikke lest (ark må lagres for seg, filer trenger et kjent filnavn)",
        "Not read (save sheets by themselves; files need a name that tells what they are)",
    ),
    "already": (
        "var ferdig vurdert og er ikke rørt; --overwrite vurderer på nytt",
        "was finished already and is left alone; --overwrite scores it anew",
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
            metavar="IN",
            help="CSV, TSV, JSONL, Excel, Parquet or text file, also .gz or .zst; a folder of such; - for stdin.",
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="File to write: .csv, .jsonl, .xlsx or .parquet; or a folder of Parquet files."
        ),
    ],
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
    columns: Annotated[str | None, typer.Option(help="Columns of IN to keep, with commas; default all.")] = None,
    limit: Annotated[int | None, typer.Option(help="Score the first rows only.", min=1)] = None,
    sample: Annotated[int | None, typer.Option(help="Score so many rows drawn at random.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it is finished, or was begun from something else.")
    ] = False,
    lang: Annotated[Lang, typer.Option(help="Language of the table.")] = "en",
    show: Annotated[int, typer.Option(help="How many of the gravest rows to show.", min=0)] = 10,
) -> None:
    """Score a file of comments, or a folder of files, and show the gravest flags. A human must read them.

    Rows that cannot be used are written to OUT.rejected.csv with the reason; the exit code is then 3.
    A run that was stopped or killed goes on where it was when the same command is given again.
    """
    options = Options(
        text_column=text_column,
        file_format=file_format,
        publicity=publicity,
        profile=profile,
        prevalence=dict(_share(text) for text in prevalence or ()),
        columns=None if columns is None else tuple(name.strip() for name in columns.split(",")),
        limit=limit,
        sample=sample,
        seed=seed,
    )
    classifier = load(model)
    console = Console()
    try:
        with ScoringProgress(console, source.name) as progress:
            summary = score_file(classifier, source, target, options, keep=show, overwrite=overwrite, progress=progress)
    except KeyboardInterrupt:
        console.print(f"Stopped after {progress.rows} rows. The same command goes on from there.", soft_wrap=True)
        raise
    _print(console, summary, lang)
    if summary.already:
        console.print(f"{target} {_word('already', lang)}", markup=False, soft_wrap=True)
        return
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
    console.print(f"{summary.rows:>8}  {_word('rows', lang)}", highlight=False)
    if summary.encoding is not None:
        separated = (
            "" if summary.delimiter is None else f", {_word('separated', lang)} {_word(summary.delimiter, lang)}"
        )
        console.print(f"{_word('read_as', lang)} {_ENCODINGS[summary.encoding]}{separated}.", style="dim")
    if summary.unread:
        console.print(f"{_word('unread', lang)}: {', '.join(summary.unread)}", style="yellow", markup=False)
    console.print(NOTICE[lang], style="bold")


def _cells(flagged: ScoredRow, lang: Lang) -> tuple[Text, Group, Group]:
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
        Text(str(flagged.row) if flagged.file is None else f"{printable(flagged.file)}\n{flagged.row}"),
        Group(Text(a.tier.label(lang), style=_COLOURS.get(a.tier, "")), *facts),
        Group(_excerpt(flagged), *(Text(f"– {reason}", style="dim") for reason in a.reasons(lang))),
    )


def _excerpt(flagged: ScoredRow) -> Text:
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
