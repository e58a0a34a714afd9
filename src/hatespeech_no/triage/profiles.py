"""Operating profiles: from which probability a statement is handed on as ``actionable``."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit, logit

from hatespeech_no.errors import HatespeechError
from hatespeech_no.taxonomy import Lang, Tier

ProfileName = Literal["balanced", "high_recall", "high_precision"]
PREVALENCES = (0.004, 0.017, 0.10)
"""Shares of comments that Norwegian mappings found to be hateful (0.4 %), verbal attacks (1.7 %) or hateful in a
broad sense (10 %); possibly punishable ones must be fewer, so that the lowest comes nearest."""

_EPSILON = 1e-7


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Guarantee(_Data):
    """What holds, with a stated confidence, for texts like those it was tested on, and for those only.

    Attributes:
        measure: ``missed`` = share of actionable statements that get another tier; ``alarms`` = share
            of protected ones that are called actionable.
        language: of the statements.
        at_most: upper bound of the share.
        confidence: that all the guarantees of this profile hold together.
        observed: share in the rows it was tested on.
        rows: how many those were.
    """

    measure: Literal["missed", "alarms"]
    language: str
    at_most: float = Field(ge=0, le=1)
    confidence: float = Field(gt=0, lt=1)
    observed: float = Field(ge=0, le=1)
    rows: int

    def explain(self, lang: Lang = "en") -> str:
        """The guarantee in words, with the population it is about."""
        most, sure, seen = f"{self.at_most:.0%}", f"{self.confidence:.0%}", f"{self.observed:.1%}"
        if lang == "nb":
            most, sure, seen = (share.replace(".", ",").replace("%", " %") for share in (most, sure, seen))
            what = (
                f"av mulig straffbare ytringer får høyst {most} et annet nivå"
                if self.measure == "missed"
                else f"av vernede ytringer meldes høyst {most} som mulig straffbare"
            )
            return (
                f"{self.language}: {what} ({sure} sikkerhet; {self.rows} konstruerte ytringer, {seen} i prøven). "
                "Gjelder ikke en plattform før en stikkprøve derfra bekrefter det."
            )
        what = (
            f"of possibly punishable statements at most {most} get another tier"
            if self.measure == "missed"
            else f"of protected statements at most {most} are called possibly punishable"
        )
        return (
            f"{self.language}: {what} ({sure} confidence; {self.rows} constructed statements, {seen} "
            "in the sample). Does not carry over to a platform until an audit sample from there confirms it."
        )


class Load(_Data):
    """How many of 10,000 comments a profile calls actionable, rightly or not, if so many of them are.

    ``precision`` takes every other comment for a protected one as hard as those it was tested on, so
    that ordinary comments give fewer alarms.
    """

    prevalence: float
    flagged_per_10000: float
    precision: float


class Profile(_Data):
    """One operating point.

    Attributes:
        threshold: calibrated probability of ``actionable`` from which a statement gets that tier.
        guarantees: empty where none holds.
        recall: share of actionable statements found in the risk rows, by language.
        alarms: share of protected ones called actionable there, by language.
        loads: see ``Load``; all languages together.
    """

    threshold: float = Field(ge=0, le=1)
    guarantees: tuple[Guarantee, ...] = ()
    recall: dict[str, float] = {}
    alarms: dict[str, float] = {}
    loads: tuple[Load, ...] = ()


class OperatingPoints(_Data):
    """The profiles of a model.

    Attributes:
        slope, intercept: calibration of the probability of ``actionable``, on its log-odds; 1 and 0
            = as the rules give it.
        profiles: by name; always ``balanced``.
    """

    slope: float = Field(default=1.0, gt=0)
    intercept: float = 0.0
    profiles: dict[str, Profile] = {"balanced": Profile(threshold=0.5)}

    def calibrated(self, p: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities, of the same shape."""
        return np.asarray(expit(log_odds(p) * self.slope + self.intercept), dtype=np.float32)

    def profile(self, name: str) -> Profile:
        """A profile by its name.

        Raises:
            HatespeechError: this model has none of that name.
        """
        if name not in self.profiles:
            raise HatespeechError(f"this model has no profile {name!r}; it has {', '.join(self.profiles)}")
        return self.profiles[name]


def log_odds(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-odds of probabilities, of the same shape; those of 0 and 1 are finite."""
    return np.asarray(logit(np.clip(p.astype(np.float64), _EPSILON, 1 - _EPSILON)), dtype=np.float64)


def decide(chances: NDArray[np.float32], p_actionable: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Ranks of the tiers of passages.

    Args:
        chances: shape (n, 4), see ``chances.tier_chances``.
        p_actionable: shape (n,), calibrated.
        threshold: of a profile.

    Returns:
        Shape (n,). Below the threshold, what might be actionable counts for ``lawful_hate``, the tier
        it would have without what makes it grave; the most probable of the three others is taken.
    """
    others = chances[:, [Tier.PROTECTED.rank, Tier.LAWFUL_HATE.rank, Tier.UNCERTAIN.rank]].copy()
    others[:, 1] += chances[:, Tier.ACTIONABLE.rank]
    return np.where(p_actionable >= threshold, Tier.ACTIONABLE.rank, others.argmax(axis=1))
