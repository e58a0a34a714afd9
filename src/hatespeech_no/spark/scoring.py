"""Score a table on Spark; the local engine is in ``scoring.files``."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from hatespeech_no.errors import HatespeechError
from hatespeech_no.loading import open_bundle
from hatespeech_no.scoring import Classifier
from hatespeech_no.scoring.classifier import FRAME_COLUMNS, versions_of
from hatespeech_no.scoring.files import Summary
from hatespeech_no.scoring.inputs import SHARD_ROWS, Options
from hatespeech_no.scoring.resume import FOLDER_MANIFEST, Manifest
from hatespeech_no.spark.inputs import files_at, rows_of
from hatespeech_no.spark.places import Place
from hatespeech_no.spark.rows import REJECTED, ROW, TEXT
from hatespeech_no.spark.session import told_plainly
from hatespeech_no.spark.workers import Shipped, assessed
from hatespeech_no.tables import Problem
from hatespeech_no.taxonomy import Tier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REJECTS = "_rejected"
"""Folder in the output for the rows that could not be used."""
_DEFAULT = Options()


def score_table(
    spark: SparkSession,
    source: str,
    target: str,
    options: Options = _DEFAULT,
    *,
    model: str | Path | None = None,
    tracking_uri: str | None = None,
    overwrite: bool = False,
) -> Summary:
    """Score the rows of a file or folder on Spark.

    Args:
        spark: the session; its workers need this package, in the same version.
        source: a file, or a folder of files of one format, wherever Spark reaches; see ``rows_of``.
        target: a folder to make, a name without suffix. It gets Parquet files with the columns of the
            input and ``FRAME_COLUMNS``, in no particular order of rows; ``_rejected``, JSON Lines of the rows
            that cannot be used, with the reason; and ``_manifest.json``.
        options: what is read and how it is scored; ``limit`` and ``sample`` need an order of rows and are refused.
        model: see ``load``; read here and sent to the workers.
        tracking_uri: see ``load``.
        overwrite: replace an output that is there. A run that was stopped begins anew.

    Returns:
        A summary without rows, since texts stay with the workers.

    Raises:
        HatespeechError: the input cannot be read, the output is there already, a worker has another
            version, or Spark gives up.
    """
    if options.limit is not None or options.sample is not None:
        raise HatespeechError("Spark keeps no order of rows: leave out --limit and --sample, or use the local engine")
    if PurePosixPath(target).suffix:
        raise HatespeechError(f"{target}: Spark writes a folder of Parquet files; give it a name without suffix")
    with open_bundle(model, tracking_uri=tracking_uri) as (folder, bundle):
        classifier = Classifier(bundle)
        classifier.score("ok", options.profile, options.prevalence)  # a mistake in them shows before any work
        content = {path.name: path.read_bytes() for path in folder.iterdir()}
    versions = versions_of(classifier)
    with told_plainly():
        origin, place = Place(spark, source), Place(spark, target)
        _check_apart(origin, place)
        files = files_at(spark, origin)
        rows = rows_of(spark, origin, files, options)
        follows_from = {"engine": "spark", "input": files, **versions, **asdict(options)}
        manifest = Manifest(follows_from=to_jsonable_python(follows_from))
        _begin(place, manifest, overwrite=overwrite)
        counts: dict[Any, int] = dict(rows.groupBy(f"{REJECTED}.problem").count().collect())
        usable = counts.pop(None, 0)
        if counts:
            rows.where(f"{REJECTED} is not null").select(f"{REJECTED}.*").write.json(f"{place.address}/{REJECTS}")
        shipped = spark.sparkContext.broadcast(content)
        try:
            scored = _scored(spark, rows, usable, Shipped(tuple(versions.items()), shipped), options)
            scored.write.mode("append").parquet(place.address)
        finally:
            shipped.destroy()
        tiers = spark.read.parquet(place.address).groupBy("tier").count().collect()
        manifest.tiers = {Tier(tier): n for tier, n in tiers if tier is not None}
        manifest.without_text = sum(n for tier, n in tiers if tier is None)
        manifest.rejected = {Problem(problem): n for problem, n in counts.items()}
        manifest.finished = True
        place.write(FOLDER_MANIFEST, manifest.model_dump_json(indent=2) + "\n")
    return Summary(Counter(manifest.tiers), manifest.without_text, Counter(manifest.rejected))


def _scored(spark: SparkSession, rows: DataFrame, usable: int, model: Shipped, options: Options) -> DataFrame:
    """The usable rows with their assessments, equal texts in the same part, and so many parts that all cores work."""
    from pyspark.sql.types import DoubleType, StringType, StructType

    cores = spark.sparkContext.defaultParallelism
    parts = cores * max(1, math.ceil(usable / (cores * SHARD_ROWS)))
    spread = rows.where(f"{REJECTED} is null").select(ROW, TEXT).repartition(parts, TEXT)
    schema = StructType().add(spread.schema[ROW])
    for name in FRAME_COLUMNS:
        schema.add(name, DoubleType() if name.startswith("p_") else StringType())
    return spread.mapInArrow(partial(assessed, model=model, options=options), schema).select(f"{ROW}.*", *FRAME_COLUMNS)


def _check_apart(source: Place, target: Place) -> None:
    inner, outer = sorted((f"{source.address}/", f"{target.address}/"), key=len, reverse=True)
    if inner.startswith(outer):
        raise HatespeechError(f"{target.address}: the input lies in it, or it in the input; write it elsewhere")


def _begin(place: Place, manifest: Manifest, *, overwrite: bool) -> None:
    names = place.names()
    if names and FOLDER_MANIFEST not in names:
        raise HatespeechError(f"{place.address}: holds files that are no output of scoring; name a new or empty folder")
    if names and not overwrite:
        raise HatespeechError(f"{place.address}: is there already; give another name, or replace it with --overwrite")
    place.remove()
    place.write(FOLDER_MANIFEST, manifest.model_dump_json(indent=2) + "\n")
