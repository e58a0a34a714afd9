"""better-profanity: its own list of words, and those of another: python better_profanity.py [LIST]."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from better_profanity import profanity

profanity.load_censor_words()
for path in sys.argv[1:]:
    lines = Path(path).read_text("utf-8").splitlines()
    profanity.add_censor_words([line for line in lines if not line.startswith("#")])
for line in sys.stdin:
    found = profanity.contains_profanity(json.loads(line)["text"])
    sys.stdout.write(json.dumps({"hateful": int(found)}) + "\n")
