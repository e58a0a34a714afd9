"""What a corpus is, declared: licence, citation, files, and what its labels mean in our codebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hatespeech_no.errors import HatespeechError
from hatespeech_no.statement import Elements
from hatespeech_no.taxonomy import Ground

Split = Literal["train", "validation", "calibration", "risk", "test"]
"""Parts of a corpus, each for one purpose: to learn; to stop and choose a recipe; to calibrate; to set
guarantees; to report figures. A part is never used for another part's purpose."""
TableFormat = Literal["csv", "tsv", "tsv_unquoted", "jsonl", "parquet", "spreadsheet"]
Layout = Literal["conllu", "hatexplain", "implicit_hate", "stormfront", "toxigen"]
FileFormat = TableFormat | Layout | Literal["hub"]


def _check_elements(spec: dict[str, Any]) -> dict[str, Any]:
    try:
        Elements.of(**spec)
    except (HatespeechError, TypeError) as error:
        raise ValueError(str(error)) from error
    return spec


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _no_booleans(when: Any) -> Any:  # noqa: ANN401 - anything YAML holds
    values = when.values() if isinstance(when, dict) else ()
    if any(isinstance(v, bool) for value in values for v in (value if isinstance(value, list) else [value])):
        raise ValueError("YAML reads a bare yes, no, on or off as true or false; put it in quotes")
    return when


When = Annotated[dict[str, str | list[str]], BeforeValidator(_no_booleans)]


class Licence(_Data):
    """What the owners allow; ``note`` carries what a yes or no leaves out."""

    id: str
    training: bool
    shipping_models: bool
    redistribution: bool
    note: str = ""


class Published(_Data):
    """A file where its owners publish it.

    Attributes:
        path: relative to the data folder (or to the descriptor's own folder).
        url: where it is downloaded from, pinned to a commit or version; ``None`` if it can only be
            had from somebody.
        member: the file inside the zip archive at ``path``.
        sha256: of the bytes, of ``member`` if there is one; a file that differs is refused.
    """

    path: str
    url: str | None = None
    member: str | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class CorpusFile(Published):
    """One file of rows.

    Attributes:
        format: a kind of table, a dataset on the hub (``path`` is then its id), or a released layout
            (see ``layouts``).
        companions: further files that a layout needs.
        header: names of the columns of a delimited file that does not name them.
        sheet: sheet name of a spreadsheet.
        subset, part, revision: of a dataset on the hub: its configuration, split and commit.
        split: the split all its rows belong to, unless ``columns.split`` tells.
        language: of all its rows, if files differ in it.
        broken_rows: numbers of rows in the owners' file that are no rows; the quirks say why.
    """

    format: FileFormat
    companions: list[Published] = []
    header: list[str] = []
    sheet: str | None = None
    subset: str | None = None
    part: str = "train"
    revision: str | None = None
    split: Split | None = None
    language: str | None = None
    broken_rows: list[int] = []

    @model_validator(mode="after")
    def _hub_is_pinned(self) -> Self:
        if self.format == "hub" and not self.revision:
            raise ValueError("a dataset on the hub needs a revision, or its rows may change unseen")
        return self


class Columns(_Data):
    """Names of the columns that are not labels.

    Attributes:
        function: what a case of a functional suite tests.
        group: the group a case attacks or mentions, hateful or not; where ``groups`` names groups, others are none.
        template: what a case was filled from.
        twin: shared by the same case in several languages.
    """

    text: str = "text"
    id: str | None = "id"
    split: str | None = None
    language: str | None = None
    pair: str | None = None
    function: str | None = None
    group: str | None = None
    template: str | None = None
    twin: str | None = None

    @property
    def suite(self) -> dict[str, str]:
        """The columns that only suites have, by our names for them."""
        named = {name: getattr(self, name) for name in ("function", "group", "template", "twin")}
        return {name: column for name, column in named.items() if column is not None}


class LabelRule(_Data):
    """Rows in which every column of ``when`` has (one of) the given values carry the elements ``set``.

    A star in a value stands for any characters.
    """

    when: When
    set: Annotated[dict[str, Any], AfterValidator(_check_elements)]


class TargetGroups(_Data):
    """A column that names the groups attacked.

    Attributes:
        column: its name.
        listed: how a cell names several: in brackets as in Python, or with this separator.
        when: rows in which the column speaks of the attack.
        values: ground(s) of each name.
        others: whether names that are not in ``values`` are refused, or passed over as unknown.
        exhaustive: ``True`` if the guideline made annotators mark every group attacked, so that
            the grounds not marked are no; else they are unknown.
    """

    column: str
    listed: Literal["one", "brackets", ";", "|"] = "one"
    when: When = {}
    values: dict[str, list[Ground]]
    others: Literal["refuse", "unknown"] = "refuse"
    exhaustive: bool


class Descriptor(_Data):
    """A corpus.

    Attributes:
        codebook: ``True`` if the columns are named after this project's own elements and its lists
            are complete (our own statements); then ``labels`` stays empty.
        evaluation_only: training on it is refused.
        ordinary: ``True`` for unlabelled ordinary text, presumed free of hatred: for false alarms and
            as weak negatives, never as a label.
        leave_out: rows that are not read, like the ``when`` of a rule; the quirks say why.
        splits: the source's names of splits, as ours; empty = no official split.
        quirks: what a reader should know, among it why counts differ from published ones.
    """

    name: str = Field(pattern="^[a-z0-9_]+$")
    title: str
    citation: str
    homepage: str
    licence: Licence
    language: str | None = None
    evaluation_only: bool = False
    codebook: bool = False
    ordinary: bool = False
    leave_out: When = {}
    files: list[CorpusFile] = Field(min_length=1)
    columns: Columns = Columns()
    splits: dict[str, Split] = {}
    labels: list[LabelRule] = []
    groups: TargetGroups | None = None
    quirks: list[str] = []

    @property
    def languages(self) -> list[str]:
        """Languages declared for the corpus or its files; empty where a column tells."""
        return sorted({file.language or self.language or "" for file in self.files} - {""})

    @property
    def published(self) -> list[Published]:
        """Every file that is needed, with its address."""
        return [part for file in self.files for part in (file, *file.companions) if file.format != "hub"]


def read_descriptor(path: Path) -> Descriptor:
    """Read a descriptor file.

    Raises:
        HatespeechError: the file cannot be read or breaks the schema; names every bad field.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        return Descriptor.model_validate(data)
    except OSError as error:
        raise HatespeechError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise HatespeechError(f"{path}: is not YAML ({error})") from error
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise HatespeechError(f"{path}: {details}") from error
