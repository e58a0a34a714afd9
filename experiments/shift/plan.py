"""What is learned from and tested on, as data."""

from __future__ import annotations

from dataclasses import dataclass

QUESTIONS = ("hateful", "abusive", "ground_gender")
"""Elements that are learned. A model that was not taught what it is asked answers with the first that it was taught."""


@dataclass(frozen=True)
class Source:
    """A corpus, or its rows in one language.

    Attributes:
        title: as shown.
        corpus: name of its descriptor.
        language: of its rows.
        asks: the question that its labels answer best.
        learned: whether there is a training part; else it is only tested on.
    """

    title: str
    corpus: str
    language: str
    asks: str = "hateful"
    learned: bool = True


@dataclass(frozen=True)
class Choice:
    """What one model learns from: sources, and of each no more than so many rows."""

    sources: tuple[str, ...]
    most: int | None = None


SOURCES = {
    "statements_nb": Source("our nb", "statements", "nb"),
    "statements_nn": Source("our nn", "statements", "nn"),
    "statements_en": Source("our en", "statements", "en"),
    "hatexplain_fine": Source("HateXplain (en)", "hatexplain_fine", "en"),
    "davidson": Source("Davidson (en)", "davidson", "en"),
    "stormfront": Source("Stormfront (en)", "stormfront", "en"),
    "implicit_hate": Source("Implicit Hate (en)", "implicit_hate", "en"),
    "toxigen": Source("ToxiGen (en)", "toxigen", "en"),
    "hatemoji_build": Source("HatemojiBuild (en)", "hatemoji_build", "en"),
    "edos": Source("EDOS (en)", "edos", "en", "ground_gender"),
    "gahd": Source("GAHD (de)", "gahd", "de"),
    "germeval2018": Source("GermEval (de)", "germeval2018", "de", "abusive"),
    "dkhate": Source("DKhate (da)", "dkhate", "da", "abusive"),
    "hatecheck": Source("HateCheck (en)", "hatecheck", "en", learned=False),
    "norhatecheck_nb": Source("NorHateCheck nb", "norhatecheck", "nb", learned=False),
    "norhatecheck_nn": Source("NorHateCheck nn", "norhatecheck", "nn", learned=False),
    "norhatecheck_en": Source("NorHateCheck en", "norhatecheck", "en", learned=False),
}

LEARNED = tuple(name for name, source in SOURCES.items() if source.learned)
CORPORA = tuple(dict.fromkeys(SOURCES[name].corpus for name in LEARNED))
OURS = tuple(name for name in LEARNED if SOURCES[name].corpus == "statements")
ALIKE = 1250
"""Rows of each of our languages where they are compared with one another: as many as the smallest has."""


def without(corpus: str) -> tuple[str, ...]:
    """All sources to learn from that are not of a corpus."""
    return tuple(name for name in LEARNED if SOURCES[name].corpus != corpus)


def _spoken(*languages: str) -> tuple[str, ...]:
    return tuple(name for name in LEARNED if SOURCES[name].language in languages)


CHOICES = {
    **{name: Choice((name,)) for name in LEARNED},
    "statements": Choice(OURS),
    **{f"{name}, {ALIKE} rows": Choice((name,), ALIKE) for name in OURS},
    "English": Choice(_spoken("en")),
    "English of others": Choice(tuple(name for name in _spoken("en") if name not in OURS)),
    "German": Choice(_spoken("de")),
    "Norwegian": Choice(_spoken("nb", "nn")),
    "all but Norwegian": Choice(_spoken("en", "de", "da")),
    "all": Choice(LEARNED),
    **{f"all but {corpus}": Choice(without(corpus)) for corpus in CORPORA},
}
