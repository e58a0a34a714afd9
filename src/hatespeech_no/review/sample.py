"""The sample of a mapping (``map sample``): taken in as it was drawn, and given back as labels for ``map estimate``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.candidates import identity_of
from hatespeech_no.review.rounds import verdicts_of
from hatespeech_no.review.verdicts import Verdict
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.tables import open_table, open_writer
from hatespeech_no.tables.source import parts_of
from hatespeech_no.taxonomy import Ground

_FIELDS = frozenset({"id", "text", "purpose", "inclusion_probability"})


@dataclass(frozen=True, slots=True)
class Drawn:
    """A statement of a sample.

    Attributes:
        id: keyed, as the mapping knows it.
        text: pseudonymised.
        thread: what it answers, pseudonymised; ``None`` = nothing or unknown.
        inclusion: probability with which it was drawn.
    """

    id: str
    text: str
    thread: str | None
    inclusion: float

    @property
    def identity(self) -> str:
        """See ``Candidate.identity``."""
        return identity_of(self.text, self.thread)


def is_sample(path: Path) -> bool:
    """Whether a file is the sample of a mapping rather than a scored file or a folder of them."""
    with open_table(parts_of(path)[0]) as table:
        return all(row.keys() >= _FIELDS for _, row in (next(table.rows(), (0, {})),))


def read_sample(path: Path) -> list[Drawn]:
    """The statements of a sample.

    Raises:
        HatespeechError: names file, row and field.
    """
    found = []
    with open_table(path) as table:
        for number, row in table.restored_rows():
            try:
                inclusion = float(row["inclusion_probability"])
                if not 0 < inclusion <= 1:
                    raise ValueError(f"inclusion_probability {inclusion} is not above 0 and at most 1")
                found.append(Drawn(str(row["id"]), str(row["text"]), row.get("thread") or None, inclusion))
            except (KeyError, TypeError, ValueError) as error:
                raise HatespeechError(f"{path}, row {number}: {error}; give what 'map sample' wrote") from None
    return found


def write_labels(workspace: Workspace, sample: Path, target: Path) -> Counter[bool]:
    """Write what people said of the statements of a sample, as ``map estimate`` reads it.

    Tiers are those that were given before anybody saw the model's view. What readers could not tell, or differ
    on, is left empty.

    Returns:
        How many are settled (``True``) and how many are not.

    Raises:
        HatespeechError: the sample was not pushed to this review.
    """
    members, verdicts = workspace.members(), verdicts_of(workspace)
    drawn = read_sample(sample)
    if not any(one.id in members for one in drawn):
        raise HatespeechError(f"{sample}: was not pushed to this review; begin with hatespeech-no review push {sample}")
    done: Counter[bool] = Counter()
    with open_writer(target, ["id", "hateful", "tier", "grounds", "conduct"]) as write:
        for one in drawn:
            verdict = verdicts.get(members.get(one.id, ""))
            done[verdict is not None] += 1
            if verdict is not None:
                write({"id": one.id, **_labels(verdict)})
    return done


def _labels(verdict: Verdict) -> dict[str, Any]:
    elements = verdict.elements
    grounds = {str(ground): elements.get(f"ground_{ground}") for ground in Ground}
    conduct = elements.conduct or frozenset()
    return {
        "hateful": elements.get("hateful"),
        "tier": str(verdict.blind),
        "grounds": None if None in grounds.values() else [name for name, yes in grounds.items() if yes],
        "conduct": str(next(iter(conduct))) if len(conduct) == 1 else None,
    }
