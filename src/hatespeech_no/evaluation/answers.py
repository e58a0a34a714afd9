"""What a classifier answers to the rows of suites, and the form in which figures on them are handed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.corpora import statement_from_row
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.metrics import Estimate
from hatespeech_no.scoring import Classifier
from hatespeech_no.splits import connected_clusters
from hatespeech_no.statement import Statement

if TYPE_CHECKING:
    from datasets import Dataset

TABLE = ("suite", "slice", "element", "metric", "value", "lo", "hi", "n")
"""Columns of a table of estimates, as in ``Evaluation.table``."""

_LINKS = ("cluster", "pair", "template", "twin")


@dataclass(frozen=True)
class Answers:
    """What a classifier says of n statements, disguised words undone as for a moderator.

    Attributes:
        p: of being hateful, shape (n,).
        hateful: the decision on it, 0 or 1, shape (n,).
        tier: rank of the tier under the profile ``balanced``, shape (n,).
    """

    p: NDArray[np.float64]
    hateful: NDArray[np.float64]
    tier: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.int64]) -> Answers:
        return Answers(self.p[rows], self.hateful[rows], self.tier[rows])

    @classmethod
    def of(cls, classifier: Classifier, statements: Iterable[Statement]) -> Self:
        """Score statements.

        Raises:
            HatespeechError: the model does not answer whether a text is hateful.
        """
        found = list(classifier.stream(statements))
        p = np.array([np.nan if a.p_hateful is None else a.p_hateful for a in found], np.float64)
        if np.isnan(p).any():
            raise HatespeechError("the model does not tell what is hateful; train it on a corpus that labels 'hateful'")
        threshold = classifier.bundle.manifest.thresholds.get("hateful", 0.5)
        return cls(p, (p >= threshold).astype(np.float64), np.array([a.tier.rank for a in found], np.int64))


def served(dataset: Dataset, classifier: Classifier) -> Dataset:
    """The rows in languages that the model serves, or whose language is not known."""
    languages = dataset["language"][:]
    serves = {code: code is None or classifier.serves(code) for code in set(languages)}
    if all(serves.values()):
        return dataset
    return dataset.select(np.flatnonzero([serves[code] for code in languages]))


def served_suites(classifier: Classifier, suites: Mapping[str, Dataset], column: str) -> dict[str, Dataset]:
    """The suites that have a column, without rows in languages that the model does not serve."""
    found = {name: served(rows, classifier) for name, rows in suites.items() if column in rows.column_names}
    return {name: rows for name, rows in found.items() if len(rows)}


def statements_of(dataset: Dataset) -> list[Statement]:
    """What a model may be given of each row: text, language and circumstances, no labels."""
    statements = map(statement_from_row, dataset)
    return [replace(s.bare, language=s.language) for s in statements]


def linked_clusters(dataset: Dataset) -> NDArray[np.int64]:
    """Cluster number of each row, shape (n,): rows of one contrast pair, template, twin or ``cluster`` share it."""
    return sharing_clusters(len(dataset), *(dataset[name][:] for name in _LINKS if name in dataset.column_names))


def sharing_clusters(rows: int, *columns: Sequence[Any]) -> NDArray[np.int64]:
    """Cluster number of each row, shape (rows,), from 0 without a gap.

    Args:
        rows: how many there are.
        columns: of so many values; rows with one value in one of them share a cluster, ``None`` links nothing.
    """
    first: dict[tuple[int, Any], int] = {}
    links = [
        (i, first.setdefault((number, value), i))
        for number, column in enumerate(columns)
        for i, value in enumerate(column)
        if value is not None
    ]
    return connected_clusters(rows, links)


def table_row(suite: str, slice_name: str, element: str, metric: str, found: Estimate) -> dict[str, Any]:
    """One row of a table with the columns ``TABLE``."""
    return dict(zip(TABLE[:4], (suite, slice_name, element, metric), strict=True)) | asdict(found)
