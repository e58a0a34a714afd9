"""Look at corpora before anything is learned from them: labels, duplicates, contradictions, languages, licences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hatespeech_no.corpora.catalogue import find_descriptor
from hatespeech_no.corpora.descriptor import Licence
from hatespeech_no.corpora.load import load_corpus
from hatespeech_no.errors import HatespeechError
from hatespeech_no.taxonomy import ELEMENTS, Conduct
from hatespeech_no.text.language import guess_languages
from hatespeech_no.text.normalise import normalise

if TYPE_CHECKING:
    from datasets import Dataset

_GUESSED_ROWS = 5000
_ENOUGH_WORDS = 6


@dataclass(frozen=True)
class CorpusCheck:
    """What one corpus holds.

    Attributes:
        name, licence: from its descriptor.
        splits: rows per split.
        labels: answers per element, as ``(yes, no, missing)``; for ``conduct`` ``(one known, a set, missing)``.
        duplicates: rows whose text, as normalised, stands in the corpus before.
        conflicts: texts that stand in the corpus with answers that contradict each other.
        languages: declared and guessed language of up to 5,000 rows of six words or more, with counts.
    """

    name: str
    licence: Licence
    splits: dict[str, int]
    labels: dict[str, tuple[int, int, int]]
    duplicates: int
    conflicts: int
    languages: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class SharedTexts:
    """Texts that stand in two corpora, and those of them that are labelled in contradiction."""

    first: str
    second: str
    texts: int
    conflicts: int


def check_corpora(
    names: Sequence[str], relative_to: Path | None = None, report: Callable[[str], None] = lambda name: None
) -> tuple[list[CorpusCheck], list[SharedTexts]]:
    """Check corpora by themselves and against each other.

    Args:
        names: as for ``load_corpus``.
        relative_to: folder that a relative path starts from.
        report: called with the name of each corpus before it is read.

    Raises:
        HatespeechError: a corpus cannot be read.
    """
    checks, answers = [], {}
    for name in names:
        report(name)
        descriptor, _ = find_descriptor(name, relative_to)
        parts = load_corpus(name, relative_to)
        if not parts:
            raise HatespeechError(f"corpus {descriptor.name!r} has no rows")
        rows = pd.concat([_answers(part) for part in parts.values()], ignore_index=True)
        by_text = rows.groupby("text", sort=False)
        # Codes of known answers: a text whose smallest and largest differ is answered in two ways.
        low, high = by_text.min(), by_text.max()
        answers[descriptor.name] = (low, high)
        checks.append(
            CorpusCheck(
                name=descriptor.name,
                licence=descriptor.licence,
                splits={split: len(part) for split, part in parts.items()},
                labels=dict(_label_counts(parts.values())),
                duplicates=len(rows) - len(low),
                conflicts=int((low < high).any(axis=1).sum()),
                languages=_languages(parts.values()),
            )
        )
    found = list(answers)
    shared = (_shared(a, b, answers) for i, a in enumerate(found) for b in found[i + 1 :])
    return checks, [pair for pair in shared if pair.texts]


def _answers(part: Dataset) -> pd.DataFrame:
    """The normalised text and a number for each known answer, NaN for a missing one."""
    columns = {name: np.array(part[name][:], dtype=np.float32) for name in ELEMENTS}  # None becomes NaN
    severity = [Conduct(c[0]).severity if c and len(c) == 1 else np.nan for c in part["conduct"][:]]
    return pd.DataFrame({"text": [normalise(text) for text in part["text"][:]], **columns, "conduct": severity})


def _shared(first: str, second: str, answers: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> SharedTexts:
    texts = answers[first][0].index.intersection(answers[second][0].index)
    low = np.fmin(answers[first][0].loc[texts].to_numpy(), answers[second][0].loc[texts].to_numpy())
    high = np.fmax(answers[first][1].loc[texts].to_numpy(), answers[second][1].loc[texts].to_numpy())
    return SharedTexts(first, second, len(texts), int((low < high).any(axis=1).sum()))


def _label_counts(parts: Sequence[Dataset]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    for name in ELEMENTS:
        counts = Counter(value for part in parts for value in part[name][:])
        if counts[True] or counts[False]:
            yield name, (counts[True], counts[False], counts[None])
    sizes = Counter(min(len(value or ()), 2) for part in parts for value in part["conduct"][:])
    if sizes[1] or sizes[2]:
        yield "conduct", (sizes[1], sizes[2], sizes[0])


def _languages(parts: Sequence[Dataset]) -> Counter[tuple[str, str]]:
    rows = [(d or "?", t) for part in parts for d, t in zip(part["language"][:], part["text"][:], strict=True)]
    rows = [(declared, text) for declared, text in rows if len(text.split()) >= _ENOUGH_WORDS]
    chosen = np.random.default_rng(0).permutation(len(rows))[:_GUESSED_ROWS]
    guesses = guess_languages([rows[i][1] for i in chosen])
    return Counter((rows[i][0], guess.code) for i, guess in zip(chosen, guesses, strict=True))
