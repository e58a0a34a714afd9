"""Train with several settings and see which do best on the validation part; no test part has a say.

A sweep's folder holds the run folder of each trial, and::

    sweep.json    what was to be tried, for going on with
    trials.csv    what each trial reached, best first
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import yaml

from hatespeech_no.errors import HatespeechError
from hatespeech_no.training import processes
from hatespeech_no.training.config import TrainingConfig, load_config
from hatespeech_no.training.record import CONFIG, SUMMARY, NoTracker, Report, Tracker, begin_folder, quiet, read_begun
from hatespeech_no.training.train import train

CRITERION = "validation/hateful/macro_f1"
"""What trials are ranked by, the higher the better: mean over seeds, on the validation part."""

LOG_LOSS = "validation/hateful/log_loss"
TRIALS = "trials.csv"
_PLAN = "sweep.json"
_KEYS = ("model.", "data.at_most.")


class SweepTracker(Protocol):
    """Where a sweep is logged; like ``record.Tracker`` it never raises."""

    def start(self, name: str, facts: dict[str, dict[str, str]]) -> None:
        """Begin the run that trials are children of, or go on with it if there is one of this name."""
        ...

    def trial(self) -> Tracker:
        """Where the next trial is logged."""
        ...

    def finish(self, folder: Path) -> None:
        """Log the table of trials and what the best one reached, and end the run."""
        ...

    def abort(self) -> None:
        """End the run as killed or failed."""
        ...


class NoSweepTracker(NoTracker):
    """Logs nothing."""

    def trial(self) -> Tracker:
        """Nowhere."""
        return self


def plan_trials(over: Sequence[str], random: int | None = None, seed: int = 0) -> list[tuple[str, ...]]:
    """The settings of each trial, as ``load_config`` takes them.

    Args:
        over: ``key=value,value,...``, values in YAML.
        random: how many combinations are drawn, none of them twice; ``None`` = all of them in order.
        seed: of the draw.

    Raises:
        HatespeechError: an item cannot be read, or is of no setting that trials can be compared over.
    """
    axes = [_axis(text) for text in over]
    shape = [len(axis) for axis in axes]
    combinations = math.prod(shape)
    chosen: Sequence[int] = range(combinations)
    if random is not None:
        chosen = np.random.default_rng(seed).choice(combinations, min(random, combinations), replace=False).tolist()
    return [tuple(axis[i] for axis, i in zip(axes, np.unravel_index(n, shape), strict=True)) for n in chosen]


def sweep(
    config: Path,
    trials: Sequence[Sequence[str]],
    changes: Sequence[str] = (),
    tracker: SweepTracker | None = None,
    report: Report = quiet,
    resume: Path | None = None,
) -> tuple[Path, pd.DataFrame]:
    """Train once per trial. One that fails is written down and does not stop the others.

    Args:
        config: a configuration file.
        trials: settings of each, see ``plan_trials``.
        changes: settings of all.
        tracker: where to log; default nowhere.
        report: told of each step.
        resume: the folder of a sweep that was cut off: finished trials are kept, the others go on.

    Returns:
        The sweep's folder and one row per trial, best first: ``trial`` (its number), a column per setting,
        ``CRITERION`` with its standard deviation over seeds (``…_sd``), log loss, ``run`` (the name of its
        folder) and ``problem`` (why it has no figures).

    Raises:
        HatespeechError: a setting is wrong, or ``resume`` is another sweep's folder. Nothing is trained then.
        KeyboardInterrupt: handed on.
    """
    if processes.number() > 1:
        raise HatespeechError("a sweep is started as one process; several can share the training of one configuration")
    base = load_config(config, changes)
    configs = [load_config(config, [*changes, *trial]) for trial in trials]
    plan = {"settings": base.model_dump_json(exclude={"tracking"}), "trials": [list(trial) for trial in trials]}
    folder = _new_folder(base, plan) if resume is None else _cut_off(resume, plan)
    tracker = tracker or NoSweepTracker()
    tracker.start(folder.name, {"params": {"config": str(config), "changes": " ".join(changes)}, "tags": {}})
    rows: list[dict[str, Any]] = []
    finished = False
    try:
        for number, (settings, trial) in enumerate(zip(configs, trials, strict=True), 1):
            report(f"trial {number} of {len(trials)}: {' '.join(trial)}")
            row: dict[str, Any] = {"trial": number, **dict(change.split("=", 1) for change in trial)}
            try:
                run = _run(_in(folder, settings, number), folder, tracker, report)
                rows.append(row | _reached(run))
            except Exception as error:  # memory that runs out, for one; what others reach still counts
                rows.append(row | {"problem": (str(error).strip() or type(error).__name__).splitlines()[0]})
            _same_rows(folder)
            table = _ranked(rows)
            table.to_csv(folder / TRIALS, index=False)
        tracker.finish(folder)
        finished = True
    finally:
        if not finished:
            tracker.abort()
    return folder, table


def _axis(text: str) -> list[str]:
    key, equals, values = text.partition("=")
    if not equals:
        raise HatespeechError(f"--over {text}: write it as key.subkey=value,value")
    if not key.startswith(_KEYS):
        raise HatespeechError(
            f"--over {key}: trials are compared on the same validation rows; settings under "
            f"{' and '.join(map(repr, _KEYS))} can be tried"
        )
    listed = f"[{values}]"
    try:
        node = yaml.compose(listed, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise HatespeechError(f"--over {text}: the values are not YAML ({error})") from error
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise HatespeechError(f"--over {text}: write it as key.subkey=value,value")
    return [f"{key}={listed[value.start_mark.index : value.end_mark.index]}" for value in node.value]


def _in(folder: Path, config: TrainingConfig, number: int) -> TrainingConfig:
    """A trial's configuration: it lies in the sweep's folder, and neither its model nor its figures go further."""
    tracking = config.tracking.model_copy(update={"register_as": None})
    name = f"{config.name}-{number}"
    return config.model_copy(update={"name": name, "output": folder, "results": None, "tracking": tracking})


def _run(config: TrainingConfig, folder: Path, tracker: SweepTracker, report: Report) -> Path:
    """The run folder of a trial: as it is if it is finished, else after going on with it or beginning it."""
    begun = sorted(run.parent for run in folder.glob(f"{config.name}-*/{CONFIG}"))
    if begun and (begun[-1] / SUMMARY).is_file():
        return begun[-1]
    return train(config, tracker.trial(), report, resume=begun[-1] if begun else None)[0]


def _reached(run: Path) -> dict[str, Any]:
    metrics: Mapping[str, Any] = json.loads((run / SUMMARY).read_text("utf-8"))["metrics"]
    if CRITERION not in metrics:
        raise HatespeechError("it learned no 'hateful', or its validation part has none")
    return {
        CRITERION: metrics[CRITERION]["mean"],
        f"{CRITERION}_sd": metrics[CRITERION]["sd"],
        LOG_LOSS: metrics[LOG_LOSS]["mean"],
        "run": run.name,
    }


def _same_rows(folder: Path) -> None:
    if len({json.loads(path.read_text("utf-8"))["rows"] for path in folder.glob(f"*/{CONFIG}")}) > 1:
        raise HatespeechError(f"{folder}: the corpora have changed since its first trial; begin a new sweep")


def _ranked(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    columns = [CRITERION, f"{CRITERION}_sd", LOG_LOSS, "run", "problem"]
    settings = [name for name in rows[0] if name not in columns]
    table = pd.DataFrame(rows, columns=[*settings, *columns])
    return table.sort_values(CRITERION, ascending=False, kind="stable", na_position="last", ignore_index=True)


def _new_folder(config: TrainingConfig, plan: Mapping[str, Any]) -> Path:
    return begin_folder(config.output / f"{config.name}-sweep-{datetime.now(UTC):%Y%m%d-%H%M%S}", _PLAN, plan)


def _cut_off(folder: Path, plan: Mapping[str, Any]) -> Path:
    if read_begun(folder, _PLAN, "sweep") != plan:
        raise HatespeechError(f"{folder}: was started with another configuration or to try other settings")
    return folder
