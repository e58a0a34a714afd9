"""Log run folders to MLflow: seeds as children of one run. The store holds no texts."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd

from hatespeech_no.errors import HatespeechError
from hatespeech_no.taxonomy import DETAILS
from hatespeech_no.tracking.store import experiment_id, local_store, mlflow_module, reason
from hatespeech_no.training.config import without_password
from hatespeech_no.training.record import SUMMARY, Record

_Method = TypeVar("_Method", bound=Callable[..., None])

_AT_A_GLANCE = (
    *("macro_f1", "auroc", "alarm_rate", "balanced_macro_f1", "balanced_recall", "balanced_alarms"),
    *("rows", "seconds"),
)


def never_costs_the_run(method: _Method) -> _Method:
    """A store that fails is remembered and left alone; training goes on."""

    @wraps(method)
    def guarded(self: MlflowTracker, *args: object) -> None:
        if self.problem is not None:
            return
        try:
            method(self, *args)
        except Exception as error:  # whatever the store raises, the model is what counts
            self.problem = reason(error)
            self._end_open_runs("FAILED")

    return cast(_Method, guarded)


class MlflowTracker:
    """Logs a run while it is made; see ``training.record.Tracker``.

    Args:
        uri: of the tracking store.
        experiment: its name.
        register_as: name of a registered model that gets the first seed's model as a new version.
        parent: id of the run that this one is a child of.

    Attributes:
        problem: why logging stopped; ``None`` if it did not.
        cut_short: why steps are no longer logged while they happen, though the rest is.
        unregistered: name and reason, if the run was logged but its model could not be registered.
    """

    def __init__(self, uri: str, experiment: str, register_as: str | None = None, parent: str | None = None) -> None:
        self.uri = uri
        self.problem: str | None = None
        self.cut_short: str | None = None
        self.unregistered: str | None = None
        self._experiment = experiment
        self._register_as = register_as
        self._parent = {"mlflow.parentRunId": parent} if parent else {}
        self._open: list[str] = []
        self._models: list[str] = []

    @never_costs_the_run
    def start(self, name: str, facts: dict[str, dict[str, str]]) -> None:
        """Begin the parent run."""
        mlflow = mlflow_module()
        mlflow.set_tracking_uri(self.uri)
        self._id = experiment_id(self.uri, self._experiment)
        self._client = mlflow.MlflowClient(tracking_uri=self.uri)
        run = self._client.create_run(self._id, run_name=name, tags={**facts["tags"], "kind": "parent", **self._parent})
        self._open.append(run.info.run_id)
        for key, value in facts["params"].items():
            self._client.log_param(run.info.run_id, key, value)

    @never_costs_the_run
    def start_seed(self, name: str) -> None:
        """Begin a child run."""
        tags = {"mlflow.parentRunId": self._open[0], "kind": "seed"}
        run = self._client.create_run(self._id, run_name=name, tags=tags)
        self._open.append(run.info.run_id)

    def log_step(self, metrics: Mapping[str, float], step: int) -> None:
        """Log figures of the seed's run; a store that fails is not waited for a second time."""
        if self.problem is not None or self.cut_short is not None:
            return
        try:
            now = int(time.time() * 1000)
            entities = mlflow_module().entities
            points = [entities.Metric(name, value, now, step) for name, value in metrics.items()]
            self._client.log_batch(self._open[-1], points)
        except Exception as error:  # the run itself may still be logged when it ends
            self.cut_short = reason(error)

    @never_costs_the_run
    def finish_seed(self, folder: Path) -> None:
        """Log a seed's folder and end its run."""
        self._models.append(_log_seed(self._open[-1], folder))
        self._open.pop()

    @never_costs_the_run
    def finish(self, folder: Path) -> None:
        """Log mean and standard deviation of main metrics over seeds, register the first seed's model, end the run."""
        run_id = self._open[0]
        summary = json.loads((folder / SUMMARY).read_text("utf-8"))
        values = {}
        for name in filter(_is_at_a_glance, summary["metrics"]):
            value = summary["metrics"][name]
            values[name] = value["mean"]
            if value["sd"] is not None:
                values[f"{name}_sd"] = value["sd"]
        mlflow = mlflow_module()
        with mlflow.start_run(run_id=run_id):
            mlflow.log_metrics(values)
            for row in summary["data"]:
                log_dataset(mlflow, row)
            mlflow.log_artifact(str(folder / SUMMARY))
            first = folder / f"seed-{summary['seeds'][0]}"
            mlflow.log_artifacts(str(first / "figures"), "figures")
            mlflow.log_table(pd.read_csv(first / "tables" / "metrics.csv"), "metrics.json")
        self._open.clear()
        if self._register_as:
            self._register(self._models[0], self._register_as)

    def _register(self, model: str, name: str) -> None:
        """Add a version to the registry; a new name without its first version is taken back."""
        try:
            new = not self._client.search_registered_models(f"name = '{name}'")
            if new:
                self._client.create_registered_model(name)
            try:
                self._client.create_model_version(name, source=model, model_id=model.removeprefix("models:/"))
            except BaseException:
                if new:
                    self._client.delete_registered_model(name)
                raise
        except Exception as error:  # the run is logged all the same
            self.unregistered = f"{name}: {reason(error)}"

    def abort(self) -> None:
        """End open runs as killed if the user or the system stopped them, else as failed."""
        stopped = isinstance(sys.exc_info()[1], KeyboardInterrupt | SystemExit)
        self._end_open_runs("KILLED" if stopped else "FAILED")

    def _end_open_runs(self, status: str) -> None:
        """As far as the store still answers."""
        while self._open:
            with suppress(Exception):
                self._client.set_terminated(self._open.pop(), status)


