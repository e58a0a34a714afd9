"""``hatespeech-no score``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from hatespeech_no.cli.interrupts import heed
from hatespeech_no.cli.progress import ScoringProgress
from hatespeech_no.cli.summary import show_summary
from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import load
from hatespeech_no.scoring.files import Summary, score_file
from hatespeech_no.scoring.inputs import Options
from hatespeech_no.spark import REJECTS, score_table, spark_session
from hatespeech_no.tables.source import STDIN, Format
from hatespeech_no.taxonomy import Lang, Publicity

ROWS_REJECTED = 3
"""Exit code if the file was scored but some of its rows could not be used."""

_SHOWN_ROWS = 10
_ALREADY = {
    "nb": "var ferdig vurdert og er ikke rørt; --overwrite vurderer på nytt",
    "en": "was finished already and is left alone; --overwrite scores it anew",
}


def score(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="CSV, TSV, JSONL, Excel, Parquet or text file, also .gz or .zst; a folder of such; - for stdin.",
        ),
    ],
    target: Annotated[
        str,
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
    show: Annotated[int | None, typer.Option(help="How many of the gravest rows to show; default 10.", min=0)] = None,
    engine: Annotated[
        Literal["local", "spark"], typer.Option(help="What scores: this machine, or Spark (docs/spark.md).")
    ] = "local",
    master: Annotated[
        str | None, typer.Option(help="Spark's: local[2], spark://…, yarn; default spark-submit's, or this machine.")
    ] = None,
) -> None:
    """Score a file of comments, or a folder of files, and show the gravest flags. A human must read them.

    Rows that cannot be used are written to OUT.rejected.csv with the reason; the exit code is then 3.
    A run that was stopped or killed goes on where it was when the same command is given again.
    With --engine spark OUT is a folder of Parquet files, whose rows are in no order; see docs/spark.md.
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
    console = Console()
    if engine == "spark":
        if show is not None or source == STDIN:
            raise HatespeechError("Spark shows no rows and has no standard input: leave out --show, and name a file")
        summary = _score_on_spark(console, source, target, options, model, master, overwrite=overwrite)
        rejected = f"{target}/{REJECTS}"
    elif master is not None:
        raise HatespeechError("--master belongs to Spark: add --engine spark")
    else:
        keep = _SHOWN_ROWS if show is None else show
        summary = _score_here(console, source, Path(target), options, model, keep, overwrite=overwrite)
        rejected = str(summary.rejected_file)
    show_summary(console, summary, lang)
    if summary.already:
        console.print(f"{target} {_ALREADY[lang]}", markup=False, soft_wrap=True)
        return
    console.print(f"→ {target}", markup=False, soft_wrap=True)
    if summary.rejected:
        console.print(f"→ {rejected}", markup=False, soft_wrap=True, style="yellow")
        raise typer.Exit(ROWS_REJECTED)


def _score_here(
    console: Console, source: str, target: Path, options: Options, model: str | None, keep: int, *, overwrite: bool
) -> Summary:
    classifier = load(model)
    try:
        with ScoringProgress(console, Path(source).name) as progress:
            return score_file(classifier, source, target, options, keep=keep, overwrite=overwrite, progress=progress)
    except KeyboardInterrupt:
        console.print(f"Stopped after {progress.rows} rows. The same command goes on from there.", soft_wrap=True)
        raise


def _score_on_spark(
    console: Console,
    source: str,
    target: str,
    options: Options,
    model: str | None,
    master: str | None,
    *,
    overwrite: bool,
) -> Summary:
    spark = spark_session(master, progress=console.is_terminal)
    logging.disable(logging.ERROR)  # of a stopped run py4j would log where it was
    try:
        try:
            return score_table(spark, source, target, options, model=model, overwrite=overwrite)
        except HatespeechError:
            heed()  # Spark's own complaint that it was stopped
            raise
        finally:
            spark.stop()
    except KeyboardInterrupt:
        console.print("Stopped. Spark begins anew: give the same command with --overwrite.", soft_wrap=True)
        raise
    finally:
        logging.disable(logging.NOTSET)


def _share(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise HatespeechError(f"--prevalence {text!r}: write an element and its share, like hateful=0.02") from None
