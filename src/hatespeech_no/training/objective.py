"""What fine-tuning makes small: the loss of a batch of examples, alone or shared among processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from hatespeech_no.models import network as net
from hatespeech_no.taxonomy import ELEMENTS
from hatespeech_no.training import processes
from hatespeech_no.training.examples import Example

if TYPE_CHECKING:
    from torch import Tensor

    from hatespeech_no.training.finetune import EncoderConfig

_HATEFUL = ELEMENTS.index("hateful")


def collate(examples: Sequence[Example], pad: int) -> dict[str, Any]:
    """A batch.

    Args:
        examples: one per text.
        pad: id of the padding token.

    Returns:
        ``batch``, see ``windows.batch``; one row per span of ``labels`` and ``possible``, see ``Example``;
        and per text the row of ``whole`` and its number in ``pairs``.
    """
    spans = [len(example.labels) for example in examples]
    return {
        "batch": net.collate([example.windows for example in examples], pad),
        "labels": torch.from_numpy(np.concatenate([example.labels for example in examples])),
        "possible": torch.from_numpy(np.concatenate([example.possible for example in examples])),
        "whole": torch.from_numpy(np.cumsum([0, *spans[:-1]])),
        "pairs": torch.tensor([example.pair for example in examples]),
    }


@dataclass(frozen=True)
class Objective:
    """The loss of a batch; see ``network.loss`` and ``network.pair_loss``.

    Attributes:
        heads: shape (elements + 1,), weight of each head.
        yes: shape (elements,), weight of a yes.
        conducts: shape (8,), weight of each conduct.
        pairs: weight of the loss of contrast pairs.
    """

    heads: Tensor
    yes: Tensor
    conducts: Tensor
    pairs: float

    @classmethod
    def of(cls, config: EncoderConfig, labels: NDArray[np.float32], possible: NDArray[np.bool_]) -> Objective:
        """With weights as configured, for the labels of all spans that are learned from."""
        return cls(
            torch.tensor([config.weights.get(name, 1.0) for name in (*ELEMENTS, "conduct")]),
            torch.from_numpy(net.yes_weights(labels, config.balance)),
            torch.from_numpy(net.conduct_weights(possible, config.balance)),
            config.pair_weight,
        )

    def __call__(self, logits: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """The loss.

        Args:
            logits: shape (spans, elements + 8).
            inputs: see ``collate``.

        Returns:
            One number. Of several processes each gets that of all their texts together, so that it is the
            same as if one process had them all; its gradient is times their number, since DDP takes the mean.
        """
        whole, device = inputs["whole"], logits.device
        rows = (logits, inputs["labels"], inputs["possible"])
        sides = (logits[whole, _HATEFUL], inputs["labels"][whole, _HATEFUL], inputs["pairs"])
        if processes.number() > 1:
            # Rows without a label, which may fill them up, have no loss.
            fills = (0, torch.nan, 0)
            rows = tuple(map(processes.all_of, rows, fills))
            sides = tuple(map(processes.all_of, sides, fills))
        value = net.loss(*rows, self.heads.to(device), self.yes.to(device), self.conducts.to(device))
        if self.pairs:
            value = value + self.pairs * net.pair_loss(*sides)
        if processes.number() > 1:
            value = value + (processes.number() - 1) * (value - value.detach())
        return value


def forget_repeats(inputs: dict[str, Any], texts: int) -> None:
    """Take the labels off what fills the last batch of all processes up: texts that have been counted.

    Args:
        inputs: the batch of this process, changed in place; see ``collate``.
        texts: how many are left for this batch of all processes; 0 = as many as they take.
    """
    whole = inputs["whole"]
    mine = max(0, texts - processes.rank() * len(whole))
    if texts and mine < len(whole):
        inputs["labels"][whole[mine] :] = torch.nan
        inputs["possible"][whole[mine] :] = False
