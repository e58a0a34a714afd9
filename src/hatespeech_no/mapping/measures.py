"""What is counted: for each measure what the model says, what it would count, and what people said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hatespeech_no.mapping.intervals import Floats
from hatespeech_no.taxonomy import Conduct, Ground, Lang, Tier, element_label

FLAGGED = 0.5
"""p_hateful from which a naive count would count a statement."""

_LEFT_OPEN = 0.05
_TIERS = (Tier.LAWFUL_HATE, Tier.UNCERTAIN, Tier.ACTIONABLE)


@dataclass(frozen=True)
class Measure:
    """A kind of statement whose share is estimated; arrays of shape (rows,).

    Attributes:
        name: ``hateful``, ``tier_…``, ``ground_…`` or ``conduct_…``.
        score: what the model says, 0 to 1.
        flagged: whether a naive count would count it.
        label: 1 yes, 0 no, NaN not labelled.
    """

    name: str
    score: Floats
    flagged: NDArray[np.bool_]
    label: Floats


def measures(rows: pd.DataFrame, labels: pd.DataFrame) -> Iterator[Measure]:
    """All measures, as far as labels answer them.

    Grounds and conduct are those of hateful statements. Where people left them open in more than a twentieth of
    the hateful ones, they are not counted: what is not hateful needs no answer, and so the share would come out low.

    Args:
        rows: see ``read_scored``.
        labels: see ``read_labels``, aligned with the rows; missing where there are none.
    """
    p, hateful = rows["p_hateful"].to_numpy(), labels["hateful"].to_numpy(float)
    flagged = p >= FLAGGED
    yield Measure("hateful", p, flagged, hateful)
    for tier in _TIERS:
        given = (rows["tier"] == str(tier)).to_numpy()
        p_tier = rows["p_actionable"].to_numpy(float) if tier is Tier.ACTIONABLE else np.full(len(rows), np.nan)
        score = np.where(np.isnan(p_tier), given, p_tier)
        yield Measure(f"tier_{tier}", score, given, _is(labels["tier"], tier))
    for ground in Ground:
        given = np.fromiter((ground in found for found in rows["grounds"]), bool, len(rows))
        said = np.array([float(ground in found) if isinstance(found, tuple) else np.nan for found in labels["grounds"]])
        yield Measure(f"ground_{ground}", p * given, flagged & given, _also(hateful, said))
    for conduct in list(Conduct)[1:]:
        given = (rows["conduct"] == str(conduct)).to_numpy()
        said = _is(labels["conduct"], conduct)
        yield Measure(f"conduct_{conduct}", p * given, flagged & given, _also(hateful, said))


def measure_label(name: str, lang: Lang) -> str:
    """What a measure is called."""
    kind, _, code = name.partition("_")
    if kind == "hateful":
        return element_label("hateful", lang)
    return {"tier": Tier, "ground": Ground, "conduct": Conduct}[kind](code).label(lang)


def _is(answers: pd.Series, code: str) -> Floats:
    return np.where(answers.isna(), np.nan, answers == str(code)).astype(float)


def _also(hateful: Floats, said: Floats) -> Floats:
    """Yes where both are, no where it is not hateful or the other is no; all unknown if too much is left open."""
    yes = hateful == 1
    if np.isnan(said[yes]).sum() > _LEFT_OPEN * yes.sum():
        return np.full_like(hateful, np.nan)
    return np.where(hateful == 0, 0.0, hateful * said)
