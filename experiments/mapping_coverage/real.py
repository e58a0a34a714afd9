"""A mapping of real text: corpora the model never saw stand in for arenas, their labels for what people answer.

Run: python experiments/mapping_coverage/real.py RUN OUT  (a run folder of configs/demo.yaml, and a new folder, which
gets the scored file, the mapping and its reports). Writes real.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from run import DRAWS, EXPECTED, drawn, judged

from hatespeech_no import load
from hatespeech_no.corpora import load_corpus
from hatespeech_no.corpora.load import NO_SPLIT
from hatespeech_no.mapping.design import plan
from hatespeech_no.mapping.estimators import prediction_powered
from hatespeech_no.mapping.inputs import Columns
from hatespeech_no.mapping.intervals import wilson
from hatespeech_no.mapping.measures import FLAGGED
from hatespeech_no.mapping.report import write_report
from hatespeech_no.mapping.results import map_prevalence
from hatespeech_no.mapping.sampling import SAMPLE, design_sample, write_sample
from hatespeech_no.scoring import Classifier
from hatespeech_no.text.keyed import keyed_id
from hatespeech_no.triage.profiles import PREVALENCES

# ruff: noqa: T201 - what a script finds
HERE = Path(__file__).parent
ARENAS = ("davidson", "stormfront", "implicit_hate", "toxigen", "data/statements/corpus.yaml")
LABELS, KEY = 600, b"key of this experiment"
MOST = 3000  # rows of an arena


def scored_rows(classifier: Classifier) -> pd.DataFrame:
    """Texts whose label is known, as a scored file, with the label as ``truth``."""
    tables = []
    for name in ARENAS:
        parts = load_corpus(name)
        rows = (parts["test"] if "test" in parts else parts[NO_SPLIT]).to_pandas()
        arena = rows["corpus"].iloc[0]
        rows = rows[rows["hateful"].notna()]
        rows = rows.sample(min(MOST, len(rows)), random_state=0).reset_index(drop=True)
        found = classifier.score_frame(rows)
        tables.append(
            pd.concat([rows[["id", "text"]], found], axis=1).assign(arena=arena, truth=rows["hateful"].astype(bool))
        )
        print(arena, len(rows), flush=True)
    table = pd.concat(tables, ignore_index=True)
    return table[table["p_hateful"].notna()].drop_duplicates("id").reset_index(drop=True)


def thinned(rows: pd.DataFrame, prevalence: float | None, rng: np.random.Generator) -> pd.DataFrame:
    """All that is not hateful, and so much of what is that it makes this share; ``None``: as the corpora are."""
    yes = np.flatnonzero(rows["truth"])
    if prevalence is None:
        return rows
    kept = rng.choice(yes, round((~rows["truth"]).sum() * prevalence / (1 - prevalence)), replace=False)
    chosen = ~rows["truth"].to_numpy()
    chosen[kept] = True
    return rows[chosen].reset_index(drop=True)


def repeated(rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, float]:
    """Many samples of one population: how often the interval holds, and how wide it is beside that of labels alone."""
    score, label = rows["p_hateful"].to_numpy(float), rows["truth"].to_numpy(float)
    chosen = plan(score, np.ones(len(rows)), np.zeros(len(rows), np.int64), EXPECTED, LABELS)
    found = judged([(label.mean(), prediction_powered(drawn(score, label, chosen, rng, draws=10 * DRAWS)))])
    alone = wilson(np.full(1, label.mean()), np.full(1, float(LABELS)))
    naive = float(np.mean(score >= FLAGGED))
    return {"rows": len(rows), "truth": label.mean(), "naive": naive, **found, "alone": float((alone.hi - alone.lo)[0])}


def mapped(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """One mapping from the scored file to the reports, and the truth beside each estimate."""
    source = folder / "scored.parquet"
    rows.drop(columns="truth").to_parquet(source)
    design = design_sample(source, Columns(id="id", arena="arena"), labels=2 * LABELS, by_arena=True)
    write_sample(design, folder, KEY)
    known = {keyed_id(row["id"], KEY): row for row in rows.to_dict("records")}
    drawn_ids = [json.loads(line)["id"] for line in (folder / SAMPLE).read_text("utf-8").splitlines()]
    answers = [{"id": i, "hateful": bool(known[i]["truth"])} for i in drawn_ids]
    labels = folder / "labels.jsonl"
    labels.write_text("".join(f"{json.dumps(answer)}\n" for answer in answers), "utf-8")
    found = map_prevalence(folder, labels, KEY)
    found.write(folder)
    for lang, collected in (
        ("nb", "fem korpus som står for arenaer, uttynnet til 10 % hatefulle; merkene deres står for menneskers svar"),
        ("en", "five corpora that stand for arenas, thinned to 10 % hateful; their labels stand for people's answers"),
    ):
        write_report(found, folder, lang, collected=collected)
    table = found.estimates[(found.estimates["measure"] == "hateful") & (found.estimates["dimension"] != "flagged")]
    truth = rows.groupby("arena")["truth"].mean().to_dict() | {"all": rows["truth"].mean()}
    return table.assign(truth=table["cell"].map(truth))[
        ["cell", "rows", "labels", "naive", "share", "lo", "hi", "truth"]
    ]


def main() -> None:
    """Score, repeat, and map once."""
    run, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir()
    rng, rows = np.random.default_rng(0), scored_rows(load(run))
    populations = {p: thinned(rows, p, rng) for p in (*PREVALENCES, None)}
    results = {
        "repeated": [{"prevalence": p, **repeated(population, rng)} for p, population in populations.items()],
        "mapped": mapped(populations[0.1], out).to_dict("records"),
    }
    print(pd.DataFrame(results["repeated"]).round(4), pd.DataFrame(results["mapped"]).round(4), sep="\n")
    (HERE / "real.json").write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
