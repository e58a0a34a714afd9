"""The moderators' API: texts or statements in, assessments out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.attribution import WordWeight, attribute
from hatespeech_no.models.elements import Input, Probabilities, Scores
from hatespeech_no.scoring.assessment import Assessment, Assessments
from hatespeech_no.scoring.reading import Read
from hatespeech_no.scoring.scored import Dismissed, Scored, assess
from hatespeech_no.statement import Circumstances, Statement
from hatespeech_no.tables.frames import Frame, frame_like, texts_of
from hatespeech_no.tables.rejected import problem_with_text
from hatespeech_no.taxonomy import Publicity, Tier
from hatespeech_no.text.language import LanguageGuess, guess_languages
from hatespeech_no.triage import load_rules
from hatespeech_no.triage.chances import FactChances, tier_chances
from hatespeech_no.triage.engine import Known, known_of
from hatespeech_no.triage.profiles import Profile

_BATCH = 512
_BATCH_PASSAGES = 4096


class Classifier:
    """Scores texts with one loaded bundle; load it once and reuse it."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        manifest = bundle.manifest
        rules = load_rules()
        # The rules that are applied here, not those of the day the model was trained.
        self.versions: Mapping[str, str] = {
            "model": f"{manifest.name}@{bundle.digest}",
            "rules": rules.version,
            "statute": rules.statute,
        }
        self._languages = {_primary_language(code) for code in manifest.languages}

    def score(
        self,
        texts: str | Statement | Iterable[str | Statement],
        profile: str = "balanced",
        prevalence: Mapping[str, float] | None = None,
    ) -> Assessments:
        """Assess texts.

        Args:
            texts: one text, one statement (a text with its circumstances), or many.
            profile: ``balanced``, ``high_recall`` or ``high_precision``, see ``profiles``.
            prevalence: share of texts like these that carry an element, 0 to 1, by its id (for example
                ``{"hateful": 0.02}``), where it is known; see ``Calibration.at_prevalence``. It changes
                the probabilities that are shown, not the tiers, whose guarantees rest on the model's own.
                Without it probabilities hold for the shares in the model's calibration rows.

        Returns:
            One assessment each, in order.

        Raises:
            HatespeechError: an item is no text, or the profile or a prevalence cannot be used.
        """
        given = [texts] if isinstance(texts, str | Statement) else texts
        return Assessments(list(self._scored(given, prevalence or {})), self._assess, profile)

    def stream(
        self,
        texts: Iterable[str | Statement],
        profile: str = "balanced",
        prevalence: Mapping[str, float] | None = None,
    ) -> Iterator[Assessment]:
        """Assess any number of texts in constant memory, batch by batch; see ``score``."""
        for scored in self._scored(texts, prevalence or {}):
            yield self._assess(scored, profile)

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The operating profiles of this model, with what each guarantees and for which texts."""
        return self.bundle.manifest.operating_points.profiles

    def score_frame(
        self,
        frame: Frame,
        text: str = "text",
        profile: str = "balanced",
        prevalence: Mapping[str, float] | None = None,
    ) -> Frame:
        """Assess a column of a data frame.

        Args:
            frame: a pandas or polars data frame, an Arrow table, or a ``datasets.Dataset``.
            text: name of the column of texts; missing values are not assessed.
            profile: see ``score``.
            prevalence: see ``score``.

        Returns:
            A frame of the same kind, with the same order of rows (and the same index in pandas)
            and the columns ``FRAME_COLUMNS``.

        Raises:
            HatespeechError: no such column, or a value that is no text.
        """
        rows = [frame_row(found) for found in self.stream(texts_of(frame, text), profile, prevalence)]
        return frame_like(frame, {name: [row[name] for row in rows] for name in FRAME_COLUMNS})

    def words(self, text: str | Statement, element: str = "hateful") -> list[WordWeight]:
        """What each word of the gravest passage adds to an element, see ``models.attribution``.

        The text is scored once more for every word of the passage.

        Raises:
            HatespeechError: no text, or an element the model does not answer.
        """
        read = Read.of(_as_statement(text, 0))
        (assessment,) = self.score(read.statement)
        if assessment.passage is None:
            return []
        given = read.inputs[0]
        span = 1 + given.spans.index(assessment.passage) if given.spans else 0
        return attribute(self.bundle.model, given, span, element)

    def serves(self, language: str) -> bool:
        """Whether the model was trained on this language (BCP 47; region and script do not count)."""
        return _primary_language(language) in self._languages

    def dismissable(self, texts: Sequence[str]) -> list[str]:
        """The texts that a first stage may dismiss: read as they stand, in a language that the model serves."""
        guesses = guess_languages(texts)
        return [
            text
            for text, guess in zip(texts, guesses, strict=True)
            if self._is_served(None, guess) and _is_dismissable(Read.of(Statement(text)))
        ]

    def probabilities(self, inputs: Sequence[Input]) -> Probabilities:
        """Calibrated probabilities, for evaluation: of each input first the whole text, then its spans."""
        return self.bundle.calibration.apply(self.bundle.model.scores(inputs))

    def _scored(
        self, texts: Iterable[str | Statement], prevalence: Mapping[str, float]
    ) -> Iterator[Scored | Dismissed]:
        """While the model reads a batch, the next one is split into passages and the one before is assessed."""
        model = ThreadPoolExecutor(1)
        ahead: Future[list[Scored | Dismissed]] | None = None
        try:
            for batch in self._batches(texts):
                before, ahead = ahead, model.submit(self._score_batch, batch, prevalence)
                yield from () if before is None else before.result()
            yield from () if ahead is None else ahead.result()
        finally:  # when it is stopped in the middle, nobody waits for what is under way
            model.shutdown(wait=False, cancel_futures=True)

    def _batches(self, texts: Iterable[str | Statement]) -> Iterator[list[Read]]:
        batch: list[Read] = []
        passages = 0
        for i, item in enumerate(texts):
            read = Read.of(_as_statement(item, i))
            batch.append(read)
            passages += read.rows
            if len(batch) == _BATCH or passages >= _BATCH_PASSAGES:
                yield batch
                batch, passages = [], 0
        if batch:
            yield batch

    def _score_batch(self, batch: Sequence[Read], prevalence: Mapping[str, float]) -> list[Scored | Dismissed]:
        guesses = iter(guess_languages([read.statement.text for read in batch if read.statement.language is None]))
        mine = [next(guesses) if read.statement.language is None else None for read in batch]
        served = [self._is_served(read.statement.language, guess) for read, guess in zip(batch, mine, strict=True)]
        screens = self.bundle.screen is not None
        may = [screens and ok and _is_dismissable(read) for read, ok in zip(batch, served, strict=True)]
        scores, gone = self.bundle.screened(
            [given for read in batch for given in read.inputs],
            np.repeat(may, [len(read.inputs) for read in batch]),
        )
        dismissed = gone[np.cumsum([0, *(len(read.inputs) for read in batch[:-1])])].tolist()
        left = [each for each, done in zip(zip(batch, mine, served, strict=True), dismissed, strict=True) if not done]
        by_model = iter(self._by_model(left, scores, prevalence) if left else ())
        return [
            Dismissed(read.statement.id, None if guess is None else guess.code, read.places[0])
            if done
            else next(by_model)
            for read, guess, done in zip(batch, mine, dismissed, strict=True)
        ]

    def _by_model(
        self, batch: Sequence[tuple[Read, LanguageGuess | None, bool]], scores: Scores, prevalence: Mapping[str, float]
    ) -> Iterator[Scored]:
        probabilities = self.bundle.calibration.apply(scores)
        shown = self.bundle.calibration.at_prevalence(probabilities, prevalence)
        facts = FactChances.of(probabilities.of, probabilities.conduct)
        knowns = [known_of(read.statement.circumstances, language_served=served) for read, _, served in batch]
        chances = self._chances(
            facts, [known for known, (read, _, _) in zip(knowns, batch, strict=True) for _ in range(read.rows)]
        )
        position = 0
        for known, (read, guess, _) in zip(knowns, batch, strict=True):
            wholes, own = read.split(range(position, position := position + read.rows))
            passages = np.array(own)
            hateful = shown.of("hateful")
            whole = wholes[0] if hateful is None else max(wholes, key=lambda row: hateful[row])
            yield Scored(
                id=read.statement.id,
                guessed_language=None if guess is None else guess.code,
                known=known,
                probabilities=shown.row(whole),
                places=read.places,
                passages={name: probabilities.yes[passages, i] for i, name in enumerate(probabilities.names)},
                facts=facts[passages],
                chances=chances[passages],
            )

    def _chances(self, facts: FactChances, knowns: Sequence[Known]) -> NDArray[np.float32]:
        """Chances of the tiers of each row in its circumstances, most of which are alike."""
        chances = np.zeros((len(facts), len(Tier)), np.float32)
        for known in set(knowns):
            rows = np.array([i for i, mine in enumerate(knowns) if mine == known])
            chances[rows] = tier_chances(facts[rows], known)
        return chances

    def _assess(self, scored: Scored | Dismissed, profile: str) -> Assessment:
        if isinstance(scored, Dismissed):
            self.bundle.manifest.operating_points.profile(profile)  # an unknown one is a mistake for every text
            return scored.assessment(profile, self.versions)
        return assess(scored, self.bundle.manifest, profile, self.versions)

    def _is_served(self, language: str | None, guess: LanguageGuess | None) -> bool:
        if guess is not None:
            return not guess.is_surely_none_of(self._languages)
        return language is None or self.serves(language)


def versions_of(classifier: Classifier) -> dict[str, str]:
    """What an assessment follows from beside text and options."""
    return {**classifier.versions, "software": metadata.version("hatespeech_no")}


FRAME_COLUMNS = (
    *("tier", "p_hateful", "p_actionable", "grounds", "conduct", "provisions", "rules", "flags", "undecided"),
    "guessed_language",
)
"""Columns that scoring adds to a table."""


def frame_row(assessment: Assessment) -> dict[str, Any]:
    """The cells of ``FRAME_COLUMNS``; several values are joined by a vertical bar."""
    return {
        "tier": str(assessment.tier) if assessment.passage else None,
        "p_hateful": _rounded(assessment.p_hateful),
        "p_actionable": _rounded(assessment.p_actionable),
        "grounds": "|".join(assessment.grounds),
        "conduct": None if assessment.conduct is None else str(assessment.conduct),
        "provisions": "|".join(assessment.provisions),
        "rules": "|".join(assessment.rules),
        "flags": "|".join(assessment.flags),
        "undecided": "|".join(assessment.undecided),
        "guessed_language": assessment.guessed_language,
    }


def _rounded(p: float | None) -> float | None:
    return None if p is None else round(p, 4)


def _primary_language(code: str) -> str:
    """The language of a BCP 47 code, without region or script; ``no`` is read as Bokmål."""
    primary = code.lower().replace("_", "-").partition("-")[0]
    return "nb" if primary == "no" else primary


def _is_dismissable(read: Read) -> bool:
    """A first stage was made for texts alone, as they stand, without circumstances but for where they were said."""
    alone = replace(read.statement.circumstances, publicity=Publicity.UNKNOWN) == Circumstances()
    return alone and bool(read.places) and len(read.inputs) == 1


def _as_statement(item: str | Statement, position: int) -> Statement:
    if isinstance(item, str):
        item = Statement(item)
    if not isinstance(item, Statement):
        raise HatespeechError(f"text {position} is {type(item).__name__}, not a text or a Statement")
    if (problem := problem_with_text(item.text)) is not None:
        raise HatespeechError(f"text {position} {problem.en}")
    return item
