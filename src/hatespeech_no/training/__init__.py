"""From a configuration to trained, evaluated and saved models."""

from hatespeech_no.training.config import TrainingConfig, load_config
from hatespeech_no.training.train import take_part, train

__all__ = ["TrainingConfig", "load_config", "take_part", "train"]
