"""Move an alias in the model registry, only to a model that clears every bar."""

from __future__ import annotations

import getpass
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tracking.bars import Outcome, check, read_bars
from hatespeech_no.tracking.runs import seed_runs
from hatespeech_no.tracking.store import mlflow_module, reason
from hatespeech_no.training.config import without_password

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Promotion:
    """What came of it.

    Attributes:
        name: of the registered model.
        outcomes: at each bar, see ``bars.check``.
        holder: version that held the alias before; ``None`` = nobody did.
        version: that holds it now; ``None`` = refused, and nothing was moved or registered.
        other_rows: suites of which the two were tested on different rows, so that their figures differ
            by that as well.
    """

    name: str
    outcomes: list[Outcome]
    holder: str | None
    version: str | None
    other_rows: list[str]


def promote(run: str, bars: Path, uri: str, alias: str = "champion", name: str | None = None) -> Promotion:
    """Give an alias to a run's model if all bars hold, and note on the version why, when and by whom.

    Args:
        run: id of a run, also as ``runs:/<id>``; of a parent run its first seed counts, whose model
            is the one that gets registered.
        bars: file of bars, see ``bars.Bar``.
        uri: of the tracking store.
        alias: to move.
        name: of the registered model; default the one the run's configuration registers as.

    Raises:
        HatespeechError: the file of bars is wrong, the store has no such run or model, no name is
            known, or the model holds the alias already.
    """
    wanted = read_bars(bars)
    if uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).is_file():  # MLflow would make one
        raise HatespeechError(f"{uri}: there is no such store; name the right one with --uri")
    mlflow = mlflow_module()
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    try:
        seed = _seed_run(client, run)
        name = name or _configured_name(seed)
        holder = _holder(client, name, alias)
        if holder is not None and holder.run_id == seed.info.run_id:
            raise HatespeechError(f"{name} version {holder.version}, of this run, holds the alias {alias!r} already")
        rival = None if holder is None else client.get_run(holder.run_id)
        outcomes = check(wanted, seed.data.metrics, None if rival is None else rival.data.metrics)
        before = None if holder is None else str(holder.version)
        other_rows = [] if rival is None else _tested_differently(seed, rival)
        if not all(outcome.held for outcome in outcomes):
            return Promotion(name, outcomes, before, None, other_rows)
        version = _version(mlflow, client, seed.info.run_id, name)
        digest = hashlib.sha256(bars.read_bytes()).hexdigest()[:12]
        tags = {
            "promoted_because": f"{len(outcomes)} checks of {bars.name} ({digest}) held, "
            + ("nobody held the alias before" if before is None else f"compared with version {before}"),
            "promoted_to": alias,
            "promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "promoted_by": _user(),
        }
        for key, value in tags.items():  # before the alias, which is never without them
            client.set_model_version_tag(name, version, key, value)
        client.set_registered_model_alias(name, alias, version)
    except mlflow.exceptions.MlflowException as error:
        raise HatespeechError(f"{without_password(uri)}: {reason(error)}") from error
    return Promotion(name, outcomes, before, version, other_rows)


def _seed_run(client: Any, run: str) -> Any:  # noqa: ANN401 - MLflow is untyped
    """The run that trained the model."""
    found = client.get_run(run.removeprefix("runs:/").removesuffix("/model"))
    if found.data.tags.get("kind") != "parent":
        return found
    seeds = seed_runs(client, found)
    if not seeds:
        raise HatespeechError(f"run {run}: has no seed of its own; name one of the runs below it")
    return seeds[0]


def _configured_name(run: Any) -> str:  # noqa: ANN401 - MLflow is untyped
    name = run.data.params.get("tracking.register_as", "None")
    if name == "None":
        raise HatespeechError(f"run {run.info.run_id}: its configuration names no registered model; give --name")
    return str(name)


def _holder(client: Any, name: str, alias: str) -> Any:  # noqa: ANN401 - MLflow is untyped
    """The version that holds an alias, ``None`` where nobody does or the model is yet to be registered."""
    for model in client.search_registered_models(f"name = '{name}'"):
        if alias in model.aliases:
            return client.get_model_version_by_alias(name, alias)
    return None


def _tested_differently(one: Any, other: Any) -> list[str]:  # noqa: ANN401 - MLflow is untyped
    rows = [
        {
            (given.dataset.name, given.dataset.digest)
            for given in run.inputs.dataset_inputs
            if any(tag.value == "testing" for tag in given.tags)
        }
        for run in (one, other)
    ]
    return sorted({name for name, _ in rows[0] ^ rows[1]})


def _version(mlflow: Any, client: Any, run_id: str, name: str) -> str:  # noqa: ANN401 - MLflow is untyped
    """The latest version of a run's model, registered now where there is none."""
    versions = [v for v in client.search_model_versions(f"run_id = '{run_id}'") if v.name == name]
    if not versions:
        return str(mlflow.register_model(f"runs:/{run_id}/model", name).version)
    return str(max(int(version.version) for version in versions))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return "unknown"
