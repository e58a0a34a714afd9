from __future__ import annotations

from pathlib import Path

import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.training import load_config
from tests.fixtures import ROOT


@pytest.mark.parametrize(
    "path",
    sorted({*ROOT.glob("configs/*.yaml"), *ROOT.glob("experiments/*/*.yaml")} - {ROOT / "configs" / "promotion.yaml"}),
    ids=str,
)
def test_shipped_configurations_are_valid(path: Path) -> None:
    if path.name == "base.yaml":
        pytest.skip("a base has no data")
    config = load_config(path)
    assert config.tracking.experiment == "hatespeech_no"
    for name in config.data.train:
        if name.endswith(".yaml"):
            assert (config.folder / name).is_file()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_extends_and_set(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", "name: base\nseeds: [1, 2]\nmodel: {tfidf: {words: [1, 3]}}\n")
    path = write(tmp_path, "own.yaml", "extends: base.yaml\nname: own\ndata: {train: [edos]}\n")
    config = load_config(path, ["model.tfidf.regularisation=2", "seeds=[7]", "tracking.register_as=null"])
    assert (config.name, config.seeds) == ("own", [7])
    assert config.model.tfidf.words == (1, 3)
    assert config.model.tfidf.regularisation == 2.0
    assert config.folder == tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ndata: {train: [a]}\nsedes: [1]\n", "sedes: there is no such setting; did you mean 'seeds'"),
        (
            "name: x\ndata: {train: [a]}\nmodel: {tfidf: {min_document: 5}}\n",
            "model.tfidf.min_document: there is no such setting; did you mean 'min_documents'",
        ),
        ("name: x\ndata: {train: [a]}\nmodel: {tfidf: {min_documents: 1}}\n", "model.tfidf.min_documents: .* 5"),
        ("name: x\ndata: {train: [a]}\nseeds: [1, 1]\n", "seeds must differ"),
        ("name: x\ndata: {train: [a]}\nmodel: {tfidf: {words: [2, 1]}}\n", "shortest length first"),
        ("name: x\ndata: {train: [a]}\ntracking: {register_as: a/b}\n", "tracking.register_as"),
        ("name: x\n", "data: Field required"),
        ("name: x\ndata: {train: []}\n", "data.train"),
        ("extends: own.yaml\n", "extends itself"),
        ("extends: gone.yaml\n", "gone.yaml: cannot be read"),
        ("- a list\n", "a configuration is a mapping"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HatespeechError, match=message):
        load_config(write(tmp_path, "own.yaml", text))


@pytest.mark.parametrize(
    ("change", "message"),
    [("seeds", "write it as key.subkey=value"), ("name.x=1", "'name' is a value"), ("seeds=[", "not YAML")],
)
def test_mistakes_in_set_are_named(tmp_path: Path, change: str, message: str) -> None:
    path = write(tmp_path, "own.yaml", "name: x\ndata: {train: [a]}\n")
    with pytest.raises(HatespeechError, match=message):
        load_config(path, [change])
