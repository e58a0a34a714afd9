"""Texts per second of our fine-tuning against a plain Trainer script, side by side on the same texts.

    python experiments/transfer/speed.py

The plain script is what a tutorial has: AutoModelForSequenceClassification, one yes/no label, random
batches padded to their longest text, all weights trained, no mixed precision.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers
from datasets import Dataset
from rich.console import Console

from hatespeech_no.corpora import load_corpus
from hatespeech_no.models.backbones import load_backbone
from hatespeech_no.training.finetune import EncoderConfig, finetune

STATEMENTS = Path(__file__).parents[2] / "data" / "statements" / "corpus.yaml"
ROWS, BATCH, ROUNDS = 640, 32, 3
CONSOLE = Console()


def main() -> None:
    """Alternate the two, three times, and print medians of texts per second."""
    rows = load_corpus(str(STATEMENTS))
    train, validation = rows["train"].select(range(ROWS)), rows["validation"].select(range(64))
    speeds: dict[str, list[float]] = {"plain": [], "ours": []}
    for seed in range(ROUNDS):
        speeds["plain"].append(plain(train["text"][:], seed))
        speeds["ours"].append(ours(train, validation, seed))
        CONSOLE.print({name: [round(v, 1) for v in values] for name, values in speeds.items()})
    plain_rate, our_rate = (statistics.median(speeds[name]) for name in ("plain", "ours"))
    CONSOLE.print(f"plain {plain_rate:.1f}, ours {our_rate:.1f} texts/s, {our_rate / plain_rate:.1f} times as fast")


def ours(train: Dataset, validation: Dataset, seed: int) -> float:
    """Texts per second between the first and the last report of a step."""
    at: dict[int, float] = {}

    def report(step: str, done: int = 0, total: int | None = None) -> None:
        if total is not None:
            at.setdefault(done, time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        config = EncoderConfig(rows=ROWS, batch=BATCH, checks=1)
        finetune(train, validation, config, seed, Path(folder), report)
    steps = sorted(step for step in at if step < ROWS // BATCH)
    return (steps[-1] - steps[0]) * BATCH / (at[steps[-1]] - at[steps[0]])


def plain(texts: list[str], seed: int) -> float:
    """Texts per second of ``Trainer.train`` without its first steps."""
    transformers.set_seed(seed)
    backbone = load_backbone(EncoderConfig().backbone)
    config = backbone.encoder.config
    model = transformers.BertForSequenceClassification(config)
    model.bert.load_state_dict(backbone.encoder.state_dict(), strict=False)
    backbone.tokenizer.no_truncation()
    ids = [backbone.tokenizer.encode(f"query: {text}").ids[:128] for text in texts]
    begun: list[float] = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            begun.append(time.perf_counter())

    def collate(batch: list[list[int]]) -> dict[str, torch.Tensor]:
        longest = max(map(len, batch))
        padded = torch.tensor([row + [config.pad_token_id] * (longest - len(row)) for row in batch])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch])
        return {"input_ids": padded, "attention_mask": mask, "labels": torch.zeros(len(batch), dtype=torch.long)}

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
            logging_strategy="no",
            use_cpu=True,
        )
        transformers.Trainer(
            model=model, args=arguments, train_dataset=ids, data_collator=collate, callbacks=[Clock()]
        ).train()
    return (len(begun) - 6) * BATCH / (begun[-1] - begun[5])


if __name__ == "__main__":
    main()
