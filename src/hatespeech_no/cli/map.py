"""``hatespeech-no map sample | estimate | report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.pages import number
from hatespeech_no.loading import RUNS
from hatespeech_no.mapping.cells import ALL
from hatespeech_no.mapping.disclosure import protect
from hatespeech_no.mapping.inputs import Columns, read_crimes
from hatespeech_no.mapping.measures import measure_label
from hatespeech_no.mapping.record import mapping_record
from hatespeech_no.mapping.report import ESTIMATES, write_report
from hatespeech_no.mapping.results import Mapping, map_prevalence
from hatespeech_no.mapping.sampling import DESIGN, SAMPLE, design_sample, write_sample
from hatespeech_no.mapping.words import WORDS
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Lang
from hatespeech_no.text.keyed import load_key
from hatespeech_no.tracking.mappings import log_mapping
from hatespeech_no.tracking.store import local_store
from hatespeech_no.training.config import without_password

mapping = typer.Typer(
    help="Kartlegging: how much hateful expression there is, towards whom, and how sure that is.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Folder of the mapping.")]


@mapping.command()
def sample(
    scored: Annotated[Path, typer.Argument(help="What 'hatespeech-no score' wrote, a file or a folder.")],
    folder: Folder,
    labels: Annotated[int, typer.Option(help="How many rows people will label.", min=30)] = 600,
    id_column: Annotated[str | None, typer.Option(help="Column of ids; default the number of the row.")] = None,
    text_column: Annotated[str, typer.Option(help="Column that holds the text.")] = "text",
    thread_column: Annotated[str | None, typer.Option(help="Column of what the text answers.")] = None,
    arena_column: Annotated[str | None, typer.Option(help="Column of page, channel, school …")] = None,
    time_column: Annotated[str | None, typer.Option(help="Column of times, ISO 8601.")] = None,
    weight_column: Annotated[
        str | None, typer.Option(help="Column of survey weights: the rows then stand for a larger population.")
    ] = None,
    by_arena: Annotated[bool, typer.Option("--by-arena", help="Give every arena labels of its own.")] = False,
    score: Annotated[
        Literal["p_hateful", "p_actionable"], typer.Option(help="Stratify by this; for the rarest tier p_actionable.")
    ] = "p_hateful",
    expected: Annotated[
        float, typer.Option(help="Prevalence to plan for; a wrong one costs width, not validity.", min=1e-4, max=0.9)
    ] = 0.02,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
) -> None:
    """Draw the rows that people must label, also among those that are not flagged, and say what so many labels buy."""
    if (folder / DESIGN).exists():
        raise HatespeechError(f"{folder}: holds a sample already; labels of another draw would not fit, name a new one")
    columns = Columns(
        id=id_column,
        text=text_column,
        thread=thread_column,
        arena=arena_column,
        time=time_column,
        weight=weight_column,
    )
    design = design_sample(scored, columns, labels=labels, by_arena=by_arena, score=score, expected=expected, seed=seed)
    write_sample(design, folder, load_key())
    table = Table(title=f"Expected 95 % interval at a prevalence of {expected:.1%}", title_justify="left")
    table.add_column("labels", justify="right")
    table.add_column("width in percentage points", justify="right")
    for n, width in design.widths.items():
        table.add_row(str(n), f"{100 * width:.2f}")
    if by_arena:
        table.add_section()
        for arena, given, width in zip(design.arenas, design.labels, design.arena_widths, strict=True):
            table.add_row(f"{arena}: {sum(given)}", f"{100 * width:.2f}")
    console = Console()
    console.print(table)
    console.print(f"→ {folder / SAMPLE}", markup=False, soft_wrap=True)


@mapping.command()
def estimate(
    folder: Folder,
    labels: Annotated[
        Path, typer.Argument(help="Table with id and of hateful, tier, grounds, conduct what people answered.")
    ],
    validation: Annotated[
        Path | None, typer.Option(help="A run's predictions_….csv: adds the adjusted count for comparison.")
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the table.")] = "en",
) -> None:
    """Estimate prevalence with 95 % intervals from the labels of the sample."""
    found = map_prevalence(folder, labels, load_key(), validation)
    found.write(folder)
    facts = found.facts
    table = Table(title=f"{WORDS[lang]['labels']}: {facts.answered} / {facts.drawn}", title_justify="left")
    for name in ("", "%", "95 %"):
        table.add_column(name, justify="right" if name else "left")
    overall = found.estimates[(found.estimates["dimension"] == ALL) & found.estimates["share"].notna()]
    for row in overall.to_dict("records"):
        value, lo, hi = (number(100 * row[name], lang, 2) for name in ("share", "lo", "hi"))
        table.add_row(measure_label(row["measure"], lang), value, f"{lo}–{hi}")
    console = Console()
    console.print(table)
    if facts.open:
        console.print(WORDS[lang]["unanswered"].format(open=facts.open, drawn=facts.drawn), style="yellow")
    console.print(NOTICE[lang], style="bold")
    console.print(f"→ {folder}", markup=False, soft_wrap=True)


@mapping.command()
def report(
    folder: Folder,
    collected: Annotated[
        str | None, typer.Option(help="In words: where the statements are from, from when, and how they were chosen.")
    ] = None,
    crimes: Annotated[
        Path | None, typer.Option(help="Registered hate crimes (year, ground, count, source), shown beside.")
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the report.")] = "nb",
    log: Annotated[bool, typer.Option(help="Log to MLflow.")] = True,
    uri: Annotated[str | None, typer.Option(help="MLflow tracking store; default the local one.")] = None,
) -> None:
    """Write the report as HTML and PDF; small numbers are withheld."""
    found = Mapping.read(folder)
    files = write_report(
        found, folder, lang, collected=collected, crimes=None if crimes is None else read_crimes(crimes)
    )
    console = Console()
    for file in files:
        console.print(f"→ {file}", markup=False, soft_wrap=True)
    if log:
        RUNS.mkdir(exist_ok=True)
        address = uri or local_store(RUNS)
        log_mapping(mapping_record(found, protect(found.estimates)), [*files, folder / ESTIMATES], address)
        console.print(f"Logged to {without_password(address)}", markup=False, soft_wrap=True)
