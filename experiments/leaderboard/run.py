"""Our models and other people's tools on the same rows, and the page that shows them.

    python experiments/leaderboard/run.py ENVIRONMENTS hatesonar encoder=runs/release-… …

runs the named models of board.py, ours with their folders, each tool in a virtual environment of its own under
ENVIRONMENTS, and writes results.json beside this file and the page ../README.md; without arguments it writes
the page anew. No texts are kept.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from board import MODELS, SUITES, Model, Suite
from numpy.typing import NDArray
from page import page
from rich.console import Console
from tools import ToolError, answers, command_of

from hatespeech_no.corpora import load_corpus
from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.evaluation.metrics import (
    ACCURACY_NO,
    ACCURACY_YES,
    ALARM_RATE,
    MACRO_F1,
    Estimate,
    Floats,
    estimate,
    estimates,
    resample_weights,
)
from hatespeech_no.splits import assign_parts, near_duplicate_clusters, strata_of
from hatespeech_no.training.data import digest

if TYPE_CHECKING:
    from datasets import Dataset

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
ENOUGH = 1500
SEED = 0
RESAMPLES = 1000


@dataclass(frozen=True)
class Rows:
    """The n rows of a suite that are run, their answers to its element and their clusters, each of shape (n,)."""

    texts: Dataset
    label: Floats
    clusters: NDArray[np.int64]

    @classmethod
    def of(cls, suite: Suite) -> Rows:
        """Labelled rows of the test part; of more than ``ENOUGH`` about so many, stratified, in whole clusters."""
        rows = load_corpus(suite.corpus, HERE)["test"]
        if suite.language:
            rows = rows.select(np.flatnonzero([code == suite.language for code in rows["language"][:]]))
        if suite.element:
            rows = rows.select(np.flatnonzero(~np.isnan(label_columns(rows)[0][suite.element])))
        clusters = near_duplicate_clusters(rows["text"][:], rows["pair"][:])
        if len(rows) > ENOUGH:
            share = ENOUGH / len(rows)
            parts = assign_parts(clusters, strata_of(rows), {"run": share, "left": 1 - share}, SEED)
            chosen = np.flatnonzero([part == "run" for part in parts])
            rows, clusters = rows.select(chosen), clusters[chosen]
        return cls(rows, label_columns(rows)[0][suite.element or "hateful"].astype(np.float64), clusters)


def figures(suite: Suite, rows: Rows, said: Floats) -> dict[str, Estimate]:
    """Macro-F1 and the share that is right on each side; of ordinary text the share called hateful.

    Args:
        suite: what is asked.
        rows: n of it.
        said: shape (n,), 1 yes and 0 no.
    """
    weights = resample_weights(rows.clusters, RESAMPLES, SEED)
    if suite.element is None:
        return {ALARM_RATE.name: estimate(ALARM_RATE, said, said, said, weights)}
    return estimates((MACRO_F1, ACCURACY_YES, ACCURACY_NO), rows.label, said, said, weights)


def said_by(command: Sequence[str], suite: Suite, rows: Rows) -> Floats:
    """What an adapter answers, shape (n,); a tool without the element is taken at its word for ``hateful``.

    Raises:
        ToolError: see ``answers``.
    """
    found = answers(command, rows.texts.select_columns(["text", "thread"]).to_list())
    return np.array([float(answer.get(suite.element, answer["hateful"]) >= 0.5) for answer in found])


def run(model: Model, command: Sequence[str], rows: Mapping[str, Rows], console: Console) -> dict[str, Any]:
    """Seconds and figures by suite, each shown as it comes.

    Raises:
        ToolError: see ``answers``.
    """
    found = {}
    for name, suite in SUITES.items():
        began = time.perf_counter()
        said = said_by(command, suite, rows[name])
        seconds = round(time.perf_counter() - began, 1)
        values = {key: _rounded(value) for key, value in figures(suite, rows[name], said).items()}
        found[name] = {"seconds": seconds, **values}
        key, first = next(iter(values.items()))
        console.print(f"{model.title}, {name}: {key} {first['value']:.3f}, {seconds} s", highlight=False)
    return found


def update(results: dict[str, Any], asked: Mapping[str, str], environments: Path, console: Console) -> None:
    """Run models and put their figures into ``results.json``; those of others stay where the rows are the same.

    Args:
        results: what is in the file.
        asked: names in ``MODELS``, and for our models the folder.
        environments: folder for the tools' virtual environments.
        console: where progress is shown.
    """
    rows = {name: Rows.of(suite) for name, suite in SUITES.items()}
    for name, chosen in rows.items():
        of = {"rows": len(chosen.label), "digest": digest(chosen.texts)}
        old = results["suites"].get(name, {})
        results["suites"][name] = {**of, "models": old["models"] if old.items() >= of.items() else {}}
    for name, folder in asked.items():
        model = MODELS[name]
        results["failed"].pop(name, None)
        try:
            command = command_of(model, environments, [str(Path(folder).resolve())] if folder else [])
            for suite, values in run(model, command, rows, console).items():
                results["suites"][suite]["models"][name] = values
        except ToolError as error:
            results["failed"][name] = str(error)
            console.print(f"{model.title}: {error}", highlight=False, markup=False)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def _rounded(value: Estimate) -> dict[str, float]:
    return {name: round(figure, 4) for name, figure in asdict(value).items()}


def main() -> None:
    """Run and write, or only write."""
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"suites": {}, "failed": {}}
    if len(sys.argv) > 1:
        asked = {name: folder for name, _, folder in (argument.partition("=") for argument in sys.argv[2:])}
        update(results, asked, Path(sys.argv[1]).resolve(), Console())
    (HERE.parent / "README.md").write_text(page(results, HERE.parent), "utf-8")


if __name__ == "__main__":
    main()
