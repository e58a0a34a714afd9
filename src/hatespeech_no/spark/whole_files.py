"""Files that have to be read from their beginning (CSV, TSV, spreadsheets, plain text), each by one worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.inputs import Input, Options, Usable
from hatespeech_no.scoring.rejects import rejected_cells
from hatespeech_no.spark.places import Place
from hatespeech_no.spark.rows import REJECTED, ROW, TEXT, arrow_schema, spark_schema
from hatespeech_no.spark.workers import safely
from hatespeech_no.tables import Rejected
from hatespeech_no.tables.source import Source, compression_of, format_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

_Opened = Callable[[Iterator["pa.RecordBatch"]], Iterator[Input]]

_BATCH = 512


def rows_by_file(spark: SparkSession, source: Place, options: Options) -> DataFrame:
    """The rows of such files, in the form of ``spark.rows``.

    Raises:
        HatespeechError: a file cannot be read, or has other columns than the first.
    """
    from pyspark.sql.types import StringType, StructType

    contents = spark.read.format("binaryFile").load(source.address).select("path", "content")
    opened = partial(_opened, options=options, in_folder=source.is_folder)
    first, *others = contents.mapInArrow(partial(_heads, opened=opened), "name string, columns array<string>").collect()
    for head in others:
        if head.columns != first.columns:
            raise HatespeechError(
                f"{head.name}: has other columns than {first.name}; name those to keep with --columns"
            )
    kept = StructType()
    for name in first.columns:
        kept.add(name, StringType())
    return contents.mapInArrow(partial(_rows, opened=opened, columns=first.columns), spark_schema(kept))


@safely
def _heads(batches: Iterator[pa.RecordBatch], *, opened: _Opened) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for given in opened(batches):
        columns = given.common_layout().columns
        yield pa.RecordBatch.from_pydict({"name": [given.tables[0].name], "columns": [columns]})


@safely
def _rows(batches: Iterator[pa.RecordBatch], *, opened: _Opened, columns: list[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = arrow_schema(columns)
    for given in opened(batches):
        for shard in given.shards():
            for start in range(0, len(shard.records), _BATCH):
                found = [_cells(record) for record in shard.records[start : start + _BATCH]]
                yield pa.RecordBatch.from_pylist(found, schema)


def _opened(batches: Iterator[pa.RecordBatch], *, options: Options, in_folder: bool) -> Iterator[Input]:
    for batch in batches:
        for address, content in zip(batch["path"], batch["content"], strict=True):
            with TemporaryDirectory(prefix="hatespeech-no-") as folder:
                path = Path(folder) / Path(address.as_py()).name
                path.write_bytes(content.as_buffer())
                source = Source(path.name, path, options.file_format or format_of(path), compression_of(path))
                yield Input([source], options, [] if in_folder else None)


def _cells(record: Usable | Rejected) -> dict[str, Any]:
    if isinstance(record, Usable):
        return {ROW: record.row, TEXT: record.text}
    return {REJECTED: rejected_cells(record)}
