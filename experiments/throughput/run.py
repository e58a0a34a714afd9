"""Texts per second, time to the first score and memory of our models and of what else there is, in one run.

    make bench
    python experiments/throughput/run.py ENVIRONMENTS [FOLDER OF A MODEL WITH A FIRST STAGE]

Each is a process of its own, one after the other, on the same comments. Transformers other than the one in the box
have random weights, which take as long as trained ones. Other people's tools are installed under ENVIRONMENTS.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LEADERBOARD = ROOT / "experiments" / "leaderboard"
CONSOLE = Console()
ROUNDS = 3
TOOLS = ("HateSonar", "alt-profanity-check")
Score = Callable[[Sequence[str]], object]

BERT = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536}
"""The shape of multilingual-e5-small, of which the model in the box is made."""
OPERATIONS = 2 * 12 * (4 * 384 * 384 + 2 * 384 * 1536)
"""Of its matrices, per token; attention adds a few per cent."""
XLM_R_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}


def ours(folder: Path) -> Score:
    """A bundle of ours, all of scoring included: passages, disguised words, languages, calibration, triage."""
    import hatespeech_no

    return hatespeech_no.load(folder).score


def box() -> Score:
    """The model that the package carries."""
    import hatespeech_no

    return hatespeech_no.load().score


def random_encoder(folder: Path, precision: str) -> None:
    """The box's bundle with a network of the same shape and random weights, for torch or as it is exported."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    from hatespeech_no.bundle import Bundle
    from hatespeech_no.loading import RELEASED
    from hatespeech_no.models.backbones import BackboneConfig
    from hatespeech_no.models.encoder import EncoderModel
    from hatespeech_no.models.network import ElementNetwork
    from hatespeech_no.models.onnx_export import export

    torch.manual_seed(0)
    released = Bundle.load(RELEASED).manifest
    tokenizer = Tokenizer.from_file(str(RELEASED / "tokenizer.json"))
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), pad_token_id=released.settings["pad"], **BERT)
    model: Any = EncoderModel(
        ElementNetwork(BertModel(config, add_pooling_layer=False), BERT["hidden_size"]).eval(),
        tokenizer,
        BackboneConfig.model_validate(released.settings["backbone"]),
        released.settings["names"],
        conduct=released.settings["conduct"],
    )
    with tempfile.TemporaryDirectory() as graph:
        if precision != "torch":
            model = export(model, Path(graph), "int8" if precision == "int8" else "fp32")
        changes = {"family": model.family, "files": {}, "settings": {}}
        Bundle(released.model_copy(update=changes), model).save(folder)


def pipeline(shape: dict[str, int], vocabulary: int, batch: int) -> Score:
    """What a tutorial has: ``transformers.pipeline`` with one yes/no label."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast
    from transformers import pipeline as make

    from hatespeech_no.loading import RELEASED

    torch.manual_seed(0)
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(RELEASED / "tokenizer.json"), **special)
    model = BertForSequenceClassification(BertConfig(vocab_size=vocabulary, pad_token_id=1, **shape)).eval()
    classify = make("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    return lambda texts: classify(list(texts), batch_size=batch, truncation=True, max_length=512)


def tool(name: str, environments: Path) -> Score:
    """Somebody else's tool as the leaderboard runs it, started anew for each part; one label per text."""
    sys.path.append(str(LEADERBOARD))
    from board import MODELS
    from tools import answers, command_of

    command = command_of(MODELS[name], environments)
    return lambda texts: answers(command, [{"text": text, "thread": []} for text in texts])


def engines(folder: Path) -> dict[str, tuple[int, Callable[[], Score]]]:
    """How many comments each is given, and how it is started."""
    return {
        "tfidf (demo)": (20_000, lambda: ours(folder / "tfidf")),
        "int8, the model in the box": (2_000, box),
        "int8": (2_000, lambda: ours(folder / "int8")),
        "ONNX fp32": (1_000, lambda: ours(folder / "fp32")),
        "torch fp32": (1_000, lambda: ours(folder / "torch")),
        "with a first stage": (2_000, lambda: ours(folder / "first-stage")),
        "plain pipeline, batches of 32": (500, lambda: pipeline(BERT, 49_306, 32)),
        "plain pipeline, one by one": (200, lambda: pipeline(BERT, 49_306, 1)),
        "shape of XLM-R base, plain, batches of 32": (100, lambda: pipeline(XLM_R_BASE, 250_002, 32)),
        "HateSonar": (10_000, lambda: tool("hatesonar", folder / "environments")),
        "alt-profanity-check": (10_000, lambda: tool("alt_profanity_check", folder / "environments")),
    }


