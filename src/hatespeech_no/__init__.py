"""Find hateful speech in Norwegian and English, by protected category, for humans to review.

Nothing is ever decided automatically: a classifier hands on assessments with a tier, reasons and
what is not known, and a person reads them.
"""

from hatespeech_no.loading import load
from hatespeech_no.scoring import Assessment, Assessments, Capture, Classifier, draft_notice, explain
from hatespeech_no.statement import Statement
from hatespeech_no.taxonomy import Conduct, Context, Ground, Publicity, Target, Tier

__all__ = [
    "Assessment",
    "Assessments",
    "Capture",
    "Classifier",
    "Conduct",
    "Context",
    "Ground",
    "Publicity",
    "Statement",
    "Target",
    "Tier",
    "draft_notice",
    "explain",
    "load",
]
