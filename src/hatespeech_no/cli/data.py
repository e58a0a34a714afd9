"""``hatespeech-no data list | fetch | check``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from hatespeech_no.corpora import corpus_names, find_descriptor
from hatespeech_no.corpora.check import CorpusCheck, SharedTexts, check_corpora
from hatespeech_no.corpora.descriptor import Descriptor, Licence
from hatespeech_no.corpora.fetch import fetch as fetch_corpus
from hatespeech_no.corpora.fetch import missing_files
from hatespeech_no.errors import HatespeechError

data = typer.Typer(help="Corpora: what there is, where to get it, and what is in it.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Corpora, by name or descriptor file; default all.")]
_FEWEST_GUESSES = 0.02
_ALLOWS = ("training", "shipping models", "passing on")


@data.command("list")
def list_() -> None:
    """List the corpora whose descriptors are shipped."""
    table = Table(title="Corpora", title_justify="left")
    for name in ("name", "languages", "use", "licence", "here"):
        table.add_column(name, no_wrap=name == "name")
    for name in corpus_names():
        descriptor, folders = find_descriptor(name)
        missing = missing_files(descriptor, folders)
        here = "yes" if not missing else "no" if any(file.url for file in missing) else "no, not published"
        languages = " ".join(descriptor.languages)
        table.add_row(name, languages, _use(descriptor), descriptor.licence.id, here)
    Console().print(table)


@data.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Corpora, by name or descriptor file.")],
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help="Accept the licences unasked.")] = False,
) -> None:
    """Download corpora from their owners, verified by checksum. What is here already is left alone."""
    console = Console()
    for name in names:
        descriptor, folders = find_descriptor(name)
        if not missing_files(descriptor, folders):
            console.print(f"{descriptor.name}: is here", markup=False)
            continue
        _show_licence(console, descriptor)
        if not accept_licence and not typer.confirm("Do you accept these terms?"):
            raise HatespeechError(f"{descriptor.name}: not downloaded, since its licence was not accepted")
        with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=console) as progress:
            fetch_corpus(descriptor, folders, _Bars(progress, descriptor))
        console.print(f"{descriptor.name} → {folders[0]}", markup=False, soft_wrap=True)


@data.command()
def check(
    names: Names = None,
    out: Annotated[Path | None, typer.Option(help="Write everything to this JSON file.")] = None,
) -> None:
    """Check corpora: labels, duplicates, contradictions, languages, licences. Default: all that are here."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise HatespeechError(f"{out.parent}: there is no such folder, or {out.name} is one")
    here = [name for name in corpus_names() if not missing_files(*find_descriptor(name))]
    if not names and not here:
        raise HatespeechError(
            "no corpus is here; see `hatespeech-no data list`, get one with `hatespeech-no data fetch`"
        )
    console = Console()
    with console.status("reading") as status:
        checks, shared = check_corpora(names or here, report=lambda name: status.update(f"reading {name}"))
    for table in (_corpora_table(checks), _licence_table(checks), _labels_table(checks), _shared_table(shared)):
        console.print(table)
    if out is not None:
        found = {"corpora": [_plain(c) for c in checks], "shared": [asdict(s) for s in shared]}
        out.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
        console.print(f"→ {out}", markup=False, soft_wrap=True)


class _Bars:
    """A progress bar for each file."""

    def __init__(self, progress: Progress, descriptor: Descriptor) -> None:
        self._progress = progress
        self._tasks = {file.path: progress.add_task(Path(file.path).name, total=None) for file in descriptor.published}

    def __call__(self, path: str, here: int, size: int) -> None:
        self._progress.update(self._tasks[path], completed=here, total=size or None)


def _use(descriptor: Descriptor) -> str:
    use = "evaluate only" if descriptor.evaluation_only else "train, evaluate"
    return f"{use} (ordinary text)" if descriptor.ordinary else use


def _show_licence(console: Console, descriptor: Descriptor) -> None:
    licence = descriptor.licence
    for line in (descriptor.title, descriptor.citation, descriptor.homepage, f"Licence: {licence.id}. {licence.note}"):
        console.print(line, markup=False, soft_wrap=True)
    verdict = zip(_ALLOWS, _verdict(licence), strict=True)
    console.print(", ".join(f"{use}: {answer}" for use, answer in verdict), markup=False)


def _verdict(licence: Licence) -> list[str]:
    return ["yes" if yes else "no" for yes in (licence.training, licence.shipping_models, licence.redistribution)]


def _corpora_table(checks: list[CorpusCheck]) -> Table:
    table = Table(title="Corpora", title_justify="left")
    for name in ("corpus", "rows", "duplicates", "conflicts", "declared → guessed language"):
        table.add_column(name, justify="right" if name in ("duplicates", "conflicts") else "left")
    for found in checks:
        rows = "\n".join(f"{split} {n}" for split, n in found.splits.items())
        table.add_row(found.name, rows, str(found.duplicates), str(found.conflicts), _guesses(found))
    return table


def _licence_table(checks: list[CorpusCheck]) -> Table:
    table = Table(title="Licences", title_justify="left")
    for name in ("corpus", "licence", *_ALLOWS):
        table.add_column(name)
    for found in checks:
        table.add_row(found.name, found.licence.id, *_verdict(found.licence))
    return table


def _guesses(found: CorpusCheck) -> str:
    total = max(1, found.languages.total())
    common = [(pair, n) for pair, n in found.languages.most_common() if n >= _FEWEST_GUESSES * total]
    return "\n".join(f"{declared} → {guess} {n / total:.0%}" for (declared, guess), n in common)


def _labels_table(checks: list[CorpusCheck]) -> Table:
    table = Table(title="Labels (conduct: one known / a set / missing)", title_justify="left")
    for name in ("corpus", "element", "yes", "no", "missing"):
        table.add_column(name, justify="left" if name in ("corpus", "element") else "right")
    for found in checks:
        for element, counts in found.labels.items():
            table.add_row(found.name, element, *map(str, counts))
    return table


def _shared_table(shared: list[SharedTexts]) -> Table:
    table = Table(title="Texts that stand in two corpora", title_justify="left")
    for name in ("corpora", "texts", "with contradicting labels"):
        table.add_column(name, justify="left" if name == "corpora" else "right")
    for pair in sorted(shared, key=lambda p: -p.texts):
        table.add_row(f"{pair.first}, {pair.second}", str(pair.texts), str(pair.conflicts))
    return table


def _plain(found: CorpusCheck) -> dict[str, object]:
    languages = {f"{declared} → {guess}": n for (declared, guess), n in found.languages.most_common()}
    return {**vars(found), "licence": found.licence.model_dump(), "languages": languages}
