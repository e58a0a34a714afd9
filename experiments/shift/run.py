"""From corpus to corpus and from language to language: every corpus alone, every corpus left out, all.

    python experiments/shift/run.py tfidf    # then: embeddings

writes <family>.csv beside it: what was learned from, tested on, element, metric, value with 95 % interval.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from rich.progress import track

from hatespeech_no.corpora import find_descriptor
from hatespeech_no.training import load_config, train

HERE = Path(__file__).parent
MOST = 3000
ELEMENTS, METRICS = ("hateful", "abusive"), ("macro_f1", "auroc")


def main() -> None:
    """Train on each choice of corpora and keep how it does on the test part of every one of them."""
    family = sys.argv[1]
    file = HERE / f"{family}.yaml"
    config = load_config(file)
    languages = {
        descriptor.name: descriptor.language or "no"
        for descriptor, _ in (find_descriptor(name, config.folder) for name in config.data.train)
    }
    names = set(languages)
    choices = {"all": names}
    choices |= {f"only {name}": {name} for name in languages}
    choices |= {f"all but {name}": names - {name} for name in languages}
    choices["only English"] = {name for name, language in languages.items() if language == "en"}
    choices["all but German"] = {name for name, language in languages.items() if language != "de"}
    tables = []
    for learned, chosen in track(choices.items(), description=family):
        most = {name: MOST if name in chosen else 0 for name in languages}
        changes = [f"data.at_most={most}", f"name=shift_{family}_{learned.replace(' ', '_')}"]
        folder, _ = train(load_config(file, changes))
        found = pd.read_csv(folder / "seed-0" / "tables" / "metrics.csv")
        kept = found[(found["slice"] == "all") & found["element"].isin(ELEMENTS) & found["metric"].isin(METRICS)]
        tables.append(kept.assign(learned=learned)[["learned", "suite", "element", "metric", "value", "lo", "hi", "n"]])
        pd.concat(tables).round(4).to_csv(HERE / f"{family}.csv", index=False)


if __name__ == "__main__":
    main()
