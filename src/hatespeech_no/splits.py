"""Splits without leakage: near-duplicates and contrast pairs stay together.

Near-duplicates are texts whose character shingles have a Jaccard similarity of at least 0.8
(Broder 1997), found by MinHash LSH and then verified exactly.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hatespeech_no.errors import require
from hatespeech_no.text.normalise import normalise

if TYPE_CHECKING:
    from datasets import Dataset

NEAR_DUPLICATE = 0.8
_SHINGLE = 5
_PERMUTATIONS = 64
_BANDS = (12, 5)
"""Of the permutations: so many bands of so many rows find 99.2 % of pairs at 0.8 and all but 0.002 % at 0.9.

What they find besides is sorted out by the exact comparison."""


def near_duplicate_clusters(texts: Sequence[str], pairs: Sequence[str | None] | None = None) -> NDArray[np.int64]:
    """A cluster number for each text; texts with one number must not part in a split.

    Args:
        texts: any number of texts.
        pairs: contrast pair or template of each text; texts of one pair share a cluster.

    Returns:
        Shape ``(len(texts),)``. Clusters are the connected components of "is a near-duplicate of"
        and "is of the same pair as".
    """
    normal = [normalise(text) for text in texts]
    first_of: dict[str, int] = {}
    edges = [(i, first_of.setdefault(text, i)) for i, text in enumerate(normal)]
    if pairs is not None:
        first_of_pair: dict[str, int] = {}
        edges += [(i, first_of_pair.setdefault(pair, i)) for i, pair in enumerate(pairs) if pair is not None]
    edges += _near_duplicates({i: _shingles(text) for text, i in first_of.items()})
    return connected_clusters(len(texts), edges)


def connected_clusters(rows: int, links: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Cluster number of each row, shape (rows,), from 0 without a gap.

    Args:
        rows: how many there are.
        links: pairs of rows; those that a chain of links connects share a cluster.
    """
    edges = np.array(links, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(rows, rows))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _shingles(text: str) -> frozenset[int]:
    encoded = [text[i : i + _SHINGLE].encode("utf-8", "surrogatepass") for i in range(max(1, len(text) - _SHINGLE + 1))]
    return frozenset(map(zlib.crc32, encoded))


def _near_duplicates(shingles: Mapping[int, frozenset[int]]) -> Iterator[tuple[int, int]]:
    if not shingles:
        return
    datasketch = require("datasketch", "train")
    index = datasketch.MinHashLSH(num_perm=_PERMUTATIONS, params=_BANDS)
    sketches = datasketch.MinHash.generator(
        shingles.values(), num_perm=_PERMUTATIONS, seed=1, hashfunc=lambda shingle: shingle
    )
    for i, sketch in zip(shingles, sketches, strict=True):
        for j in index.query(sketch):
            a, b = shingles[i], shingles[j]
            if len(a & b) >= NEAR_DUPLICATE * len(a | b):
                yield i, j
        index.insert(i, sketch)


def assign_parts(
    clusters: NDArray[np.int64], strata: Iterable[Iterable[str]], shares: Mapping[str, float], seed: int
) -> list[str]:
    """Assign whole clusters to parts, so that each part gets its share of every stratum.

    Iterative stratification (Sechidis et al. 2011) on clusters: those with the rarest labels are
    placed first, each into the part that lacks its rarest label most.

    Args:
        clusters: cluster number of each row.
        strata: labels of each row, for example its language and its elements.
        shares: share of each part, adding up to 1.
        seed: order among equals.

    Returns:
        The name of a part for each row.
    """
    names: dict[str, int] = {"": 0}  # every row carries the empty label: it counts rows
    rows = [[names.setdefault(label, len(names)) for label in {*labels, ""}] for labels in strata]
    ids, member = np.unique(clusters, return_inverse=True)
    counts = np.zeros((len(ids), len(names)))
    for cluster, labels in zip(member, rows, strict=True):
        counts[cluster, labels] += 1
    totals = counts.sum(axis=0)
    lacking = np.outer(list(shares.values()), totals)
    rarest = np.where(counts > 0, totals, np.inf).argmin(axis=1)
    shuffled = np.random.default_rng(seed).permutation(len(ids))
    place = np.zeros(len(ids), np.int64)
    for cluster in shuffled[np.argsort(totals[rarest[shuffled]], kind="stable")]:
        place[cluster] = np.lexsort((lacking[:, names[""]], lacking[:, rarest[cluster]]))[-1]
        lacking[place[cluster]] -= counts[cluster]
    parts = list(shares)
    return [parts[place[cluster]] for cluster in member]


def strata_of(dataset: Dataset) -> list[list[str]]:
    """What a split is stratified by: corpus, language, every element that is yes, each possible conduct."""
    columns = [name for name, kind in dataset.features.items() if getattr(kind, "dtype", "") == "bool"]
    table = dataset.select_columns([*columns, "corpus", "language", "conduct"]).to_list()
    return [
        [
            f"corpus={row['corpus']}",
            f"language={row['language']}",
            *(name for name in columns if row[name]),
            *(f"conduct={c}" for c in row["conduct"] or ()),
        ]
        for row in table
    ]
