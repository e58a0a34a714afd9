"""NorHateCheck: functional tests for hate-speech detection in Norwegian. For evaluation only.

Its statements lie in ``data/norhatecheck``; the data card there says how they were made.
"""

from hatespeech_no.norhatecheck.run import Prediction, Result, run
from hatespeech_no.norhatecheck.suite import Case, Function, load_cases, load_functions

__all__ = ["Case", "Function", "Prediction", "Result", "load_cases", "load_functions", "run"]
