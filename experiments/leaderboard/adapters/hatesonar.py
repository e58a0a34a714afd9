"""HateSonar names one of three classes: hate speech, offensive language, neither."""

from __future__ import annotations

import json
import sys

from hatesonar import Sonar

sonar = Sonar()
for line in sys.stdin:
    found = sonar.ping(text=json.loads(line)["text"])["top_class"]
    answer = {"hateful": int(found == "hate_speech"), "abusive": int(found != "neither")}
    sys.stdout.write(json.dumps(answer) + "\n")
