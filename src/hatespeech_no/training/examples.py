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
    """

    windows: Windows
    labels: NDArray[np.float32]
    possible: NDArray[np.bool_]


def draw(
    corpora: Sequence[str], rows: int, temperature: float, given: Mapping[str, float], seed: int
) -> NDArray[np.int64]:
    """Row numbers to learn from, in random order, with repetition where a corpus gets more than it has.

    Args:
        corpora: corpus of each row there is.
        rows: how many to draw.
        temperature: corpora get shares by their size to this power.
        given: shares of corpora that do not depend on their size, by name.
        seed: of the draw.

    Raises:
        HatespeechError: ``shares`` names a corpus that is not there, or leaves nothing for the others.
    """
    names = np.array(corpora, dtype=object)
    sizes = {str(name): int((names == name).sum()) for name in dict.fromkeys(corpora)}
    strays = given.keys() - sizes.keys()
    rest = 1 - sum(given.values())
    if strays or rest < 0:
        raise HatespeechError(
            f"model.encoder.shares: {sorted(strays) or 'more than the whole'}; there are {', '.join(sizes)}"
        )
    others = {name: size**temperature for name, size in sizes.items() if name not in given}
    shares = {**given} | {name: rest * value / sum(others.values()) for name, value in others.items()}
    generator = np.random.default_rng(seed)
    drawn = []
    for name, share in shares.items():
        mine = np.flatnonzero(names == name)
        wanted = round(share * rows)
        rounds = [generator.permutation(mine) for _ in range(-(-wanted // len(mine)))]
        drawn.append(np.concatenate([np.empty(0, np.int64), *rounds])[:wanted])
    return generator.permutation(np.concatenate(drawn)).astype(np.int64)


def by_length(rows: NDArray[np.int64], lengths: Sequence[int], batch: int, seed: int) -> list[int]:
    """Row numbers in an order in which each batch holds texts of like length, batches in random order."""
    generator = np.random.default_rng(seed)
    size = np.array(lengths)
    ordered: list[int] = []
    for start in range(0, len(rows) - len(rows) % batch, batch * _CHUNK):
        chunk = rows[start : start + batch * _CHUNK]
        chunk = chunk[: len(chunk) - len(chunk) % batch]
        batches = chunk[np.argsort(size[chunk], kind="stable")].reshape(-1, batch)
        ordered += batches[generator.permutation(len(batches))].ravel().tolist()
    return ordered


def make_examples(rows: Dataset, tokenizer: Tokenizer, config: BackboneConfig) -> list[Example]:
    """Tokenise statements and set their labels out."""
    statements = [statement_from_row(row) for row in rows]
    inputs = [Input(s.text, tuple((p.start, p.end) for p in s.passages), s.thread) for s in statements]
    examples = []
    for row, statement, text in zip(rows, statements, make_windows(tokenizer, inputs, config), strict=True):
        if row["ordinary"]:
            targets = [_targets(_WEAK, _WEAK_DOUBT)]
        else:
            spans = [statement.labels or Elements(), *(passage.elements for passage in statement.passages)]
            targets = [_targets(elements) for elements in spans]
        labels, possible = zip(*targets, strict=True)
        examples.append(Example(text, np.stack(labels), np.stack(possible)))
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
