"""The form that rows of any input have on Spark, before they are scored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hatespeech_no.scoring.inputs import FILE_COLUMN

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType, StructType

ROW, TEXT, REJECTED = "row", "text", "rejected"
"""What is kept of a row; its text; and if it cannot be used the cells that say why, see ``rejected_cells``."""

_CELLS = ("field", "problem", "forklaring", "explanation", "raw", FILE_COLUMN)


def spark_schema(kept: DataType) -> StructType:
    """Of rows of which these columns, a structure, are kept."""
    from pyspark.sql.types import LongType, StringType, StructType

    rejected = StructType().add("row", LongType())
    for name in _CELLS:
        rejected.add(name, StringType())
    return StructType().add(ROW, kept).add(TEXT, StringType()).add(REJECTED, rejected)


def rejected_type() -> pa.DataType:
    """The type of ``REJECTED`` in Arrow."""
    import pyarrow as pa

    return pa.struct([("row", pa.int64()), *((name, pa.string()) for name in _CELLS)])


def arrow_schema(names: Iterable[str]) -> pa.Schema:
    """Of rows of which these columns, all of them texts, are kept."""
    import pyarrow as pa

    kept = pa.struct([(name, pa.string()) for name in names])
    return pa.schema([(ROW, kept), (TEXT, pa.string()), (REJECTED, rejected_type())])
