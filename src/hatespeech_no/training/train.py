"""Train, calibrate, evaluate and save one model per seed."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.labels import label_columns
from hatespeech_no.models.elements import ElementModel
from hatespeech_no.models.embeddings import fit_embeddings
from hatespeech_no.models.tfidf import fit_tfidf
from hatespeech_no.text.keyed import load_key
from hatespeech_no.training import processes
from hatespeech_no.training.card import write_cards
from hatespeech_no.training.config import DataConfig, TrainingConfig, of_family, without_password
from hatespeech_no.training.data import RunData, by_passage, digest, load_pool, split_pool
from hatespeech_no.training.finetune import finetune
from hatespeech_no.training.finish import finish
from hatespeech_no.training.record import (
    CONFIG,
    RECORD,
    SUMMARY,
    NoTracker,
    Record,
    Report,
    Tracker,
    begin_folder,
    quiet,
    read_begun,
)

_CHECKPOINTS = "checkpoints"


def train(
    config: TrainingConfig,
    tracker: Tracker | None = None,
    report: Report = quiet,
    resume: Path | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Train a model per seed and write a run folder.

    Everything is saved in the folder before it is logged, so that a store that fails costs nothing.

    Args:
        config: what to train on, which model, which seeds.
        tracker: where to log; default nowhere.
        report: told of each step.
        resume: the folder of a run that was cut off: its finished seeds are kept, a fine-tuning
            goes on from its last checkpoint.

    Returns:
        The run folder (see ``record``) and its summary.

    Raises:
        HatespeechError: configuration, corpora or the disk are at fault.
        KeyboardInterrupt: handed on after open runs have been marked as killed.
    """
    tracker = tracker or NoTracker()
    if config.results is not None and not (config.folder / config.results).parent.is_dir():
        raise HatespeechError(f"results: there is no folder {(config.folder / config.results).parent}")
    load_key()  # what cannot be had is better known before the training
    pool = load_pool(config, report)
    rows = digest(pool)
    started = {**_params(config), "rows": rows}
    folder = _new_folder(config, started) if resume is None else _cut_off(resume, started)
    params, environment = of_family(_params(config), config.model.family), _environment(config)
    tracker.start(config.name, {"params": params, "tags": environment})
    finished = False
    try:
        records = []
        for seed in config.seeds:
            name = f"seed-{seed}"
            tracker.start_seed(name)
            if not (folder / name / RECORD).is_file():
                shutil.rmtree(folder / name / "bundle", ignore_errors=True)
                if config.model.family == "encoder":
                    processes.broadcast((seed, folder / name / _CHECKPOINTS, rows))
                data = split_pool(pool, config, seed)
                record = _train_seed(config, data, seed, folder / name, report, tracker)
                record.params |= params
                record.tags |= environment
                record.write(folder / name)
                shutil.rmtree(folder / name / _CHECKPOINTS, ignore_errors=True)
            records.append(Record.read(folder / name))
            write_cards(folder / name)
            tracker.finish_seed(folder / name)
        if config.model.family == "encoder":
            processes.end()
        summary = {
            "name": config.name,
            "seeds": list(config.seeds),
            "params": params,
            "data": records[0].data,
            "environment": environment,
            "metrics": _over_seeds(records),
        }
        content = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        (folder / SUMMARY).write_text(content, "utf-8")
        if config.results is not None:
            (config.folder / config.results).write_text(content, "utf-8")
        tracker.finish(folder)
        finished = True
    finally:
        if not finished:
            tracker.abort()
    return folder, summary


def take_part(config: TrainingConfig) -> None:
    """Do a share of the main process's fine-tuning, as another one of ``processes``.

    Raises:
        HatespeechError: configuration or corpora are at fault, or differ from those of the main process.
    """
    if config.model.family != "encoder":
        return
    pool = load_pool(config)
    rows = digest(pool)
    while (task := processes.broadcast()) is not None:
        seed, checkpoints, theirs = task
        if rows != theirs:
            raise HatespeechError(
                f"process {processes.rank()} reads other rows than the main one; give it the same files"
            )
        data = split_pool(pool, config, seed)
        finetune(data.train, data.validation, config.model.encoder, seed, checkpoints, quiet)
    processes.end()


def _train_seed(
    config: TrainingConfig, data: RunData, seed: int, folder: Path, report: Report, tracker: Tracker
) -> Record:
    started = time.perf_counter()
    model = _fit(config, data, seed, folder, report, tracker)
    seconds = time.perf_counter() - started
    languages = sorted({language for language in data.train["language"][:] if language})
    return finish(model, config, data, seed, folder, languages=languages, seconds=seconds, report=report)


def _fit(
    config: TrainingConfig, data: RunData, seed: int, folder: Path, report: Report, tracker: Tracker
) -> ElementModel:
    if config.model.family == "encoder":
        checkpoints = folder / _CHECKPOINTS
        settings, log = config.model.encoder, tracker.log_step
        return finetune(data.train, data.validation, settings, seed, checkpoints, report, log=log)
    rows = by_passage(data.train)
    texts, (labels, conduct) = rows["text"][:], label_columns(rows)
    if config.model.family == "embeddings":
        return fit_embeddings(texts, labels, conduct, config.model.embeddings, seed, report)
    return fit_tfidf(texts, labels, conduct, config.model.tfidf, seed, report)


def _over_seeds(records: list[Record]) -> dict[str, dict[str, float | int | None]]:
    """Mean and standard deviation over the seeds that have a metric; the ends of intervals are averaged too."""
    metrics: dict[str, dict[str, float | int | None]] = {}
    for name in dict.fromkeys(name for record in records for name in record.metrics):
        values = np.array([record.metrics[name] for record in records if name in record.metrics])
        sd = float(values.std(ddof=1)) if len(values) > 1 else None
        metrics[name] = {"mean": float(values.mean()), "sd": sd, "seeds": len(values)}
    return metrics


def _new_folder(config: TrainingConfig, started: Mapping[str, str]) -> Path:
    return begin_folder(config.output / f"{config.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}", CONFIG, started)


def _cut_off(folder: Path, now: Mapping[str, str]) -> Path:
    """The folder of a run to go on with, if it was started with this configuration and these rows."""
    if (folder / SUMMARY).is_file():
        raise HatespeechError(f"{folder}: this run is finished; there is nothing to go on with")
    started = read_begun(folder, CONFIG, "run")
    # A setting that came later stands, in a run of before, for its default.
    started = _flatten(TrainingConfig(name="new", data=DataConfig(train=["new"])).model_dump(mode="json")) | started
    changed = sorted(name for name in now.keys() | started.keys() if now.get(name) != started.get(name))
    if changed:
        raise HatespeechError(
            f"{folder}: was started with another configuration or other data; {', '.join(changed)} differ"
        )
    return folder


def _params(config: TrainingConfig) -> dict[str, str]:
    """The configuration, flat; a password in the store's address is left out."""
    params = _flatten(config.model_dump(mode="json"))
    return {**params, "tracking.uri": without_password(params["tracking.uri"])}


def _flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat


def _environment(config: TrainingConfig) -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("hatespeech_no", "scikit-learn", "spacy", "numpy")}
    return {
        "python": platform.python_version(),
        **{f"version.{name}": version for name, version in versions.items()},
        "code": _commit(config.folder),
    }


def _commit(folder: Path) -> str:
    """The git commit of the configuration's folder, ``unknown`` outside a checkout."""
    import subprocess

    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
