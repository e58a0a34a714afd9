"""From texts to the encoder's input: tokens in windows, and which of them belong to which span."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from hatespeech_no.models.backbones import BackboneConfig
from hatespeech_no.models.elements import Input

_THREAD_SHARE = 3
"""The thread gets at most this part of a window, from its end: what a text answers stands there."""

TOKENIZING = Lock()
"""Truncation is a state of a tokenizer, which several threads may share."""


@dataclass(frozen=True)
class Windows:
    """One text, tokenised.

    Attributes:
        ids: token ids of each window, special tokens included.
        owned: for each window and each span (the whole text first) which tokens are pooled for it,
            each of shape (spans, tokens). A token in two windows is owned by the one it is deeper in.
        dismissable: whether a first stage may dismiss it, see ``Screen``.
    """

    ids: list[list[int]]
    owned: list[NDArray[np.bool_]]
    dismissable: bool = False

    def __len__(self) -> int:
        """Tokens of the longest window."""
        return max(map(len, self.ids))


def make_windows(tokenizer: Tokenizer, inputs: Sequence[Input], config: BackboneConfig) -> list[Windows]:
    """Tokenise texts; what is longer than a window gets several that overlap by a quarter.

    Args:
        tokenizer: of the backbone; its truncation is set here.
        inputs: texts with their spans and threads.
        config: prefix and length of a window.
    """
    texts = [config.prefix + given.text for given in inputs]
    with TOKENIZING:
        tokenizer.no_truncation()
        threads = [_end("\n".join(given.thread), tokenizer, config.max_tokens // _THREAD_SHARE) for given in inputs]
        tokenizer.enable_truncation(config.max_tokens, stride=config.max_tokens // 4, strategy="only_first")
        pairs = [(text, thread) if thread else text for text, thread in zip(texts, threads, strict=True)]
        encodings = tokenizer.encode_batch(pairs)
    return [_windows(e, given, len(config.prefix)) for e, given in zip(encodings, inputs, strict=True)]


def _end(thread: str, tokenizer: Tokenizer, tokens: int) -> str:
    if not thread:
        return ""
    offsets = tokenizer.encode(thread, add_special_tokens=False).offsets
    return thread if len(offsets) <= tokens else thread[offsets[-tokens][0] :]


def _windows(encoding: Encoding, given: Input, shift: int) -> Windows:
    windows = [encoding, *encoding.overflowing]
    # The place of a token is its last character: many begin with the space before their word.
    places = [np.array([end - 1 - shift for _, end in window.offsets]) for window in windows]
    # Tokens of the text itself: neither special ones, nor the prefix, nor the thread.
    inside = [
        np.array([sequence == 0 for sequence in window.sequence_ids]) & (place >= 0)
        for window, place in zip(windows, places, strict=True)
    ]
    for left, right in zip(range(len(windows) - 1), range(1, len(windows)), strict=True):
        middle = _middle(places[left][inside[left]], places[right][inside[right]])
        inside[left] &= places[left] < middle
        inside[right] &= places[right] >= middle
    spans = [(0, len(given.text)), *given.spans]
    owned = [
        np.stack([own & (place >= start) & (place < end) for start, end in spans])
        for place, own in zip(places, inside, strict=True)
    ]
    # A span without a token of its own (a space, say) is read as the token next to it; a text without
    # any as the special tokens.
    for i, (start, _) in enumerate(spans):
        if not any(part[i].any() for part in owned):
            distances = [np.where(own, abs(place - start), np.inf) for place, own in zip(places, inside, strict=True)]
            nearest = int(np.argmin([distance.min() for distance in distances]))
            if np.isfinite(distances[nearest]).any():
                owned[nearest][i, np.argmin(distances[nearest])] = True
            else:
                owned[0][i] = [sequence is None for sequence in windows[0].sequence_ids]
    return Windows([window.ids for window in windows], owned)


def _middle(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    """Where one window's tokens end and the next one's begin."""
    if not len(left) or not len(right):
        return 0
    return int((left[-1] + right[0]) // 2 + 1)


def batch(texts: Sequence[Windows], pad: int) -> dict[str, NDArray[Any]]:
    """The arrays of a batch of texts.

    Args:
        texts: any number.
        pad: id of the padding token.

    Returns:
        ``input_ids``, ``attention_mask`` and ``dismissable``, one row per window; and for each part of a span
        that lies in a window a row of ``owned`` (its tokens), ``window`` and ``span`` (their numbers). Spans are
        counted through: of each text first the whole, then its passages. ``spans`` is their number.
    """
    rows = [ids for text in texts for ids in text.ids]
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad, np.int64)
    attention = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        attention[i, : len(row)] = 1
    owned, window, span = [], [], []
    first_window = first_span = 0
    for text in texts:
        for w, parts in enumerate(text.owned):
            for s in np.flatnonzero(parts.any(axis=1)):
                owned.append(np.pad(parts[s], (0, longest - parts.shape[1])))
                window.append(first_window + w)
                span.append(first_span + s)
        first_window += len(text.ids)
        first_span += len(text.owned[0])
    return {
        "input_ids": ids,
        "attention_mask": attention,
        "dismissable": np.array([text.dismissable for text in texts for _ in text.ids]),
        "owned": np.stack(owned),
        "window": np.array(window),
        "span": np.array(span),
        "spans": np.array(first_span),
    }


def in_batches(
    texts: Sequence[Windows],
    pad: int,
    run: Callable[[dict[str, NDArray[Any]]], NDArray[np.float32]],
    size: int,
    pool: Executor | None = None,
) -> NDArray[np.float32]:
    """Run a network on batches of like length.

    Args:
        texts: at least one.
        pad: id of the padding token.
        run: from a batch to one row per span.
        size: tokens per batch, padding included; a text with more has a batch to itself.
        pool: where batches are run beside each other; default one after the other.

    Returns:
        The rows of all spans, text by text.
    """
    first = np.cumsum([0, *(len(text.owned[0]) for text in texts)])
    batches = list(_alike(texts, size))
    found = (map if pool is None else pool.map)(lambda chosen: run(batch([texts[i] for i in chosen], pad)), batches)
    order = np.concatenate([np.arange(first[i], first[i + 1]) for chosen in batches for i in chosen])
    rows = np.concatenate(list(found))
    values = np.zeros_like(rows)
    values[order] = rows
    return values


def _alike(texts: Sequence[Windows], size: int) -> Iterator[list[int]]:
    """Numbers of texts of like length, in batches of so many tokens."""
    chosen: list[int] = []
    windows = longest = 0
    for i in sorted(range(len(texts)), key=lambda i: (len(texts[i].ids), len(texts[i]))):
        text = texts[i]
        if chosen and (windows + len(text.ids)) * max(longest, len(text)) > size:
            yield chosen
            chosen, windows, longest = [], 0, 0
        chosen.append(i)
        windows += len(text.ids)
        longest = max(longest, len(text))
    if chosen:
        yield chosen
