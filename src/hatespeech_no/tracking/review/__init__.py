"""Human review on MLflow: label schemas, review queues and accounts in a store and on a server of their own."""

from hatespeech_no.tracking.review.desk import MlflowDesk
from hatespeech_no.tracking.review.places import Places
from hatespeech_no.tracking.review.readers import Readers
from hatespeech_no.tracking.review.server import ReviewServer
from hatespeech_no.tracking.review.store import ReviewStore, TagAnchor

__all__ = ["MlflowDesk", "Places", "Readers", "ReviewServer", "ReviewStore", "TagAnchor"]
