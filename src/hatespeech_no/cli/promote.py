"""``hatespeech-no promote``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.loading import RUNS
from hatespeech_no.taxonomy import Lang
from hatespeech_no.tracking.bars import Limit, Outcome
from hatespeech_no.tracking.promote import Promotion
from hatespeech_no.tracking.promote import promote as run_promotion
from hatespeech_no.tracking.store import local_store

_COLUMNS = {
    "nb": ("", "mål", "krav", "kandidat", "sammenlignet med"),
    "en": ("", "metric", "bar", "candidate", "compared with"),
}
_LIMITS: dict[Lang, dict[Limit, str]] = {
    "nb": {"minimum": "minst", "maximum": "høyst", "may_fall_by": "kan falle", "may_rise_by": "kan stige"},
    "en": {"minimum": "at least", "maximum": "at most", "may_fall_by": "may fall by", "may_rise_by": "may rise by"},
}
_VERDICTS = {"nb": ("ikke nådd", "nådd"), "en": ("failed", "held")}
_MISSING = {"nb": "mangler", "en": "missing"}
_REFUSED = {
    "nb": "Avvist: aliaset {alias} for {name} blir der det er ({before}).",
    "en": "Refused: the alias {alias} of {name} stays where it was ({before}).",
}
_MOVED = {
    "nb": "{name} versjon {version} har nå {alias} (før: {before}). Et menneske svarer for bruken.",
    "en": "{name} version {version} now has the alias {alias} (before: {before}). A human answers for its use.",
}
_OTHER_ROWS = {
    "nb": "De to er ikke prøvd på de samme radene av {suites}; tallene skiller seg også av den grunn.",
    "en": "The two were not tested on the same rows of {suites}; their figures differ by that as well.",
}


def promote(
    run: Annotated[str, typer.Argument(help="Id of an MLflow run; of a run of several seeds the first one counts.")],
    alias: Annotated[str, typer.Option(help="Alias to move.")] = "champion",
    bars: Annotated[Path, typer.Option(help="File of what must hold.")] = Path("configs/promotion.yaml"),
    uri: Annotated[str | None, typer.Option(help="MLflow tracking store; default the local one.")] = None,
    name: Annotated[str | None, typer.Option(help="Registered model; default as the run is configured.")] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the outcome.")] = "en",
) -> None:
    """Give a run's model an alias in the registry, if every bar holds. Exit code 1 if one does not."""
    found = run_promotion(run, bars, uri or local_store(RUNS), alias, name)
    console = Console()
    console.print(_table(found, lang))
    failed = dict.fromkeys(outcome.bar for outcome in found.outcomes if not outcome.held)
    for bar in failed:
        console.print(f"{bar.metric}: {getattr(bar.reason, lang)}", style="yellow", markup=False, soft_wrap=True)
    if found.other_rows:
        note = _OTHER_ROWS[lang].format(suites=", ".join(found.other_rows))
        console.print(note, style="yellow", markup=False, soft_wrap=True)
    nobody = {"nb": "ingen", "en": "nobody"}[lang]
    words = {"name": found.name, "alias": alias, "version": found.version, "before": found.holder or nobody}
    console.print((_REFUSED if failed else _MOVED)[lang].format(**words), markup=False, soft_wrap=True)
    raise typer.Exit(1 if failed else 0)


def _table(found: Promotion, lang: Lang) -> Table:
    table = Table()
    for column in _COLUMNS[lang]:
        table.add_column(column, overflow="fold")
    for outcome in found.outcomes:
        limit, value = outcome.bar.limit
        table.add_row(
            _VERDICTS[lang][outcome.held],
            outcome.key,
            f"{_LIMITS[lang][limit]} {_number(value, lang)}",
            _number(outcome.value, lang),
            _compared(outcome, found.holder, lang),
            style=None if outcome.held else "red",
        )
    return table


def _compared(outcome: Outcome, holder: str | None, lang: Lang) -> str:
    bar = outcome.bar
    if not bar.relative:
        return ""
    if bar.compare_slice is None and holder is None:
        return {"nb": "ingen har det", "en": "nobody holds it"}[lang]
    other = bar.compare_slice or f"{'versjon' if lang == 'nb' else 'version'} {holder}"
    return f"{_number(outcome.other, lang)} ({other})"


def _number(value: float | None, lang: Lang) -> str:
    if value is None:
        return _MISSING[lang]
    return f"{value:.3f}".replace(".", "," if lang == "nb" else ".")
