"""How the summary of a scored file is shown."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.scoring.files import ScoredRow, Summary
from hatespeech_no.taxonomy import Lang, Tier
from hatespeech_no.text.passages import passage_at
from hatespeech_no.text.printable import printable

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
    "rejected": ("rader kunne ikke brukes", "rows could not be used"),
    ",": ("komma", "commas"),
    ";": ("semikolon", "semicolons"),
    "\t": ("tabulator", "tabs"),
}
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


def show_summary(console: Console, summary: Summary, lang: Lang) -> None:
    """Show the gravest rows that the summary holds, and how many there are of each tier."""
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
