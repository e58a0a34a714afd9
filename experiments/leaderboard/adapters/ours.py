"""One of our models, in the form of the other adapters: python ours.py FOLDER."""

from __future__ import annotations

import json
import sys

from hatespeech_no import Statement, load

classifier = load(sys.argv[1])
thresholds = classifier.bundle.manifest.thresholds
rows = [json.loads(line) for line in sys.stdin]
for found in classifier.stream(Statement(row["text"], thread=tuple(row["thread"])) for row in rows):
    answer = {name: int(p >= thresholds.get(name, 0.5)) for name, p in found.probabilities.items()}
    sys.stdout.write(json.dumps(answer) + "\n")
