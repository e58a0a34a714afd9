"""``hatespeech-no norhatecheck build | run | export | sheet | add-labels``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import load
from hatespeech_no.norhatecheck.check import check_cases
from hatespeech_no.norhatecheck.export import export as export_cases
from hatespeech_no.norhatecheck.labels import agreement, gold_labels, read_labels, write_labels, write_sheet
from hatespeech_no.norhatecheck.run import (
    Prediction,
    Result,
    predict_by_call,
    predict_with,
    read_predictions,
    write_predictions,
)
from hatespeech_no.norhatecheck.run import run as run_suite
from hatespeech_no.norhatecheck.suite import (
    CASES,
    FROZEN,
    Case,
    build_rows,
    load_cases,
    load_functions,
    serialise,
    suite_folder,
    to_case,
)
from hatespeech_no.taxonomy import Lang

norhatecheck = typer.Typer(
    help="NorHateCheck: functional tests for Norwegian. For evaluation only, never for training.",
    no_args_is_help=True,
)

Folder = Annotated[Path | None, typer.Option(help="The suite's sources; default the shipped ones.")]
_SHEET_CASES = 500
_SHOWN_FAULTS = 20


@norhatecheck.command()
def build(
    folder: Folder = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default beside the sources.")] = None,
) -> None:
    """Build the cases from their sources, check them, and say whether they are the frozen ones."""
    source = folder or suite_folder()
    rows = build_rows(source)
    faults = check_cases([to_case(row) for row in rows], load_functions(source))
    if faults:
        shown = "\n".join(faults[:_SHOWN_FAULTS])
        raise HatespeechError(f"{len(faults)} faults in {source}; nothing was written. The first:\n{shown}")
    content = serialise(rows)
    digest = hashlib.sha256(content).hexdigest()
    frozen = (source / FROZEN).read_text("utf-8").split()[0] if (source / FROZEN).is_file() else None
    if out is None and digest != frozen:
        raise HatespeechError(
            f"the sources give another suite ({digest}) than the frozen one ({frozen}); write it with --out"
        )
    target = out or source / CASES
    target.write_bytes(content)
    Console().print(f"{len(rows)} cases, sha256 {digest}\n→ {target}", markup=False, soft_wrap=True, highlight=False)


@norhatecheck.command()
def run(
    model: Annotated[
        str,
        typer.Argument(
            help="One of our models (see score), package.module:function (texts to yes/no), or a CSV of predictions."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write the table per function to this CSV file.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Write the predictions to this CSV file.")] = None,
    profile: Annotated[str, typer.Option(help="Operating profile of one of our models.")] = "balanced",
    lang: Annotated[Lang, typer.Option(help="Language of the table.")] = "en",
) -> None:
    """Run a model on the suite: accuracy per function, with 95 % intervals."""
    for target in (out, predictions):
        if target is not None and not target.parent.is_dir():
            raise HatespeechError(f"{target.parent}: there is no such folder to write {target.name} to")
    console = Console()
    cases, functions = load_cases(), load_functions()
    with console.status("running"):
        answers = _predict(model, cases, profile)
        result = run_suite(cases, functions, answers)
    if predictions is not None:
        write_predictions(predictions, answers)
    if out is not None:
        result.functions.to_csv(out, index=False)
    console.print(_function_table(result, lang))
    console.print(_summary_table(result))
    for target in filter(None, (out, predictions)):
        console.print(f"→ {target}", markup=False, soft_wrap=True)


@norhatecheck.command()
def export(out: Annotated[Path, typer.Argument(help="CSV file to write.")]) -> None:
    """Write the suite in the columns of HateCheck."""
    count = export_cases(out, load_cases())
    Console().print(f"{count} cases → {out}", markup=False, soft_wrap=True)


@norhatecheck.command()
def sheet(
    out: Annotated[Path, typer.Argument(help="CSV file to write.")],
    cases: Annotated[int, typer.Option(help="How many cases, drawn at random.", min=1)] = _SHEET_CASES,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
) -> None:
    """Write an empty labelling sheet for a reader. The codebook is data/codebook.md (data/kodebok.md)."""
    # Of the many fillings of a template a reader sees one.
    everything = load_cases()
    shuffled = (everything[i] for i in np.random.default_rng(seed).permutation(len(everything)))
    once = {case.template or case.statement.id: case for case in shuffled}
    count = write_sheet(out, list(once.values())[:cases])
    Console().print(f"{count} cases → {out}", markup=False, soft_wrap=True)


@norhatecheck.command("add-labels")
def add_labels(
    filled: Annotated[Path, typer.Argument(help="A filled labelling sheet.")],
    reader: Annotated[str, typer.Argument(help="A pseudonym of the reader: letters and digits.")],
    folder: Folder = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace this reader's earlier labels.")] = False,
) -> None:
    """Check a reader's labels, keep them in the suite's folder labels/, and show how far they agree with the suite."""
    if not reader.isalnum():
        raise HatespeechError(f"reader {reader!r}: use letters and digits alone, no name")
    source = folder or suite_folder()
    cases = load_cases(source)
    labels = read_labels(filled, cases)
    target = source / "labels" / f"{reader}.csv"
    if not labels:
        raise HatespeechError(f"{filled}: holds no answers; nothing was kept")
    if target.exists() and not replace:
        raise HatespeechError(f"{target} holds labels of this reader already; take another name, or --replace them")
    target.parent.mkdir(exist_ok=True)
    write_labels(target, labels)
    table = Table(title=f"{reader} and the suite, {len(labels)} cases", title_justify="left")
    for name in ("element", "cases", "same answer", "Krippendorff's α"):
        table.add_column(name, justify="left" if name == "element" else "right")
    for field, (n, same, alpha) in agreement(gold_labels(cases), labels).items():
        table.add_row(field, str(n), f"{same:.1%}", f"{alpha:.2f}")
    console = Console()
    console.print(table)
    console.print(f"→ {target}", markup=False, soft_wrap=True)


def _predict(model: str, cases: list[Case], profile: str) -> dict[str, Prediction]:
    if model.endswith(".csv"):
        return read_predictions(Path(model))
    if ":" in model and not model.startswith(("runs:/", "models:/")):
        return predict_by_call(model, cases)
    return predict_with(load(model), cases, profile)


def _function_table(result: Result, lang: Lang) -> Table:
    table = Table(title="NorHateCheck, accuracy per function (* unseen in training)", title_justify="left")
    has_tiers = "tier_accuracy" in result.functions
    for name in ("function", "n", "hateful or not", *(["tier"] if has_tiers else [])):
        table.add_column(name, justify="left" if name == "function" else "right", no_wrap=name != "function")
    functions, family = load_functions(), None
    for row in result.functions.to_dict("records"):
        if family not in (None, row["family"]):
            table.add_section()
        family = row["family"]
        name = f"{functions[row['function']].label(lang)}{' *' if row['unseen'] else ''}"
        cells = [_share(row, "accuracy", "lo", "hi")]
        if has_tiers:
            cells.append(_share(row, "tier_accuracy", "tier_lo", "tier_hi"))
        table.add_row(name, str(row["n"]), *cells)
    return table


def _share(row: dict[str, float], value: str, lo: str, hi: str) -> str:
    return "–" if np.isnan(row[value]) else f"{row[value]:.2f} ({row[lo]:.2f}–{row[hi]:.2f})"


def _summary_table(result: Result) -> Table:
    table = Table(title="Macro-F1 and accuracy with 95 % intervals", title_justify="left")
    for name in ("slice", "answer", "metric", "n", "value"):
        table.add_column(name, justify="right" if name in ("n", "value") else "left")
    for key, e in result.summary.items():
        table.add_row(*key.split("/"), str(e.n), f"{e.value:.3f} ({e.lo:.3f}–{e.hi:.3f})")
    return table
