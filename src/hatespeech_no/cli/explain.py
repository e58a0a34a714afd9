"""``hatespeech-no explain``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from hatespeech_no.loading import load
from hatespeech_no.models.attribution import WordWeight, attribute
from hatespeech_no.models.elements import Input
from hatespeech_no.scoring import explain as explained
from hatespeech_no.statement import Statement
from hatespeech_no.taxonomy import Lang, Publicity
from hatespeech_no.text.printable import printable

_STRONG, _WEAK, _LEAST = 0.5, 0.2, 1e-6


def explain(
    text: Annotated[str, typer.Argument(help="The statement, in quotation marks.")],
    model: Annotated[
        str | None, typer.Option(help="Bundle or run folder, runs:/… or models:/…; default the package's own.")
    ] = None,
    publicity: Annotated[Publicity, typer.Option(help="Where it was made.")] = Publicity.UNKNOWN,
    thread: Annotated[list[str] | None, typer.Option(help="A text it answers; repeat, oldest first.")] = None,
    minor: Annotated[bool | None, typer.Option("--minor/--adult", help="The person addressed is under 18.")] = None,
    profile: Annotated[str, typer.Option(help="balanced, high_recall or high_precision.")] = "balanced",
    lang: Annotated[Lang, typer.Option(help="Language of the explanation.")] = "en",
) -> None:
    """Assess one statement and say why. A human must decide."""
    statement = Statement(text, publicity=publicity, thread=tuple(thread or ()), addressee_is_minor=minor)
    classifier = load(model)
    (assessment,) = classifier.score(statement, profile)
    console = Console()
    console.print(explained(assessment, lang, text), markup=False, highlight=False)
    if assessment.evidence:
        # Classifier.words would score again, and take the passage that is gravest under the profile balanced.
        shown = Input(text, assessment.evidence[:1], statement.thread)
        console.print(_words(text, attribute(classifier.bundle.model, shown, 1, "hateful")))


def _words(text: str, weights: list[WordWeight]) -> Text:
    """The passage, its words the brighter the more they speak for ``hateful``."""
    if not weights:
        return Text()
    most = max(*(word.weight for word in weights), _LEAST)
    shown = Text()
    for word in weights:
        share = word.weight / most
        style = "bold red" if share > _STRONG else "red" if share > _WEAK else "dim"
        shown.append(printable(text[word.start : word.end]), style=style).append(" ")
    return shown
