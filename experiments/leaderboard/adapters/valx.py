"""ValX names one of three classes: hate speech, offensive speech, neither."""

from __future__ import annotations

import json
import sys

from valx import detect_hate_speech

for line in sys.stdin:
    found = detect_hate_speech(json.loads(line)["text"])[0]
    answer = {"hateful": int(found == "Hate Speech"), "abusive": int(found in ("Hate Speech", "Offensive Speech"))}
    sys.stdout.write(json.dumps(answer) + "\n")
