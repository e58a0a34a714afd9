"""Teach a first stage from the model itself, on texts without labels, and measure what it would lose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import binom

from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.models.onnx import OnnxModel
from hatespeech_no.models.screen import Screen, ScreenRecord, features
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Tier
from hatespeech_no.training.record import Report, quiet

MOST_LOST = 0.005
"""Share of what the model flags that a first stage may dismiss."""
LEAST_FLAGGED = 600
_CONFIDENCE = 0.95
_STRENGTH = 1.0
_EDGE = 0.005


def distil(
    bundle: Bundle,
    texts: Sequence[str],
    population: str,
    *,
    seed: int = 0,
    report: Report = quiet,
) -> Bundle:
    """The model with a first stage that dismisses what the model would surely not flag.

    Half of the texts teach it, a quarter sets its threshold, a quarter measures it. With 95 % certainty it loses
    at most ``MOST_LOST`` of what the model flags among texts of the same population (the tolerance limit of
    Wilks 1941, from order statistics).

    Args:
        bundle: a transformer's.
        texts: of the population that is to be scored; equal ones count once.
        population: what these are, in words, for those who use the model.
        seed: of the three parts.
        report: told how many texts the model has read.

    Raises:
        HatespeechError: another family; fewer than ``LEAST_FLAGGED`` flagged texts in either of the last two parts;
            or more is lost in the last than may be.
    """
    if not isinstance(bundle.model, EncoderModel | OnnxModel):
        raise HatespeechError(
            f"a model of the family {bundle.manifest.family!r} is fast enough; only transformers gain"
        )
    distinct = list(dict.fromkeys(text for text in texts if text.strip()))
    order = np.random.default_rng(seed).permutation(len(distinct))
    learn, limit, test = np.split(order, [len(order) // 2, 3 * len(order) // 4])
    chance, flagged = _flags(Classifier(Bundle(bundle.manifest, bundle.model)), distinct, report)
    for part in (limit, test):
        if flagged[part].sum() < LEAST_FLAGGED:
            raise HatespeechError(
                f"{int(flagged[part].sum())} of {len(part)} texts to measure on are flagged, and {LEAST_FLAGGED} are "
                "needed; give more texts"
            )
    found = features(bundle.model.tokenizer, distinct)
    weights, bias = _learn(found[learn], chance[learn])
    scores = np.asarray(found @ weights.astype(np.float32)) + bias
    threshold = _tolerance_limit(scores[limit][flagged[limit]])
    dismissed = scores[test] < threshold
    record = ScreenRecord(
        bias=bias,
        threshold=threshold,
        population=population,
        flagged=int(flagged[test].sum()),
        lost=int((dismissed & flagged[test]).sum()),
        texts=len(test),
        dismissed=int(dismissed.sum()),
    )
    if record.lost > MOST_LOST * record.flagged:
        raise HatespeechError(
            f"a first stage would lose {record.lost} of {record.flagged} flagged texts, more than "
            f"{100 * MOST_LOST:g} %; nothing was written"
        )
    return Bundle(bundle.manifest.model_copy(update={"files": {}}), bundle.model, Screen(weights, record))


def _flags(
    classifier: Classifier, texts: Sequence[str], report: Report
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of each text the greater of the probabilities of hateful and actionable, and whether a profile flags it."""
    chance, flagged = np.zeros(len(texts)), np.zeros(len(texts), bool)
    step = 1000
    for start in range(0, len(texts), step):
        found = classifier.score(texts[start : start + step])
        part = slice(start, start + len(found))
        chance[part] = [max(a.p_hateful or 0.0, a.p_actionable or 0.0) for a in found]
        for profile in classifier.profiles:
            flagged[part] |= [a.tier is not Tier.PROTECTED for a in found.rethreshold(profile)]
        report("reading texts", part.stop, len(texts))
    return chance, flagged


def _learn(found: csr_matrix, chance: NDArray[np.float64]) -> tuple[NDArray[np.float16], float]:
    """Ridge regression on the log-odds that the model gives."""
    from sklearn.linear_model import Ridge

    p = np.clip(chance, _EDGE, 1 - _EDGE)
    ridge = Ridge(alpha=_STRENGTH, solver="sparse_cg").fit(found, np.log(p / (1 - p)))
    return ridge.coef_.astype(np.float16), float(ridge.intercept_)


def _tolerance_limit(flagged: NDArray[np.float64]) -> float:
    """The score below which, with certainty ``_CONFIDENCE``, at most ``MOST_LOST`` of flagged texts lie."""
    below = int(binom.ppf(1 - _CONFIDENCE, len(flagged), MOST_LOST))
    while below >= 0 and binom.cdf(below, len(flagged), MOST_LOST) > 1 - _CONFIDENCE:
        below -= 1
    if below < 0:
        raise HatespeechError(f"{len(flagged)} flagged texts are too few to promise that only {MOST_LOST:.1%} are lost")
    return float(np.sort(flagged)[below])
