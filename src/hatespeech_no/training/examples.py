"""What a transformer learns from: which texts, in which order, and what is known of each span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.corpora import statement_from_row
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.backbones import BackboneConfig
from hatespeech_no.models.elements import Input
from hatespeech_no.models.windows import Windows, make_windows
from hatespeech_no.statement import Elements
from hatespeech_no.taxonomy import ELEMENTS, Conduct

if TYPE_CHECKING:
    from datasets import Dataset
    from tokenizers import Tokenizer

_CHUNK = 64
"""Batches that are sorted by length together: the more, the less padding and the less random."""

_DISPUTED = 0.25
"""How far a label that a second reader did not share lies from the settled answer."""


_WEAK = Elements({"hateful": False})
_WEAK_DOUBT = 0.02
"""Ordinary text is presumed to be no hate speech, with this much doubt; nothing else is presumed of it."""


@dataclass(frozen=True)
class Example:
    """A text to learn from: its tokens, and for each span (the whole text first) what is known of it.

    Attributes:
        labels: shape (spans, elements), probability of yes, NaN where unknown.
        possible: shape (spans, 8), the conducts that are possible; only ``False`` where unknown.
        pair: number of the contrast pair it is of; texts with the same number are two sides of one thing.
        corpus: it is from.
    """

    windows: Windows
    labels: NDArray[np.float32]
    possible: NDArray[np.bool_]
    pair: int
    corpus: str


def draw(
    corpora: Sequence[str],
    pairs: NDArray[np.int64],
    rows: int,
    temperature: float,
    given: Mapping[str, float],
    seed: int,
) -> NDArray[np.int64]:
    """Row numbers to learn from, in random order, with repetition where a corpus gets more than it has.

    The sides of a contrast pair follow each other.

    Args:
        corpora: corpus of each row there is.
        pairs: number of each row's contrast pair, see ``pair_numbers``.
        rows: how many to draw.
        temperature: corpora get shares by their size to this power.
        given: shares of corpora that do not depend on their size, by name.
        seed: of the draw.

    Raises:
        HatespeechError: ``shares`` names a corpus that is not there, does not add up to the whole, or
            comes to less than one row of a corpus.
    """
    names = np.array(corpora, dtype=object)
    sizes = {str(name): int((names == name).sum()) for name in dict.fromkeys(corpora)}
    strays = given.keys() - sizes.keys()
    rest = 1 - sum(given.values())
    others = {name: size**temperature for name, size in sizes.items() if name not in given}
    tiny = sorted(name for name, share in given.items() if share and round(share * rows) == 0)
    tolerance = 1e-9  # shares are decimal fractions, which floats only come near
    faults = {
        f"{sorted(strays)}": bool(strays),
        "more than the whole": rest < -tolerance,
        f"{1 - rest:g} in all, and there is no other corpus for the rest": rest > tolerance and not others,
        f"nothing is left for {', '.join(others)} (0 leaves a corpus out)": bool(others) and round(rest * rows) == 0,
        f"less than one of {rows} rows for {', '.join(tiny)} (0 leaves a corpus out)": bool(tiny),
    }
    fault = next((fault for fault, found in faults.items() if found), None)
    if fault is not None:
        raise HatespeechError(f"model.encoder.shares: {fault}; there are {', '.join(sizes)}")
    shares = {**given} | {name: rest * value / sum(others.values()) for name, value in others.items()}
    generator = np.random.default_rng(seed)
    drawn, places = [], []
    for name, share in shares.items():
        mine = np.flatnonzero(names == name)
        for left in range(round(share * rows), 0, -len(mine)):
            # One random number per pair and round keeps its sides together.
            place = generator.random(pairs.max() + 1)[pairs[mine]]
            order = np.argsort(place, kind="stable")[:left]
            drawn.append(mine[order])
            places.append(place[order])
    return np.concatenate(drawn)[np.argsort(np.concatenate(places), kind="stable")]


def pair_numbers(rows: Dataset) -> NDArray[np.int64]:
    """One number per contrast pair, a text without one having its own."""
    pairs = zip(rows["corpus"][:], rows["pair"][:], strict=True)
    keys = [f"{corpus}\t{pair}" if pair else str(i) for i, (corpus, pair) in enumerate(pairs)]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def by_length(examples: Sequence[Example], rows: NDArray[np.int64], batch: int, seed: int) -> list[int]:
    """Row numbers in an order in which each batch holds texts of like length, batches in random order.

    Args:
        examples: what the row numbers stand for; the sides of a contrast pair count as long as the longest.
        rows: row numbers as drawn.
        batch: texts per batch; what does not fill the last one is left out.
        seed: of the order of batches.
    """
    generator = np.random.default_rng(seed)
    size = np.array([len(example.windows) for example in examples])
    pairs = np.array([example.pair for example in examples])
    longest = np.zeros(pairs.max() + 1, np.int64)
    np.maximum.at(longest, pairs, size)
    ordered: list[int] = []
    for start in range(0, len(rows) - len(rows) % batch, batch * _CHUNK):
        chunk = rows[start : start + batch * _CHUNK]
        chunk = chunk[: len(chunk) - len(chunk) % batch]
        mine = pairs[chunk]
        batches = chunk[np.lexsort((mine, longest[mine]))].reshape(-1, batch)
        ordered += batches[generator.permutation(len(batches))].ravel().tolist()
    return ordered


def make_examples(rows: Dataset, tokenizer: Tokenizer, config: BackboneConfig) -> list[Example]:
    """Tokenise statements and set their labels out."""
    statements = [statement_from_row(row) for row in rows]
    inputs = [Input(s.text, tuple((p.start, p.end) for p in s.passages), s.thread) for s in statements]
    texts = make_windows(tokenizer, inputs, config)
    examples = []
    for row, statement, text, pair in zip(rows, statements, texts, pair_numbers(rows), strict=True):
        if row["ordinary"]:
            targets = [_targets(_WEAK, _WEAK_DOUBT)]
        else:
            spans = [statement.labels or Elements(), *(passage.elements for passage in statement.passages)]
            targets = [_targets(elements) for elements in spans]
        labels, possible = zip(*targets, strict=True)
        examples.append(Example(text, np.stack(labels), np.stack(possible), int(pair), row["corpus"]))
    return examples


def _targets(elements: Elements, doubt: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    labels = np.full(len(ELEMENTS), np.nan, np.float32)
    for i, name in enumerate(ELEMENTS):
        answer = elements.get(name)
        if answer is not None:
            distance = _DISPUTED if name in elements.disputed else doubt
            labels[i] = 1 - distance if answer else distance
    possible = np.zeros(len(Conduct), bool)
    possible[[conduct.severity for conduct in elements.conduct or ()]] = True
    # What another reader saw is possible too, where anything is known.
    if elements.conduct:
        possible[[c.severity for c in Conduct if f"conduct_{c}" in elements.disputed]] = True
    return labels, possible
