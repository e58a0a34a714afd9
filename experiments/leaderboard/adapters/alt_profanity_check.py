"""alt-profanity-check: profane or not."""

from __future__ import annotations

import json
import sys

from profanity_check import predict

texts = [json.loads(line)["text"] for line in sys.stdin]
for found in predict(texts):
    sys.stdout.write(json.dumps({"hateful": int(found)}) + "\n")
