"""From a saved model and texts to assessments a moderator can act on."""

from hatespeech_no.scoring.assessment import Assessment
from hatespeech_no.scoring.classifier import Classifier

__all__ = ["Assessment", "Classifier"]
