"""Does a word of the text begin with a word of the list? python keywords.py LIST."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

lines = Path(sys.argv[1]).read_text("utf-8").splitlines()
words = "|".join(re.escape(line) for line in lines if not line.startswith("#"))
beginning = re.compile(rf"\b(?:{words})", re.IGNORECASE)
for line in sys.stdin:
    found = beginning.search(json.loads(line)["text"])
    sys.stdout.write(json.dumps({"hateful": int(found is not None)}) + "\n")
