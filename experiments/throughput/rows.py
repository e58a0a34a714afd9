"""Time and memory against the number of rows, and a large run killed five times against one left alone.

    python experiments/throughput/rows.py 10000 100000 1000000

scores so many comments with the demo's linear model by the command line, each number in a process of its own; then
the largest once more, killed with SIGKILL at five random moments and started again each time with the same command.
Writes ``rows.json`` beside this file.
"""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from comments import comments
from rich.console import Console

from hatespeech_no.training import load_config, train

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONSOLE = Console()
KILLS = 5


def command(given: Path, output: Path, model: Path) -> list[str]:
    """As a user types it."""
    program = [sys.executable, "-m", "hatespeech_no", "score", str(given), str(output)]
    return [*program, "--model", str(model), "--publicity", "public"]


def run(asked: list[str], at_most: float = float("inf")) -> tuple[float, float, bool]:
    """Seconds, largest memory in MB (Linux), and whether it ended by itself; it is killed after so many seconds."""
    began = time.perf_counter()
    process = subprocess.Popen(asked, stdout=subprocess.DEVNULL)  # noqa: S603
    peak = 0.0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1]) / 1000
        if time.perf_counter() - began > at_most:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return time.perf_counter() - began, peak, False
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - began, peak, True


def digests(folder: Path) -> dict[str, str]:
    """Of every file in an output."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def killed(given: Path, output: Path, model: Path, seconds: float) -> list[float]:
    """Score with ``KILLS`` kills at random moments; seconds of each start, the last of which ended by itself."""
    chance = random.Random(0)  # noqa: S311
    lasted = []
    for _ in range(KILLS):
        took, _, ended = run(command(given, output, model), chance.uniform(0.02, 0.9 / KILLS) * seconds)
        if ended:
            raise SystemExit("the run ended before it was killed as often as it should be")
        lasted.append(took)
        CONSOLE.print(f"killed after {took:.0f} s")
    lasted.append(run(command(given, output, model))[0])
    return lasted


def main(numbers: list[int]) -> None:
    """Measure, compare, write ``rows.json``."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        demo = load_config(ROOT / "configs" / "demo.yaml", [f"output={folder}", "tracking.register_as=null"])
        model = train(demo)[0].rename(folder / "tfidf")
        texts = comments(max(numbers))
        results: dict[str, Any] = {"rows": {}}
        for n in numbers:
            given = folder / f"{n}.parquet"
            pq.write_table(pa.table({"id": [str(i) for i in range(n)], "text": texts[:n]}), given)
            seconds, peak, _ = run(command(given, folder / f"scored-{n}", model))
            results["rows"][n] = {"seconds": round(seconds, 1), "peak_mb": round(peak)}
            CONSOLE.print(n, results["rows"][n])
        lasted = killed(given, folder / "killed", model, seconds)
        same = digests(folder / "killed") == digests(folder / f"scored-{n}")
        results["killed"] = {"rows": n, "seconds": [round(s, 1) for s in lasted], "same_bytes": same}
        CONSOLE.print(results["killed"])
    (HERE / "rows.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])
