"""Run a model on NorHateCheck: accuracy per function, with intervals."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.answers import sharing_clusters
from hatespeech_no.evaluation.metrics import (
    ACCURACY,
    MACRO_F1,
    Estimate,
    estimate,
    resample_weights,
)
from hatespeech_no.evaluation.tiers import tier_shares
from hatespeech_no.norhatecheck.suite import Case, Function
from hatespeech_no.scoring import Classifier
from hatespeech_no.tables import open_table, open_writer
from hatespeech_no.taxonomy import Tier

_YES = ("1", "true", "sann", "yes", "ja", "hateful")
_NO = ("0", "false", "usann", "no", "nei", "non-hateful", "not hateful")
_HALF = 0.5


@dataclass(frozen=True)
class Prediction:
    """A model's answer to one case: whether it is hateful, and the tier if the model has tiers."""

    hateful: bool
    tier: Tier | None = None


@dataclass(frozen=True)
class Result:
    """Results of one model.

    Attributes:
        functions: one row per function: id, family, unseen, n, accuracy (of ``hateful``) with lo and hi, and
            ``tier_accuracy`` with lo and hi where the model has tiers. A tier is right if it is the
            expected one or that of the law alone.
        summary: macro-F1 of ``hateful``, and what ``tier_shares`` gives for the tier, overall and by
            slice: language, seen and unseen functions, hand-written cases and filled templates.
    """

    functions: pd.DataFrame
    summary: dict[str, Estimate]


