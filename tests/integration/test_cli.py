"""The whole path as its user walks it: train, look, load, score; and what goes wrong on the way."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hatespeech_no import load
from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking import log_run_folder
from tests.fixtures import ROOT, STATEMENTS, statement_rows

pytestmark = pytest.mark.filterwarnings("default")  # other people's warnings

SETTINGS = ["--set", "evaluation.resamples=100"]


def run(*arguments: str, cwd: Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from hatespeech_no.cli import main; main()", *arguments]
    environment = {**os.environ, "COLUMNS": "100", **variables}
    done = subprocess.run(command, cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=300, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo has been trained from the command line."""
    folder = tmp_path_factory.mktemp("home")
    config = str(ROOT / "configs" / "demo.yaml")
    done = run("train", config, "--set", "seeds=[0, 1]", *SETTINGS, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Logged to sqlite" in done.stdout
    assert done.stderr == ""
    return folder


def test_runs_in_mlflow(home: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{home}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("hatespeech_no")
    runs = client.search_runs([experiment.experiment_id])
    parents = [r for r in runs if r.data.tags["kind"] == "parent"]
    seeds = [r for r in runs if r.data.tags["kind"] == "seed"]
    assert len(parents) == 1
    assert {r.data.tags["mlflow.parentRunId"] for r in seeds} == {parents[0].info.run_id}
    assert {r.info.status for r in runs} == {"FINISHED"}
    key = "statements/all/hateful/macro_f1"
    values = [r.data.metrics[key] for r in seeds]
    assert len(values) == 2
    assert parents[0].data.metrics[key] == pytest.approx(sum(values) / 2)
    assert f"{key}_sd" in parents[0].data.metrics
    assert seeds[0].data.metrics[f"{key}_lo"] <= seeds[0].data.metrics[key] <= seeds[0].data.metrics[f"{key}_hi"]
    assert len(parents[0].data.metrics) < 300, "the UI draws a chart of each"
    assert not [name for name in parents[0].data.metrics if "context_" in name or name.endswith("_lo")]
    assert seeds[0].data.params["model.tfidf.min_documents"] == "5"
    assert not [name for run in runs for name in run.data.params if name.startswith("model.encoder.")]
    assert {i.dataset.name for i in seeds[0].inputs.dataset_inputs} == {"statements"}
    artifacts = {a.path for a in client.list_artifacts(seeds[0].info.run_id)}
    assert {"figures", "metrics.json", "leakage.json", "predictions_statements.json"} <= artifacts
    versions = client.search_model_versions("name = 'hatespeech_no-demo'")
    assert [v.version for v in versions] in (["1"], [1])


def test_load_from_mlflow(home: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{home}/runs/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    client.set_registered_model_alias("hatespeech_no-demo", "champion", "1")
    experiment = client.get_experiment_by_name("hatespeech_no")
    seeds = {
        r.info.run_name: r.info.run_id for r in client.search_runs([experiment.experiment_id], "tags.kind = 'seed'")
    }
    local = load(next(home.glob("runs/demo-*")) / "seed-0" / "bundle")
    texts = ["Jeg skal drepe deg, vent bare.", "Fint vær i dag."]
    for address in (f"runs:/{seeds['seed-0']}", "models:/hatespeech_no-demo@champion", "models:/hatespeech_no-demo/1"):
        fetched = load(address, tracking_uri=uri)
        assert fetched.bundle.digest == local.bundle.digest
        assert list(fetched.score(texts)) == list(local.score(texts))
    with pytest.raises(HatespeechError, match="nobody@champion: cannot be fetched"):
        load("models:/nobody@champion", tracking_uri=uri)


def test_pyfunc_serves_the_same(home: Path) -> None:
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(f"sqlite:///{home}/runs/mlflow.db")
    model = mlflow.pyfunc.load_model("models:/hatespeech_no-demo/1")
    frame = pd.DataFrame({"text": ["Jeg skal drepe deg, vent bare.", "Fint vær i dag."]})
    local = load(next(home.glob("runs/demo-*"))).score_frame(frame)
    pd.testing.assert_frame_equal(model.predict(frame), local)


def test_what_reaches_the_pyfunc_is_refused_without_its_text(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from fastapi.testclient import TestClient
    from mlflow.pyfunc import scoring_server

    monkeypatch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # the server sets it and leaves it
    mlflow.set_tracking_uri(f"sqlite:///{home}/runs/mlflow.db")
    client = TestClient(scoring_server.init(mlflow.pyfunc.load_model("models:/hatespeech_no-demo/1")))
    for value, reason in (
        ("Qvzxmark\0", "text 1 holds a NUL character"),
        (3, "row 1, column 'text': is int, not a text"),
        (["Qvzxmark"], "row 1, column 'text': is list, not a text"),
        ("Qvzxmark" * 12_501, "text 1 the text is over 100000 characters"),
    ):
        body = {"dataframe_split": {"columns": ["text"], "data": [["Qvzxmark"], [value]]}}
        answer = client.post("/invocations", json=body)
        assert answer.status_code == 400
        assert reason in answer.json()["stack_trace"]
        assert "Qvzxmark" not in answer.text


def test_the_store_holds_no_text(home: Path) -> None:
    files = [p for p in (home / "runs" / "mlartifacts").rglob("*") if p.is_file()]
    assert files
    content = b"".join(path.read_bytes() for path in [home / "runs" / "mlflow.db", *files])
    for row in statement_rows():
        escaped = json.dumps(row["text"])[1:-1]
        assert row["text"].encode() not in content, row["id"]
        assert escaped.encode() not in content, row["id"]
        assert f'"statements:{row["id"]}"'.encode() not in content, "ids are keyed"


def test_score_shows_and_writes(home: Path) -> None:
    sample = str(ROOT / "data" / "sample" / "comments.csv")
    done = run("score", sample, "out.csv", "--publicity", "public", "--lang", "nb", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "De groveste funnene" in done.stdout
    assert "et menneske må lese og vurdere" in done.stdout
    with (home / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == [str(i) for i in range(1, 25)]
    assert "24  rader i alt" in done.stdout
    english = run("score", sample, "out.csv", "--show", "1", "--overwrite", cwd=home)
    assert "a human must read and assess" in english.stdout


def test_hostile_texts_are_defused_when_shown(home: Path) -> None:
    text = "[bold]Jeg skal drepe deg[/bold] \x1b[31m @kari_n \u202e vent bare."
    with (home / "hostile.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text"], [text]])
    model = str(next(home.glob("runs/demo-*")))  # calls it actionable, so that it is shown
    done = run("score", "hostile.csv", "hostile-out.csv", "--model", model, cwd=home)
    assert "[bold]Jeg skal drepe" in done.stdout
    assert "kari_n" not in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "\u202e" not in done.stdout


def test_rows_that_cannot_be_used_show_in_the_exit_code(home: Path) -> None:
    (home / "bad.csv").write_bytes("id;text\n1;blåbær\n2\n".encode("cp1252"))
    done = run("score", "bad.csv", "out.xlsx", "--lang", "nb", cwd=home)
    assert done.returncode == 3
    assert "1  rader kunne ikke brukes: 1 antall felt er et annet enn i overskriften" in done.stdout
    assert "Lest som Windows-1252, kolonner skilt med semikolon." in done.stdout
    assert (home / "out.xlsx.rejected.csv").is_file()


def test_a_console_that_is_not_utf8(home: Path) -> None:
    with (home / "emoji.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text"], ["Jeg skal drepe deg 🔪, vent bare."]])
    done = run("score", "emoji.csv", "emoji-out.csv", cwd=home, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("stdin", "options"),
    [
        ("text,n\nhei,1\n".encode("utf-8-sig"), []),
        (b'{"text": "hei"}\n', []),
        (gzip.compress(b"text\nhei\n", mtime=0), []),
        (b"hei\n", ["--format", "text"]),
    ],
)
def test_standard_input(home: Path, stdin: bytes, options: list[str]) -> None:
    done = run("score", "-", "stdin.csv", "--overwrite", *options, cwd=home, stdin=stdin)
    assert done.returncode == 0, done.stderr
    with (home / "stdin.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["text"] for row in csv.DictReader(stream)] == ["hei"]


def test_data_commands(tmp_path: Path, small_corpus: Path) -> None:
    shutil.copytree(small_corpus.parent, tmp_path / "small")
    listed = run("data", "list", cwd=tmp_path, HATESPEECH_NO_DATA=str(tmp_path))
    assert listed.returncode == 0, listed.stderr
    assert "multilingual_hatecheck" in listed.stdout
    declined = run("data", "fetch", "edos", cwd=tmp_path, stdin=b"n\n", HATESPEECH_NO_DATA=str(tmp_path))
    assert declined.returncode == 2
    assert "Licence: CC0-1.0" in declined.stdout
    assert "edos: not downloaded" in declined.stderr
    here = run("data", "fetch", "small/corpus.yaml", cwd=tmp_path)
    assert "small: is here" in here.stdout
    checked = run("data", "check", "small/corpus.yaml", "--out", "check.json", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert json.loads((tmp_path / "check.json").read_text("utf-8"))["corpora"][0]["splits"].keys() == {"all"}
    nothing = run("data", "check", cwd=tmp_path, HATESPEECH_NO_DATA=str(tmp_path))
    assert nothing.returncode == 2
    assert "no corpus is here" in nothing.stderr


def test_norhatecheck(home: Path) -> None:
    (home / "mymodel.py").write_text("def predict(texts):\n    return [len(text) % 2 for text in texts]\n", "utf-8")
    called = run("norhatecheck", "run", "mymodel:predict", "--predictions", "p.csv", "--out", "f.csv", cwd=home)
    assert called.returncode == 0, called.stderr
    assert "Slur" in called.stdout
    again = run("norhatecheck", "run", "p.csv", "--lang", "nb", cwd=home)
    assert "Skjellsord" in again.stdout
    ours = run("norhatecheck", "run", str(next(home.glob("runs/demo-*"))), cwd=home)
    assert ours.returncode == 0, ours.stderr
    assert "macro_f1" in ours.stdout
    suite = shutil.copytree(ROOT / "data" / "norhatecheck", home / "suite")
    assert run("norhatecheck", "build", "--folder", "suite", cwd=home).returncode == 0
    with (suite / "functions.yaml").open("a", encoding="utf-8") as stream:
        stream.write("broken: {family: x\n")
    broken = run("norhatecheck", "build", "--folder", "suite", "--out", "x.jsonl", cwd=home)
    assert (broken.returncode, "Traceback" in broken.stderr) == (2, False)
    shutil.copy(ROOT / "data" / "norhatecheck" / "functions.yaml", suite)
    labels = (suite / "labels" / "secondreader.csv", "reader7", "--folder", "suite")
    kept = run("norhatecheck", "add-labels", *map(str, labels), cwd=home)
    assert kept.returncode == 0, kept.stderr
    assert "Krippendorff" in kept.stdout
    assert run("norhatecheck", "add-labels", *map(str, labels), cwd=home).returncode == 2, "labels are not overwritten"
    assert run("norhatecheck", "sheet", "sheet.csv", cwd=home).returncode == 0
    empty = run("norhatecheck", "add-labels", "sheet.csv", "reader8", "--folder", "suite", cwd=home)
    assert "holds no answers" in empty.stderr
    assert run("norhatecheck", "export", "e.csv", cwd=home).returncode == 0


def test_evaluate(home: Path, small_corpus: Path) -> None:
    model = str(next(home.glob("runs/demo-*")))
    refused = run("evaluate", model, str(STATEMENTS), "--split", "risk", cwd=home)
    assert refused.returncode == 2
    assert "the model learned from split 'risk' of corpus 'statements'" in refused.stderr
    done = run("evaluate", model, str(small_corpus), "--resamples", "100", "--out", "table.csv", cwd=home)
    assert done.returncode == 0, done.stderr
    with (home / "table.csv").open(encoding="utf-8", newline="") as stream:
        keys = {(row["suite"], row["element"], row["metric"]) for row in csv.DictReader(stream)}
    assert ("small", "hateful", "macro_f1") in keys
    assert ("small", "conduct", "macro_f1") in keys


def test_mistakes_end_with_a_message(tmp_path: Path) -> None:
    for arguments, message in (
        (["score", "gone.csv", "out.csv", "--model", "gone"], "gone is no model bundle"),
        (["score", "gone.csv", "out.csv"], "gone.csv: there is no such file"),
        (["train", "gone.yaml"], "gone.yaml: cannot be read"),
        (["train", str(ROOT / "configs" / "demo.yaml"), "--set", "sedes=[1]"], "did you mean 'seeds'"),
        (["log", "."], "is no finished run folder"),
        (["ui"], "Train first"),
    ):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 2, arguments
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_an_unreachable_store_never_costs_the_model(tmp_path: Path, small_config: Path) -> None:
    done = run("train", str(small_config), "--set", "tracking.uri=http://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Not logged to http://127.0.0.1:9" in done.stdout
    folder = next(tmp_path.glob("runs/small-*"))
    assert f"hatespeech-no log runs/{folder.name}" in done.stdout
    assert load(folder).score("hei")
    later = run("log", str(folder), "--uri", f"sqlite:///{tmp_path}/runs/mlflow.db", cwd=tmp_path)
    assert later.returncode == 0, later.stderr
    again = run("log", str(folder), cwd=tmp_path)
    assert again.returncode == 2
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/runs/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("hatespeech_no").experiment_id])
    assert len(runs) == 2
    assert {r.info.status for r in runs} == {"FINISHED"}


def test_a_store_that_fails_midway_leaves_no_run_open(
    demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def locked(run_id: str, folder: Path) -> str:
        raise OSError("database is locked")

    monkeypatch.setattr("hatespeech_no.tracking.runs._log_seed", locked)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(HatespeechError, match="database is locked"):
        log_run_folder(demo_run, uri)
    client = MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("hatespeech_no").experiment_id])
    assert {r.info.status for r in runs} == {"FAILED"}


def test_a_model_that_cannot_be_registered_is_not_half_registered(
    demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("registry is full")

    monkeypatch.setattr(MlflowClient, "create_model_version", refuse)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(HatespeechError, match="registry is full"):
        log_run_folder(demo_run, uri)
    client = MlflowClient(tracking_uri=uri)
    assert client.search_registered_models() == []
    runs = client.search_runs([client.get_experiment_by_name("hatespeech_no").experiment_id])
    assert {r.info.status for r in runs} == {"FINISHED"}


def test_a_password_of_the_store_is_never_written(tmp_path: Path, small_config: Path) -> None:
    done = run("train", str(small_config), "--set", "tracking.uri=http://kari:hemmelig@127.0.0.1:9", cwd=tmp_path)
    assert "hemmelig" not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hemmelig" in path.read_bytes() for path in files)


def test_a_refused_run_leaves_nothing(tmp_path: Path, small_config: Path) -> None:
    config = str(small_config)
    for change, message in (("results=/gone/x.json", "there is no folder"), ("data.train=[gone.yaml]", "gone.yaml")):
        done = run("train", config, "--set", change, cwd=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr
    no_home = run("train", config, cwd=tmp_path, HOME="/nonexistent/home", HATESPEECH_NO_KEY="")
    assert no_home.returncode in (0, 2)  # root can make any folder
    if no_home.returncode == 2:
        assert "set HATESPEECH_NO_KEY" in no_home.stderr
        assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_marked_so(tmp_path: Path, small_config: Path, stop: signal.Signals) -> None:
    from mlflow import MlflowClient

    # A test runner in the background may ignore SIGINT, and children inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command = [sys.executable, "-X", "faulthandler", "-c", heed + "from hatespeech_no.cli import main; main()", "train"]
    command += [str(small_config), "--set", f"seeds={list(range(200))}", "--set", "tracking.register_as=small"]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 300
            while not list(tmp_path.glob("runs/small-*/seed-1")):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.2)
            process.send_signal(stop)
            try:
                _, errors = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # shows where every thread is
                _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/runs/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("hatespeech_no").experiment_id])
    statuses = {r.info.run_name: r.info.status for r in runs}
    assert statuses["small"] == "KILLED"
    assert "RUNNING" not in statuses.values()
    assert client.search_model_versions("name = 'small'") == []


def test_an_interrupt_that_a_library_swallows_is_raised_again(tmp_path: Path) -> None:
    code = (
        "import signal\n"
        "from rich.console import Console\n"
        "from hatespeech_no.cli.interrupts import listen\n"
        "from hatespeech_no.cli.progress import TrainingProgress\n"
        "listen()\n"
        "progress = TrainingProgress(Console())\n"
        "progress('not told to stop')\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "except BaseException:\n"
        "    pass\n"
        "print('swallowed')\n"
        "progress('told to stop')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "swallowed" in done.stdout
    assert "KeyboardInterrupt" in done.stderr


def test_without_extras_the_message_names_the_command(tmp_path: Path, demo_run: Path) -> None:
    """Scoring needs neither MLflow nor datasets; training says what to install."""
    blocker = (
        "import sys\n"
        "for name in ('mlflow', 'datasets', 'datasketch', 'matplotlib', 'simplemma'):\n"
        "    sys.modules[name] = None\n"
    )
    scored = blocker + f"import hatespeech_no; print(hatespeech_no.load({str(demo_run)!r}).score('hei')[0].tier)"
    done = subprocess.run([sys.executable, "-c", scored], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "protected", done.stderr
    config = str(ROOT / "configs" / "demo.yaml")
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    trained = blocker + f"sys.argv = ['x', 'train', {config!r}]\nfrom hatespeech_no.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", trained], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'hatespeech_no[train]'" in done.stderr
