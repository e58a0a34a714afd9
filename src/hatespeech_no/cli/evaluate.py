"""``hatespeech-no evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hatespeech_no.corpora import load_corpus
from hatespeech_no.corpora.load import NO_SPLIT
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.evaluate import Evaluation
from hatespeech_no.evaluation.evaluate import evaluate as run_evaluation
from hatespeech_no.loading import load
from hatespeech_no.scoring import Classifier
from hatespeech_no.splits import near_duplicate_clusters

if TYPE_CHECKING:
    from datasets import Dataset

_SHOWN = ("macro_f1", "auroc", "accuracy_yes", "accuracy_no")


def evaluate(
    model: Annotated[str, typer.Argument(help="Bundle or run folder, runs:/… or models:/….")],
    corpora: Annotated[list[str], typer.Argument(help="Corpora, by name or descriptor file.")],
    split: Annotated[str, typer.Option(help="Split to evaluate on.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Write the whole table to this CSV file.")] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 1000,
) -> None:
    """Evaluate a model on labelled corpora, with 95 % intervals."""
    if out is not None and not out.parent.is_dir():
        raise HatespeechError(f"{out.parent}: there is no such folder to write {out.name} to")
    classifier = load(model)
    console = Console()
    with console.status("evaluating"):
        suites = dict(suite_of(classifier, name, split) for name in corpora)
        result = run_evaluation(classifier, suites, resamples=resamples)
    console.print(_table(result, split))
    if out is not None:
        result.table().to_csv(out, index=False)
        console.print(f"→ {out}", markup=False, soft_wrap=True)


def suite_of(classifier: Classifier, name: str, split: str) -> tuple[str, Dataset]:
    """The rows of a corpus to evaluate on, refused where the model has learned from them."""
    parts = load_corpus(name)
    whole = NO_SPLIT in parts and split == "test"
    rows = parts.get(NO_SPLIT if whole else split)
    if rows is None:
        raise HatespeechError(f"corpus {name!r} has no split {split!r}; it has {', '.join(parts)}")
    corpus = str(rows[0]["corpus"])
    learned = corpus in {source.name for source in classifier.bundle.manifest.data}
    if learned and (whole or split != "test"):
        raise HatespeechError(
            f"the model learned from {'part of corpus' if whole else f'split {split!r} of corpus'} {corpus!r}; "
            "the figures on its test part stand in its run"
        )
    return corpus, rows.add_column("cluster", near_duplicate_clusters(rows["text"][:], rows["pair"][:]))


def _table(result: Evaluation, split: str) -> Table:
    table = Table(title=f"Whole texts of the {split} part, with 95 % intervals", title_justify="left")
    for name in ("corpus", "element", "n", *_SHOWN):
        table.add_column(name, justify="left" if name in ("corpus", "element") else "right")
    rows = result.table()
    for (suite, element), group in rows[rows["slice"] == "all"].groupby(["suite", "element"], sort=False):
        cells = {row.metric: f"{row.value:.3f} ({row.lo:.2f}–{row.hi:.2f})" for row in group.itertuples()}
        table.add_row(str(suite), str(element), str(group["n"].max()), *(cells.get(m, "–") for m in _SHOWN))
    return table
