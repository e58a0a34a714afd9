"""Find a trained Norwegian spaCy pipeline, by name or path; none is ever required."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hatespeech_no.errors import HatespeechError

if TYPE_CHECKING:
    from spacy.language import Language

OFFICIAL_PIPELINE = "nb_core_news_sm"


@lru_cache(maxsize=2)
def load_pipeline(name: str) -> Language:
    """Load a trained pipeline.

    Args:
        name: the name of an installed pipeline package, or a folder.

    Raises:
        HatespeechError: it is not installed, or was made for another version of spaCy.
    """
    import spacy

    try:
        return spacy.load(name)
    except (OSError, ValueError) as error:
        raise HatespeechError(
            f"The spaCy pipeline {name!r} cannot be loaded ({str(error).splitlines()[0]}). "
            f"Install it (the official one: make nb-model), name another, or leave the setting out."
        ) from error
