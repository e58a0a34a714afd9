"""The encoder with its heads, and the loss over labels that are partly missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hatespeech_no.models.windows import Windows, batch
from hatespeech_no.taxonomy import ELEMENTS, Conduct

N_ELEMENTS, N_CONDUCTS = len(ELEMENTS), len(Conduct)


class ElementNetwork(nn.Module):  # type: ignore[misc]
    """A transformer with one linear head per element and one for conduct, over pooled tokens."""

    def __init__(self, encoder: nn.Module, hidden_size: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(hidden_size, N_ELEMENTS + N_CONDUCTS)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Log-odds of the elements and unnormalised log-probabilities of conduct, one row per span.

        Args:
            inputs: see ``windows.batch``.
        """
        states = self.encoder(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state
        return self.heads(self.dropout(pool_spans(states, inputs)))


def pool_spans(states: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Mean over the tokens of each span, over all windows that hold some of them.

    Args:
        states: shape (windows, tokens, hidden size).
        inputs: see ``windows.batch``.

    Returns:
        Shape (spans, hidden size).
    """
    # Sums over tokens need more digits than mixed precision has.
    with torch.autocast(states.device.type, enabled=False):
        states = states.float()
        mask = inputs["owned"].to(states.dtype)
        sums = torch.einsum("pt,pth->ph", mask, states[inputs["window"]])
        spans = int(inputs["spans"])
        total = states.new_zeros(spans, states.shape[-1]).index_add(0, inputs["span"], sums)
        count = mask.new_zeros(spans).index_add(0, inputs["span"], mask.sum(dim=1))
        return total / count.clamp(min=1).unsqueeze(-1)


def collate(texts: Sequence[Windows], pad: int) -> dict[str, Tensor]:
    """``windows.batch`` as tensors."""
    return tensors(batch(texts, pad))


def tensors(arrays: Mapping[str, NDArray[Any]], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """The arrays of a batch where the network is."""
    return {name: torch.as_tensor(values, device=device) for name, values in arrays.items()}


def loss(
    logits: Tensor,
    labels: Tensor,
    possible: Tensor,
    weights: Tensor,
    yes_weights: Tensor,
    conduct_weights: Tensor,
) -> Tensor:
    """Sum over the heads of each one's mean loss on the spans it is labelled for.

    Args:
        logits: shape (spans, elements + 8).
        labels: shape (spans, elements), probability of yes, NaN where unknown. Between 0 and 1 where
            readers differed.
        possible: shape (spans, 8), the conducts that are possible; the likelihood of the set counts
            (its members' probabilities added up). A row of only ``False`` is unknown.
        weights: shape (elements + 1,), weight of each head, conduct last.
        yes_weights: shape (elements,), weight of a yes against a no.
        conduct_weights: shape (8,), weight of a span whose conduct this is.
    """
    answers, conduct = logits[:, :N_ELEMENTS], logits[:, N_ELEMENTS:]
    known = ~labels.isnan()
    each = functional.binary_cross_entropy_with_logits(
        answers, labels.nan_to_num(), pos_weight=yes_weights, reduction="none"
    )
    count = known.sum(dim=0)
    means = (each * known).sum(dim=0) / count.clamp(min=1)
    total = (means * weights[:-1]).sum()
    labelled = possible.any(dim=1)
    if labelled.any():
        sets = possible[labelled]
        log_p = conduct[labelled].log_softmax(dim=1)
        inside = log_p.masked_fill(~sets, -torch.inf).logsumexp(dim=1)
        each_weight = (sets * conduct_weights).sum(dim=1) / sets.sum(dim=1)
        total = total - weights[-1] * (inside * each_weight).sum() / each_weight.sum()
    return total


def pair_loss(odds: Tensor, labels: Tensor, pairs: Tensor) -> Tensor:
    """How little the yes side of a contrast pair stands above its no side: mean of log(1 + e^(1 - difference)).

    Args:
        odds: shape (texts,), log-odds of an element.
        labels: shape (texts,), probability of yes, NaN where unknown.
        pairs: shape (texts,), texts with the same number are one pair.

    Returns:
        0 where no pair has two sides here.
    """
    opposite = (pairs[:, None] == pairs[None, :]) & (labels > 0.5)[:, None] & (labels < 0.5)[None, :]
    if not opposite.any():
        return odds.sum() * 0
    return functional.softplus(1 - (odds[:, None] - odds[None, :])[opposite]).mean()


def yes_weights(labels: NDArray[np.float32], balance: float) -> NDArray[np.float32]:
    """How much more a yes counts where it is rare: (no / yes) ** balance, at most 10.

    Args:
        labels: shape (n, elements), NaN where unknown.
        balance: 0 = not at all, 1 = as much as all noes together.
    """
    yes = np.nansum(labels, axis=0)
    no = np.sum(~np.isnan(labels), axis=0) - yes
    return np.asarray(np.clip((np.maximum(no, 1) / np.maximum(yes, 1)) ** balance, 0.1, 10), dtype=np.float32)


def conduct_weights(possible: NDArray[np.bool_], balance: float) -> NDArray[np.float32]:
    """How much more a rare conduct counts: (mean count / count) ** balance, between 0.2 and 5.

    Args:
        possible: shape (n, 8), see ``loss``.
        balance: 0 = not at all, 1 = every conduct as much as the others together.
    """
    known = possible[possible.any(axis=1)]
    counts = (known / known.sum(axis=1, keepdims=True)).sum(axis=0)
    return np.asarray(np.clip((counts.mean() / np.maximum(counts, 1)) ** balance, 0.2, 5), dtype=np.float32)
