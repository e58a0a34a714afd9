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
from hatespeech_no.models.calibration import platt
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
TARGET = 1000
RESAMPLES = 500
EMBEDDINGS = EmbeddingsConfig(
    backbone=BackboneConfig(prefix="query: ", max_tokens=128, languages=["nb", "nn", "da", "sv", "en", "de"])
)
_DIMENSIONS = 64
_C = {"tfidf": 4.0, "embeddings": 0.01}

Floats = NDArray[np.float32]
Probabilities = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Data:
    """Rows to choose from, rows to calibrate on and the test part.

    Attributes:
        labels: of the rows to choose from, by element; NaN unknown.
        known: ``hateful`` of the calibration part.
        truth: ``hateful`` of the test part.
        features: of the three, by family.
        places: of the rows to choose from, where like lie near each other.
    """

    labels: dict[str, Floats]
    known: Floats
    truth: Floats
    features: dict[str, list[Features]]
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
            _, calibration, test = (_log_odds(heads[family], part) for part in data.features[family])
            slope, intercept = platt(calibration, data.known)
            yield {
                "family": family,
                "labels": size,
                "hateful_among_them": float(known["hateful"].mean()),
                "macro_f1": f1_score(data.truth, slope * test + intercept >= 0, average="macro"),
                "auroc": roc_auc_score(data.truth, test),
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


def _log_odds(heads: LinearHeads, features: Features) -> Floats:
    scores = heads.scores(features)
    return scores.log_odds[:, scores.names.index("hateful")]


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
    corpus = load_corpus(str(STATEMENTS))
    embed = Embedder(EMBEDDINGS.model_copy(update={"cache": cache}))
    parts = [corpus[name].filter(lambda row: row["hateful"] is not None) for name in ("train", "calibration", "test")]
    # Where a text has no embedding in the cache it is left out: to embed thousands more changes no answer.
    parts[0] = parts[0].filter(lambda row: _is_cached(cache, row["text"]))
    texts = [part["text"][:] for part in parts]
    vectors = [embed(some) for some in texts]
    mean, spread = vectors[0].mean(axis=0), vectors[0].std(axis=0) + 1e-6
    embedded = [(some - mean) / spread for some in vectors]
    truths = [np.array(part["hateful"][:], dtype=np.float32) for part in parts]
    return Data(
        labels={name: np.array(parts[0][name][:], dtype=np.float32) for name in LABELS},
        known=truths[1],
        truth=truths[2],
        features={"tfidf": _tfidf(texts), "embeddings": embedded},
        places=PCA(_DIMENSIONS, random_state=0).fit_transform(embedded[0].astype(np.float64)),
    )


def _is_cached(cache: Path, text: str) -> bool:
    key = hashlib.sha256(f"{EMBEDDINGS.backbone.model_dump_json()}\n{text}".encode()).digest()
    with closing(sqlite3.connect(cache)) as database:
        return database.execute("SELECT 1 FROM embedding WHERE key = ?", (key,)).fetchone() is not None


def _tfidf(parts: list[list[str]]) -> list[Features]:
    """The vocabulary is that of the pool, whose texts are at hand before any is labelled."""
    masked = [[mask_patterns(text) for text in texts] for texts in parts]
    vectorisers = _vectorisers(TfidfConfig())
    for vectoriser in vectorisers:
        vectoriser.fit(masked[0])
    return [_features(vectorisers, texts, None) for texts in masked]


def _rare(pool: NDArray[np.int64], hateful: Floats) -> NDArray[np.int64]:
    """The pool with so few hateful statements that they are ``RARE``."""
    yes, no = pool[hateful[pool] == 1], pool[hateful[pool] == 0]
    kept = np.random.default_rng(0).permutation(yes)[: round(RARE / (1 - RARE) * len(no))]
    return np.sort(np.concatenate([kept, no]))


def figure() -> None:
    """The curves, and how many labels each strategy needs to get as far as 1,000 random ones."""
    table = pd.read_csv(HERE / "curves.csv")
    _needed(table).round({"target": 3, "labels": 0, "lo": 0, "hi": 0}).to_csv(HERE / "needed.csv", index=False)
    groups = [*table.groupby(["pool", "family"])]
    _, axes = plt.subplots(2, len(groups), figsize=(16, 7), sharex=True)
    titles = {"auroc": "AUROC", "macro_f1": "macro-F1, calibrated"}
    for row, (metric, title) in zip(axes, titles.items(), strict=True):
        for axis, ((pool, family), part) in zip(row, groups, strict=True):
            for strategy in STRATEGIES:
                mean = part[part["strategy"] == strategy].groupby("labels")[metric].mean()
                axis.plot(mean.index, mean, marker="o", markersize=3, label=strategy)
            axis.set_title(f"{family}, pool {pool}")
            axis.set_xscale("log")
            axis.set_xticks(SIZES, list(map(str, SIZES)), rotation=60)
            axis.minorticks_off()
        row[0].set_ylabel(f"{title} of hateful, test part")
    for axis in axes[1]:
        axis.set_xlabel("labels")
    axes[0, 0].legend()
    plt.tight_layout()
    plt.savefig(HERE / "curves.png", dpi=110)


def _needed(table: pd.DataFrame) -> pd.DataFrame:
    """Labels at which the mean curve reaches what 1,000 random ones do, with 95 % intervals over resampled seeds."""
    rng = np.random.default_rng(0)
    seeds = sorted(table["seed"].unique())
    draws = [seeds, *rng.choice(seeds, (RESAMPLES, len(seeds)))]
    rows = []
    for (pool, family), part in table.groupby(["pool", "family"]):
        for metric in ("auroc", "macro_f1"):
            curves = part.pivot_table(index=["strategy", "labels"], columns="seed", values=metric)
            means = {
                strategy: [curves.loc[strategy][list(drawn)].mean(axis=1) for drawn in draws] for strategy in STRATEGIES
            }
            targets = [mean[TARGET] for mean in means["random"]]
            for strategy, drawn in means.items():
                found = np.array([_reached(mean, target) for mean, target in zip(drawn, targets, strict=True)])
                lo, hi = np.quantile(found[1:], [0.025, 0.975], method="nearest")
                row = {"pool": pool, "family": family, "metric": metric, "strategy": strategy}
                rows.append(row | {"target": targets[0], "labels": found[0], "lo": lo, "hi": hi})
    return pd.DataFrame(rows)


def _reached(curve: pd.Series, target: float) -> float:
    """Labels at which a curve first reaches the target, between two sizes by straight line; infinite = never."""
    sizes, values = curve.index.to_numpy(float), curve.to_numpy()
    above = np.flatnonzero(values >= target - 1e-12)
    if not len(above):
        return float("inf")
    i = int(above[0])
    return float(sizes[i] if i == 0 else np.interp(target, values[i - 1 : i + 1], sizes[i - 1 : i + 1]))


if __name__ == "__main__":
    figure() if sys.argv[1] == "figure" else learn(Path(sys.argv[2] if len(sys.argv) > 2 else "runs/embeddings.sqlite"))
