"""From a saved model and texts to assessments a moderator can act on."""

from hatespeech_no.scoring.assessment import Assessment, Assessments
from hatespeech_no.scoring.classifier import Classifier
from hatespeech_no.scoring.explain import explain
from hatespeech_no.scoring.notice import Capture, draft_notice

__all__ = ["Assessment", "Assessments", "Capture", "Classifier", "draft_notice", "explain"]
