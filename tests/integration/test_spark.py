"""Spark on this machine gives what the local engine gives; it needs pyspark and Java."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hatespeech_no import Publicity, load
from hatespeech_no.cli import app
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring.classifier import FRAME_COLUMNS
from hatespeech_no.scoring.files import score_file
from hatespeech_no.scoring.inputs import Options
from hatespeech_no.spark import score_table, spark_session
from hatespeech_no.spark.session import told_plainly
from hatespeech_no.spark.workers import Shipped, loaded, safely, versions_of
from hatespeech_no.tracking import log_run_folder
from hatespeech_no.training import load_config, train

pytest.importorskip("pyspark")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Java is not here", allow_module_level=True)

THREAT = "Jeg skal drepe deg, vent bare."
SHORT = [
    *("Fint vær i dag.", THREAT, "Blåbær og søte kaker, ærlig talt! ÆØÅ", "r0tt3r er de, alle sammen", "hei 🔪"),
    *("Send dem hjem. Fint vær i dag.", None, "", "  \n", THREAT, "They should all go home."),
]
TEXTS = [*SHORT, "nul\0tegn", "x" * 100_001]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    session = spark_session("local[2]")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def model(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(load_config(small_config, [f"output={tmp_path_factory.mktemp('runs')}"]))[0]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Comments in Parquet, with columns that are more than texts."""
    columns = {
        "id": list(range(len(TEXTS))),
        "text": TEXTS,
        "author.name": ["Åse"] * len(TEXTS),
        "likes per day": [[1.5, None]] * len(TEXTS),
    }
    pq.write_table(pa.table(columns), tmp_path / "comments.parquet")
    return tmp_path / "comments.parquet"


