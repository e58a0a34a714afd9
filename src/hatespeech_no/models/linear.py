"""Linear heads on fixed features: one per element and one per conduct, on whatever is labelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack
from scipy.special import softmax

from hatespeech_no.models.elements import Scores
from hatespeech_no.taxonomy import ELEMENTS, Conduct

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Features: TypeAlias = Any
"""A matrix with one row per text: ``scipy.sparse.csr_matrix`` or ``numpy.ndarray``."""

_CONDUCTS = len(Conduct)
_SET_ROUNDS = 2


@dataclass(frozen=True)
class LinearHeads:
    """Fitted heads.

    Attributes:
        names: the k elements with a head.
        weights: shape (features, k), with eight more columns for conduct if it was trained.
        bias: one per column of ``weights``.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scores(self, features: Features) -> Scores:
        """Score the rows of a matrix of features."""
        values = np.asarray(features @ self.weights, dtype=np.float32) + self.bias
        k = len(self.names)
        return Scores(self.names, values[:, :k], values[:, k:] if values.shape[1] > k else None)


def fit_heads(
    features: Features,
    labels: Mapping[str, NDArray[np.float32]],
    conduct: NDArray[np.bool_],
    regularisation: float,
    seed: int,
    report: Callable[[str], None],
) -> LinearHeads:
    """Fit a balanced logistic regression for each element of which both values occur.

    Args:
        features: n rows.
        labels: for each element shape (n,), 1 yes, 0 no, NaN unknown; unknown rows are left out of
            that element's head.
        conduct: shape (n, 8), the conducts that are possible; a row of only ``False`` is unknown.
        regularisation: inverse strength C of the L2 penalty.
        seed: of the solver.
        report: called with the name of each element as its head begins.
    """
    head = _Head(regularisation, seed, sparse=issparse(features))
    names, columns, biases = [], [], []
    for name in ELEMENTS:
        known = ~np.isnan(labels[name])
        target = labels[name][known]
        if 0 < target.sum() < len(target):
            report(name)
            fitted = head.fit(features[known], target)
            names.append(name)
            columns.append(fitted.coef_)
            biases.append(fitted.intercept_)
    report("conduct")
    fitted_conduct = _fit_conduct(features, conduct, head)
    if fitted_conduct is not None:
        columns.append(fitted_conduct[0])
        biases.append(fitted_conduct[1])
    weights = np.concatenate(columns).T.astype(np.float32) if columns else np.zeros((features.shape[1], 0), np.float32)
    bias = np.concatenate(biases).astype(np.float32) if biases else np.zeros(0, np.float32)
    return LinearHeads(tuple(names), np.ascontiguousarray(weights), bias)


@dataclass(frozen=True)
class _Head:
    regularisation: float
    seed: int
    sparse: bool

    def fit(self, x: Features, y: NDArray[Any], weight: NDArray[np.float64] | None = None) -> LogisticRegression:
        from sklearn.linear_model import LogisticRegression

        # The dual solver is made for many sparse features, the other one for few dense ones.
        solver = {"solver": "liblinear", "dual": True} if self.sparse else {"solver": "lbfgs"}
        return LogisticRegression(
            C=self.regularisation, class_weight="balanced", max_iter=1000, random_state=self.seed, **solver
        ).fit(x, y, sample_weight=weight)


def _fit_conduct(
    features: Features, possible: NDArray[np.bool_], head: _Head
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """One head per conduct on sets of possible conducts, by expectation–maximisation.

    A row stands for each conduct it may have with the weight that the last round gives it
    (Jin and Ghahramani 2002, "Learning with multiple labels").

    Returns:
        Coefficients, shape (8, features), and intercepts, shape (8,); ``None`` if fewer than two
        conducts occur.
    """
    known = np.flatnonzero(possible.any(axis=1))
    sets = possible[known]
    classes = np.flatnonzero(sets.any(axis=0))
    if len(classes) < 2:
        return None
    x = features[known]
    share = sets / sets.sum(axis=1, keepdims=True)
    weights = np.zeros((_CONDUCTS, features.shape[1]), np.float32)
    # A conduct that never occurs in training is given no chance.
    bias = np.full(_CONDUCTS, -30.0, np.float32)
    for _ in range(_SET_ROUNDS):
        for c in classes:
            inside, outside = np.flatnonzero(share[:, c] > 0), np.flatnonzero(share[:, c] < 1)
            both = (x[inside], x[outside])
            fitted = head.fit(
                vstack(both) if head.sparse else np.concatenate(both),
                np.repeat([1, 0], [len(inside), len(outside)]),
                np.concatenate([share[inside, c], 1 - share[outside, c]]),
            )
            weights[c], bias[c] = fitted.coef_[0], fitted.intercept_[0]
        posterior = softmax(np.asarray(x @ weights.T) + bias, axis=1)
        share = np.where(sets, posterior, 0) + np.where(sets, 1e-9, 0)
        share /= share.sum(axis=1, keepdims=True)
    return weights, bias
