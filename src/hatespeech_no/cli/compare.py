"""``hatespeech-no compare``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.compare import ALL, HEADLINES, Difference, Run, read_run
from hatespeech_no.evaluation.compare import compare as run_comparison
from hatespeech_no.evaluation.metrics import MACRO_F1
from hatespeech_no.evaluation.pages import number
from hatespeech_no.evaluation.report import WORDS, difference, question, render, sentence, verdict
from hatespeech_no.loading import RUNS
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Lang
from hatespeech_no.tracking.registry import download_run
from hatespeech_no.tracking.store import local_store
from hatespeech_no.training.record import SUMMARY

_STYLES = {"better": "green", "worse": "red", "open": "dim"}


def compare(
    runs: Annotated[
        list[str], typer.Argument(help="Run folders or runs:/<id>; the others are compared with the first.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write a report to this HTML file.")] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the report.")] = "en",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 1000,
    uri: Annotated[str | None, typer.Option(help="MLflow store of runs:/… addresses; default the local one.")] = None,
) -> None:
    """Say which model is better, for whom, and whether the difference is real."""
    if out is not None and not out.parent.is_dir():
        raise HatespeechError(f"{out.parent}: there is no such folder to write {out.name} to")
    read = [_read(run, uri or local_store(RUNS)) for run in runs]
    console = Console()
    with console.status("comparing"):
        found = run_comparison(read, resamples=resamples)
    for run in read[1:]:
        for suite in dict.fromkeys(one.suite for one in found):
            mine = [one for one in found if (one.run, one.suite) == (run.name, suite)]
            title = f"{suite}: {MACRO_F1.label(lang)}\nA  {read[0].name}\nB  {run.name}"
            table = _table(mine, title, lang)
            if not table.row_count:  # one-sided suites have no macro-F1; the report has what they have
                continue
            console.print(table)
            for one in mine:
                if one.headline:
                    console.print(sentence(one, read[0].name, lang), markup=False, soft_wrap=True)
            console.print()
    console.print(NOTICE[lang], style="bold")
    if out is not None:
        out.write_text(render(read, found, lang), "utf-8")
        console.print(f"→ {out}", markup=False, soft_wrap=True)


def _read(run: str, uri: str) -> Run:
    if run.startswith("runs:/"):
        with download_run(run, uri) as fetched:
            return _read(str(fetched), uri)
    folder = Path(run)
    try:
        settings = json.loads((folder / SUMMARY).read_text("utf-8"))["params"]
    except (OSError, ValueError) as error:
        raise HatespeechError(f"{folder}: is no finished run folder, it has no readable {SUMMARY}") from error
    return read_run(folder, settings)


def _table(found: Sequence[Difference], title: str, lang: Lang) -> Table:
    """Macro-F1 of one suite: of headlines also by language, of the other elements what is told from chance."""
    words = WORDS[lang]
    # Names of folders are not markup.
    table = Table(title=Text(title), title_justify="left", caption=words["caption"], caption_justify="left")
    table.add_column(words["question"], overflow="fold")
    for name in ("A", "B", words["difference"]):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(words["verdict"], no_wrap=True)
    macro = [one for one in found if one.metric.name == MACRO_F1.name]
    groups = [[one for one in macro if one.element == element] for element in HEADLINES]
    groups.append([one for one in macro if one.element not in HEADLINES and one.slice == ALL and one.real])
    for group in filter(None, groups):
        table.add_section()
        for one in group:
            style = _STYLES["open" if not one.real else "better" if one.gain > 0 else "worse"]
            values = number(one.baseline, lang), number(one.value, lang), difference(one, lang)
            table.add_row(question(one, lang), *values, verdict(one, lang), style=style)
    return table