def measure(name: str, folder: Path) -> dict[str, float]:
    """One engine, in this process: seconds to the first score, texts per second (median), peak memory in MB."""
    texts = json.loads((folder / "comments.json").read_text("utf-8"))
    count, start = engines(folder)[name]
    if name in TOOLS:
        start()  # installs it
    began = time.perf_counter()
    score = start()
    score(["Noen som vet når biblioteket åpner igjen?"])
    first = time.perf_counter() - began
    rates = []
    for i in range(ROUNDS):
        part = texts[i * count : (i + 1) * count]
        began = time.perf_counter()
        score(part)
        rates.append(len(part) / (time.perf_counter() - began))
    return {"first": first, "texts_per_s": statistics.median(rates), "peak_mb": peak_mb(name in TOOLS)}


def peak_mb(of_tool: bool) -> float:
    """Largest memory of this process (Linux), or of those it has started.

    ``getrusage`` counts in that of the process from which another came, which for a tool is a small one.
    """
    if of_tool:
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    (line,) = [line for line in Path("/proc/self/status").read_text("utf-8").splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1000


def tokens(folder: Path) -> float:
    """Mean number of tokens of a comment, for the model in the box."""
    from tokenizers import Tokenizer

    from hatespeech_no.loading import RELEASED

    texts = json.loads((folder / "comments.json").read_text("utf-8"))[:5000]
    tokenizer = Tokenizer.from_file(str(RELEASED / "tokenizer.json"))
    return statistics.mean(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))


def multiplications() -> float:
    """fp32 operations per second of this machine when it multiplies matrices of the model's size, in 10⁹."""
    import torch

    a, b = torch.rand(1024, 384), torch.rand(384, 1536)
    rates = []
    for _ in range(30):
        began = time.perf_counter()
        torch.mm(a, b)
        rates.append(2 * a.shape[0] * b.numel() / (time.perf_counter() - began) / 1e9)
    return statistics.median(rates)


def main(environments: Path, with_first_stage: Path | None) -> None:
    """Prepare, measure each, write ``results.json``."""
    from comments import comments

    from hatespeech_no.training import load_config, train

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "comments.json").write_text(json.dumps(comments(60_000)), "utf-8")
        demo = load_config(ROOT / "configs" / "demo.yaml", [f"output={folder}", "tracking.register_as=null"])
        train(demo)[0].rename(folder / "tfidf")
        for precision in ("torch", "fp32", "int8"):
            random_encoder(folder / precision, precision)
        environments.mkdir(parents=True, exist_ok=True)
        (folder / "environments").symlink_to(environments.resolve())
        if with_first_stage is not None:
            (folder / "first-stage").symlink_to(with_first_stage.resolve())
        rate = multiplications()
        roof = rate * 1e9 / (tokens(folder) * OPERATIONS)
        results: dict[str, Any] = {"cores": os.cpu_count(), "gflop_per_s": round(rate), "roof_texts_per_s": round(roof)}
        results["engines"] = {}
        for name in engines(folder):
            if name != "with a first stage" or with_first_stage is not None:
                command = [sys.executable, __file__, "--engine", name, str(folder)]
                found = subprocess.run(command, check=name not in TOOLS, stdout=subprocess.PIPE, text=True)  # noqa: S603
                if found.returncode:
                    continue  # it has said why on the screen
                results["engines"][name] = json.loads(found.stdout.splitlines()[-1])
                CONSOLE.print(name, results["engines"][name])
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    draw(results)


def draw(results: dict[str, Any]) -> None:
    """Texts per second of each engine, as bars, with the roof of multiplying in fp32."""
    from matplotlib import pyplot

    found = sorted(results["engines"].items(), key=lambda item: item[1]["texts_per_s"])
    figure, axes = pyplot.subplots(figsize=(8, 3.5), layout="constrained")
    bars = axes.barh([name for name, _ in found], [each["texts_per_s"] for _, each in found], color="#35618f")
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.axvline(results["roof_texts_per_s"], color="#b3541e", linestyle="--", label="torch's fp32 products alone")
    axes.set_xscale("log")
    axes.set_xlim(right=axes.get_xlim()[1] * 2)
    axes.set_xlabel(f"comments per second, {results['cores']} cores")
    axes.legend(loc="lower right")
    figure.savefig(HERE / "throughput.png", dpi=150)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        sys.stdout.write(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))) + "\n")
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
