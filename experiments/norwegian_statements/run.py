"""Learning curves: how much Norwegian statements add to English, Danish and German corpora.

Run: python experiments/norwegian_statements/run.py tfidf  (then: embeddings, figure). Writes <family>.csv beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from hatespeech_no import load
from hatespeech_no.norhatecheck import load_cases, load_functions
from hatespeech_no.norhatecheck import run as run_suite
from hatespeech_no.norhatecheck.run import predict_with
from hatespeech_no.training import load_config, train

HERE = Path(__file__).parent
SIZES = (0, 250, 500, 1000, 2000, 4000)  # the last is more than there are: all


def learn(family: str) -> pd.DataFrame:
    """Train with each number of statements and seed; every figure with its interval."""
    tables = []
    cases, functions = load_cases(), load_functions()
    for size in SIZES:
        most = f"data.at_most={{statements: {size}}}"
        folder, _ = train(load_config(HERE / f"{family}.yaml", [most, f"name=statements_{family}_{size}"]))
        for seed in sorted(folder.glob("seed-*")):
            result = run_suite(cases, functions, predict_with(load(str(seed)), cases), resamples=200)
            suite = [
                {
                    "suite": "norhatecheck",
                    **dict(zip(("slice", "element", "metric"), key.split("/"), strict=True)),
                    **vars(e),
                }
                for key, e in result.summary.items()
            ]
            corpora = pd.read_csv(seed / "tables" / "metrics.csv")
            kept = corpora[corpora["metric"].isin(["macro_f1", "auroc", "alarm_rate", "accuracy_yes", "accuracy_no"])]
            for table in (
                pd.DataFrame(suite),
                kept[kept["element"].isin(["hateful", "abusive", "conduct", "ground_gender"])],
            ):
                tables.append(table.assign(family=family, statements=size, seed=seed.name))
        pd.concat(tables).round(4).to_csv(HERE / f"{family}.csv", index=False)
        print(family, size, "done", flush=True)  # noqa: T201 - progress of a long script
    return pd.concat(tables)


def figure() -> None:
    """Macro-F1 of hateful against the number of statements learned from."""
    table = pd.concat([pd.read_csv(HERE / f"{family}.csv") for family in ("tfidf", "embeddings")])
    shown = {
        "norhatecheck/seen": "NorHateCheck, seen functions",
        "norhatecheck/unseen": "NorHateCheck, unseen functions",
        "statements/all": "statements' test part",
    }
    _, axes = plt.subplots(1, len(shown), figsize=(12, 3.8), sharey=True)
    table = table[(table["element"] == "hateful") & (table["metric"] == "macro_f1")]
    for axis, (place, title) in zip(axes, shown.items(), strict=True):
        suite, part = place.split("/")
        for family, rows in table[(table["suite"] == suite) & (table["slice"] == part)].groupby("family"):
            by_size = rows.groupby("statements")[["value", "lo", "hi"]].mean()
            axis.plot(range(len(by_size)), by_size["value"], marker="o", label=family)
            axis.fill_between(range(len(by_size)), by_size["lo"], by_size["hi"], alpha=0.2)
        axis.set_xticks(range(len(SIZES)), [*map(str, SIZES[:-1]), "all"])
        axis.set_title(title)
        axis.set_xlabel("Norwegian statements learned from")
        axis.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
    axes[0].set_ylabel("macro-F1 of hateful")
    axes[0].legend()
    plt.tight_layout()
    plt.savefig(HERE / "curve.png", dpi=130)


if __name__ == "__main__":
    figure() if sys.argv[1] == "figure" else learn(sys.argv[1])
