"""What every model hands on: scores, then calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError
from hatespeech_no.taxonomy import Conduct

_CONDUCTS = list(Conduct)


@dataclass(frozen=True, slots=True)
class Input:
    """What a model reads of a statement.

    Attributes:
        text: the original text.
        spans: places of the passages that are scored on their own, in characters; empty where there
            is only one.
        thread: the texts it answers, oldest first.
    """

    text: str
    spans: tuple[tuple[int, int], ...] = ()
    thread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scores:
    """Uncalibrated scores of n rows: of each input first the whole text, then its spans.

    Attributes:
        names: the k elements the model has a head for.
        log_odds: shape (n, k).
        conduct: shape (n, 8), unnormalised log-probabilities in order of severity; ``None`` if the
            model has no head for conduct.
    """

    names: tuple[str, ...]
    log_odds: NDArray[np.float32]
    conduct: NDArray[np.float32] | None


@dataclass(frozen=True)
class Probabilities:
    """Calibrated probabilities of n rows; an element that is not here is unknown.

    Attributes:
        names: the k elements that could be calibrated.
        yes: shape (n, k), probability of yes, 0 to 1.
        conduct: shape (n, 8), rows add up to 1, in order of severity; or ``None``.
    """

    names: tuple[str, ...]
    yes: NDArray[np.float32]
    conduct: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.yes)

    def of(self, element: str) -> NDArray[np.float32] | None:
        """Probability of yes for one element, shape (n,); ``None`` = unknown."""
        return self.yes[:, self.names.index(element)] if element in self.names else None

    def row(self, i: int) -> dict[str, float]:
        """The probabilities of one text by element; those of conduct as ``conduct_<id>``."""
        values = {name: float(p) for name, p in zip(self.names, self.yes[i], strict=True)}
        if self.conduct is not None:
            values |= {f"conduct_{c}": float(p) for c, p in zip(_CONDUCTS, self.conduct[i], strict=True)}
        return values


def only_on_cpu(device: str) -> None:
    """Refuse another device.

    Raises:
        HatespeechError: it is not ``cpu``.
    """
    if device != "cpu":
        raise HatespeechError(f"device {device!r}: this model runs on the CPU; only an encoder's bundle runs elsewhere")


def pieces(inputs: Sequence[Input]) -> list[str]:
    """The rows of ``Scores`` as texts, for models that read each passage alone and no thread."""
    return [piece for given in inputs for piece in (given.text, *(given.text[start:end] for start, end in given.spans))]


class ElementModel(Protocol):
    """A family of models: trained elsewhere, saved to and loaded from a folder, scoring texts."""

    family: ClassVar[str]

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts and their passages."""
        ...

    def place(self, device: str, threads: int | None) -> None:
        """Run on a device and so many CPU threads.

        Raises:
            HatespeechError: the family does not run there.
        """
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the model's files; returns its settings, as JSON values, for the manifest."""
        ...

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote."""
        ...
