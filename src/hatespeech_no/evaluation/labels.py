"""What a model reads of a corpus, and its labels as arrays; missing is NaN, never 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.errors import require
from hatespeech_no.models.elements import Input
from hatespeech_no.taxonomy import ELEMENTS, Conduct

if TYPE_CHECKING:
    from datasets import Dataset


def inputs_of(dataset: Dataset) -> list[Input]:
    """The whole texts with their threads."""
    return [
        Input(text, thread=tuple(thread)) for text, thread in zip(dataset["text"][:], dataset["thread"][:], strict=True)
    ]


def label_columns(dataset: Dataset) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.bool_]]:
    """Labels of n rows, straight from Arrow.

    Returns:
        For each element an array of shape (n,) with 1 yes, 0 no, NaN unknown; and an array of
        shape (n, 8) with the conducts that are possible, a row of only ``False`` being unknown.
    """
    float32 = require("pyarrow", "train").float32()
    table = dataset.with_format("arrow")[:]
    answers = {name: table.column(name).cast(float32).to_numpy() for name in ELEMENTS}
    position = {str(c): c.severity for c in Conduct}
    conduct = np.zeros((len(dataset), len(Conduct)), bool)
    for i, names in enumerate(table.column("conduct").to_pylist()):
        conduct[i, [position[name] for name in names or ()]] = True
    return answers, conduct
