"""A fine-tuned transformer with a head per element, as a model like any other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from hatespeech_no.errors import require
from hatespeech_no.models.backbones import BackboneConfig
from hatespeech_no.models.elements import Input, Scores
from hatespeech_no.models.windows import make_windows
from hatespeech_no.taxonomy import ELEMENTS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from hatespeech_no.models.network import ElementNetwork

_WEIGHTS, _CONFIG, _TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
_BATCH = 32


class EncoderModel:
    """A network with its tokenizer.

    Args:
        names: the elements whose heads were trained; the others are unknown.
        conduct: whether the head for conduct was.
    """

    family: ClassVar[str] = "encoder"

    def __init__(
        self,
        network: ElementNetwork,
        tokenizer: Tokenizer,
        backbone: BackboneConfig,
        names: Sequence[str],
        *,
        conduct: bool,
    ) -> None:
        self._network = network.eval()
        self._tokenizer = tokenizer
        self._backbone = backbone
        self._names = tuple(names)
        self._conduct = conduct

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts, their passages in the same pass as the text they stand in."""
        torch = require("torch", "encoder")
        from hatespeech_no.models.network import N_ELEMENTS, collate

        texts = make_windows(self._tokenizer, inputs, self._backbone)
        spans = [1 + len(given.spans) for given in inputs]
        first = np.cumsum([0, *spans])
        pad = self._network.encoder.config.pad_token_id
        device = next(self._network.parameters()).device
        values = np.zeros((first[-1], N_ELEMENTS + 8), np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            with torch.inference_mode():
                logits = self._network(collate([texts[i] for i in batch], pad, device))
            rows = np.concatenate([np.arange(first[i], first[i + 1]) for i in batch])
            values[rows] = logits.float().cpu().numpy()
        columns = [ELEMENTS.index(name) for name in self._names]
        return Scores(self._names, values[:, columns], values[:, N_ELEMENTS:] if self._conduct else None)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write weights (as float16), configuration and tokenizer; returns the settings for the manifest."""
        save_file = require("safetensors.torch", "encoder").save_file
        weights = {name: value.detach().cpu().half().contiguous() for name, value in self._network.state_dict().items()}
        save_file(weights, folder / _WEIGHTS)
        (folder / _CONFIG).write_text(self._network.encoder.config.to_json_string(use_diff=False), "utf-8")
        self._tokenizer.save(str(folder / _TOKENIZER))
        return {
            "backbone": self._backbone.model_dump(mode="json"),
            "names": list(self._names),
            "conduct": self._conduct,
        }

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote; models whose code is their own need their backbone at hand."""
        transformers = require("transformers", "encoder")
        tokenizers = require("tokenizers", "encoder")
        load_file = require("safetensors.torch", "encoder").load_file
        from hatespeech_no.models.network import ElementNetwork

        backbone = BackboneConfig.model_validate(settings["backbone"])
        data = json.loads((folder / _CONFIG).read_text("utf-8"))
        config = transformers.AutoConfig.for_model(data.pop("model_type"), **data)
        encoder = transformers.AutoModel.from_config(config)
        network = ElementNetwork(encoder, config.hidden_size)
        weights = {name: value.float() for name, value in load_file(folder / _WEIGHTS).items()}
        # A pooler that the architecture has and the training did without is never read.
        network.load_state_dict(weights, strict=False)
        missing = {name for name in network.state_dict() if "pooler" not in name} - weights.keys()
        if missing:
            raise ValueError(f"weights are missing: {sorted(missing)[:3]}")
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / _TOKENIZER))
        return cls(network, tokenizer, backbone, settings["names"], conduct=settings["conduct"])
