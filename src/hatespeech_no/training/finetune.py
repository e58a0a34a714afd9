"""Fine-tune a transformer on all corpora at once, with checkpoints that a killed run goes on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.models.backbones import BackboneConfig, load_backbone
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.taxonomy import ELEMENTS
from hatespeech_no.training.examples import Example, by_length, draw, make_examples, pair_numbers

if TYPE_CHECKING:
    from datasets import Dataset


class EncoderConfig(BaseModel):
    """Settings of the fine-tuning.

    Attributes:
        backbone: the pretrained encoder.
        rows: texts drawn in all, with repetition: corpora by their size to the power ``temperature``,
            so that small ones are not drowned.
        temperature: 1 = as large as they are, 0 = all alike.
        shares: share of the draw that a corpus gets in any case, by its name.
        batch: texts per step.
        learning_rate: of the heads and the uppermost layer.
        layer_decay: factor on it from each layer to the one below.
        warmup: share of the steps in which the rate rises; then it falls to 0.
        train_embeddings: whether token embeddings are trained too.
        dropout: before the heads; inside the encoder there is none, since it costs more than it brings
            where the word embeddings rest and each text is seen a few times.
        balance: see ``yes_weights`` and ``conduct_weights``.
        weights: weight of a head, 1 where not given; ``conduct`` is one of them.
        pair_weight: weight of ``pair_loss`` on ``hateful``.
        stop_on: corpora whose validation rows choose the checkpoint; empty = all.
        checks: how often the loss on validation rows is taken and a checkpoint written; the model
            with the lowest is kept.
        precision: ``bf16`` is mixed precision, twice as fast where the processor has it; ``auto`` uses it there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: BackboneConfig = BackboneConfig(prefix="query: ", languages=("nb", "nn", "da", "sv", "en", "de"))
    rows: int = Field(default=60_000, ge=32)
    temperature: float = Field(default=0.5, ge=0, le=1)
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    train_embeddings: bool = False
    dropout: float = Field(default=0.1, ge=0, lt=1)
    balance: float = Field(default=0.5, ge=0, le=1)
    weights: dict[str, float] = {}
    pair_weight: float = Field(default=0.0, ge=0)
    stop_on: list[str] = []
    checks: int = Field(default=8, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    @field_validator("weights")
    @classmethod
    def _heads_exist(cls, weights: dict[str, float]) -> dict[str, float]:
        if strays := weights.keys() - {*ELEMENTS, "conduct"}:
            raise ValueError(f"there are no heads {sorted(strays)}")
        return weights

    @model_validator(mode="after")
    def _a_step_is_possible(self) -> Self:
        if self.batch > self.rows:
            raise ValueError(f"rows ({self.rows}) are fewer than one batch ({self.batch})")
        return self


def finetune(
    train: Dataset,
    validation: Dataset,
    config: EncoderConfig,
    seed: int,
    folder: Path,
    report: Callable[[str], None],
) -> EncoderModel:
    """Fine-tune the encoder.

    Args:
        train: rows to learn from, with whole texts and their passages.
        validation: rows for choosing the checkpoint.
        config: the settings.
        seed: of the draw, of dropout and of the heads' first values.
        folder: where checkpoints go; if it holds some, the run goes on from the last one and ends
            as if it had not been interrupted.
        report: called with the name of each step as it begins.
    """
    transformers, torch = require("transformers", "encoder"), require("torch", "encoder")
    from hatespeech_no.models import network as net

    stops = np.isin(validation["corpus"][:], config.stop_on) if config.stop_on else np.ones(len(validation), bool)
    if not stops.any():
        raise HatespeechError(f"model.encoder.stop_on: {config.stop_on} have no validation rows")
    on_gpu = torch.cuda.is_available()
    has_bf16 = torch.cuda.is_bf16_supported() if on_gpu else bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    if config.precision == "bf16" and not has_bf16:
        raise HatespeechError("model.encoder.precision: this processor has no bf16; use auto or fp32 here")
    report("loading the backbone")
    transformers.set_seed(seed)
    backbone = load_backbone(config.backbone)
    network = net.ElementNetwork(backbone.encoder, backbone.encoder.config.hidden_size, config.dropout)
    backbone.encoder.get_input_embeddings().weight.requires_grad_(config.train_embeddings)
    for module in backbone.encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if not on_gpu:
        # Short texts on a CPU: plain matrix products are a third faster than the fused kernel, backwards.
        backbone.encoder.set_attn_implementation("eager")
    report("tokenising")
    pairs = pair_numbers(train)
    drawn = draw(train["corpus"][:], pairs, config.rows, config.temperature, config.shares, seed)
    used, position = np.unique(drawn, return_inverse=True)
    examples = make_examples(train.select(used), backbone.tokenizer, config.backbone)
    order = by_length(examples, position, config.batch, seed)
    held_out = make_examples(validation.select(np.flatnonzero(stops)), backbone.tokenizer, config.backbone)
    labels = np.concatenate([example.labels for example in examples])
    if np.isnan(labels).all():
        raise HatespeechError("data.train: there is not one label to learn from")
    head_weights = torch.tensor([config.weights.get(name, 1.0) for name in (*ELEMENTS, "conduct")])
    conducts = np.concatenate([example.possible for example in examples])
    yes_weights = torch.from_numpy(net.yes_weights(labels, config.balance))
    conduct_weights = torch.from_numpy(net.conduct_weights(conducts, config.balance))
    pad, hateful = backbone.encoder.config.pad_token_id, ELEMENTS.index("hateful")

    class Trainer(transformers.Trainer):  # type: ignore[misc, name-defined]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:  # noqa: ANN401
            logits = model(inputs["batch"]).float()
            labels, device = inputs["labels"], logits.device
            value = net.loss(
                logits,
                labels,
                inputs["possible"],
                head_weights.to(device),
                yes_weights.to(device),
                conduct_weights.to(device),
            )
            if config.pair_weight:
                whole = inputs["whole"]
                odds = logits[whole, hateful]
                value = value + config.pair_weight * net.pair_loss(odds, labels[whole, hateful], inputs["pairs"])
            return (value, {"logits": logits}) if return_outputs else value

    def collate(batch: Sequence[Example]) -> dict[str, Any]:
        spans = [len(example.labels) for example in batch]
        return {
            "batch": net.collate([example.windows for example in batch], pad),
            "labels": torch.from_numpy(np.concatenate([example.labels for example in batch])),
            "possible": torch.from_numpy(np.concatenate([example.possible for example in batch])),
            "whole": torch.from_numpy(np.cumsum([0, *spans[:-1]])),
            "pairs": torch.tensor([example.pair for example in batch]),
        }

    steps = len(order) // config.batch
    check = max(1, steps // config.checks)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=config.batch,
        per_device_eval_batch_size=config.batch,
        train_sampling_strategy="sequential",
        warmup_steps=int(config.warmup * steps),
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=check,
        save_strategy="steps",
        save_steps=check,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        prediction_loss_only=True,
        label_names=["labels"],
        logging_steps=max(1, check // 5),
        bf16=has_bf16 and config.precision != "fp32",
        use_cpu=not on_gpu,
        seed=seed,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        report_to=[],
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=network,
        args=arguments,
        train_dataset=[examples[i] for i in order],
        eval_dataset=held_out,
        data_collator=collate,
        optimizers=(torch.optim.AdamW(_parameter_groups(network, config), lr=config.learning_rate, fused=True), None),
        callbacks=[_progress(report)],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder))
    known = ~np.isnan(labels)
    names = [name for i, name in enumerate(ELEMENTS) if len(np.unique(labels[known[:, i], i] > 0.5)) == 2]
    conduct = bool(conducts.any(axis=0).sum() > 1)
    return EncoderModel(network.cpu(), backbone.tokenizer, config.backbone, names, conduct=conduct)


def _parameter_groups(network: Any, config: EncoderConfig) -> list[dict[str, Any]]:  # noqa: ANN401 - a torch module
    """Learning rates that fall from the heads down, layer by layer (Howard and Ruder 2018)."""
    layers = network.encoder.config.num_hidden_layers
    groups: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        number = next((int(part) for part in name.split(".") if part.isdecimal()), None)
        depth = 0 if name.startswith("heads") else layers if number is None else layers - 1 - number
        groups.setdefault((depth, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": config.learning_rate * config.layer_decay**depth,
            "weight_decay": 0.01 if decays else 0.0,
        }
        for (depth, decays), parameters in groups.items()
    ]


def _progress(report: Callable[[str], None]) -> Any:  # noqa: ANN401 - a callback of transformers
    import time

    class Progress(require("transformers", "encoder").TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:  # noqa: ANN401
            self.started, self.first = time.monotonic(), state.global_step

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Mapping[str, float], **_: Any) -> None:  # noqa: ANN401
            done = state.global_step - self.first
            left = (time.monotonic() - self.started) / max(1, done) * (state.max_steps - state.global_step)
            value = logs.get("loss", logs.get("eval_loss"))
            which = "loss" if "loss" in logs else "loss on validation rows"
            if value is not None:
                report(f"step {state.global_step} of {state.max_steps}, {which} {value:.3f}, {left / 60:.0f} min left")

    return Progress()


def _last_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that was written to its end."""
    written = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(written, key=lambda path: int(path.name.rpartition("-")[2]))) if written else None
