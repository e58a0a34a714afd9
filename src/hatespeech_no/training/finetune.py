"""Fine-tune a transformer on all corpora at once, with checkpoints that a killed run goes on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.models.backbones import BackboneConfig, load_backbone
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.taxonomy import ELEMENTS
from hatespeech_no.training import processes
from hatespeech_no.training.examples import by_length, draw, make_examples, pair_numbers
from hatespeech_no.training.optimiser import add_adapters, mixed_precision, parameter_groups
from hatespeech_no.training.record import Report

if TYPE_CHECKING:
    from datasets import Dataset

LogStep = Callable[[Mapping[str, float], int], None]

_FIGURES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "eval_loss": "validation/loss",
    "eval_macro_f1": "validation/macro_f1",
}
"""What is logged while it trains, by the names that transformers gives it."""


class EncoderConfig(BaseModel):
    """Settings of the fine-tuning.

    Attributes:
        backbone: the pretrained encoder.
        rows: texts drawn in all, with repetition: corpora by their size to the power ``temperature``,
            so that small ones are not drowned.
        temperature: 1 = as large as they are, 0 = all alike.
        shares: share of the draw that a corpus gets in any case, by its name.
        batch: texts per step, in all processes together.
        learning_rate: of the heads and the uppermost layer.
        layer_decay: factor on it from each layer to the one below.
        warmup: share of the steps in which the rate rises; then it falls to 0.
        train_embeddings: whether token embeddings are trained too.
        dropout: before the heads; inside the encoder there is none, since it costs more than it brings
            where the word embeddings rest and each text is seen a few times.
        balance: see ``yes_weights`` and ``conduct_weights``.
        weights: weight of a head, 1 where not given; ``conduct`` is one of them.
        pair_weight: weight of ``pair_loss`` on ``hateful``.
        corpus_offsets: whether corpora other than those of ``stop_on`` may draw their line elsewhere, see
            ``objective.Learner``.
        stop_on: corpora whose validation rows choose the checkpoint; empty = all.
        checks: how often validation rows are judged and a checkpoint written; the model with the best
            macro-F1 there is kept, see ``objective.judge``.
        precision: ``bf16`` is mixed precision, twice as fast where the processor has it; ``auto`` uses it there.
        lora_rank: train the encoder by adapters of this rank, which end up in its weights (see
            ``optimiser``), for large backbones; 0 = train all its layers.
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
    corpus_offsets: bool = False
    stop_on: list[str] = []
    checks: int = Field(default=8, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    lora_rank: int = Field(default=0, ge=0)

    @field_validator("backbone")
    @classmethod
    def _pools_passages(cls, backbone: BackboneConfig) -> BackboneConfig:
        if backbone.pooling != "mean":
            raise ValueError("a passage is the mean of its tokens and has no first token of its own; use pooling: mean")
        return backbone

    @field_validator("weights")
    @classmethod
    def _heads_exist(cls, weights: dict[str, float]) -> dict[str, float]:
        if strays := weights.keys() - {*ELEMENTS, "conduct"}:
            raise ValueError(f"there are no heads {sorted(strays)}")
        return weights

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch > self.rows:
            raise ValueError(f"rows ({self.rows}) are fewer than one batch ({self.batch})")
        if self.corpus_offsets and not self.stop_on:
            raise ValueError("corpus_offsets: name the corpora in stop_on whose line the model is to follow")
        return self


def finetune(
    train: Dataset,
    validation: Dataset,
    config: EncoderConfig,
    seed: int,
    folder: Path,
    report: Report,
    *,
    log: LogStep = lambda metrics, step: None,
) -> EncoderModel:
    """Fine-tune the encoder, alone or as one of several processes.

    Several processes do the same as one, up to rounding and to what dropout leaves out by chance.

    Args:
        train: rows to learn from, with whole texts and their passages.
        validation: rows for choosing the checkpoint.
        config: the settings.
        seed: of the draw, of dropout and of the heads' first values.
        folder: where checkpoints go; if it holds some, the run goes on from the last one and ends
            as if it had not been interrupted. Processes on several machines must share it.
        report: told of each step.
        log: called with losses and learning rate, and the number of the step they were taken at.

    Raises:
        HatespeechError: settings, rows or this machine do not fit.
    """
    transformers, torch = require("transformers", "encoder"), require("torch", "encoder")
    from hatespeech_no.models.network import ElementNetwork
    from hatespeech_no.training.objective import Learner, Objective, collate, judge

    shared_by = processes.number()
    if config.batch % shared_by:
        raise HatespeechError(f"model.encoder.batch: {config.batch} cannot be divided among {shared_by} processes")
    stops = np.isin(validation["corpus"][:], config.stop_on) if config.stop_on else np.ones(len(validation), bool)
    if not stops.any():
        raise HatespeechError(f"model.encoder.stop_on: {config.stop_on} have no validation rows")
    bf16, on_gpu = mixed_precision(config), torch.cuda.is_available()
    report("loading the backbone")
    transformers.set_seed(seed)
    with processes.one_after_another():
        backbone = load_backbone(config.backbone)
    network = ElementNetwork(backbone.encoder, backbone.encoder.config.hidden_size, config.dropout)
    adapters = add_adapters(backbone.encoder, config.lora_rank) if config.lora_rank else None
    _prepare(backbone.encoder, config, on_gpu=on_gpu)
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
    conducts = np.concatenate([example.possible for example in examples])
    objective, pad = Objective.of(config, labels, conducts), backbone.encoder.config.pad_token_id
    others = {*train["corpus"][:]} - {*config.stop_on}
    learner = Learner(network, sorted(others) if config.corpus_offsets else [])

    class Trainer(transformers.Trainer):  # type: ignore[misc, name-defined]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:  # noqa: ANN401
            logits = model(inputs)
            value = objective(logits, inputs)
            return (value, {"logits": logits}) if return_outputs else value

        def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # noqa: ANN401 - as Trainer has it
            # Every process judges all rows, so that all choose the same checkpoint.
            figures = {f"eval_{name}": value for name, value in judge(network, held_out, objective, pad).items()}
            self.log(figures)
            self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
            return figures

    steps = len(order) // config.batch
    check = max(1, steps // config.checks)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=config.batch // shared_by,
        train_sampling_strategy="sequential",
        warmup_steps=int(config.warmup * steps),
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=check,
        save_strategy="steps",
        save_steps=check,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_macro_f1",
        greater_is_better=True,
        label_names=["labels"],
        logging_steps=max(1, check // 5),
        bf16=bf16,
        use_cpu=not on_gpu,
        seed=seed,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        report_to=[],
        disable_tqdm=True,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # a process has one GPU; more are for more processes
    trainer = Trainer(
        model=learner,
        args=arguments,
        train_dataset=[examples[i] for i in order],
        eval_dataset=held_out,
        data_collator=partial(collate, pad=pad),
        optimizers=(torch.optim.AdamW(parameter_groups(learner, config), lr=config.learning_rate, fused=True), None),
        callbacks=[_watch(report, log)],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    if processes.rank():
        torch.manual_seed(seed + processes.rank())  # dropout differs between processes
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder))
    if adapters is not None:
        adapters.merge_and_unload()
    known = ~np.isnan(labels)
    names = [name for i, name in enumerate(ELEMENTS) if len(np.unique(labels[known[:, i], i] > 0.5)) == 2]
    conduct = bool(conducts.any(axis=0).sum() > 1)
    return EncoderModel(network.cpu(), backbone.tokenizer, config.backbone, names, conduct=conduct)


def _prepare(encoder: Any, config: EncoderConfig, *, on_gpu: bool) -> None:  # noqa: ANN401 - a transformers model
    torch = require("torch", "encoder")
    encoder.get_input_embeddings().weight.requires_grad_(config.train_embeddings)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if not on_gpu:
        # Short texts on a CPU: plain matrix products are a third faster than the fused kernel, backwards.
        encoder.set_attn_implementation("eager")


def _watch(report: Report, log: LogStep) -> Any:  # noqa: ANN401 - a callback of transformers
    class Watch(require("transformers", "encoder").TrainerCallback):  # type: ignore[misc]
        doing = "fine-tuning"

        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:  # noqa: ANN401
            report(self.doing, state.global_step, state.max_steps)

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Mapping[str, float], **_: Any) -> None:  # noqa: ANN401
            figures = {ours: logs[theirs] for theirs, ours in _FIGURES.items() if theirs in logs}
            if figures:
                log(figures, state.global_step)
                losses = ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if name.endswith("loss"))
                self.doing = f"fine-tuning, {losses}"
                report(self.doing, state.global_step, state.max_steps)

    return Watch()


def _last_checkpoint(folder: Path) -> str | None:
    """The last checkpoint that was written to its end."""
    written = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    return str(max(written, key=lambda path: int(path.name.rpartition("-")[2]))) if written else None
