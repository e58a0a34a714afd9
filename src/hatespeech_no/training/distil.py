"""Teach a first stage from the model itself, on texts without labels, and measure what it would lose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Input
from hatespeech_no.models.onnx import OnnxModel
from hatespeech_no.models.parts import layers_of
from hatespeech_no.models.screen import Screen, ScreenRecord
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Tier
from hatespeech_no.training.record import Report, quiet

MOST_LOST = 0.005
"""Share of what the model flags that a first stage may dismiss."""
LEAST = 600
"""Texts of a kind to learn from or to measure on."""
_CONFIDENCE = 0.95
_LOOKS = 6
"""Into so many parts the network is cut, where it has as many layers."""
_STRENGTH = 0.003
"""Of the probes, the smaller the less they follow single texts."""
_STEP = 1000


def distil(
    bundle: Bundle,
    texts: Sequence[str],
    population: str,
    folder: Path,
    *,
    seed: int = 0,
    report: Report = quiet,
) -> Bundle:
    """The model with a first stage that dismisses what the model would surely not flag.

    Half of the texts teach it, a quarter sets its threshold, a quarter measures it. With 95 % certainty it loses
    at most ``MOST_LOST`` of what the model flags among texts of the same population (the tolerance limit of
    Wilks 1941, from order statistics).

    Args:
        bundle: an exported transformer's.
        texts: of the population that is to be scored; equal ones count once, and those that are never dismissed
            (see ``Classifier.dismissable``) not at all.
        population: what these are, in words, for those who use the model.
        folder: for the parts of the network; it must stay as long as the bundle returned is used.
        seed: of the three parts.
        report: told how many texts the model has read.

    Raises:
        HatespeechError: another family; fewer than ``LEAST`` texts that are not flagged in the first part, or that
            are in either of the others; or more is lost in the last than may be.
    """
    if not isinstance(bundle.model, OnnxModel):
        raise HatespeechError(
            f"a first stage is made for an exported transformer, and this is a bundle of the family "
            f"{bundle.manifest.family!r}"
        )
    if bundle.screen is not None:
        raise HatespeechError("this model has a first stage already; give the one that it was made from")
    classifier = Classifier(bundle)
    distinct = classifier.dismissable(list(dict.fromkeys(texts)))
    flagged = _flags(classifier, distinct, report)
    layers = _layers(layers_of(bundle.model.graphs[0]))
    model = bundle.model.cut(layers, folder)
    seen = _looks(model, distinct, report)
    short = ~np.isnan(seen[:, 0, 0])
    seen, flagged = seen[short], flagged[short]
    order = np.random.default_rng(seed).permutation(len(seen))
    learn, limit, test = np.split(order, [len(order) // 2, 3 * len(order) // 4])
    for part, counted, what in (
        (learn, ~flagged, "not flagged"),
        (limit, flagged, "flagged"),
        (test, flagged, "flagged"),
    ):
        if counted[part].sum() < LEAST:
            raise HatespeechError(
                f"{int(counted[part].sum())} of {len(part)} texts are {what}, and {LEAST} are needed in each "
                "part; give more texts"
            )
    weights, bias = _learn(seen[learn], flagged[learn])
    bias -= _tolerance_limit(_judged(seen[limit][flagged[limit]], weights, bias).min(axis=1))
    below = _judged(seen[test], weights, bias) < 0
    dismissed = below.any(axis=1)
    record = ScreenRecord(
        layers=layers,
        population=population,
        flagged=int(flagged[test].sum()),
        lost=int((dismissed & flagged[test]).sum()),
        texts=len(test),
        dismissed=tuple(int((below[:, i] & ~below[:, :i].any(axis=1)).sum()) for i in range(len(layers))),
    )
    if record.lost > MOST_LOST * record.flagged:
        raise HatespeechError(
            f"a first stage would lose {record.lost} of {record.flagged} flagged texts, more than "
            f"{100 * MOST_LOST:g} %; nothing was written"
        )
    return Bundle(bundle.manifest.model_copy(update={"files": {}}), model, Screen(weights, bias, record))


def _layers(of: int) -> tuple[int, ...]:
    """After which layers there is a look: in equal steps, never after the last.

    Raises:
        HatespeechError: the network cannot be cut.
    """
    if of < 2:
        raise HatespeechError("the layers of this network cannot be told apart, so that no text can leave between them")
    return tuple(range(max(of // _LOOKS, 1), of, max(of // _LOOKS, 1)))


def _flags(classifier: Classifier, texts: Sequence[str], report: Report) -> NDArray[np.bool_]:
    """Whether a profile flags each text."""
    flagged = np.zeros(len(texts), bool)
    for start in range(0, len(texts), _STEP):
        found = classifier.score(texts[start : start + _STEP])
        part = slice(start, start + len(found))
        for profile in classifier.profiles:
            flagged[part] |= [a.tier is not Tier.PROTECTED for a in found.rethreshold(profile)]
        report("reading texts", part.stop, len(texts))
    return flagged


def _looks(model: OnnxModel, texts: Sequence[str], report: Report) -> NDArray[np.float16]:
    """What the probes are shown of each text, see ``OnnxModel.looks``; in half precision, as these are many."""
    found = []
    for start in range(0, len(texts), _STEP):
        part = [Input(text) for text in texts[start : start + _STEP]]
        found.append(model.looks(part).astype(np.float16))
        report("looking between the layers", start + len(part), len(texts))
    return np.concatenate(found)


def _judged(seen: NDArray[np.float16], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each probe says, shape (texts, looks)."""
    looks = [seen[:, i].astype(np.float32) @ weights[i] + bias[i] for i in range(len(weights))]
    return np.stack(looks, axis=1)


def _learn(seen: NDArray[np.float16], flagged: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A logistic regression for each look, in standard deviations of flagged texts, so that one threshold fits all.

    Args:
        seen: shape (texts, looks, features).
        flagged: shape (texts,).

    Returns:
        Weights of shape (looks, features) and their biases; flagged texts that a probe has not seen have mean 0 and
        standard deviation 1.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    weights, biases = [], []
    for look in seen.swapaxes(0, 1):
        features = look.astype(np.float32)
        middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
        given = (features - middle) / spread
        probe = LogisticRegression(C=_STRENGTH, max_iter=1000)
        unseen = cross_val_predict(probe, given, flagged, cv=2, method="decision_function")[flagged]
        probe.fit(given, flagged)
        own = probe.coef_[0] / spread / unseen.std()
        weights.append(own)
        biases.append((probe.intercept_[0] - unseen.mean()) / unseen.std() - own @ middle)
    return np.array(weights, np.float32), np.array(biases, np.float32)


def _tolerance_limit(flagged: NDArray[np.float64]) -> float:
    """The score below which, with certainty ``_CONFIDENCE``, at most ``MOST_LOST`` of flagged texts lie."""
    below = int(binom.ppf(1 - _CONFIDENCE, len(flagged), MOST_LOST))
    while below >= 0 and binom.cdf(below, len(flagged), MOST_LOST) > 1 - _CONFIDENCE:
        below -= 1
    if below < 0:
        raise HatespeechError(f"{len(flagged)} flagged texts are too few to promise that only {MOST_LOST:.1%} are lost")
    return float(np.sort(flagged)[below])
