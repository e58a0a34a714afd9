"""glin-profanity: its lists of words in the languages of the leaderboard."""

from __future__ import annotations

import json
import sys

from glin_profanity import Filter

words = Filter({"languages": ["english", "norwegian", "danish", "german"]})
for line in sys.stdin:
    found = words.is_profane(json.loads(line)["text"])
    sys.stdout.write(json.dumps({"hateful": int(found)}) + "\n")
