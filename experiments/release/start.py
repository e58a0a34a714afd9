"""How fast the model in the box starts and answers, and what memory it takes; each start is a process of its own.

python experiments/release/start.py
"""

from __future__ import annotations

import subprocess
import sys

STARTS = 5
ONE = """
import resource, statistics, time
began = time.perf_counter()
import hatespeech_no
model = hatespeech_no.load()
model.score(["Noen som vet når biblioteket åpner igjen?"])
first = time.perf_counter() - began
seconds = []
for i in range(100):
    began = time.perf_counter()
    model.score([f"Bussen kom {i} minutter for sent i dag, og sjåføren sa ikke unnskyld til noen av oss."])
    seconds.append(time.perf_counter() - began)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(f"{first:.2f} s to the first score, {1000 * statistics.median(seconds):.1f} ms per text, {peak:.0f} MB")
"""


def main() -> None:
    """Start it several times."""
    for _ in range(STARTS):
        subprocess.run([sys.executable, "-c", ONE], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
