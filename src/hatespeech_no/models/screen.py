"""A first look at a text that costs next to nothing and dismisses what the model would surely not flag.

A linear model over single pieces of the tokenizer and pairs of neighbours, taught by the model itself; see
``training.distil``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from hatespeech_no.models.windows import TOKENIZING

SIZE = 2**18
_SINGLE, _PAIR, _SECOND = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D  # odd, so that every piece counts in the remainder
_LONGEST = 2_000
"""Characters from which a text is long enough to be worth the model's time."""


class ScreenRecord(BaseModel):
    """What a screen was measured to do, on texts that it was not made from.

    Attributes:
        bias: of the linear model.
        threshold: texts below it are dismissed.
        population: what texts it was made for, in words; nothing is promised for others.
        flagged: texts of the measurement that the model flags under some profile.
        lost: how many of these the screen dismisses.
        texts: texts of the measurement in all.
        dismissed: how many of these the screen dismisses.
    """

    bias: float
    threshold: float
    population: str
    flagged: int
    lost: int
    texts: int
    dismissed: int


@dataclass(frozen=True)
class Screen:
    """A linear model with its threshold; ``weights`` has shape (SIZE,)."""

    weights: NDArray[np.float16]
    record: ScreenRecord

    def dismisses(self, tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which texts the model need not read; never a very long one."""
        scores = features(tokenizer, texts) @ self.weights.astype(np.float32) + self.record.bias
        short = np.array([len(text) <= _LONGEST for text in texts], bool)
        return np.asarray(short & (scores < self.record.threshold))

    def tensors(self) -> dict[str, NDArray[np.float16]]:
        """What is to be saved beside the record."""
        return {"weights": self.weights}

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float16]], record: ScreenRecord) -> Self:
        """From what was saved.

        Raises:
            ValueError: the weights are not as many as there are features.
        """
        if tensors["weights"].shape != (SIZE,):
            raise ValueError("the screen has a wrong number of weights")
        return cls(tensors["weights"], record)


def features(tokenizer: Tokenizer, texts: Sequence[str]) -> csr_matrix:
    """Pieces and pairs of neighbours, hashed: shape (texts, SIZE), each row of unit length but for repetitions."""
    with TOKENIZING:
        tokenizer.no_truncation()
        encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    rows = [np.array(encoding.ids, np.uint64) for encoding in encodings]
    hashed = [
        np.concatenate([ids * _SINGLE, ids[:-1] * _PAIR + ids[1:] * _SECOND]) if len(ids) else ids for ids in rows
    ]
    lengths = np.array([len(row) for row in hashed], int)
    # The high bits of a product mix best.
    columns = ((np.concatenate([np.zeros(0, np.uint64), *hashed]) >> np.uint64(14)) % np.uint64(SIZE)).astype(np.int64)
    values = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return csr_matrix((values, columns, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(rows), SIZE))
