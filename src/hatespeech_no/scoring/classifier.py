"""The moderators' API: texts or statements in, assessments out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Probabilities
from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.statement import Elements, Statement
from hatespeech_no.taxonomy import Tier
from hatespeech_no.text.passages import Passage, split_passages
from hatespeech_no.triage import gravest, load_rules, triage

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 512


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

    def score(self, texts: str | Statement | Iterable[str | Statement]) -> list[Assessment]:
        """Assess texts.

        Args:
            texts: one text, one statement (a text with its circumstances), or many.

        Returns:
            One assessment each, in order.
        """
        return list(self.stream([texts] if isinstance(texts, str | Statement) else texts))

    def stream(self, texts: Iterable[str | Statement]) -> Iterator[Assessment]:
        """Assess any number of texts in constant memory, batch by batch."""
        statements = (_as_statement(item, i) for i, item in enumerate(texts))
        while batch := list(islice(statements, _BATCH)):
            yield from self._score_batch(batch)

    def score_frame(self, frame: pd.DataFrame, text: str = "text") -> pd.DataFrame:
        """Assess a column of a data frame.

        Args:
            frame: any data frame.
            text: name of the column of texts; missing values are not assessed.

        Returns:
            A frame with the same index and the columns ``tier``, ``p_hateful``, ``grounds``,
            ``conduct``, ``provisions``, ``rules``, ``flags``, ``undecided``.

        Raises:
            HatespeechError: no such column.
        """
        import pandas as pd

        if text not in frame.columns:
            raise HatespeechError(f"the frame has no column {text!r}; it has {list(map(str, frame.columns))}")
        column = frame[text].astype(object)
        texts = column.where(column.notna(), "").tolist()
        rows = [frame_row(assessment) for assessment in self.stream(texts)]
        return pd.DataFrame(rows, index=frame.index, columns=list(FRAME_COLUMNS))

    def probabilities(self, texts: Sequence[str]) -> Probabilities:
        """Calibrated probabilities of whole texts, for evaluation."""
        return self.bundle.calibration.apply(self.bundle.model.scores(texts))

    def _score_batch(self, statements: Sequence[Statement]) -> list[Assessment]:
        texts = [statement.text for statement in statements]
        passages = list(split_passages(texts))
        # The text as a whole first; passages are scored on their own only where there are several.
        extra = [passage.text for parts in passages if len(parts) > 1 for passage in parts]
        probabilities = self.probabilities([*texts, *extra])
        decided = probabilities.decide(self.bundle.manifest.thresholds)
        position = len(texts)
        assessments = []
        for i, (statement, parts) in enumerate(zip(statements, passages, strict=True)):
            elements = [decided[i]]
            if len(parts) > 1:
                elements = decided[position : position + len(parts)]
                position += len(parts)
            assessments.append(self._assess(statement, parts, elements, probabilities.row(i)))
        return assessments

    def _assess(
        self,
        statement: Statement,
        passages: Sequence[Passage],
        elements: Sequence[Elements],
        probabilities: Mapping[str, float],
    ) -> Assessment:
        if not statement.text.strip():
            return Assessment(statement.id, Tier.PROTECTED, flags=("no_text",), versions=self.versions)
        served = statement.language is None or _primary_language(statement.language) in self._languages
        circumstances = statement.circumstances
        findings = [triage(e, circumstances, language_served=served) for e in elements]
        finding = gravest(findings)
        worst = findings.index(finding)
        found = elements[worst]
        return Assessment(
            id=statement.id,
            tier=finding.tier,
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


FRAME_COLUMNS = ("tier", "p_hateful", "grounds", "conduct", "provisions", "rules", "flags", "undecided")
"""Columns that scoring adds to a table."""


def frame_row(assessment: Assessment) -> dict[str, str | float | None]:
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
    }


def _primary_language(code: str) -> str:
    """The language of a BCP 47 code, without region or script; ``no`` is read as Bokmål."""
    primary = code.lower().replace("_", "-").partition("-")[0]
    return "nb" if primary == "no" else primary


def _as_statement(item: str | Statement, position: int) -> Statement:
    if isinstance(item, Statement):
        return item
    if isinstance(item, str):
        return Statement(item)
    raise HatespeechError(f"text {position} is {type(item).__name__}, not a text or a Statement")