def run(
    cases: Sequence[Case],
    functions: Mapping[str, Function],
    predictions: Mapping[str, Prediction],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Result:
    """Compare predictions with the suite.

    Args:
        cases: the suite, or a part of it.
        functions: see ``load_functions``.
        predictions: by id of the case; every case needs one.
        resamples: of the bootstrap; cases of one template, contrast pair or twin are drawn together.
        seed: of the bootstrap.

    Raises:
        HatespeechError: a case has no prediction.
    """
    missing = [case.statement.id for case in cases if case.statement.id not in predictions]
    if missing:
        raise HatespeechError(f"{len(missing)} cases have no prediction, the first is {missing[0]!r}")
    answers = [predictions[str(case.statement.id)] for case in cases]
    gold = np.array([np.nan if case.hateful is None else float(case.hateful) for case in cases])
    said = np.array([float(answer.hateful) for answer in answers])
    tier = np.array([case.tier.rank for case in cases])
    law_tier = np.array([(case.law_tier or case.tier).rank for case in cases])
    tiers_said = np.array([-1 if answer.tier is None else answer.tier.rank for answer in answers])
    clusters = _clusters(cases)

    def weights(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        return resample_weights(clusters[rows], resamples, seed)

    def tier_right(rows: NDArray[np.bool_]) -> Estimate:
        right = ((tier[rows] == tiers_said[rows]) | (law_tier[rows] == tiers_said[rows])).astype(float)
        return estimate(ACCURACY, np.ones_like(right), right, right, weights(rows))

    table = []
    for name, function in functions.items():
        rows = np.array([case.function == name for case in cases])
        if not rows.any():
            continue
        known = rows & ~np.isnan(gold)
        line: dict[str, Any] = {"function": name, "family": function.family, "unseen": function.unseen}
        line["n"] = int(rows.sum())
        if known.any():
            found = estimate(ACCURACY, gold[known], said[known], said[known], weights(known))
            line |= {"accuracy": found.value, "lo": found.lo, "hi": found.hi}
        if (tiers_said >= 0).all():
            found = tier_right(rows)
            line |= {"tier_accuracy": found.value, "tier_lo": found.lo, "tier_hi": found.hi}
        table.append(line)
    summary = {}
    for name, rows in _slices(cases, functions):
        known = rows & ~np.isnan(gold)
        if len(np.unique(gold[known])) > 1:
            summary[f"{name}/hateful/macro_f1"] = estimate(
                MACRO_F1, gold[known], said[known], said[known], weights(known)
            )
        if (tiers_said >= 0).all() and rows.any():
            shares = tier_shares(tier[rows], tiers_said[rows], weights(rows))
            summary |= {f"{name}/tier/{metric}": value for metric, value in shares.items()}
            summary[f"{name}/tier/accuracy"] = tier_right(rows)
    return Result(pd.DataFrame(table), summary)


def predict_with(classifier: Classifier, cases: Sequence[Case], profile: str = "balanced") -> dict[str, Prediction]:
    """The answers of one of our models. It is given texts and circumstances, and guesses the language."""
    threshold = classifier.bundle.manifest.thresholds.get("hateful", _HALF)
    statements = [case.statement.bare for case in cases]
    return {
        str(case.statement.id): Prediction((found.p_hateful or 0.0) >= threshold, found.tier)
        for case, found in zip(cases, classifier.stream(statements, profile), strict=True)
    }


def predict_by_call(name: str, cases: Sequence[Case]) -> dict[str, Prediction]:
    """The answers of somebody's function.

    Args:
        name: ``package.module:function``; it takes a list of texts and returns as many truth values
            or probabilities of being hateful.
        cases: the suite.

    Raises:
        HatespeechError: there is no such function, or its answer is not of that form.
    """
    module, _, function = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # as python -m does
    try:
        predict: Callable[[list[str]], Sequence[Any]] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise HatespeechError(f"{name}: there is no such function ({error})") from error
    answers = list(predict([case.statement.text for case in cases]))
    if len(answers) != len(cases):
        raise HatespeechError(f"{name}: gave {len(answers)} answers to {len(cases)} texts")
    return {str(c.statement.id): Prediction(_yes(a, name)) for c, a in zip(cases, answers, strict=True)}


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Predictions from a table: ``id``, ``hateful`` (yes/no or a probability) and, if the model has tiers, ``tier``.

    Raises:
        HatespeechError: names file, row and field.
    """
    found = {}
    with open_table(path, text_column="id") as table:
        for number, row in table.rows():
            place = f"{path}, row {number}"
            if not row.keys() >= {"id", "hateful"}:
                raise HatespeechError(f"{place}: needs the fields 'id' and 'hateful'; it has {sorted(row)}")
            try:
                tier = Tier(row["tier"]) if row.get("tier") else None
            except ValueError:
                raise HatespeechError(f"{place}, field 'tier': {row['tier']!r} is no tier") from None
            if str(row["id"]) in found:
                raise HatespeechError(f"{place}: the id {row['id']!r} occurs twice")
            found[str(row["id"])] = Prediction(_yes(row["hateful"], f"{place}, field 'hateful'"), tier)
    return found


def write_predictions(path: Path, predictions: Mapping[str, Prediction]) -> None:
    """Write predictions in the form that ``read_predictions`` reads."""
    with open_writer(path, ("id", "hateful", "tier")) as write:
        for name, p in predictions.items():
            write({"id": name, "hateful": int(p.hateful), "tier": p.tier})


def _yes(value: Any, place: str) -> bool:  # noqa: ANN401 - whatever a model answers
    text = str(value).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = np.nan
    if not 0 <= number <= 1:
        raise HatespeechError(f"{place}: {value!r} is neither yes nor no nor a probability")
    return number >= _HALF


def _clusters(cases: Sequence[Case]) -> NDArray[np.int64]:
    """Cases that share a template, a contrast pair or a twin are one cluster."""
    columns = [(case.template, case.statement.pair, case.twin) for case in cases]
    return sharing_clusters(len(cases), *zip(*columns, strict=True))


def _slices(cases: Sequence[Case], functions: Mapping[str, Function]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    unseen = np.array([functions[case.function].unseen for case in cases])
    filled = np.array([case.template is not None for case in cases])
    yield "all", np.ones(len(cases), bool)
    yield "seen", ~unseen
    yield "unseen", unseen
    yield "handwritten", ~filled
    yield "templates", filled
    for language in ("nb", "nn", "en"):
        yield language, np.array([case.statement.language == language for case in cases])
