"""What the model reaches on a corpus at the threshold that suits that corpus, chosen on its validation part.

    python experiments/transfer/own_threshold.py runs/release-…

writes own_threshold.csv beside it: a row per seed, corpus and element, values with 95 % bootstrap intervals.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track

from hatespeech_no import load
from hatespeech_no.evaluation.labels import inputs_of, label_columns
from hatespeech_no.evaluation.metrics import MACRO_F1, estimate, resample_weights
from hatespeech_no.training import load_config
from hatespeech_no.training.data import load_pool, split_pool

HERE = Path(__file__).parent
ASKED = {
    "gahd": ("hateful",),
    "edos": ("ground_gender",),
    "dkhate": ("abusive",),
    "hatexplain_fine": ("hateful", "abusive"),
    "hatemoji_build": ("hateful",),
}


def main() -> None:
    """Score validation rows with the model of every seed; the test rows were scored when it was trained."""
    run = Path(sys.argv[1])
    config = load_config(HERE.parents[1] / "configs" / "release.yaml")
    pool = load_pool(config)
    found = []
    for folder in track(sorted(run.glob("seed-*"))):
        seed = int(folder.name.removeprefix("seed-"))
        validation = split_pool(pool, config, seed).validation
        model = load(folder / "bundle")
        for corpus, elements in ASKED.items():
            rows = validation.filter(lambda name, corpus=corpus: name == corpus, input_columns="corpus")
            probabilities, (labels, _) = model.probabilities(inputs_of(rows)), label_columns(rows)
            tested = pd.read_csv(folder / "tables" / f"predictions_{corpus}.csv")
            for element in elements:
                p = probabilities.yes[:, probabilities.names.index(element)]
                threshold = best_threshold(p.astype(float), labels[element].astype(float))
                test = tested[(tested["element"] == element) & tested["label"].notna()]
                y, q = test["label"].to_numpy(float), test["p"].to_numpy(float)
                weights = resample_weights(test["cluster"].to_numpy(), 1000, seed=0)
                value = estimate(MACRO_F1, y, q, (q >= threshold).astype(float), weights)
                found.append(
                    {"seed": seed, "corpus": corpus, "element": element, "threshold": threshold, **asdict(value)}
                )
    pd.DataFrame(found).drop(columns="resamples", errors="ignore").round(4).to_csv(
        HERE / "own_threshold.csv", index=False
    )


def best_threshold(p: np.ndarray, label: np.ndarray) -> float:
    """The one with the best macro-F1, of 199 quantiles."""
    p, label = p[~np.isnan(label)], label[~np.isnan(label)]
    grid = np.unique(np.quantile(p, np.linspace(0.005, 0.995, 199)))
    every = np.ones((1, len(p)))
    return float(max(grid, key=lambda t: MACRO_F1.compute(label, p, (p >= t).astype(float), every)[0]))


if __name__ == "__main__":
    main()
