"""``hatespeech-no rules``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Lang
from hatespeech_no.triage import load_rules

_TITLES = {
    "nb": ("Regel", "Nivå", "Når", "Bestemmelser", "Kilde", "Deretter, i denne rekkefølgen"),
    "en": ("Rule", "Tier", "When", "Provisions", "Source", "Then, in this order"),
}


def rules(lang: Annotated[Lang, typer.Option(help="Language of the explanations.")] = "en") -> None:
    """Print the triage rules with their sources. The first that matches decides, then the adjustments."""
    console = Console()
    ruleset = load_rules()
    *columns, then = _TITLES[lang]
    table = Table(title=f"{ruleset.version} · {ruleset.statute}", title_justify="left", show_lines=True)
    for title in columns:
        table.add_column(title, overflow="fold")
    for rule in ruleset.rules:
        tiers = [rule.tier.label(lang), *(f"({change.tier.label(lang)})" for change in rule.tier_if)]
        provisions = [*rule.provisions, *(f"({name})" for extra in rule.provisions_if for name in extra.add)]
        table.add_row(rule.id, "\n".join(tiers), rule.label(lang), " ".join(provisions), rule.source)
    console.print(table)
    console.print(f"\n{then}:", style="bold")
    for adjustment in ruleset.adjustments:
        arrow = "" if adjustment.to is None else f" → {adjustment.to.label(lang)}"
        console.print(f"  {adjustment.id}: {adjustment.label(lang)}{arrow}", highlight=False, markup=False)
    console.print(f"\n{NOTICE[lang]}", style="bold")
