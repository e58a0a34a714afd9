"""What Spark scores: the rows of files of any number, each with what keeps it from being scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.classifier import FRAME_COLUMNS
from hatespeech_no.scoring.inputs import FILE_COLUMN, Options, check_columns
from hatespeech_no.scoring.rejects import rejected_cells
from hatespeech_no.spark.places import Place
from hatespeech_no.spark.rows import REJECTED, ROW, TEXT, rejected_type, spark_schema
from hatespeech_no.spark.whole_files import rows_by_file
from hatespeech_no.spark.workers import safely
from hatespeech_no.tables import Problem, Rejected, Table
from hatespeech_no.tables.rejected import problem_with_text
from hatespeech_no.tables.source import Format, format_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

_BROKEN = "__broken__"
_BY_ROW: tuple[Format, ...] = ("parquet", "jsonl")


def files_at(spark: SparkSession, source: Place) -> dict[str, str]:
    """The address of each file that Spark finds, with its size and when it was last changed."""
    found = spark.read.format("binaryFile").load(source.address)
    listed = found.selectExpr("path", "length", "unix_seconds(modificationTime)").collect()
    if not listed:
        raise HatespeechError(f"{source.address}: holds no files")
    return {
        path: f"{length} bytes, changed {datetime.fromtimestamp(changed, UTC):%Y-%m-%d %H:%M:%S} UTC"
        for path, length, changed in sorted(listed)
    }


def rows_of(spark: SparkSession, source: Place, files: Iterable[str], options: Options) -> DataFrame:
    """The rows of a file or folder, in the form of ``spark.rows``.

    Parquet and JSON Lines are read by Spark, in parts. Any other file is read from its beginning by one
    worker, which has to hold it, in the same way as by the local engine.

    Raises:
        HatespeechError: the files are of several formats, or their columns cannot be used.
    """
    kinds = {options.file_format} if options.file_format else {format_of(Path(file)) for file in files}
    if len(kinds) > 1:
        raise HatespeechError(
            f"{source.address}: holds files of several formats ({', '.join(sorted(kinds))}); part them"
        )
    kind = kinds.pop()
    if kind in _BY_ROW:
        return _rows_by_row(spark, source, kind, options)
    return rows_by_file(spark, source, options)


def _rows_by_row(spark: SparkSession, source: Place, kind: Format, options: Options) -> DataFrame:
    from pyspark.sql.functions import col, struct

    frame = spark.read.parquet(source.address) if kind == "parquet" else _json_lines(spark, source)
    names = [name for name in frame.columns if name != _BROKEN]
    added = {*FRAME_COLUMNS, FILE_COLUMN} if source.is_folder else set(FRAME_COLUMNS)
    check_columns(Table(source.address, names, iter(())), options, added)
    holds = frame.schema[options.text_column].dataType.simpleString()
    if holds != "string":
        raise HatespeechError(f"{source.address}: column {options.text_column!r} holds {holds}, not texts")
    kept = [_column(name) for name in options.columns or names]
    file = [col("_metadata.file_name").alias(FILE_COLUMN)] if source.is_folder else []
    # A structure, since mapInArrow asks for each column by its name and stumbles over a dot in it.
    chosen = frame.select(
        struct(*kept, *file).alias(ROW),
        _column(options.text_column).alias(TEXT),
        *(name for name in frame.columns if name == _BROKEN),
    )
    check = partial(_checked, field=options.text_column, in_folder=source.is_folder)
    return chosen.mapInArrow(check, spark_schema(chosen.schema[ROW].dataType))


def _column(name: str) -> Column:
    from pyspark.sql.functions import col

    return col(f"`{name.replace('`', '``')}`")


def _json_lines(spark: SparkSession, source: Place) -> DataFrame:
    """With the lines that are no JSON objects in ``_BROKEN``."""
    read = spark.read.option("columnNameOfCorruptRecord", _BROKEN)
    schema = read.json(source.address).schema
    return read.json(source.address, schema if _BROKEN in schema.names else schema.add(_BROKEN, "string"))


@safely
def _checked(batches: Iterator[pa.RecordBatch], *, field: str, in_folder: bool) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        kept, text = batch[ROW], batch[TEXT]
        contents = text.cast(pa.binary()).to_pylist()  # Parquet may hold bytes that are no characters
        broken = batch[_BROKEN].to_pylist() if _BROKEN in batch.schema.names else [None] * len(contents)
        files: list[str | None] = [None] * len(contents)
        if in_folder:
            *values, addresses = kept.flatten()
            files = [unquote(address) for address in addresses.to_pylist()]
            kept = pa.StructArray.from_arrays([*values, pa.array(files, pa.string())], fields=list(kept.type))
        rejected = [_rejected(*found, field) for found in zip(contents, broken, files, strict=True)]
        cells = pa.array(rejected, rejected_type())
        yield pa.RecordBatch.from_pydict({ROW: kept, TEXT: text, REJECTED: cells})


def _rejected(content: bytes | None, broken: str | None, file: str | None, field: str) -> dict[str, Any] | None:
    if broken is not None:
        return rejected_cells(Rejected(None, Problem.NOT_JSON, raw=broken, file=file))
    text = (content or b"").decode("utf-8", "surrogateescape")
    problem = problem_with_text(text)
    return None if problem is None else rejected_cells(Rejected(None, problem, field, text, file))
