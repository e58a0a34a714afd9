"""``hatespeech-no audit``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hatespeech_no.cli.evaluate import suite_of
from hatespeech_no.cli.progress import TrainingProgress
from hatespeech_no.corpora import corpus_names, find_descriptor
from hatespeech_no.corpora.fetch import missing_files
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.audit import audit as run_audit
from hatespeech_no.evaluation.audit import write_audit
from hatespeech_no.evaluation.audit_report import render
from hatespeech_no.evaluation.audit_words import WORDS
from hatespeech_no.loading import load
from hatespeech_no.norhatecheck import load_functions
from hatespeech_no.norhatecheck.suite import suite_folder
from hatespeech_no.scoring import Classifier
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Lang
from hatespeech_no.text.keyed import load_key
from hatespeech_no.training.card import find_seed, model_card

if TYPE_CHECKING:
    from datasets import Dataset

_STATEMENTS = Path("data") / "statements" / "corpus.yaml"


def audit(
    model: Annotated[str, typer.Argument(help="Bundle or run folder, runs:/… or models:/….")],
    out: Annotated[Path, typer.Argument(help="Folder for the report, new or empty.")],
    corpora: Annotated[
        list[str] | None, typer.Argument(help="Corpora, by name or descriptor file; default all that are here.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows of each corpus at most.", min=10)] = 2000,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 1000,
    lang: Annotated[Lang, typer.Option(help="Language of the report and the card.")] = "en",
) -> None:
    """Measure a model in every way there is, and write one report with tables, figures and the model card."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HatespeechError(f"{out}: is there already and not empty; name a new folder")
    classifier, key = load(model), load_key()
    console = Console()
    with TrainingProgress(console) as progress:
        suites, ours, left_out = _suites(classifier, corpora or [], lang, progress)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HatespeechError(f"{out}: cannot be made ({error.strerror})") from error
        found = run_audit(classifier, suites, ours, key, rows=rows, resamples=resamples, progress=progress)
        progress("writing")
        names = {function.id: function.label(lang) for function in load_functions().values()}
        write_audit(found, classifier, out, key, names, lang)
        bundle = classifier.bundle
        card = model_card(bundle.manifest, bundle.digest, find_seed(bundle.manifest, Path(model)), lang)
        (out / f"card.{lang}.md").write_text(card, "utf-8")
        report = out / f"report.{lang}.html"
        report.write_text(render(found, bundle, out / "figures", left_out, names, lang), "utf-8")
    for corpus, reason in left_out.items():
        console.print(
            f"{WORDS[lang]['left_out'].capitalize()} {corpus}: {reason}", style="yellow", markup=False, soft_wrap=True
        )
    console.print(NOTICE[lang], style="bold")
    console.print(f"→ {report}", markup=False, soft_wrap=True)


def _suites(
    classifier: Classifier, named: Sequence[str], lang: Lang, progress: TrainingProgress
) -> tuple[dict[str, Dataset], set[str], dict[str, str]]:
    """Suites by name, which of them are ours, and why others are left out; what is named is refused instead."""
    own = [_STATEMENTS, suite_folder() / "corpus.yaml"]
    suites: dict[str, Dataset] = {}
    ours: set[str] = set()
    left_out: dict[str, str] = {}
    for name in named or [*(str(path) for path in own if path.is_file()), *corpus_names()]:
        progress(f"reading {name}")
        if not named and (reason := _unusable(classifier, name, lang)):
            left_out[name] = reason
            continue
        try:
            suite, dataset = suite_of(classifier, name, "test")
        except HatespeechError as error:
            if named:
                raise
            left_out[name] = WORDS[lang]["refused"].format(error=error)
            continue
        if suite in suites:
            raise HatespeechError(f"corpus {suite!r} is named twice")
        suites[suite] = dataset
        if Path(name).resolve() in [path.resolve() for path in own]:
            ours.add(suite)
    return suites, ours, left_out


def _unusable(classifier: Classifier, name: str, lang: Lang) -> str | None:
    """Why a corpus need not be read."""
    descriptor, folders = find_descriptor(name)
    if missing := missing_files(descriptor, folders):
        return WORDS[lang]["not_here"].format(files=", ".join(file.path for file in missing))
    if descriptor.languages and not any(map(classifier.serves, descriptor.languages)):
        return WORDS[lang]["not_served"].format(languages=", ".join(descriptor.languages))
    return None
