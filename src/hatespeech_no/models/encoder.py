"""A fine-tuned transformer with a head per element, as a model like any other."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.models.backbones import BackboneConfig, load_backbone
from hatespeech_no.models.elements import Input, Scores
from hatespeech_no.models.vocabulary import Backbone, needed_by, trim
from hatespeech_no.models.windows import in_batches, make_windows
from hatespeech_no.taxonomy import ELEMENTS

if TYPE_CHECKING:
    from hatespeech_no.models.network import ElementNetwork

_WEIGHTS, _CONFIG, _TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
_BATCH_TOKENS = 2048
_TRUST = "HATESPEECH_NO_TRUST_REMOTE_CODE"


def to_scores(logits: NDArray[np.float32], names: Sequence[str], conduct: bool) -> Scores:
    """The trained heads among all, from shape (n, elements + 8)."""
    columns = [ELEMENTS.index(name) for name in names]
    return Scores(tuple(names), logits[:, columns], logits[:, len(ELEMENTS) :] if conduct else None)


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
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.backbone = backbone
        self.names = tuple(names)
        self.conduct = conduct

    def scores(self, inputs: Sequence[Input]) -> Scores:
        """Score a batch of texts, their passages in the same pass as the text they stand in."""
        torch = require("torch", "encoder")
        from hatespeech_no.models.network import tensors

        device = next(self.network.parameters()).device

        def run(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
            with torch.inference_mode():
                logits = self.network(tensors(arrays, device))
            return np.asarray(logits.float().cpu().numpy())

        texts = make_windows(self.tokenizer, inputs, self.backbone)
        logits = in_batches(texts, self.network.encoder.config.pad_token_id, run, _BATCH_TOKENS)
        return to_scores(logits, self.names, self.conduct)

    def serving(self, languages: Sequence[str]) -> EncoderModel:
        """The same model for these languages alone, without the pieces of the vocabulary that they don't need.

        Raises:
            HatespeechError: see ``needed_by``.
        """
        network = deepcopy(self.network)
        backbone = trim(Backbone(network.encoder, self.tokenizer), needed_by(self.tokenizer, languages))
        config = self.backbone.model_copy(update={"languages": tuple(languages)})
        return EncoderModel(network, backbone.tokenizer, config, self.names, conduct=self.conduct)

    def place(self, device: str, threads: int | None) -> None:
        """See ``ElementModel``; the number of threads is torch's, for the whole process."""
        torch = require("torch", "encoder")
        try:
            self.network.to(device)
        except (RuntimeError, AssertionError) as error:
            raise HatespeechError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
        if threads is not None:
            torch.set_num_threads(threads)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write weights (as float16), configuration and tokenizer; returns the settings for the manifest."""
        save_file = require("safetensors.torch", "encoder").save_file
        weights = {name: value.detach().cpu().half().contiguous() for name, value in self.network.state_dict().items()}
        save_file(weights, folder / _WEIGHTS)
        (folder / _CONFIG).write_text(self.network.encoder.config.to_json_string(use_diff=False), "utf-8")
        self.tokenizer.save(str(folder / _TOKENIZER), pretty=False)
        return {
            "backbone": self.backbone.model_dump(mode="json"),
            "names": list(self.names),
            "conduct": self.conduct,
        }

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Read what ``save`` wrote.

        Raises:
            HatespeechError: the backbone brings code of its own, and nobody here has said to trust it.
        """
        transformers = require("transformers", "encoder")
        load_file = require("safetensors.torch", "encoder").load_file
        from hatespeech_no.models.network import ElementNetwork

        backbone = BackboneConfig.model_validate(settings["backbone"])
        if backbone.trust_remote_code:
            encoder = _with_own_code(backbone)
            config = encoder.config
        else:
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
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        return cls(network, tokenizer, backbone, settings["names"], conduct=settings["conduct"])


def _with_own_code(backbone: BackboneConfig) -> Any:  # noqa: ANN401 - a transformers model
    """The backbone from where it came, at its pinned revision: a bundle holds no code."""
    if os.environ.get(_TRUST) != "1":
        raise HatespeechError(
            f"this model runs code from {backbone.name} (revision {backbone.revision}). If you trust it, "
            f"set {_TRUST}=1 and load it again"
        )
    return load_backbone(backbone).encoder
