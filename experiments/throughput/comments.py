"""A stream of comments with the lengths, repetitions and prevalence of an ordinary comment section.

    python experiments/throughput/comments.py 100000 comments.parquet [SEED]

Sentences of real corpora, one to five in a comment, all of one corpus, with openings and endings as people add them,
so that few are equal by chance; one comment in eight repeats another word for word. Hateful texts come from our
statements and from EDOS. For speed alone: no figure of quality is from them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hatespeech_no.corpora import load_corpus

STATEMENTS = Path(__file__).parents[2] / "data" / "statements" / "corpus.yaml"
SHARES = {"ud_norwegian": 0.45, "norec_mentions": 0.3, "edos": 0.12, "dkhate": 0.1, str(STATEMENTS): 0.03}
MORE_SENTENCES, MOST_SENTENCES = 0.2, 5
REPEATED = 0.125
OPENINGS = (
    "",
    "",
    "",
    "Ja, ",
    "Nei! ",
    "Enig. ",
    "Vet du hva? ",
    "Altså, ",
    "Hm, ",
    "Men ",
    "Og ",
    "Helt sant: ",
    "Lol, ",
    "Unnskyld, ",
)
ENDINGS = (
    "",
    "",
    "",
    "!",
    "!!",
    " 😂",
    " 👍",
    " ...",
    " 🙄",
    " ❤️",
    " haha",
    " ikke sant?",
    " eller?",
    " :)",
    " 🤔",
    " takk.",
)


def comments(n: int, seed: int = 0) -> list[str]:
    """So many texts, in random order."""
    generator = np.random.default_rng(seed)
    pools = {
        name: [text for part in load_corpus(name).values() for text in part["text"] if text.strip()] for name in SHARES
    }
    names = generator.choice(list(SHARES), n, p=list(SHARES.values()))
    sentences = np.minimum(generator.geometric(1 - MORE_SENTENCES, n), MOST_SENTENCES)
    texts: list[str] = []
    for name, count, repeats in zip(names, sentences, generator.random(n) < REPEATED, strict=True):
        if repeats and texts:
            texts.append(texts[generator.integers(max(0, len(texts) - 10_000), len(texts))])
        else:
            pool = pools[str(name)]
            words = " ".join(pool[i] for i in generator.integers(0, len(pool), count))
            texts.append(f"{generator.choice(OPENINGS)}{words}{generator.choice(ENDINGS)}")
    return texts


if __name__ == "__main__":
    rows, target = int(sys.argv[1]), Path(sys.argv[2])
    texts = comments(rows, *map(int, sys.argv[3:]))
    pq.write_table(pa.table({"id": [str(i) for i in range(rows)], "text": texts}), target)
    lengths = np.array([len(text) for text in texts])
    sys.stdout.write(
        f"{rows} comments, {len(set(texts)) / rows:.1%} distinct; characters: median {np.median(lengths):.0f}, "
        f"mean {lengths.mean():.0f}\n"
    )