def content(folder: Path, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return sorted(rows, key=lambda row: (row.get("file") or "", row[key]))


def rejects(folder: Path) -> list[dict[str, Any]]:
    lines = [line for part in folder.glob("_rejected/*.json") for line in part.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def test_the_same_as_the_local_engine(spark: Any, model: Path, table: Path, tmp_path: Path) -> None:
    options = Options(publicity=Publicity.PUBLIC, prevalence={"hateful": 0.02})
    summary = score_table(spark, str(table), str(tmp_path / "spark"), options, model=model)
    local = score_file(load(model), table, tmp_path / "local", options)
    assert content(tmp_path / "spark", "id") == content(tmp_path / "local", "id"), "a linear model: equal to the digit"
    there, here = (pq.read_schema(next((tmp_path / name).glob("*.parquet"))) for name in ("spark", "local"))
    assert there.names == here.names
    assert [there.field(name).type for name in FRAME_COLUMNS] == [here.field(name).type for name in FRAME_COLUMNS]
    assert (summary.tiers, summary.without_text, summary.rejected) == (local.tiers, local.without_text, local.rejected)
    assert {row["problem"]: len(row["raw"]) for row in rejects(tmp_path / "spark")} == {"nul": 9, "too_long": 1001}
    manifest = json.loads((tmp_path / "spark" / "_manifest.json").read_text("utf-8"))
    assert manifest["finished"]
    assert manifest["follows_from"]["model"] == load(model).versions["model"]
    assert manifest["tiers"] == dict(local.tiers)


def test_files_that_are_read_whole(spark: Any, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "inn og ut"
    folder.mkdir()
    norwegian = '1;blåbær;a\n2;"to\nlinjer";b\n3\n4;;d\n5;"åpent felt;b\n6;ok;c\n7;også ok;d\n'
    (folder / "a.csv").write_bytes(f"id;melding;n\n{norwegian}".encode("cp1252"))
    (folder / "b.csv").write_text(f"id,melding,n\n8,{THREAT.replace(',', '')},e\n", "utf-8")
    options = Options(text_column="melding", columns=("n", "id"))
    summary = score_table(spark, str(folder), str(tmp_path / "spark"), options, model=model)
    local = score_file(load(model), folder, tmp_path / "local", options)
    assert content(tmp_path / "spark", "id") == content(tmp_path / "local", "id")
    assert summary.rejected == local.rejected
    told = pd.read_csv(tmp_path / "local" / "_rejected.csv").to_dict("records")
    assert [row["explanation"] for row in rejects(tmp_path / "spark")] == [row["explanation"] for row in told]
    (folder / "c.csv").write_text("id,melding\n9,hei\n", "utf-8")
    with pytest.raises(HatespeechError, match=r"c\.csv: has no columns \['n'\] to keep"):
        score_table(spark, str(folder), str(tmp_path / "other"), options, model=model)
    with pytest.raises(HatespeechError, match=r"has other columns than .\.csv"):
        score_table(spark, str(folder), str(tmp_path / "other"), Options(text_column="melding"), model=model)


def test_broken_lines_of_json(spark: Any, model: Path, tmp_path: Path) -> None:
    (tmp_path / "inn").mkdir()
    lines = [json.dumps({"id": i, "text": text}, ensure_ascii=False) for i, text in enumerate(SHORT)]
    (tmp_path / "inn" / "blå + bær.jsonl").write_text("\n".join([*lines[:3], "ikke json", "[1]", *lines[3:]]), "utf-8")
    score_table(spark, str(tmp_path / "inn"), str(tmp_path / "spark"), model=model)
    score_file(load(model), tmp_path / "inn", tmp_path / "local")
    assert content(tmp_path / "spark", "id") == content(tmp_path / "local", "id"), "also the name of the file"
    assert Counter(row["problem"] for row in rejects(tmp_path / "spark")) == {"not_json": 2}


def test_a_worker_loads_the_model_once(spark: Any, model: Path) -> None:
    bundle = next(model.glob("seed-*/bundle"))
    files = spark.sparkContext.broadcast({path.name: path.read_bytes() for path in bundle.iterdir()})

    def job(versions: dict[str, str]) -> Any:
        def loads(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for _ in batches:
                loaded(Shipped(tuple(versions.items()), files))
                yield pa.RecordBatch.from_pydict({"worker": [os.getpid()], "loads": [loaded.cache_info().misses]})

        with told_plainly():
            return spark.range(0, 8, 1, 8).mapInArrow(loads, "worker long, loads long").collect()

    versions = versions_of(load(model))
    tasks = job(versions)
    assert len({row.worker for row in tasks}) < len(tasks) == 8
    assert {row.loads for row in tasks} == {1}
    with pytest.raises(HatespeechError, match=r"a worker has .*; install the same on both"):
        job({**versions, "rules": "no-9"})


def test_no_text_reaches_an_error(spark: Any) -> None:
    @safely
    def fails(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            raise ValueError(THREAT)
            yield batch

    with (
        pytest.raises(
            HatespeechError, match=r"^a worker failed with ValueError in test_spark\.py, line \d+$"
        ) as raised,
        told_plainly(),
    ):
        spark.range(1).mapInArrow(fails, "id long").collect()
    assert THREAT not in str(raised.value.__cause__)


def test_what_is_refused(spark: Any, model: Path, table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.csv").write_text("text\nhei\n", "utf-8")
    (folder / "b.jsonl").write_text('{"text": "hei"}\n', "utf-8")
    pq.write_table(pa.table({"text": ["hei"], "tier": ["x"]}), tmp_path / "taken.parquet")
    for source, target, options, message in (
        ("gone.parquet", "out", Options(), "PATH_NOT_FOUND"),
        (table.name, "out.parquet", Options(), "give it a name without suffix"),
        (table.name, "folder", Options(), "holds files that are no output of scoring"),
        ("folder", "folder/out", Options(), "the input lies in it, or it in the input"),
        ("folder", "out", Options(), r"holds files of several formats \(csv, jsonl\)"),
        ("taken.parquet", "out", Options(), r"columns \['tier'\] would be overwritten"),
        (table.name, "out", Options(text_column="melding"), "has no column 'melding'"),
        (table.name, "out", Options(text_column="id"), "column 'id' holds bigint, not texts"),
        (table.name, "out", Options(limit=3), "leave out --limit"),
        (table.name, "out", Options(profile="best"), "has no profile 'best'"),
    ):
        with pytest.raises(HatespeechError, match=message):
            score_table(spark, str(tmp_path / source), str(tmp_path / target), options, model=model, overwrite=True)
        assert not (tmp_path / "out").exists()


def test_the_command(spark: Any, model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(spark), "stop", lambda self: None)  # the other tests need it
    command = ["score", str(table), str(tmp_path / "out"), "--model", str(model), "--engine", "spark"]
    command += ["--master", "local[2]", "--columns", "id"]
    done = CliRunner().invoke(app, [*command, "--lang", "nb"])
    assert done.exit_code == 3, "rows were rejected"
    assert f"{len(TEXTS):>8}  rader i alt" in done.output
    assert f"→ {tmp_path / 'out'}/_rejected" in done.output
    assert pd.read_parquet(tmp_path / "out").columns.tolist() == ["id", *FRAME_COLUMNS]
    assert "is there already" in str(CliRunner().invoke(app, command).exception)


def test_mistakes_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def complaint(*arguments: str) -> str:
        return str(CliRunner().invoke(app, ["score", "in.csv", str(tmp_path / "out"), *arguments]).exception)

    assert "add --engine spark" in complaint("--master", "local[2]")
    assert "leave out --show" in complaint("--engine", "spark", "--show", "3")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Spark needs Java 17" in complaint("--engine", "spark")
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    assert "pip install 'hatespeech_no[spark]'" in complaint("--engine", "spark")


@pytest.mark.filterwarnings("default")  # other people's warnings
def test_models_in_mlflow(spark: Any, model: Path, table: Path, tmp_path: Path) -> None:
    import mlflow
    from pyspark.sql.functions import struct

    uri = log_run_folder(model, f"sqlite:///{tmp_path}/mlflow.db")
    client = mlflow.MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("hatespeech_no").experiment_id], "tags.kind = 'seed'")
    address = f"runs:/{run.info.run_id}"
    score_table(spark, str(table), str(tmp_path / "ours"), model=address, tracking_uri=uri)
    ours = content(tmp_path / "ours", "id")

    mlflow.set_tracking_uri(uri)
    udf = mlflow.pyfunc.spark_udf(spark, f"{address}/model", env_manager="local")
    frame = spark.read.parquet(str(table)).where("length(text) <= 100000 and not contains(text, '\\0')")
    scored = frame.withColumn("found", udf(struct("text"))).select("id", "found.*").orderBy("id").collect()
    kept = [row for row in ours if row["text"] is not None]
    for row, expected in zip(scored, kept, strict=True):
        for name in FRAME_COLUMNS:
            # MLflow makes a word of a text that is missing, see docs/spark.md.
            value = None if row[name] in ("nan", "None") else row[name]
            assert value == expected[name], (row["id"], name)
