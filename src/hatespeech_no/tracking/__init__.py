"""The only package that talks to MLflow: runs, registry, and the model as a pyfunc."""

from hatespeech_no.tracking.registry import download_bundle
from hatespeech_no.tracking.runs import MlflowTracker, log_run_folder
from hatespeech_no.tracking.sweeps import MlflowSweep

__all__ = ["MlflowSweep", "MlflowTracker", "download_bundle", "log_run_folder"]
