"""What the statements give away by their surface, and how varied they are beside real corpora.

Run: python experiments/norwegian_statements/audit.py > experiments/norwegian_statements/audit.json
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import yaml
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from hatespeech_no.corpora import load_corpus
from hatespeech_no.splits import near_duplicate_clusters

DATA = Path(__file__).parents[2] / "data"
REAL = {
    "dkhate": "Danish comments",
    "edos": "English comments",
    "gahd": "German, adversarial",
    "ud_norwegian": "Norwegian, edited",
}
_STEMS = """neger svarting pakkis soper homse lesbe transe sigøyner mongo spass krøpling lapp apekatt utøy rott pest
kreft svin gris parasitt vermin rats scum søppel dyr hore kjerring tater skadedyr insekt snylt kakkerlakk retard faggot
tranny gypsy"""
COARSE = _STEMS.split()


def macro_f1(features: object, data: object, label: np.ndarray, groups: np.ndarray) -> float:
    """Of a logistic regression, five folds, near-duplicates and pairs together."""
    model = make_pipeline(features, LogisticRegression(C=10, class_weight="balanced", max_iter=3000))
    predicted = cross_val_predict(model, data, label, groups=groups, cv=GroupKFold(5))
    return round(float(f1_score(label, predicted, average="macro")), 3)


def surface(texts: list[str], label: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """How well single surface properties tell hateful from not; 0.5 is chance on a balanced set."""
    names = yaml.safe_load((DATA / "norhatecheck" / "groups.yaml").read_text("utf-8"))
    words = {w.lower().split()[-1][:6] for g in names.values() for lang in ("nb", "nn", "en") for w in g[lang].values()}

    def containing(stems: list[str]) -> CountVectorizer:
        return CountVectorizer(analyzer=lambda text: [s for s in stems if s in text.lower()], binary=True)

    lengths = np.array([[len(t), len(t.split())] for t in texts], float)
    marks = [[t.count(m) for m in "!?.,:\"'«"] + [t[:1].islower(), sum(ord(c) > 0x2600 for c in t)] for t in texts]
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2)
    both = make_union(TfidfVectorizer(ngram_range=(1, 2)), characters)
    return {
        "length in characters and words": macro_f1(StandardScaler(), lengths, label, groups),
        "punctuation, capitals and emoji": macro_f1(StandardScaler(), np.array(marks, float), label, groups),
        "group words": macro_f1(containing(sorted(words)), texts, label, groups),
        "coarse words": macro_f1(containing(COARSE), texts, label, groups),
        "words and word pairs": macro_f1(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), texts, label, groups),
        "words and characters": macro_f1(both, texts, label, groups),
    }


def variety(texts: list[str], tokens: int = 20_000, window: int = 1000) -> dict[str, float]:
    """Types per token in windows of 1,000 words, and the share of n-grams that stand in another text too.

    Of as many whole texts, drawn at random, as hold 20,000 words, so that corpora of any size compare.
    """
    sample, count = [], 0
    for i in np.random.default_rng(0).permutation(len(texts)):
        words = re.findall(r"\w+", texts[i].lower())
        sample.append(words)
        count += len(words)
        if count >= tokens:
            break
    stream = [word for words in sample for word in words]
    windows = [stream[i : i + window] for i in range(0, len(stream) - window + 1, window)]
    result = {"types per token": float(np.mean([len(set(w)) / len(w) for w in windows]))}
    for n in (3, 5):
        grams = [{tuple(w[i : i + n]) for i in range(len(w) - n + 1)} for w in sample]
        texts_with = Counter(gram for found in grams for gram in found)
        total = sum(map(len, grams))
        result[f"{n}-grams in another text"] = sum(texts_with[g] > 1 for found in grams for g in found) / total
    return {name: round(value, 4) for name, value in result.items()}


def main() -> None:
    """Print everything as JSON."""
    everything = load_corpus(str(DATA / "statements" / "corpus.yaml")).values()
    rows = [row for part in everything for row in part if row["hateful"] is not None]
    texts, pairs = [row["text"] for row in rows], [row["pair"] for row in rows]
    label = np.array([row["hateful"] for row in rows])
    ours = [row["text"] for row in rows if row["language"] != "en"]
    report = {
        "statements": len(rows),
        "hateful": round(float(label.mean()), 3),
        "macro-F1 of hateful from the surface alone": surface(texts, label, near_duplicate_clusters(texts, pairs)),
        "variety": {"statements (nb, nn)": variety(ours)},
    }
    for name, what in REAL.items():
        real = [text for part in load_corpus(name).values() for text in part["text"][:]]
        report["variety"][f"{name} ({what})"] = variety(real)
    json.dump(report, sys.stdout, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    main()
