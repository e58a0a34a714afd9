"""What fine-tuning makes small: the loss of a batch of examples, alone or shared among processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hatespeech_no.evaluation.metrics import MACRO_F1
from hatespeech_no.models import network as net
from hatespeech_no.taxonomy import ELEMENTS
from hatespeech_no.training import processes
from hatespeech_no.training.examples import Example

if TYPE_CHECKING:
    from hatespeech_no.training.finetune import EncoderConfig

_HATEFUL = ELEMENTS.index("hateful")
_TEXTS, _FEWEST, _HALF = 32, 10, 0.5


def collate(examples: Sequence[Example], pad: int) -> dict[str, Any]:
    """A batch.

    Args:
        examples: one per text.
        pad: id of the padding token.

    Returns:
        ``batch``, see ``windows.batch``; one row per span of ``labels`` and ``possible``, see ``Example``,
        and the name of its corpus in ``corpora``; and per text the row of ``whole`` and its number in ``pairs``.
    """
    spans = [len(example.labels) for example in examples]
    return {
        "batch": net.collate([example.windows for example in examples], pad),
        "labels": torch.from_numpy(np.concatenate([example.labels for example in examples])),
        "possible": torch.from_numpy(np.concatenate([example.possible for example in examples])),
        "corpora": [example.corpus for example, count in zip(examples, spans, strict=True) for _ in range(count)],
        "whole": torch.from_numpy(np.cumsum([0, *spans[:-1]])),
        "pairs": torch.tensor([example.pair for example in examples]),
    }


class Learner(nn.Module):  # type: ignore[misc]
    """A network while it learns: each corpus may draw its line elsewhere than those that the network follows.

    What one corpus calls hateful is not what another does. An offset on the logits per corpus takes up how much
    more or less readily it says yes, so that the network need not; it is left out afterwards.

    Args:
        network: what is learned.
        corpora: names of the corpora that have an offset.
    """

    def __init__(self, network: net.ElementNetwork, corpora: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.numbers = {name: number for number, name in enumerate(corpora, 1)}
        self.offsets = nn.Embedding(len(corpora) + 1, net.N_ELEMENTS + net.N_CONDUCTS, padding_idx=0)
        nn.init.zeros_(self.offsets.weight)

    def forward(self, inputs: Mapping[str, Any]) -> Tensor:
        """Logits of the network plus the offsets; ``inputs`` as ``collate`` gives them."""
        logits = self.network(inputs["batch"]).float()
        numbers = torch.tensor([self.numbers.get(name, 0) for name in inputs["corpora"]], device=logits.device)
        return logits + self.offsets(numbers)


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


def judge(network: net.ElementNetwork, held_out: Sequence[Example], objective: Objective, pad: int) -> dict[str, float]:
    """How a network does on rows it does not learn from.

    Args:
        network: on any device; it is back in training when this returns.
        held_out: at least one example.
        objective: for the loss.
        pad: id of the padding token.

    Returns:
        ``loss``, which rises again when a network becomes too sure of itself, though calibration mends
        that; and ``macro_f1``, the mean over elements that at least ten spans have and ten have not,
        by which the checkpoint is chosen (0 where there is no such element).
    """
    device = next(network.parameters()).device
    network.eval()
    losses, logits = [], []
    with torch.no_grad():
        for start in range(0, len(held_out), _TEXTS):
            inputs = collate(held_out[start : start + _TEXTS], pad)
            on_device = {name: value.to(device) for name, value in inputs.items() if torch.is_tensor(value)}
            found = network({name: value.to(device) for name, value in inputs["batch"].items()}).float()
            losses.append(float(objective(found, on_device)) * len(found))
            logits.append(found.cpu().numpy())
    network.train()
    odds = np.concatenate(logits)[:, : len(ELEMENTS)]
    labels = np.concatenate([example.labels for example in held_out])
    scores = []
    for label, column in zip(labels.T, odds.T, strict=True):
        known = ~np.isnan(label)
        yes, said = (label[known] > _HALF).astype(float), (column[known] > 0).astype(float)
        if min(yes.sum(), (1 - yes).sum()) >= _FEWEST:
            scores.append(MACRO_F1.compute(yes, said, said, np.ones((1, len(yes))))[0])
    return {"loss": sum(losses) / len(odds), "macro_f1": float(np.mean(scores)) if scores else 0.0}
