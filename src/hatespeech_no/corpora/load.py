"""Load a corpus as a ``DatasetDict`` with typed features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatespeech_no.corpora.catalogue import find_descriptor
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.corpora.descriptor import CorpusFile, Descriptor
from hatespeech_no.corpora.labels import Labeller, codebook_passages, matches
from hatespeech_no.corpora.readers import read_rows
from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.statement import YES_NO_CIRCUMSTANCES, Statement, derive_text_labels

if TYPE_CHECKING:
    from datasets import DatasetDict

NO_SPLIT = "all"
"""Name of the only split of a corpus whose owners published none."""

SuiteFields = dict[str, str | None]
"""What ``Columns.suite`` names, of one row."""

_CIRCUMSTANCES = ("publicity", *YES_NO_CIRCUMSTANCES, "thread")


def load_corpus(name: str, relative_to: Path | None = None) -> DatasetDict:
    """Load a corpus.

    Args:
        name: a shipped corpus or the path of a descriptor file.
        relative_to: folder that a relative path starts from.

    Returns:
        Its official splits (``train``, ``validation``, ``test``), or ``all`` if there are none.
        Columns as in ``dataset.features()`` and ``Columns.suite``; ids are ``<corpus>:<source id or row number>``.

    Raises:
        HatespeechError: the corpus, a file, a row or a field is not as described.
    """
    descriptor, folders = find_descriptor(name, relative_to)
    parts: dict[str, list[tuple[Statement, SuiteFields]]] = {}
    first_with: dict[str | None, str] = {}
    for split, statement, fields in read_statements(descriptor, folders):
        if statement.id in first_with:
            raise HatespeechError(
                f"corpus {descriptor.name!r}: the id {statement.id!r} occurs twice, with the split "
                f"{first_with[statement.id]!r} and {split!r}; name another id column, or none (id: null)"
            )
        first_with[statement.id] = split
        parts.setdefault(split, []).append((statement, fields))
    for ours, column in descriptor.columns.suite.items():
        if not any(fields[ours] for rows in parts.values() for _, fields in rows):
            raise HatespeechError(f"corpus {descriptor.name!r}: columns.{ours}: no row has a value under {column!r}")
    return require("datasets", "train").DatasetDict(
        {
            split: to_dataset(
                [statement for statement, _ in rows],
                descriptor.name,
                ordinary=descriptor.ordinary,
                suite={name: [fields[name] for _, fields in rows] for name in descriptor.columns.suite},
            )
            for split, rows in parts.items()
        }
    )


def read_statements(descriptor: Descriptor, folders: Sequence[Path]) -> Iterator[tuple[str, Statement, SuiteFields]]:
    """The statements of a corpus with split and suite fields, in file order; rows without any text are left out."""
    labeller = Labeller(descriptor)
    for file in descriptor.files:
        for number, row in read_rows(file, folders):
            try:
                if descriptor.leave_out and matches(descriptor.leave_out, row):
                    continue
                statement = _statement(descriptor, file, labeller, row, number)
                if statement is not None:
                    yield _split(descriptor, file, row), statement, _suite_fields(descriptor, row)
            except HatespeechError as error:
                raise HatespeechError(f"{file.path}, row {number}: {error}") from error
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise HatespeechError(f"{file.path}, row {number}: is not as described ({error!r})") from error


def _statement(
    descriptor: Descriptor, file: CorpusFile, labeller: Labeller, row: dict[str, Any], number: int
) -> Statement | None:
    columns = descriptor.columns
    text = _field(row, columns.text)
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    if not isinstance(text, str):
        raise HatespeechError(f"field {columns.text!r}: is {type(text).__name__}, not a text")
    source_id = _field(row, columns.id) if columns.id else f"{Path(file.path).stem}-{number}"
    passages = codebook_passages(row, text) if descriptor.codebook else ()
    circumstances = {n: row[n] for n in _CIRCUMSTANCES if descriptor.codebook and row.get(n) is not None}
    pair = _field(row, columns.pair) if columns.pair else None
    return Statement(
        text=text,
        id=f"{descriptor.name}:{source_id}",
        language=_field(row, columns.language) if columns.language else file.language or descriptor.language,
        labels=derive_text_labels(passages) if passages else labeller.elements(row),
        passages=passages,
        pair=None if pair in (None, "") else f"{descriptor.name}:{pair}",
        **circumstances,
    )


def _suite_fields(descriptor: Descriptor, row: dict[str, Any]) -> SuiteFields:
    # JSON Lines may leave a field out where a row has none.
    fields = {name: str(row.get(column) or "") or None for name, column in descriptor.columns.suite.items()}
    if "group" in fields and descriptor.groups is not None and fields["group"] not in descriptor.groups.values:
        fields["group"] = None
    return fields


def _split(descriptor: Descriptor, file: CorpusFile, row: dict[str, Any]) -> str:
    if descriptor.columns.split is None:
        return file.split or NO_SPLIT
    value = str(_field(row, descriptor.columns.split))
    if value not in descriptor.splits:
        raise HatespeechError(f"field {descriptor.columns.split!r}: split {value!r} is not declared")
    return descriptor.splits[value]


def _field(row: dict[str, Any], column: str) -> Any:  # noqa: ANN401 - cells have any type
    if column not in row:
        raise HatespeechError(f"there is no field {column!r}; there are {sorted(row)}")
    return row[column]
