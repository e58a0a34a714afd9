"""The moderators' API: texts or statements in, assessments out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Input, Probabilities
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.statement import Elements, Statement
from hatespeech_no.tables.frames import Frame, frame_like, texts_of
from hatespeech_no.tables.rejected import problem_with_text
from hatespeech_no.taxonomy import Tier
from hatespeech_no.text.language import LanguageGuess, guess_languages
from hatespeech_no.text.passages import Passage, split_passages
from hatespeech_no.triage import gravest, load_rules, triage

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
        self, texts: str | Statement | Iterable[str | Statement], prevalence: Mapping[str, float] | None = None
    ) -> list[Assessment]:
        """Assess texts.

        Args:
            texts: one text, one statement (a text with its circumstances), or many.
            prevalence: share of texts like these that carry an element, 0 to 1, by its id (for example
                ``{"hateful": 0.02}``), where it is known; see ``Calibration.at_prevalence``. Without it
                probabilities hold for the shares in the model's calibration rows.

        Returns:
            One assessment each, in order.

        Raises:
            HatespeechError: an item is no text, or a prevalence cannot be used.
        """
        return list(self.stream([texts] if isinstance(texts, str | Statement) else texts, prevalence))

    def stream(
        self, texts: Iterable[str | Statement], prevalence: Mapping[str, float] | None = None
    ) -> Iterator[Assessment]:
        """Assess any number of texts in constant memory, batch by batch; see ``score``."""
        batch: list[tuple[Statement, list[Passage]]] = []
        passages = 0
        for i, item in enumerate(texts):
            statement = _as_statement(item, i)
            parts = next(split_passages([statement.text]))
            batch.append((statement, parts))
            passages += len(parts)
            if len(batch) == _BATCH or passages >= _BATCH_PASSAGES:
                yield from self._score_batch(batch, prevalence or {})
                batch, passages = [], 0
        if batch:
            yield from self._score_batch(batch, prevalence or {})

    def score_frame(self, frame: Frame, text: str = "text") -> Frame:
        """Assess a column of a data frame.

        Args:
            frame: a pandas or polars data frame, an Arrow table, or a ``datasets.Dataset``.
            text: name of the column of texts; missing values are not assessed.

        Returns:
            A frame of the same kind, with the same order of rows (and the same index in pandas)
            and the columns ``FRAME_COLUMNS``.

        Raises:
            HatespeechError: no such column, or a value that is no text.
        """
        rows = [frame_row(assessment) for assessment in self.stream(texts_of(frame, text))]
        return frame_like(frame, {name: [row[name] for row in rows] for name in FRAME_COLUMNS})

    def serves(self, language: str) -> bool:
        """Whether the model was trained on this language (BCP 47; region and script do not count)."""
        return _primary_language(language) in self._languages

    def probabilities(self, inputs: Sequence[Input]) -> Probabilities:
        """Calibrated probabilities, for evaluation: of each input first the whole text, then its spans."""
        return self.bundle.calibration.apply(self.bundle.model.scores(inputs))

    def _score_batch(
        self, batch: Sequence[tuple[Statement, list[Passage]]], prevalence: Mapping[str, float]
    ) -> list[Assessment]:
        guesses = iter(guess_languages([s.text for s, _ in batch if s.language is None]))
        inputs = [Input(statement.text, _spans(parts), statement.thread) for statement, parts in batch]
        probabilities = self.bundle.calibration.at_prevalence(self.probabilities(inputs), prevalence)
        decided = probabilities.decide(self.bundle.manifest.thresholds)
        position = 0
        assessments = []
        for (statement, parts), given in zip(batch, inputs, strict=True):
            guess = next(guesses) if statement.language is None else None
            rows = decided[position : position + 1 + len(given.spans)]
            assessments.append(self._assess(statement, guess, parts, rows[1:] or rows, probabilities.row(position)))
            position += len(rows)
        return assessments

    def _assess(
        self,
        statement: Statement,
        guess: LanguageGuess | None,
        passages: Sequence[Passage],
        elements: Sequence[Elements],
        probabilities: Mapping[str, float],
    ) -> Assessment:
        if not statement.text.strip():
            return Assessment(statement.id, Tier.PROTECTED, flags=("no_text",), versions=self.versions)
        if guess is not None:
            served = not guess.is_surely_none_of(self._languages)
        else:
            served = statement.language is None or self.serves(statement.language)
        circumstances = statement.circumstances
        findings = [triage(e, circumstances, language_served=served) for e in elements]
        finding = gravest(findings)
        worst = findings.index(finding)
        found = elements[worst]
        return Assessment(
            id=statement.id,
            tier=finding.tier,
            guessed_language=None if guess is None else guess.code,
            p_hateful=probabilities.get("hateful"),
            grounds=found.grounds,
            conduct=next(iter(found.conduct)) if found.conduct else None,
            target=found.target,
            context=found.context,
            provisions=finding.provisions,
            rules=finding.rules,
            adjustments=finding.adjustments,
            flags=finding.flags,
            undecided=finding.undecided,
            passage=(passages[worst].start, passages[worst].end),
            probabilities=probabilities,
            versions=self.versions,
        )


def _spans(parts: Sequence[Passage]) -> tuple[tuple[int, int], ...]:
    """Passages are scored on their own only where there are several."""
    return tuple((part.start, part.end) for part in parts) if len(parts) > 1 else ()


FRAME_COLUMNS = (
    *("tier", "p_hateful", "grounds", "conduct", "provisions", "rules", "flags", "undecided"),
    "guessed_language",
)
"""Columns that scoring adds to a table."""


def frame_row(assessment: Assessment) -> dict[str, Any]:
    """The cells of ``FRAME_COLUMNS``; several values are joined by a vertical bar."""
    return {
        "tier": str(assessment.tier) if assessment.passage else None,
        "p_hateful": None if assessment.p_hateful is None else round(assessment.p_hateful, 4),
        "grounds": "|".join(assessment.grounds),
        "conduct": None if assessment.conduct is None else str(assessment.conduct),
        "provisions": "|".join(assessment.provisions),
        "rules": "|".join(assessment.rules),
        "flags": "|".join(assessment.flags),
        "undecided": "|".join(assessment.undecided),
        "guessed_language": assessment.guessed_language,
    }


def _primary_language(code: str) -> str:
    """The language of a BCP 47 code, without region or script; ``no`` is read as Bokmål."""
    primary = code.lower().replace("_", "-").partition("-")[0]
    return "nb" if primary == "no" else primary


def _as_statement(item: str | Statement, position: int) -> Statement:
    if isinstance(item, str):
        item = Statement(item)
    if not isinstance(item, Statement):
        raise HatespeechError(f"text {position} is {type(item).__name__}, not a text or a Statement")
    if (problem := problem_with_text(item.text)) is not None:
        raise HatespeechError(f"text {position} {problem.en}")
    return item
