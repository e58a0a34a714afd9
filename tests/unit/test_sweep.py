"""Trying several settings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking import MlflowSweep
from hatespeech_no.training import TrainingConfig, train
from hatespeech_no.training.record import Report, Tracker
from hatespeech_no.training.sweep import CRITERION, plan_trials, sweep
from tests.fixtures import ROOT

pytestmark = pytest.mark.filterwarnings("default")  # other people's warnings

DEMO = ROOT / "configs" / "demo.yaml"


def test_trials_are_all_combinations_or_some_drawn_ones() -> None:
    over = ["model.tfidf.regularisation=0.5,1,2", "model.encoder.stop_on=[a, b],[]"]
    trials = plan_trials(over)
    assert len(trials) == 6
    assert trials[0] == ("model.tfidf.regularisation=0.5", "model.encoder.stop_on=[a, b]")
    assert trials[-1] == ("model.tfidf.regularisation=2", "model.encoder.stop_on=[]")
    some = plan_trials(over, random=4, seed=1)
    assert len(set(some)) == 4
    assert set(some) < set(trials)
    assert some == plan_trials(over, random=4, seed=1) != plan_trials(over, random=4, seed=2)
    assert len(plan_trials(over, random=100)) == 6


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("model.tfidf.regularisation", "write it as key.subkey=value,value"),
        ("model.tfidf.regularisation=", "write it as key.subkey=value,value"),
        ("model.tfidf.regularisation=[1", "the values are not YAML"),
        ("data.train=[edos],[gahd]", "compared on the same validation rows"),
        ("seeds=0,1", "compared on the same validation rows"),
    ],
)
def test_what_cannot_be_tried_is_named(over: str, message: str) -> None:
    with pytest.raises(HatespeechError, match=message):
        plan_trials([over])


def test_a_setting_that_is_wrong_stops_a_sweep_before_it_begins(tmp_path: Path) -> None:
    trials = plan_trials(["model.tfidf.regularisation=1,-1"])
    with pytest.raises(HatespeechError, match="greater than 0"):
        sweep(DEMO, trials, [f"output={tmp_path}"])
    assert not list(tmp_path.iterdir())


class _StopError(BaseException):
    pass


def test_trials_are_ranked_kept_and_logged_below_one_run(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    trained: list[str] = []

    def some_fail(
        config: TrainingConfig, tracker: Tracker, report: Report, resume: Path | None
    ) -> tuple[Path, dict[str, object]]:
        strength = config.model.tfidf.regularisation
        trained.append(config.name)
        if strength == 2:
            raise MemoryError("out of memory\nat 0x1")
        if strength == 3 and trained.count(config.name) == 1:
            raise _StopError
        return train(config, tracker, report, resume)

    monkeypatch.setattr("hatespeech_no.training.sweep.train", some_fail)
    trials = plan_trials(["model.tfidf.regularisation=0.001,2,1,3"])
    settings = [f"output={tmp_path}", f"data.train=[{small_corpus}]", "evaluation.resamples=100"]
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(_StopError):
        sweep(DEMO, trials, settings, MlflowSweep(uri, "sweeps"))
    (folder,) = tmp_path.glob("demo-sweep-*")
    again, table = sweep(DEMO, trials, settings, MlflowSweep(uri, "sweeps"), resume=folder)
    assert again == folder
    assert trained == ["demo-1", "demo-2", "demo-3", "demo-4", "demo-2", "demo-4"], "what is finished is kept"

    assert table[CRITERION].dropna().is_monotonic_decreasing
    assert table["trial"].iloc[-1] == 2
    assert table["problem"].tolist()[-1] == "out of memory"
    assert table["problem"].isna().sum() == 3
    found = json.loads((folder / table["run"][0] / "run.json").read_text())
    assert found["metrics"][CRITERION]["mean"] == table[CRITERION][0]
    assert found["params"]["tracking.register_as"] == "None", "no trial becomes a model that others load"
    assert pd.read_csv(folder / "trials.csv")["trial"].tolist() == table["trial"].tolist()

    client = MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("sweeps").experiment_id])
    parents = {run.info.run_id: run.data.tags.get("mlflow.parentRunId") for run in runs}
    (top,) = [run for run in runs if parents[run.info.run_id] is None]
    assert top.info.status == "FINISHED"
    assert top.info.run_name == folder.name
    assert top.data.metrics[CRITERION] == table[CRITERION][0]
    assert sum(parent == top.info.run_id for parent in parents.values()) == 3
    assert sum(parents.get(parent) == top.info.run_id for parent in parents.values()) == 3, "the seeds of trials"
    assert not client.search_registered_models()

    with pytest.raises(HatespeechError, match="another configuration or to try other settings"):
        sweep(DEMO, trials[:2], settings, resume=folder)
    shutil.rmtree(folder / table["run"][0])
    config = next(folder.glob("demo-*/config.json"))
    config.write_text(json.dumps(json.loads(config.read_text()) | {"rows": "others"}), "utf-8")
    with pytest.raises(HatespeechError, match="the corpora have changed"):
        sweep(DEMO, trials, settings, resume=folder)
