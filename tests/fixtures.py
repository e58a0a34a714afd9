"""Shared fixtures. Tests that need real corpora or a trained pipeline skip where these are absent."""

from __future__ import annotations

import importlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hatespeech_no.corpora.labels import codebook_elements, codebook_passages
from hatespeech_no.statement import YES_NO_CIRCUMSTANCES, Elements, Statement
from hatespeech_no.taxonomy import Tier
from hatespeech_no.training import TrainingConfig, load_config, train
from hatespeech_no.triage import triage_statement

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
STATEMENTS = ROOT / "data" / "statements" / "corpus.yaml"

os.environ.setdefault("HATESPEECH_NO_KEY", "key of the tests")


def script_in(folder: Path, *beside: str) -> Iterator[Any]:
    """The script ``run.py`` of an experiment, which finds the modules beside it, until the fixture ends."""
    sys.path.insert(0, str(folder))
    yield importlib.import_module("run")
    sys.path.remove(str(folder))
    for name in ("run", *beside):
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def corpora_folders() -> str:
    """The folders of real corpora: HATESPEECH_NO_DATA, else those beside the checkout."""
    beside = os.pathsep.join(str(SHARED / "data" / part) for part in ("raw", "prepared"))
    folders = os.environ.get("HATESPEECH_NO_DATA", beside)
    if not Path(folders.split(os.pathsep)[0]).is_dir():
        pytest.skip("real corpora are not here; set HATESPEECH_NO_DATA to run this test")
    return folders


@pytest.fixture(scope="session")
def norwegian_pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A trained Norwegian spaCy pipeline, unpacked from a wheel beside the checkout."""
    wheels = sorted((SHARED / "models").glob("nb_ud_sm-*.whl"))
    if not wheels:
        pytest.skip("no trained Norwegian spaCy pipeline is here")
    folder = tmp_path_factory.mktemp("pipeline")
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(folder)
    return str(next(folder.rglob("config.cfg")).parent)


@pytest.fixture(scope="session")
def demo_config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    output = tmp_path_factory.mktemp("runs")
    return load_config(ROOT / "configs" / "demo.yaml", [f"output={output}", "evaluation.resamples=100"])


@pytest.fixture(scope="session")
def demo_run(demo_config: TrainingConfig) -> Path:
    """The run folder of the demo, trained once for all tests."""
    return train(demo_config)[0]


def complete(**changes: object) -> Elements:
    """Elements of a harmless text with every question answered, and changes to them."""
    answers: dict[str, object] = {
        "hateful": False,
        "abusive": False,
        "ground_explicit": True,
        "addressed_in_person": False,
        "support": False,
        "conduct": "none",
        "grounds": [],
        "target": [],
        "context": [],
    }
    return Elements.of(**{**answers, **changes})  # type: ignore[arg-type]


def ruled_tier(row: dict[str, Any]) -> Tier:
    """The tier that the rules give to a row in the form of our own statements."""
    known = {name: row[name] for name in ("publicity", *YES_NO_CIRCUMSTANCES) if row.get(name) is not None}
    passages = codebook_passages(row, row["text"])
    return triage_statement(Statement(row["text"], labels=codebook_elements(row), passages=passages, **known)).tier


def statement_rows() -> list[dict[str, Any]]:
    """Our own statements as they stand in the file."""
    lines = (STATEMENTS.parent / "statements.jsonl").read_text("utf-8").strip().split("\n")
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The descriptor of a corpus without official parts: every tenth pair of our statements, fully labelled."""
    rows = [row for row in statement_rows() if row["kind"] != "without_thread"]
    pairs = sorted({row["pair"] for row in rows if row["pair"]})[::10]
    folder = tmp_path_factory.mktemp("small")
    lines = [json.dumps(row, ensure_ascii=False) for row in rows if row["pair"] in pairs]
    (folder / "statements.jsonl").write_text("\n".join(lines), "utf-8")
    description = yaml.safe_load(STATEMENTS.read_text("utf-8")) | {"name": "small", "splits": {}}
    del description["columns"]["split"]
    (folder / "corpus.yaml").write_text(yaml.safe_dump(description), "utf-8")
    return folder / "corpus.yaml"


@pytest.fixture(scope="session")
def small_config(small_corpus: Path) -> Path:
    """A configuration that trains the linear model on the small corpus within seconds."""
    settings = {"extends": str(ROOT / "configs" / "base.yaml"), "name": "small", "data": {"train": ["corpus.yaml"]}}
    file = small_corpus.parent / "small.yaml"
    file.write_text(yaml.safe_dump(settings | {"evaluation": {"resamples": 100}}), "utf-8")
    return file


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a random BERT of two small layers and a unigram tokenizer over the demo's texts."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    texts = [row["text"] for row in statement_rows()[:400]] + ["Привет мир, это другой алфавит"] * 20
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=600, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.BertConfig(vocab_size=tokenizer.get_vocab_size(), pad_token_id=1, **size)
    folder = tmp_path_factory.mktemp("backbone")
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>"
    ).save_pretrained(folder)
    return folder