def seed_runs(client: Any, run: Any) -> list[Any]:  # noqa: ANN401 - MLflow is untyped
    """The runs of the seeds below a run, in the order in which they were begun."""
    children = f"tags.`mlflow.parentRunId` = '{run.info.run_id}' AND tags.kind = 'seed'"
    return list(client.search_runs([run.info.experiment_id], children, order_by=["start_time ASC"]))


def log_run_folder(folder: Path, uri: str | None = None, experiment: str | None = None) -> str:
    """Log a finished run folder, for example one whose store could not be reached in time.

    Args:
        folder: the run folder.
        uri: of the store; default the one that the run's configuration names, else the local one
            in the folder that holds the run folder.
        experiment: default the one that the run's configuration names.

    Returns:
        The address that was logged to.

    Raises:
        HatespeechError: it is no finished run folder, or the store cannot be reached.
    """
    try:
        summary = json.loads((folder / SUMMARY).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise HatespeechError(f"{folder}: is no finished run folder, it has no readable {SUMMARY}") from error
    params = {key: None if value == "None" else value for key, value in summary["params"].items()}
    uri = uri or params["tracking.uri"] or local_store(folder.resolve().parent)
    tracker = MlflowTracker(uri, experiment or str(params["tracking.experiment"]), params["tracking.register_as"])
    tracker.start(summary["name"], {"params": summary["params"], "tags": summary["environment"]})
    for seed in summary["seeds"]:
        tracker.start_seed(f"seed-{seed}")
        tracker.finish_seed(folder / f"seed-{seed}")
    tracker.finish(folder)
    problem = tracker.problem or tracker.unregistered
    if problem is not None:
        raise HatespeechError(f"{without_password(uri)}: cannot be logged to ({problem})")
    return uri


def _is_at_a_glance(key: str) -> bool:
    """Whether runs are compared by it in the UI, which draws a chart of every metric; a seed has thousands."""
    *_, element, metric = key.split("/")
    return metric in _AT_A_GLANCE and element not in DETAILS


def _log_seed(run_id: str, folder: Path) -> str:
    """Log a seed's folder to its run and end it; returns the address of the logged model."""
    mlflow = mlflow_module()
    record = Record.read(folder)
    with mlflow.start_run(run_id=run_id):
        mlflow.log_params(record.params)
        mlflow.set_tags(record.tags)
        mlflow.log_metrics(record.metrics)
        for row in record.data:
            log_dataset(mlflow, row)
        mlflow.log_artifacts(str(folder / "figures"), "figures")
        for card in sorted(folder.glob("card.*.md")):
            mlflow.log_artifact(str(card))
        for table in sorted((folder / "tables").glob("*.csv")):
            mlflow.log_table(pd.read_csv(table), f"{table.stem}.json")
        with warnings.catch_warnings():
            # MLflow asks for an input example; rows are personal data and never logged as one.
            warnings.simplefilter("ignore")
            model = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("pyfunc.py")),
                artifacts={"bundle": str(folder / "bundle")},
                signature=_signature(mlflow),
                pip_requirements=[f"hatespeech_no=={metadata.version('hatespeech_no')}"],
            )
    return str(model.model_uri)


def log_dataset(mlflow: Any, row: dict[str, Any]) -> None:  # noqa: ANN401 - the untyped module
    """Log what rows a run saw, by digest; ``row`` has ``name``, ``rows``, ``digest`` and ``context``."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    source = CodeDatasetSource(tags={"corpus": row["name"], "rows": str(row["rows"])})
    mlflow.log_input(MetaDataset(source, name=row["name"], digest=row["digest"]), context=row["context"])


def _signature(mlflow: Any) -> Any:  # noqa: ANN401 - the untyped module
    from hatespeech_no.scoring.classifier import FRAME_COLUMNS

    kinds = mlflow.types
    text = kinds.Schema([kinds.ColSpec("string", "text")])
    # A text that is empty has no answers.
    answers = [
        kinds.ColSpec("double" if name.startswith("p_") else "string", name, required=False) for name in FRAME_COLUMNS
    ]
    return mlflow.models.ModelSignature(inputs=text, outputs=kinds.Schema(answers))
