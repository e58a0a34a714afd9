"""The cases of NorHateCheck: templates filled with groups, and statements written one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from hatespeech_no.corpora.labels import codebook_elements, codebook_passages
from hatespeech_no.errors import HatespeechError
from hatespeech_no.statement import YES_NO_CIRCUMSTANCES, Elements, Statement, derive_text_labels
from hatespeech_no.taxonomy import Lang, Tier

Row = dict[str, Any]

CASES = "cases.jsonl"
# The frozen suite: a build that differs from it is another suite and needs another version.
FROZEN = "cases.sha256"


@dataclass(frozen=True, slots=True)
class Function:
    """One thing that is tested.

    Attributes:
        id: ends in ``_h`` if the writer is hateful, in ``_nh`` if not, in neither or ``_h`` if it differs.
        family: functions that belong together.
        gold: whether the writer of its cases is hateful.
        unseen: training statements must have no counterpart of it.
        nb, en: its name.
    """

    id: str
    family: str
    gold: Literal["hateful", "non-hateful", "mixed"]
    unseen: bool
    nb: str
    en: str

    def label(self, lang: Lang = "en") -> str:
        """Its name in Norwegian Bokmål or English."""
        return self.nb if lang == "nb" else self.en


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Attributes:
        statement: the text in its circumstances, with labels (text as a whole) and passages.
        function: id of the function it tests.
        tier: expected tier, see the data card.
        law_tier: what was first judged from the law alone, where it differs; it counts as right too.
        group: the group it is about or mentions, as in ``groups.yaml``; ``None`` if none.
        template: the template it was filled from; ``None`` if it was written by hand.
        twin: shared by the same case in Bokmål and Nynorsk (and English).
        borderline: a careful reader may choose otherwise.
        rule_gap: why the triage rules cannot reach the tier; ``None`` if they do.
    """

    statement: Statement
    function: str
    tier: Tier
    law_tier: Tier | None = None
    group: str | None = None
    template: str | None = None
    twin: str | None = None
    borderline: bool = False
    rule_gap: str | None = None

    @property
    def hateful(self) -> bool | None:
        """Whether the writer is hateful; ``None`` if the text does not tell."""
        return None if self.statement.labels is None else self.statement.labels.get("hateful")

    @property
    def parts(self) -> list[Elements]:
        """Elements of each passage, or of the text where passages do not differ."""
        return [p.elements for p in self.statement.passages] or [self.statement.labels or Elements()]


def suite_folder() -> Path:
    """Where the suite's files lie: in the installed package, or in the checkout it is installed from."""
    installed = Path(str(resources.files("hatespeech_no"))) / "data" / "norhatecheck"
    checkout = Path(__file__).parents[3] / "data" / "norhatecheck"
    return installed if installed.is_dir() else checkout


@lru_cache
def load_functions(folder: Path | None = None) -> dict[str, Function]:
    """All functions by id.

    Raises:
        HatespeechError: their file is missing or not as it should be.
    """
    path = (folder or suite_folder()) / "functions.yaml"
    try:
        return {name: Function(id=name, **fields) for name, fields in yaml.safe_load(path.read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise HatespeechError(f"{path}: cannot be read as the functions of a suite ({error})") from error


def load_cases(folder: Path | None = None) -> list[Case]:
    """The cases of the frozen suite.

    Raises:
        HatespeechError: the file is not the frozen one, or a row is not as it should be.
    """
    folder = folder or suite_folder()
    content = (folder / CASES).read_bytes()
    frozen = (folder / FROZEN).read_text("utf-8").split()[0]
    if hashlib.sha256(content).hexdigest() != frozen:
        raise HatespeechError(f"{folder / CASES} is not the frozen suite; build it anew or restore it")
    return [to_case(json.loads(line)) for line in content.decode("utf-8").splitlines()]


def to_case(row: Mapping[str, Any]) -> Case:
    """A case from a row of ``cases.jsonl``.

    Raises:
        HatespeechError: a value is not of the codebook.
    """
    passages = codebook_passages(row, row["text"])
    circumstances = {n: row[n] for n in ("publicity", "thread", *YES_NO_CIRCUMSTANCES) if row.get(n) is not None}
    return Case(
        Statement(
            text=row["text"],
            id=row["id"],
            language=row["language"],
            labels=derive_text_labels(passages) if passages else codebook_elements(row),
            passages=passages,
            pair=row.get("pair"),
            **circumstances,
        ),
        function=row["function"],
        tier=Tier(row["tier"]),
        law_tier=Tier(row["law_tier"]) if row.get("law_tier") else None,
        **{name: row.get(name) for name in ("group", "template", "twin", "rule_gap")},
        borderline=row.get("borderline", False),
    )


def build_rows(folder: Path) -> list[Row]:
    """The rows of the suite: every template filled with every group it fits, then the hand-written ones.

    Raises:
        HatespeechError: a source is missing or not as it should be.
    """
    try:
        return _build_rows(folder)
    except OSError as error:
        raise HatespeechError(f"{error.filename}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise HatespeechError(f"{folder}: a source of the suite is not as it should be ({error!r})") from error


def _build_rows(folder: Path) -> list[Row]:
    groups = yaml.safe_load((folder / "groups.yaml").read_text("utf-8"))
    filled = (row for template in _lines(folder / "templates.jsonl") for row in _fill(template, groups))
    by_hand = ({**row, "pair": row.get("pair")} for row in _lines(folder / "handwritten.jsonl"))
    return [*filled, *by_hand]


def serialise(rows: list[Row]) -> bytes:
    """The bytes of ``cases.jsonl``."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def _fill(template: Row, groups: Mapping[str, Any]) -> Iterator[Row]:
    elements = dict(template["elements"])
    names_ground = elements.pop("ground")
    for name, group in groups.items():
        outside = group["grounds"] == ["gender"]
        fits = {"all": True, "section_185": not outside, "no_gender": not outside}
        wanted = template["groups"]
        if not (name in wanted if isinstance(wanted, list) else fits[wanted]):
            continue
        for language in ("nb", "nn", "en"):
            if template.get(language) is None:
                continue
            text = template[language].format(**group[language])
            law_tier = template.get("law_tier_gender" if outside else "law_tier")
            yield {
                "id": f"{template['id']}-{name}-{language}",
                "function": template["function"],
                "language": language,
                "text": text[0].upper() + text[1:],
                "publicity": "public",
                **{k: v for k, v in elements.items() if k != "ground_explicit"},
                "grounds": group["grounds"] if names_ground else [],
                "ground_explicit": elements["ground_explicit"],
                "tier": template["tier_gender" if outside else "tier_185"],
                **({"law_tier": law_tier} if law_tier else {}),
                "group": name,
                "template": template["id"],
                "pair": template["pair"],
                "twin": f"{template['id']}-{name}",
                **({"borderline": True} if template.get("borderline") else {}),
                "why": template["why"],
            }


def _lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
