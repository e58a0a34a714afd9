"""What a worker does: load the model once, and assess one Arrow batch after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ParamSpec

from hatespeech_no.bundle import Bundle
from hatespeech_no.errors import HatespeechError, kind_and_place
from hatespeech_no.scoring import Classifier
from hatespeech_no.scoring.classifier import FRAME_COLUMNS, frame_row, versions_of
from hatespeech_no.scoring.inputs import Options
from hatespeech_no.spark.rows import ROW, TEXT
from hatespeech_no.statement import Statement

if TYPE_CHECKING:
    import pyarrow as pa

_P = ParamSpec("_P")


def safely(batches: Callable[_P, Iterator[Any]]) -> Callable[_P, Iterator[Any]]:
    """Let no text into Spark's logs: of an error that is not our own they get kind and place alone."""

    @wraps(batches)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[Any]:
        try:
            yield from batches(*args, **kwargs)
        except HatespeechError as error:
            raise HatespeechError(str(error)) from None
        except Exception as error:
            kind, file, line = kind_and_place(error)
            raise HatespeechError(f"a worker failed with {kind} in {file}, line {line}") from None

    return guarded


@dataclass(frozen=True)
class Shipped:
    """A bundle on its way to the workers.

    Attributes:
        versions: those of the driver, see ``versions_of``.
        files: broadcast content of the bundle's files, by name.
    """

    versions: tuple[tuple[str, str], ...]
    files: Any = field(compare=False)


@lru_cache(maxsize=1)
def loaded(model: Shipped) -> Classifier:
    """The classifier, loaded by the first task of a worker and kept for the next.

    Raises:
        HatespeechError: other software or rules are installed here than on the driver.
    """
    with TemporaryDirectory(prefix="hatespeech-no-") as folder:
        content: Mapping[str, bytes] = model.files.value
        for name in content:
            (Path(folder) / name).write_bytes(content[name])
        bundle = Bundle.load(Path(folder))
        bundle.model.place("cpu", 1)  # Spark starts a worker for each core
    classifier = Classifier(bundle)
    here = versions_of(classifier)
    if here != dict(model.versions):
        raise HatespeechError(f"a worker has {here} and the driver {dict(model.versions)}; install the same on both")
    return classifier


@safely
def assessed(batches: Iterator[pa.RecordBatch], *, model: Shipped, options: Options) -> Iterator[pa.RecordBatch]:
    """Assess usable rows in the form of ``spark.rows``; of equal texts in a batch one is scored."""
    import pyarrow as pa

    classifier = loaded(model)
    for batch in batches:
        statements = [Statement(text or "", publicity=options.publicity) for text in batch[TEXT].to_pylist()]
        unique = dict.fromkeys(statements)
        found = classifier.stream(unique, options.profile, options.prevalence)
        cells = {statement: frame_row(one) for statement, one in zip(unique, found, strict=True)}
        columns = {ROW: batch[ROW]}
        for name in FRAME_COLUMNS:
            kind = pa.float64() if name.startswith("p_") else pa.string()
            columns[name] = pa.array([cells[statement][name] for statement in statements], kind)
        yield pa.RecordBatch.from_pydict(columns)
