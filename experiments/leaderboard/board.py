"""What is compared on what, as data."""

from __future__ import annotations

from dataclasses import dataclass

_STATEMENTS = "../../data/statements/corpus.yaml"
_NORHATECHECK = "../../data/norhatecheck/corpus.yaml"
_WORDS = ("words.txt",)


@dataclass(frozen=True)
class Suite:
    """The test part of a corpus.

    Attributes:
        title: its name on the page.
        corpus: a shipped corpus, or the path of a descriptor from this folder.
        element: what is asked; ``None``: ordinary text, on which every "hateful" is a false alarm.
        language: only rows in it; ``None``: all.
    """

    title: str
    corpus: str
    element: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class Model:
    """A model that is run.

    Attributes:
        title: its name on the page.
        what: what it is.
        languages: what it was made for.
        adapter: a script of ``adapters`` that reads texts and writes answers.
        requires: what its own environment holds; nothing: it runs in ours.
        arguments: of the adapter.
        ours: whether it is from this repository.
        trained_on: suites whose training part it has learned from.
    """

    title: str
    what: str
    languages: str
    adapter: str
    requires: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    ours: bool = False
    trained_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """A figure that others published, on the whole test part of a suite or on data that is not public (``None``)."""

    model: str
    figure: str
    source: str
    suite: str | None = None
    trained: bool = False


SUITES = {
    "statements": Suite("Our statements, test part (nb, nn, en)", _STATEMENTS, "hateful"),
    "norhatecheck_nb": Suite("NorHateCheck, Bokmål", _NORHATECHECK, "hateful", "nb"),
    "norhatecheck_nn": Suite("NorHateCheck, Nynorsk", _NORHATECHECK, "hateful", "nn"),
    "norhatecheck_en": Suite("NorHateCheck, English", _NORHATECHECK, "hateful", "en"),
    "hatecheck": Suite("HateCheck (en)", "hatecheck", "hateful"),
    "edos": Suite("EDOS: sexist or not (en)", "edos", "ground_gender"),
    "gahd": Suite("GAHD (de)", "gahd", "hateful"),
    "dkhate": Suite("DKhate: offensive or not (da)", "dkhate", "abusive"),
    "norec_mentions": Suite("False alarms: Norwegian reviews that mention minorities", "norec_mentions"),
    "ud_norwegian": Suite("False alarms: Norwegian newspapers, blogs and parliament", "ud_norwegian"),
}

MODELS = {
    "keywords": Model(
        "keyword baseline",
        "40 Norwegian words, each also as the beginning of a longer one",
        "nb, nn",
        "keywords",
        arguments=_WORDS,
        ours=True,
    ),
    "tfidf": Model(
        "linear model of the demo",
        "word and character n-grams, `configs/demo.yaml`",
        "nb, nn, en",
        "ours",
        ours=True,
        trained_on=("statements",),
    ),
    "encoder": Model(
        "the model in the box",
        "multilingual-e5-small, fine-tuned by `configs/release.yaml`, in int8",
        "nb, nn, da, en",
        "ours",
        ours=True,
        trained_on=("statements", "edos", "gahd", "dkhate", "norec_mentions"),
    ),
    "hatesonar": Model(
        "HateSonar 0.1.0",
        "a linear model over words, learned from Davidson's tweets; its class `hate_speech` is taken as hateful",
        "en",
        "hatesonar",
        ("hatesonar==0.1.0",),
    ),
    "alt_profanity_check": Model(
        "alt-profanity-check 1.9.1",
        "a linear model over words, learned from Davidson's tweets and Wikipedia comments",
        "en",
        "alt_profanity_check",
        ("alt-profanity-check==1.9.1",),
    ),
    "valx": Model(
        "ValX 0.2.6",
        "a decision tree over words; its class `Hate Speech` is taken as hateful",
        "en",
        "valx",
        ("valx==0.2.6",),
    ),
    "better_profanity": Model(
        "better-profanity 0.7.0 with our words",
        "its list of English words and that of the keyword baseline, disguised letters undone",
        "en, nb, nn",
        "better_profanity",
        ("better-profanity==0.7.0",),
        _WORDS,
    ),
    "glin_profanity": Model(
        "glin-profanity 4.1.0",
        "its lists of English, Norwegian, Danish and German words",
        "en, nb, da, de",
        "glin_profanity",
        ("glin-profanity==4.1.0",),
    ),
}

NOT_RUN = {
    "Detoxify 0.5.4": "fetches its weights at first use from a code host that could not be reached; not for Norwegian",
    "Perspective API": "a closed service that has to be sent the texts; it never served Norwegian and ends in 2026",
    "A&ttack2, and Arntzen's NB-BERT-large": "Norwegian; weights and test data could not be obtained",
    "DaNLP's BERT for Danish": "its weights lie on a model hub that could not be reached",
}

_HATECHECK, _OFFENSEVAL, _EDOS = "Röttger et al. 2021", "Zampieri et al. 2020", "Kirk et al. 2023"
PUBLISHED = (
    Published("Perspective API", "right on hateful 0.895, on others 0.482", _HATECHECK, "hatecheck"),
    Published("BERT, trained on Davidson", "right on hateful 0.755, on others 0.360", _HATECHECK, "hatecheck"),
    Published("winner of SemEval-2023 task 10 A", "macro-F1 0.875", _EDOS, "edos", trained=True),
    Published("DeBERTa baseline of the task", "macro-F1 0.82", _EDOS, "edos", trained=True),
    Published("winner of OffensEval 2020", "macro-F1 0.812", _OFFENSEVAL, "dkhate", trained=True),
    Published("DaNLP's BERT", "macro-F1 0.787", "DaNLP", "dkhate"),
    Published(
        "model of DKhate's authors", "macro-F1 0.70", "Sigurbergsson and Derczynski 2020", "dkhate", trained=True
    ),
    Published("A&ttack2 (T5-large): Norwegian verbal attacks", "macro-F1 0.76", "A&ttack2"),
    Published("NB-BERT-large: Norwegian, offensive or neutral", "macro-F1 0.754–0.758", "Arntzen 2021"),
    Published("NB-BERT-large: Norwegian, hateful or otherwise offensive", "macro-F1 0.679", "Arntzen 2021"),
)
