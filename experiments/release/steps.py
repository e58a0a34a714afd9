"""What each step from the trained model to the shipped one costs: fewer pieces, int8, calibration anew.

    python experiments/release/steps.py runs/release-…

writes steps.csv beside this file, macro-F1 with 95 % intervals. The trained model's figures on corpora are those of
its run; the shipped model's those that it carries.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import track

from hatespeech_no import Classifier, load
from hatespeech_no.bundle import Bundle
from hatespeech_no.corpora import load_corpus
from hatespeech_no.evaluation.labels import inputs_of
from hatespeech_no.loading import RELEASED
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.norhatecheck.run import predict_with, run
from hatespeech_no.norhatecheck.suite import load_cases, load_functions
from hatespeech_no.training.record import Record
from hatespeech_no.training.release import LANGUAGES

HERE = Path(__file__).parent
STATEMENTS = HERE.parents[1] / "data" / "statements" / "corpus.yaml"
METRICS = ("macro_f1", "balanced_macro_f1", "alarm_rate")


def main() -> None:
    """Measure the trained model, the same with fewer pieces, and what is shipped."""
    seed = _chosen(Path(sys.argv[1]))
    trained = load(seed / "bundle")
    model = trained.bundle.model
    if not isinstance(model, EncoderModel):
        raise SystemExit(f"{seed}: is no encoder")
    models = {
        "trained": trained,
        "fewer pieces": Classifier(Bundle(trained.bundle.manifest, model.serving(LANGUAGES))),
        "shipped": load(),
    }
    rows = [row for step, at in (("trained", seed), ("shipped", RELEASED.parent)) for row in _recorded(step, at)]
    for step, classifier in track(models.items()):
        rows += _norhatecheck(step, classifier)
        rows.append(_speed(step, classifier))
    pd.DataFrame(rows).round(4).to_csv(HERE / "steps.csv", index=False)


def _chosen(folder: Path) -> Path:
    """The seed that was shipped."""
    number = Record.read(RELEASED.parent).params["seed"]
    return folder / f"seed-{number}"


def _recorded(step: str, seed: Path) -> Iterator[dict[str, Any]]:
    metrics = Record.read(seed).metrics
    for key, value in metrics.items():
        if key.rpartition("/")[2] in METRICS and f"{key}_lo" in metrics:
            yield {"step": step, "figure": key, "value": value, "lo": metrics[f"{key}_lo"], "hi": metrics[f"{key}_hi"]}


def _norhatecheck(step: str, classifier: Classifier) -> Iterator[dict[str, Any]]:
    cases = load_cases()
    for key, found in run(cases, load_functions(), predict_with(classifier, cases)).summary.items():
        figures = {name: value for name, value in asdict(found).items() if name in ("value", "lo", "hi")}
        yield {"step": step, "figure": f"norhatecheck/{key}", **figures}


def _speed(step: str, classifier: Classifier) -> dict[str, Any]:
    """Texts per second on the statements' test part, elements alone, all cores; the best of three."""
    inputs = inputs_of(load_corpus(str(STATEMENTS))["test"])
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        classifier.probabilities(inputs)
        seconds.append(time.perf_counter() - started)
    return {"step": step, "figure": "texts_per_second", "value": len(inputs) / min(seconds)}


if __name__ == "__main__":
    main()
