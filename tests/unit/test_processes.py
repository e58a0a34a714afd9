"""Fine-tuning by two processes, as ``accelerate launch`` and ``torchrun`` start them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.training import load_config, processes, take_part, train
from tests.fixtures import ROOT

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
load_file = pytest.importorskip("safetensors.torch").load_file

DEMO = ROOT / "configs" / "demo.yaml"


@pytest.fixture(scope="module")
def changes(tiny_backbone: Path, small_corpus: Path) -> list[str]:
    return [
        f"data.train=[{small_corpus}]",
        "model.family=encoder",
        f"model.encoder.backbone={{name: {tiny_backbone}, max_tokens: 32}}",
        "model.encoder.rows=128",
        "model.encoder.batch=16",
        "model.encoder.checks=2",
        "model.encoder.learning_rate=3.0e-3",
        "model.encoder.dropout=0",  # each process leaves out something else
        "model.encoder.pair_weight=1",
        "model.encoder.precision=fp32",
        "evaluation.resamples=100",
        "tracking.register_as=null",
    ]


@pytest.fixture(scope="module")
def alone(changes: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """The run folder of one process, and what it said of its losses."""
    config = load_config(DEMO, [*changes, f"output={tmp_path_factory.mktemp('alone')}"])
    said: set[str] = set()
    return train(config, report=lambda step, *_: said.add(step))[0], {s for s in said if "loss" in s}


def _by_two(*arguments: str) -> str:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}
    command = [*launch, "-m", "hatespeech_no", "train", str(DEMO), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _weights(run: Path) -> dict[str, Any]:
    return dict(load_file(run / "seed-0" / "bundle" / "model.safetensors"))


def _differ(one: Path, other: Path) -> float:
    mine, theirs = _weights(one), _weights(other)
    return max(float((mine[name].float() - theirs[name].float()).abs().max()) for name in mine)


def test_two_processes_end_where_one_does(alone: tuple[Path, set[str]], changes: list[str], tmp_path: Path) -> None:
    told = _by_two(*_options(changes, tmp_path))
    assert told.count("evaluating on") == 1, "one process tells, evaluates and writes"
    (together,) = tmp_path.glob("demo-*")
    assert _differ(alone[0], together) < 1e-4
    assert _losses(told) == pytest.approx(_losses("\n".join(alone[1])), abs=2e-3)


def _options(changes: list[str], output: Path) -> list[str]:
    return [part for change in [*changes, f"output={output}"] for part in ("--set", change)]


def _losses(told: str) -> list[float]:
    """Training and validation losses, in falling order."""
    return sorted({float(value) for value in re.findall(r"/loss (\d+\.\d+)", told)}, reverse=True)


class _StopError(Exception):
    pass


def test_two_processes_go_on_with_what_one_began(
    alone: tuple[Path, set[str]], changes: list[str], tmp_path: Path
) -> None:
    def stop(step: str, done: int = 0, total: int | None = None) -> None:
        if (done, total) == (5, 8):
            raise _StopError

    with pytest.raises(_StopError):
        train(load_config(DEMO, [*changes, f"output={tmp_path}"]), report=stop)
    (begun,) = tmp_path.glob("demo-*")
    told = _by_two(*_options(changes, tmp_path), "--resume", str(begun))
    assert re.search(r"step 8 of 8", told)
    assert not re.search(r"step [1-4] of 8", told)
    assert _differ(alone[0], begun) < 1e-4


def test_a_batch_that_cannot_be_shared_is_refused(
    changes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setattr(processes, "broadcast", lambda value=None: value)
    with pytest.raises(HatespeechError, match=r"batch: 16 cannot be divided among 3 processes"):
        train(load_config(DEMO, [*changes, f"output={tmp_path}"]))


def test_other_processes_have_nothing_to_do_for_linear_models(tmp_path: Path) -> None:
    take_part(load_config(DEMO, [f"output={tmp_path}"]))
    assert not list(tmp_path.iterdir())
