"""What of a network is trained, at which rates and in which precision."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hatespeech_no.errors import HatespeechError, require

if TYPE_CHECKING:
    from hatespeech_no.training.finetune import EncoderConfig
    from hatespeech_no.training.objective import Learner

_OFFSET_RATE = 0.01
"""Of corpus offsets: a single number has to go further than a weight among hundreds."""

_LORA_SCALE = 2
"""LoRA's alpha by its rank: the same at every rank, so that the learning rate need not follow it."""


def mixed_precision(config: EncoderConfig) -> bool:
    """Whether to train in bf16.

    Raises:
        HatespeechError: it is asked for and this processor has none.
    """
    torch = require("torch", "encoder")
    has_bf16 = (
        torch.cuda.is_bf16_supported()
        if torch.cuda.is_available()
        else bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    )
    if config.precision == "bf16" and not has_bf16:
        raise HatespeechError("model.encoder.precision: this processor has no bf16; use auto or fp32 here")
    return has_bf16 and config.precision != "fp32"


def add_adapters(encoder: Any, rank: int) -> Any:  # noqa: ANN401 - a transformers model; what peft wraps it in
    """Freeze an encoder and add low-rank adapters to the queries and values of its attention (Hu et al. 2021).

    Args:
        encoder: changed in place.
        rank: of the adapters.

    Returns:
        What ``merge_and_unload`` is called on to make the encoder whole again, its adapters in its weights.

    Raises:
        HatespeechError: it is not known where this architecture has them.
    """
    peft = require("peft", "encoder")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft calls transformers by an old name
            return peft.get_peft_model(encoder, peft.LoraConfig(r=rank, lora_alpha=_LORA_SCALE * rank))
    except ValueError as error:
        raise HatespeechError(
            f"model.encoder.lora_rank: peft does not know where {encoder.config.model_type!r} takes adapters; use 0"
        ) from error


def parameter_groups(learner: Learner, config: EncoderConfig) -> list[dict[str, Any]]:
    """Learning rates that fall from the heads down, layer by layer (Howard and Ruder 2018)."""
    network = learner.network
    layers = network.encoder.config.num_hidden_layers
    groups: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        number = next((int(part) for part in name.split(".") if part.isdecimal()), None)
        depth = 0 if name.startswith("heads") else layers if number is None else layers - 1 - number
        groups.setdefault((depth, parameter.ndim > 1), []).append(parameter)
    rates = [
        {
            "params": parameters,
            "lr": config.learning_rate * config.layer_decay**depth,
            "weight_decay": 0.01 if decays else 0.0,
        }
        for (depth, decays), parameters in groups.items()
    ]
    return [*rates, {"params": [learner.offsets.weight], "lr": _OFFSET_RATE, "weight_decay": 0.01}]
