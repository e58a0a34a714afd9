"""Deal items out to readers: shuffled, in short queues whose names say nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from hatespeech_no.review.desk import QUEUE_SIZE
from hatespeech_no.text.keyed import keyed_id

Queues = dict[tuple[str, str], list[str]]
"""Items in order, by reader and queue."""


def deal(items: Sequence[str], readers: Sequence[str], twice: Collection[str], seed: int) -> dict[str, list[str]]:
    """Who reads what, as evenly as can be.

    Args:
        items: ids.
        readers: their names, at least two if any item is read twice.
        twice: items that two read.
        seed: of the order.

    Returns:
        Readers of each item.
    """
    rng = np.random.default_rng(seed)
    shuffled = [items[i] for i in rng.permutation(len(items))]
    turn = 0
    readers_of = {}
    for item in shuffled:
        wanted = 2 if item in twice else 1
        readers_of[item] = [readers[(turn + i) % len(readers)] for i in range(wanted)]
        turn += wanted
    return readers_of


def queues(
    readers_of: Mapping[str, Sequence[str]], urgent: Collection[str], name: str, key: bytes, seed: int
) -> Queues:
    """The queues of each reader, in the order in which they should be read.

    Urgent items come in the first queues, each among at least as many decoys, as far as there are any.

    Args:
        readers_of: readers of each item.
        urgent: items to be read first.
        name: what the opaque names are made from, different for each call.
        key: of the names.
        seed: of the order.
    """
    rng = np.random.default_rng(seed)
    of_reader: dict[str, list[str]] = defaultdict(list)
    for item in sorted(readers_of):
        for reader in readers_of[item]:
            of_reader[reader].append(item)
    result: Queues = {}
    for reader, mine in sorted(of_reader.items()):
        shuffled = [mine[i] for i in rng.permutation(len(mine))]
        rows = _among_decoys(shuffled, urgent)
        parts = [rows[start : start + QUEUE_SIZE] for start in range(0, len(rows), QUEUE_SIZE)]
        for number, part in enumerate(parts, 1):
            opaque = keyed_id(f"{name} {reader} {number}", key)[:8]
            result[reader, f"{number:02d}-{opaque}"] = [part[i] for i in rng.permutation(len(part))]
    return result


def _among_decoys(shuffled: Sequence[str], urgent: Collection[str]) -> list[str]:
    first = [item for item in shuffled if item in urgent]
    decoys = [item for item in shuffled if item not in urgent]
    mixed: list[str] = []
    while first:
        mixed += first[: QUEUE_SIZE // 2] + decoys[: QUEUE_SIZE // 2]
        first, decoys = first[QUEUE_SIZE // 2 :], decoys[QUEUE_SIZE // 2 :]
    return mixed + decoys
