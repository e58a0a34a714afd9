"""The command line: one file per command, each a thin shell over the function of the same name."""

from __future__ import annotations

import io
import os
import sys

import typer
from rich.console import Console

from hatespeech_no.cli import interrupts
from hatespeech_no.cli.audit import audit
from hatespeech_no.cli.card import card
from hatespeech_no.cli.compare import compare
from hatespeech_no.cli.data import data
from hatespeech_no.cli.distil import distil
from hatespeech_no.cli.evaluate import evaluate
from hatespeech_no.cli.explain import explain
from hatespeech_no.cli.export import export
from hatespeech_no.cli.log import log
from hatespeech_no.cli.map import mapping
from hatespeech_no.cli.norhatecheck import norhatecheck
from hatespeech_no.cli.promote import promote
from hatespeech_no.cli.release import release
from hatespeech_no.cli.review import review
from hatespeech_no.cli.review_server import reader
from hatespeech_no.cli.review_server import serve as serve_review
from hatespeech_no.cli.rules import rules
from hatespeech_no.cli.score import score
from hatespeech_no.cli.serve import serve
from hatespeech_no.cli.sweep import sweep
from hatespeech_no.cli.train import train
from hatespeech_no.cli.ui import ui
from hatespeech_no.errors import HatespeechError

_INTERRUPTED = 130

app = typer.Typer(
    help="Find hateful speech in Norwegian and English, for humans to review. Nothing is decided automatically.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    train,
    sweep,
    evaluate,
    audit,
    compare,
    export,
    distil,
    release,
    score,
    serve,
    explain,
    rules,
    log,
    ui,
    card,
    promote,
):
    app.command()(command)
app.add_typer(data, name="data")
app.add_typer(norhatecheck, name="norhatecheck")
app.add_typer(mapping, name="map")
review.command("serve")(serve_review)
review.add_typer(reader, name="reader")
app.add_typer(review, name="review")


def main() -> None:
    """Run the command line: a user's mistake ends with a message and exit code 2, never a traceback."""
    interrupts.listen()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that knows no emoji shows a question mark
            stream.reconfigure(errors="replace")
    try:
        app()
    except HatespeechError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            Console(stderr=True).print("Interrupted. What was finished is kept.")
            sys.stdout.flush()
            # Open runs are closed by now. Taking the interpreter down with all libraries takes seconds in
            # which it no longer heeds signals, and a library's thread may hold it up for good.
            os._exit(_INTERRUPTED)
        raise
