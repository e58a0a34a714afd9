"""How many labels each way of choosing needs for a given score, on our statements.

Run: python experiments/active_learning/run.py learn [CACHE], then: figure. Writes curves.csv and needed.csv.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score, roc_auc_score

from hatespeech_no.corpora import load_corpus
from hatespeech_no.models.backbones import BackboneConfig
from hatespeech_no.models.embeddings import Embedder, EmbeddingsConfig
from hatespeech_no.models.linear import Features, LinearHeads, fit_heads
from hatespeech_no.models.tfidf import TfidfConfig, _features, _vectorisers
from hatespeech_no.review.select import disagreement, diverse, uncertainty
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Ground
from hatespeech_no.text.masking import mask_patterns

HERE = Path(__file__).parent
STATEMENTS = HERE.parent.parent / "data" / "statements" / "corpus.yaml"
LABELS = ("hateful", *(f"ground_{g}" for g in Ground))
SIZES = (200, 300, 400, 500, 700, 1000, 1400, 2000)
SEEDS = range(10)
RARE = 0.05
EMBEDDINGS = EmbeddingsConfig(
    backbone=BackboneConfig(prefix="query: ", max_tokens=128, languages=["nb", "nn", "da", "sv", "en", "de"])
)
_DIMENSIONS = 64
_C = {"tfidf": 4.0, "embeddings": 0.01}

Floats = NDArray[np.float32]
Probabilities = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Data:
    """Rows to choose from and the test part.

    Attributes:
        labels: of the rows, by element; NaN unknown.
        truth: ``hateful`` of the test part.
        features: of the rows and of the test part, by family.
        places: of the rows, where like lie near each other.
    """

    labels: dict[str, Floats]
    truth: Floats
    features: dict[str, tuple[Features, Features]]
    places: NDArray[np.float64]


def learn(cache: Path) -> None:
    """All curves: two families of features, two pools, every strategy and seed."""
    data = _data(cache)
    every = np.arange(len(data.places))
    pools = {"as written": every, "rare": _rare(every, data.labels["hateful"])}
    rows: list[dict[str, object]] = []
    for seed in SEEDS:
        for pool_name, pool in pools.items():
            for strategy in STRATEGIES:
                # Models that choose together give a curve each.
                for families in [[*data.features]] if strategy == "disagreement" else [[f] for f in data.features]:
                    named = {"pool": pool_name, "strategy": strategy, "seed": seed}
                    rows += [named | point for point in _curve(data, pool, families, strategy, seed)]
        pd.DataFrame(rows).round(4).to_csv(HERE / "curves.csv", index=False)
        print(seed, "done", flush=True)  # noqa: T201 - progress of a long script


def _curve(
    data: Data, pool: NDArray[np.int64], families: list[str], strategy: str, seed: int
) -> Iterator[dict[str, object]]:
    have = np.random.default_rng(seed).permutation(pool)[: SIZES[0]]
    for size, following in zip(SIZES, (*SIZES[1:], None), strict=True):
        known = {name: labels[have] for name, labels in data.labels.items()}
        heads = {family: _fit(data.features[family][0][have], known, family) for family in families}
        for family in families:
            p = _probabilities(heads[family], data.features[family][1])["hateful"]
            yield {
                "family": family,
                "labels": size,
                "hateful_among_them": float(known["hateful"].mean()),
                "macro_f1": f1_score(data.truth, p >= 0.5, average="macro"),
                "auroc": roc_auc_score(data.truth, p),
            }
        if following is None or following > len(pool):
            return
        left = np.setdiff1d(pool, have)
        seen = [_probabilities(heads[family], data.features[family][0][left]) for family in families]
        chosen = STRATEGIES[strategy](seen, data.places[left], following - size, seed)
        have = np.concatenate([have, left[chosen]])


def _fit(features: Features, labels: dict[str, Floats], family: str) -> LinearHeads:
    unknown = np.full(features.shape[0], np.nan, np.float32)
    asked = {name: labels.get(name, unknown) for name in ELEMENTS}
    no_conduct = np.zeros((features.shape[0], len(Conduct)), bool)
    return fit_heads(features, asked, no_conduct, _C[family], 0, lambda step: None)


def _probabilities(heads: LinearHeads, features: Features) -> Probabilities:
    scores = heads.scores(features)
    return {name: expit(scores.log_odds[:, i].astype(np.float64)) for i, name in enumerate(scores.names)}


Strategy = Callable[[list[Probabilities], Floats, int, int], NDArray[np.int64] | list[int]]


def _matrix(p: Probabilities) -> NDArray[np.float64]:
    some = next(iter(p.values()))
    return np.stack([p.get(name, np.full(len(some), np.nan)) for name in LABELS], axis=1)


def _random(seen: list[Probabilities], places: NDArray[np.float64], number: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed + 1000).permutation(len(places))[:number]


def _gravest(seen: list[Probabilities], places: NDArray[np.float64], number: int, seed: int) -> NDArray[np.int64]:
    return np.argsort(-seen[0]["hateful"], kind="stable")[:number]


def _uncertain(seen: list[Probabilities], places: NDArray[np.float64], number: int, seed: int) -> NDArray[np.int64]:
    return np.argsort(-uncertainty(_matrix(seen[0])), kind="stable")[:number]


def _diverse(seen: list[Probabilities], places: NDArray[np.float64], number: int, seed: int) -> list[int]:
    return diverse(uncertainty(_matrix(seen[0])), [""] * len(places), number, seed, places)


def _disagreement(seen: list[Probabilities], places: NDArray[np.float64], number: int, seed: int) -> list[int]:
    one, other = map(_matrix, seen)
    worth = uncertainty(one) + disagreement(one, other)
    return diverse(worth, [""] * len(places), number, seed, places)


STRATEGIES: dict[str, Strategy] = {
    "random": _random,
    "gravest": _gravest,
    "uncertain": _uncertain,
    "uncertain, diverse": _diverse,
    "disagreement": _disagreement,
}


def _data(cache: Path) -> Data:
    parts = load_corpus(str(STATEMENTS))
    train, test = parts["train"], parts["test"]
    embed = Embedder(EMBEDDINGS.model_copy(update={"cache": cache}))
    # Where a text has no embedding in the cache it is left out: to embed thousands more changes no answer.
    kept = [i for i, text in enumerate(train["text"][:]) if train["hateful"][i] is not None and _is_cached(cache, text)]
    train = train.select(kept)
    test = test.select([i for i, yes in enumerate(test["hateful"][:]) if yes is not None])
    texts, held_out = train["text"][:], test["text"][:]
    pool, rest = embed(texts), embed(held_out)
    mean, spread = pool.mean(axis=0), pool.std(axis=0) + 1e-6
    embedded = (pool - mean) / spread, (rest - mean) / spread
    return Data(
        labels={name: np.array(train[name][:], dtype=np.float32) for name in LABELS},
        truth=np.array(test["hateful"][:], dtype=np.float32),
        features={"tfidf": _tfidf(texts, held_out), "embeddings": embedded},
        places=PCA(_DIMENSIONS, random_state=0).fit_transform(embedded[0].astype(np.float64)),
    )


def _is_cached(cache: Path, text: str) -> bool:
    key = hashlib.sha256(f"{EMBEDDINGS.backbone.model_dump_json()}\n{text}".encode()).digest()
    with closing(sqlite3.connect(cache)) as database:
        return database.execute("SELECT 1 FROM embedding WHERE key = ?", (key,)).fetchone() is not None


def _tfidf(train: list[str], test: list[str]) -> tuple[Features, Features]:
    """The vocabulary is that of the pool, whose texts are at hand before any is labelled."""
    masked = [[mask_patterns(text) for text in texts] for texts in (train, test)]
    vectorisers = _vectorisers(TfidfConfig())
    for vectoriser in vectorisers:
        vectoriser.fit(masked[0])
    found = [_features(vectorisers, texts, None) for texts in masked]
    return found[0], found[1]


def _rare(pool: NDArray[np.int64], hateful: Floats) -> NDArray[np.int64]:
    """The pool with so few hateful statements that they are ``RARE``."""
    yes, no = pool[hateful[pool] == 1], pool[hateful[pool] == 0]
    kept = np.random.default_rng(0).permutation(yes)[: round(RARE / (1 - RARE) * len(no))]
    return np.sort(np.concatenate([kept, no]))


def figure() -> None:
    """The curves, and how many labels each strategy needs to get as far as 1,000 random ones."""
    table = pd.read_csv(HERE / "curves.csv")
    needed = [
        {"pool": pool, "family": family, "strategy": strategy, "seed": seed, "labels": _needed(rows, target)}
        for (pool, family), part in table.groupby(["pool", "family"])
        for target in [part[(part["strategy"] == "random") & (part["labels"] == 1000)]["macro_f1"].mean()]
        for (strategy, seed), rows in part.groupby(["strategy", "seed"])
    ]
    pd.DataFrame(needed).to_csv(HERE / "needed.csv", index=False)
    _, axes = plt.subplots(2, 2, figsize=(11, 7), sharex=True)
    for axis, ((pool, family), part) in zip(axes.flat, table.groupby(["pool", "family"]), strict=True):
        for strategy in STRATEGIES:
            rows = part[part["strategy"] == strategy].groupby("labels")["macro_f1"]
            axis.plot(rows.mean().index, rows.mean(), marker="o", markersize=3, label=strategy)
            axis.fill_between(rows.mean().index, rows.min(), rows.max(), alpha=0.12)
        axis.set_title(f"{family}, pool {pool}")
        axis.set_xscale("log")
        axis.set_xticks(SIZES, list(map(str, SIZES)))
        axis.minorticks_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("macro-F1 of hateful, test part")
    for axis in axes[1]:
        axis.set_xlabel("labels")
    axes[0, 0].legend()
    plt.tight_layout()
    plt.savefig(HERE / "curves.png", dpi=120)


def _needed(rows: pd.DataFrame, target: float) -> float:
    """Labels at which a curve first reaches the target, between two sizes by straight line; NaN = never."""
    ordered = rows.sort_values("labels")
    sizes, values = ordered["labels"].to_numpy(float), ordered["macro_f1"].to_numpy(float)
    above = np.flatnonzero(values >= target)
    if not len(above):
        return float("nan")
    i = int(above[0])
    if i == 0:
        return float(sizes[0])
    share = (target - values[i - 1]) / (values[i] - values[i - 1])
    return float(sizes[i - 1] + share * (sizes[i] - sizes[i - 1]))


if __name__ == "__main__":
    figure() if sys.argv[1] == "figure" else learn(Path(sys.argv[2] if len(sys.argv) > 2 else "runs/embeddings.sqlite"))
