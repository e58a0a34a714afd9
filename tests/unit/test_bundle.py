from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hatespeech_no import Classifier, load
from hatespeech_no.bundle import FORMAT_VERSION, MANIFEST, Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Input


@pytest.fixture
def bundle(demo_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_run / "seed-0" / "bundle", tmp_path / "bundle"))


_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80), min_size=1, max_size=5
    )
)
def test_round_trip(bundle: Path, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    first = Bundle.load(bundle)
    copy = tmp_path_factory.mktemp("copy") / "bundle"
    first.save(copy)
    second = Bundle.load(copy)
    assert second.digest == first.digest
    assert second.manifest == first.manifest
    inputs = list(map(Input, texts))
    one, two = Classifier(first).probabilities(inputs), Classifier(second).probabilities(inputs)
    assert one.names == two.names
    assert np.array_equal(one.yes, two.yes)
    assert [a.to_dict() for a in Classifier(first).score(texts)] == [
        a.to_dict() for a in Classifier(second).score(texts)
    ]


def _manifest(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / MANIFEST
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")

    return change


def _list_a_file_outside(folder: Path) -> None:
    (folder.parent / "outside").write_bytes(b"")
    files = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
    _manifest(files={**files, "../outside": hashlib.sha256(b"").hexdigest()})(folder)


def _without_field(folder: Path) -> None:
    path = folder / MANIFEST
    data = json.loads(path.read_text("utf-8"))
    del data["thresholds"]
    path.write_text(json.dumps(data), "utf-8")


def _flip_a_byte(folder: Path) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_manifest(format_version=FORMAT_VERSION + 1), "Upgrade it"),
        (_manifest(format_version="one"), "is damaged: format_version"),
        (_manifest(family="oracle"), "no model family 'oracle'"),
        (_list_a_file_outside, r"'\.\./outside' of the bundle is missing"),
        (_manifest(settings={"config": {}}), "do not fit its manifest"),
        (_manifest(files={}), "does not list"),
        (_manifest(calibration={"platt": 3, "conduct": None}), "is damaged|do not fit"),
        (lambda folder: (folder / "extra.bin").write_bytes(b"x"), r"does not list \['extra.bin'\]"),
        (_without_field, "is damaged: thresholds"),
        (_flip_a_byte, "is damaged: it is not the file the manifest names"),
        (lambda folder: (folder / "vocabulary.json").unlink(), "'vocabulary.json' of the bundle is missing"),
        (lambda folder: (folder / MANIFEST).write_text("{", "utf-8"), "is damaged"),
        (lambda folder: (folder / MANIFEST).unlink(), "is no model bundle"),
    ],
)
def test_damage_is_named(bundle: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(bundle)
    with pytest.raises(HatespeechError, match=message):
        Bundle.load(bundle)


def test_a_bundle_appears_whole_or_not_at_all(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Bundle.load(bundle)
    with pytest.raises(HatespeechError, match="exists already"):
        loaded.save(bundle)

    def full_disk(self: object, folder: Path) -> dict[str, Any]:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(loaded.model), "save", full_disk)
    with pytest.raises(HatespeechError, match="No space left"):
        loaded.save(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]


def test_who_may_read_one_file_may_read_all(bundle: Path) -> None:
    assert len({path.stat().st_mode for path in bundle.iterdir()}) == 1


def test_another_sentence_splitter_is_warned_of(bundle: Path) -> None:
    _manifest(sentencizer="spacy-2.0 blank:nb sentencizer")(bundle)
    with pytest.warns(UserWarning, match=r"made with spacy-2\.0"):
        Bundle.load(bundle)


def test_loading_says_what_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HatespeechError, match="is no model bundle"):
        load("nowhere")


def test_loading_a_run_folder_takes_its_first_seed(demo_run: Path) -> None:
    assert load(demo_run).bundle.digest == load(demo_run / "seed-0" / "bundle").bundle.digest


def test_where_a_model_cannot_run_is_said(demo_run: Path) -> None:
    with pytest.raises(HatespeechError, match="this model runs on the CPU"):
        load(demo_run, device="cuda")
    with pytest.raises(HatespeechError, match="threads is 0"):
        load(demo_run, threads=0)
    assert load(demo_run, threads=2).score("Hei på deg.")[0] == load(demo_run).score("Hei på deg.")[0]
