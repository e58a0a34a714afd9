"""A first stage: between layers a look at what the network holds of a text; what is surely ordinary leaves there.

One linear probe for each look, taught by the model itself (early exits, as in Schwartz et al. 2020, The Right Tool
for the Job); see ``training.distil``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel


class ScreenRecord(BaseModel):
    """What a first stage was measured to do, on texts that it was not made from.

    Attributes:
        layers: after how many layers of the network there is a look.
        population: what texts it was made for, in words; nothing is promised for others.
        flagged: texts of the measurement that the model flags under some profile.
        lost: how many of these the first stage dismisses.
        texts: texts of the measurement in all.
        dismissed: how many of these it dismisses, at each look.
    """

    layers: tuple[int, ...]
    population: str
    flagged: int
    lost: int
    texts: int
    dismissed: tuple[int, ...]


@dataclass(frozen=True)
class Screen:
    """Probes with their thresholds.

    Attributes:
        weights: shape (looks, 2 · hidden size), see ``pooled``.
        bias: shape (looks,); what a probe puts below zero is dismissed.
        record: what it does.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    record: ScreenRecord

    def dismisses(self, look: int, states: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which windows are dismissed at a look; see ``pooled`` for the arguments."""
        return np.asarray(pooled(states, mask) @ self.weights[look] + self.bias[look] < 0)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """What is to be saved beside the record."""
        return {"weights": self.weights, "bias": self.bias}

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]], record: ScreenRecord) -> Self:
        """From what was saved.

        Raises:
            ValueError: there are not as many probes as looks.
        """
        screen = cls(tensors["weights"], tensors["bias"], record)
        if not len(screen.weights) == len(screen.bias) == len(record.layers) == len(record.dismissed):
            raise ValueError("the first stage has a wrong number of probes")
        return screen


def pooled(states: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean and largest value over the tokens of each window.

    Args:
        states: shape (windows, tokens, hidden size).
        mask: shape (windows, tokens), 1 for a token, 0 for padding.

    Returns:
        Shape (windows, 2 · hidden size).
    """
    tokens = mask[:, None, :].astype(np.float32)
    means = (tokens @ states)[:, 0] / tokens.sum(axis=2)
    out_of_reach = np.where(mask > 0, np.float32(0), np.float32(-np.inf))[..., None]
    return np.concatenate([means, (states + out_of_reach).max(axis=1)], axis=1)
