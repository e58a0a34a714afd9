"""The fine-tuned transformer, on a tiny random backbone."""

from __future__ import annotations

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from hatespeech_no import load
from hatespeech_no.corpora import load_corpus, statement_from_row
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.backbones import BackboneConfig, load_backbone
from hatespeech_no.models.elements import Input
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.models.onnx import OnnxModel
from hatespeech_no.models.onnx_export import Precision
from hatespeech_no.models.windows import Windows, make_windows
from hatespeech_no.scoring import Classifier
from hatespeech_no.statement import Elements, LabelledPassage, Statement
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Tier
from hatespeech_no.training import load_config, train
from hatespeech_no.training.distil import _flags, _layers, _tolerance_limit, distil
from hatespeech_no.training.examples import Example, by_length, draw, make_examples
from hatespeech_no.training.export import export
from hatespeech_no.training.finetune import EncoderConfig, finetune
from hatespeech_no.training.record import quiet
from hatespeech_no.training.release import release
from tests.fixtures import ROOT, STATEMENTS, statement_rows

torch = pytest.importorskip("torch")

LONG = (
    "Noen sa at de er rotter. " + "Det var en helt vanlig dag på torget med vafler og kaffe. " * 12 + "Nå drar vi hjem."
)


@pytest.fixture(scope="module")
def backbone(tiny_backbone: Path) -> BackboneConfig:
    return BackboneConfig(name=str(tiny_backbone), max_tokens=32, prefix="query: ")


@pytest.fixture(scope="module")
def model(backbone: BackboneConfig) -> EncoderModel:
    from hatespeech_no.models.network import ElementNetwork

    loaded = load_backbone(backbone)
    torch.manual_seed(0)
    return EncoderModel(ElementNetwork(loaded.encoder, 32), loaded.tokenizer, backbone, ELEMENTS, conduct=True)


def test_each_token_of_a_long_text_is_pooled_once_and_none_is_lost(backbone: BackboneConfig) -> None:
    tokenizer = load_backbone(backbone).tokenizer
    tokenizer.no_truncation()
    encoding = tokenizer.encode(backbone.prefix + LONG)
    of_text = [end for end, i in zip(*_columns(encoding), strict=True) if i == 0 and end > len(backbone.prefix)]
    text = make_windows(tokenizer, [Input(LONG, spans=((0, 25), (25, len(LONG))))], backbone)[0]
    assert len(text.ids) > 5
    whole = sum(int(owned[0].sum()) for owned in text.owned)
    parts = [sum(int(owned[i].sum()) for owned in text.owned) for i in (1, 2)]
    assert whole == sum(parts) == len(of_text)


def test_what_has_no_token_is_read_as_what_stands_beside_it(backbone: BackboneConfig) -> None:
    tokenizer = load_backbone(backbone).tokenizer
    empty, spaces, late = make_windows(
        tokenizer,
        [
            Input("", thread=("rotter er her",)),
            Input("hei  du", spans=((0, 3), (3, 4), (5, 7))),
            Input(LONG + "  ", spans=((0, len(LONG)), (len(LONG) + 1, len(LONG) + 2))),
        ],
        backbone,
    )
    assert 0 < empty.owned[0].sum() < len(empty), "special tokens, not the thread"
    assert sum(owned[2].sum() for owned in spaces.owned) == 1
    assert [bool(owned[2].any()) for owned in late.owned] == [False] * (len(late.ids) - 1) + [True]


def _columns(encoding: Any) -> tuple[list[int], list[int | None]]:
    return [end for _, end in encoding.offsets], encoding.sequence_ids


def test_a_thread_is_read_but_not_pooled(model: EncoderModel, backbone: BackboneConfig) -> None:
    tokenizer = load_backbone(backbone).tokenizer
    alone, answer = make_windows(tokenizer, [Input("Dra hjem"), Input("Dra hjem", thread=("Hei på deg",))], backbone)
    assert len(answer) > len(alone)
    assert alone.owned[0].sum() == answer.owned[0].sum()
    (crowded,) = make_windows(tokenizer, [Input("Dra hjem", thread=("😀 nei " * 500,))], backbone)
    assert crowded.owned[0].sum() == alone.owned[0].sum(), "a long thread crowds nothing out"
    one, other = model.scores([Input("Dra hjem"), Input("Dra hjem", thread=("Hei på deg",))]).log_odds
    assert not np.allclose(one, other)


def test_batches_change_no_score_and_rows_are_texts_then_spans(model: EncoderModel) -> None:
    inputs = [
        Input("Hei på deg"),
        Input(LONG, spans=((0, 25), (25, len(LONG)))),
        Input(""),
        Input("en to", ((0, 2), (3, 5))),
    ]
    together = model.scores(inputs)
    assert together.log_odds.shape == (1 + 3 + 1 + 3, len(ELEMENTS))
    alone = np.concatenate([model.scores([given]).log_odds for given in inputs])
    assert np.allclose(together.log_odds, alone, atol=1e-5)
    whole, only = model.scores([Input("Hei på deg", spans=((0, 10),))]).log_odds
    assert np.allclose(whole, only, atol=1e-6), "a passage that is the whole text scores as the text"


def test_a_device_that_is_not_there_is_named(model: EncoderModel) -> None:
    with pytest.raises(HatespeechError, match="device 'cuda:9' cannot be used"):
        model.place("cuda:9", None)


def test_threads_may_share_a_model(model: EncoderModel) -> None:
    inputs = [[Input(LONG * (1 + i % 3), thread=("hei",) * (i % 2))] for i in range(24)]
    alone = [model.scores(one).log_odds for one in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: model.scores(one).log_odds, inputs))
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(alone, together, strict=True))


def test_saved_and_loaded_it_scores_the_same(model: EncoderModel, tmp_path: Path) -> None:
    again = EncoderModel.load(tmp_path, model.save(tmp_path))
    one, two = model.scores([Input(LONG)]), again.scores([Input(LONG)])
    assert np.allclose(one.log_odds, two.log_odds, atol=0.01), "weights are kept as float16"
    assert again.save(tmp_path) == model.save(tmp_path)


def test_a_model_with_code_of_its_own_is_only_loaded_by_who_trusts_it(
    tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hatespeech_no.models.network import ElementNetwork

    folder = tmp_path / "backbone"
    shutil.copytree(tiny_backbone, folder)
    settings = json.loads((folder / "config.json").read_text())
    settings["auto_map"] = {"AutoModel": "modeling_own.OwnModel"}
    (folder / "config.json").write_text(json.dumps(settings))
    code = "from transformers import BertModel\n\n\nclass OwnModel(BertModel):\n    pass\n"
    (folder / "modeling_own.py").write_text(code)
    config = BackboneConfig(name=str(folder), max_tokens=32, trust_remote_code=True)
    loaded = load_backbone(config)
    assert type(loaded.encoder).__name__ == "OwnModel"
    model = EncoderModel(ElementNetwork(loaded.encoder, 32), loaded.tokenizer, config, ELEMENTS, conduct=True)
    (tmp_path / "bundle").mkdir()
    manifest = model.save(tmp_path / "bundle")
    monkeypatch.delenv("HATESPEECH_NO_TRUST_REMOTE_CODE", raising=False)
    with pytest.raises(HatespeechError, match="set HATESPEECH_NO_TRUST_REMOTE_CODE=1"):
        EncoderModel.load(tmp_path / "bundle", manifest)
    monkeypatch.setenv("HATESPEECH_NO_TRUST_REMOTE_CODE", "1")
    again = EncoderModel.load(tmp_path / "bundle", manifest)
    assert type(again.network.encoder).__name__ == "OwnModel"
    assert np.allclose(again.scores([Input(LONG)]).log_odds, model.scores([Input(LONG)]).log_odds, atol=0.01)


def _loss(labels: list[float], possible: list[bool], logits: Any) -> Any:
    from hatespeech_no.models.network import loss

    label = torch.full((1, len(ELEMENTS)), torch.nan)
    label[0, : len(labels)] = torch.tensor(labels)
    ones = torch.ones(len(ELEMENTS))
    return loss(logits, label, torch.tensor([possible]), torch.ones(len(ELEMENTS) + 1), ones, torch.ones(8))


def test_unknown_labels_have_no_loss_and_sets_count_as_a_whole() -> None:
    logits = torch.zeros(1, len(ELEMENTS) + 8, requires_grad=True)
    nothing = [False] * 8
    assert _loss([], nothing, logits).item() == 0
    value = _loss([1.0, torch.nan, 0.5], nothing, logits)
    assert value.item() == pytest.approx(2 * np.log(2))
    value.backward()
    assert logits.grad is not None
    assert set(np.flatnonzero(logits.grad.numpy()[0])) == {0}, "unknown and evenly disputed labels pull nowhere"
    pair = [c in (Conduct.DEROGATION, Conduct.GROSS_DEROGATION) for c in Conduct]
    assert _loss([], pair, logits).item() == pytest.approx(np.log(4)), "two of eight"


def test_a_rare_conduct_counts_more() -> None:
    from hatespeech_no.models.network import conduct_weights, loss

    possible = np.eye(8, dtype=bool)[[0] * 90 + [6] * 10]
    weights = conduct_weights(possible, balance=0.5)
    assert weights[6] / weights[0] == pytest.approx(3), "the root of 90 / 10"
    logits = torch.zeros(100, len(ELEMENTS) + 8, requires_grad=True)
    heads = torch.ones(len(ELEMENTS) + 1)
    unknown = torch.full((100, len(ELEMENTS)), torch.nan)
    value = loss(logits, unknown, torch.from_numpy(possible), heads, heads[:-1], torch.from_numpy(weights))
    assert value.item() == pytest.approx(np.log(8)), "a mean, whatever the weights"
    value.backward()
    assert logits.grad is not None
    pulls = logits.grad[:, len(ELEMENTS) :].abs().sum(dim=1)
    assert (pulls[-1] / pulls[0]).item() == pytest.approx(3)


def test_the_sides_of_a_pair_are_pushed_apart() -> None:
    from hatespeech_no.models.network import pair_loss

    odds = torch.tensor([0.0, 0.0, 3.0, -3.0], requires_grad=True)
    labels = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert pair_loss(odds, labels, torch.tensor([0, 1, 2, 3])).item() == 0, "nobody's other side is here"
    alone = pair_loss(odds, labels, torch.tensor([0, 0, 1, 2]))
    assert alone.item() == pytest.approx(np.log1p(np.e))
    alone.backward()
    assert odds.grad is not None
    assert [np.sign(g) for g in odds.grad.tolist()] == [-1, 1, 0, 0]
    assert pair_loss(odds, labels, torch.tensor([0, 1, 2, 2])) < alone, "these two are apart already"


def test_a_corpus_may_draw_its_line_elsewhere(model: EncoderModel, backbone: BackboneConfig) -> None:
    from hatespeech_no.training.objective import Learner, collate
    from hatespeech_no.training.optimiser import parameter_groups

    learner = Learner(model.network, ["theirs"])
    windows = make_windows(model.tokenizer, [Input("Kaffe på torget.")], backbone)[0]
    nothing = (np.full((1, len(ELEMENTS)), np.nan, np.float32), np.zeros((1, 8), bool), 0)
    batch = collate([Example(windows, *nothing, corpus) for corpus in ("ours", "theirs")], pad=1)
    optimiser = torch.optim.AdamW(parameter_groups(learner, EncoderConfig(backbone=backbone, learning_rate=1e-9)))
    for _ in range(3):
        optimiser.zero_grad()
        (-learner(batch).sum()).backward()
        optimiser.step()
    with torch.no_grad():
        ours, theirs = learner(batch)
        alone = model.network(batch["batch"])[0]
    torch.testing.assert_close(ours, alone, msg="the corpora it follows have no offset")
    assert (theirs - ours).min() > 0.02, "the other one says yes more readily"


def test_labels_of_passages_disputes_and_ordinary_text(backbone: BackboneConfig) -> None:
    attack, calm = Elements.of(hateful=True, conduct="threat"), Elements.of(hateful=False)
    disputed = Elements.of(hateful=True, conduct="stereotype")
    disputed = replace(disputed, disputed=frozenset({"hateful", "conduct_derogation"}))
    split = Statement(
        "Hei du. Ut nå.", labels=attack, passages=(LabelledPassage(0, 7, calm), LabelledPassage(8, 14, attack))
    )
    tokenizer = load_backbone(backbone).tokenizer
    rows = to_dataset([split, Statement("ja", labels=disputed)], "x")
    first, second = make_examples(rows, tokenizer, backbone)
    hateful = ELEMENTS.index("hateful")
    assert first.labels[:, hateful].tolist() == [1, 0, 1]
    assert first.possible[:, Conduct.THREAT.severity].tolist() == [True, False, True]
    assert second.labels[:, hateful].tolist() == [0.75]
    either = {c.severity for c in (Conduct.STEREOTYPE, Conduct.DEROGATION)}
    assert set(np.flatnonzero(second.possible[0])) == either
    (ordinary,) = make_examples(to_dataset([Statement("ja")], "x", ordinary=True), tokenizer, backbone)
    assert ordinary.labels[0, hateful] == pytest.approx(0.02)
    assert np.isnan(ordinary.labels[0, ELEMENTS.index("abusive")])
    assert not ordinary.possible.any()


def test_corpora_are_drawn_by_tempered_size_or_given_shares() -> None:
    corpora, alone = ["a"] * 900 + ["b"] * 100, np.arange(1000)
    rows = draw(corpora, alone, 400, 0.5, {}, seed=0)
    assert len(rows) == 400
    assert (rows >= 900).sum() == 100, "30 : 10 by the roots of their sizes"
    many = draw(corpora, alone, 400, 0.5, {"b": 0.75}, seed=0)
    assert np.unique(many[many >= 900], return_counts=True)[1].tolist() == [3] * 100
    assert len(np.unique(many[many < 900])) == 100, "without repetition while there are others"
    assert len(draw(corpora, alone, 400, 0.5, {"a": 0, "b": 1}, seed=0)) == 400


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"c": 0.1}, r"\['c'\]; there are a, b"),
        ({"a": 0.7, "b": 0.4}, "more than the whole; there are a, b"),
        ({"a": 0.5, "b": 0.2}, "0.7 in all, and there is no other corpus for the rest"),
        ({"a": 1}, r"nothing is left for b \(0 leaves a corpus out\)"),
        ({"b": 0.001}, r"less than one of 400 rows for b \(0 leaves"),
    ],
)
def test_shares_that_do_not_add_up_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(HatespeechError, match=f"shares: {message}"):
        draw(["a"] * 900 + ["b"] * 100, np.arange(1000), 400, 0.5, shares, seed=0)


def test_batches_hold_texts_of_like_length_and_whole_pairs() -> None:
    generator = np.random.default_rng(0)
    pairs = np.arange(1000) // 2
    rows = draw(["a"] * 1000, pairs, 2000, 1, {}, seed=0)
    assert (pairs[rows[::2]] == pairs[rows[1::2]]).all(), "drawn together"
    nothing = np.zeros((1, 0), np.float32)
    examples = [
        Example(Windows([[0] * length], [np.ones((1, length), bool)]), nothing, np.zeros((1, 8), bool), pair, "a")
        for length, pair in zip(generator.integers(1, 100, 1000), pairs.tolist(), strict=True)
    ]
    order = by_length(examples, rows, batch=8, seed=0)
    assert sorted(order) == sorted(rows.tolist())
    longest = np.array([max(len(examples[i].windows), len(examples[i ^ 1].windows)) for i in order])
    assert np.mean(np.ptp(longest.reshape(-1, 8), axis=1)) < 10
    whole = [set(batch) >= {i ^ 1 for i in batch} for batch in np.array(order).reshape(-1, 8).tolist()]
    assert np.mean(whole) > 0.8


class _StopError(Exception):
    pass


def test_a_killed_run_goes_on_to_the_same_end(backbone: BackboneConfig, tmp_path: Path) -> None:
    rows = load_corpus(str(STATEMENTS))["validation"].select(range(120))
    config = EncoderConfig(backbone=backbone, rows=256, batch=16, checks=4, learning_rate=1e-3)

    def kill(step: str, done: int = 0, total: int | None = None) -> None:
        if "validation" in step and (done, total) == (8, 16):
            raise _StopError

    whole = finetune(rows, rows, config, 0, tmp_path / "whole", quiet)
    with pytest.raises(_StopError):
        finetune(rows, rows, config, 0, tmp_path / "killed", kill)
    # Killed once more, while it wrote a checkpoint.
    shutil.copytree(tmp_path / "killed" / "checkpoint-4", tmp_path / "killed" / "checkpoint-12")
    (tmp_path / "killed" / "checkpoint-12" / "trainer_state.json").unlink()
    resumed = finetune(rows, rows, config, 0, tmp_path / "killed", quiet)
    inputs = [Input(text) for text in rows["text"][:20]]
    assert np.allclose(whole.scores(inputs).log_odds, resumed.scores(inputs).log_odds, atol=1e-5)


def test_it_learns(backbone: BackboneConfig, tmp_path: Path) -> None:
    statements = [
        Statement(text, labels=Elements.of(hateful=yes)) for text, yes in (("rotter", True), ("blomster", False))
    ]
    rows = to_dataset(statements * 8, "x")
    config = EncoderConfig(backbone=backbone, rows=480, batch=16, checks=1, learning_rate=1e-2)
    model = finetune(rows, rows, config, 0, tmp_path, quiet)
    scores = model.scores([Input("rotter"), Input("blomster")])
    assert scores.names == ("hateful",)
    assert scores.conduct is None
    assert scores.log_odds[0, 0] > 1 > -1 > scores.log_odds[1, 0]


def test_a_run_that_was_cut_off_keeps_its_finished_seeds(
    tiny_backbone: Path, small_corpus: Path, tmp_path: Path
) -> None:
    changes = [
        f"output={tmp_path}",
        f"data.train=[{small_corpus}]",
        "seeds=[0, 1]",
        "model.family=encoder",
        f"model.encoder.backbone={{name: {tiny_backbone}, max_tokens: 32}}",
        "model.encoder.rows=64",
        "model.encoder.checks=1",
        "evaluation.resamples=100",
        "tracking.register_as=null",
    ]
    config = load_config(ROOT / "configs" / "demo.yaml", changes)
    seen: list[str] = []

    def kill(step: str, done: int = 0, total: int | None = None) -> None:
        seen.append(step)
        if seen.count("tokenising") == 2:
            raise _StopError

    with pytest.raises(_StopError):
        train(config, report=kill)
    (folder,) = tmp_path.glob("demo-*")
    first = (folder / "seed-0" / "record.json").read_bytes()
    started = json.loads((folder / "config.json").read_text("utf-8"))
    assert started.pop("model.encoder.lora_rank") == "0"  # as if begun before there was this setting
    (folder / "config.json").write_text(json.dumps(started), "utf-8")
    again: list[str] = []
    assert train(config, report=lambda step, *_: again.append(step), resume=folder)[0] == folder
    with pytest.raises(HatespeechError, match="this run is finished"):
        train(config, resume=folder)
    (folder / "run.json").unlink()
    assert again.count("tokenising") == 1
    assert (folder / "seed-0" / "record.json").read_bytes() == first
    assert not list(folder.glob("seed-*/checkpoints"))
    assert load(str(folder / "seed-1")).bundle.manifest.family == "encoder"
    with pytest.raises(HatespeechError, match=r"or other data; model\.encoder\.rows differ"):
        train(load_config(ROOT / "configs" / "demo.yaml", [*changes, "model.encoder.rows=32"]), resume=folder)
    with pytest.raises(HatespeechError, match="is no run that was cut off"):
        train(config, resume=tmp_path)


@pytest.fixture(scope="module")
def run_folder(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    changes = [
        f"output={tmp_path_factory.mktemp('runs')}",
        "model.family=encoder",
        f"model.encoder.backbone={{name: {tiny_backbone}, max_tokens: 32}}",
        "model.encoder.rows=6400",
        "model.encoder.train_embeddings=true",
        "model.encoder.learning_rate=3.0e-3",
        "model.encoder.checks=1",
        "model.encoder.stop_on=[statements]",
        "evaluation.resamples=100",
        "tracking.register_as=null",
    ]
    return train(load_config(ROOT / "configs" / "demo.yaml", changes))[0]


def test_a_release_is_calibrated_and_evaluated_as_it_is_shipped(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The small backbone loses more than the half point that is allowed; what is refused has a test of its own.
    monkeypatch.setattr("hatespeech_no.training.export._MOST_LOST", 0.05)
    config = load_config(
        ROOT / "configs" / "demo.yaml", ["model.encoder.stop_on=[statements]", "evaluation.resamples=100"]
    )
    target = tmp_path / "released"
    (target / "old").mkdir(parents=True)
    record, parity = release(config, run_folder, target)
    assert sorted(path.name for path in target.iterdir()) == [
        "bundle", "card.en.md", "card.nb.md", "record.json", "tables"
    ]  # fmt: skip
    shipped, trained = load(target).bundle, load(run_folder).bundle
    assert shipped.digest == record.tags["bundle"] != trained.digest
    assert shipped.manifest.family == "onnx"
    assert set(shipped.manifest.languages) <= {"nb", "nn", "no", "en"}
    assert shipped.manifest.calibration != trained.manifest.calibration
    assert shipped.manifest.metrics["statements/all/hateful/macro_f1"] == pytest.approx(parity.after, abs=0.05)
    assert record.params["model.family"] == "encoder"
    assert shipped.digest in (target / "card.en.md").read_text("utf-8")

    with pytest.raises(HatespeechError, match="has no finished seed"):
        release(config, tmp_path, target)
    started = json.loads((run_folder / "config.json").read_text("utf-8"))
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    (other / "config.json").write_text(json.dumps(started | {"rows": "others"}), "utf-8")
    with pytest.raises(HatespeechError, match="was trained on other rows"):
        release(config, other, target)
    unfree = config.data.model_copy(update={"train": [*config.data.train, "stormfront"]})
    with pytest.raises(HatespeechError, match=r"'stormfront' .* allows no model trained on it to be shipped"):
        release(config.model_copy(update={"data": unfree}), run_folder, target)
    assert load(target).bundle.digest == shipped.digest


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_exported_model_scores_without_torch(
    run_folder: Path, tmp_path: Path, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load(str(run_folder)).bundle
    rows = load_corpus(str(STATEMENTS))["test"].select(range(60))
    # One answer of sixty is 2.6 points of macro-F1; what is refused in earnest has a test of its own.
    monkeypatch.setattr("hatespeech_no.training.export._MOST_LOST", 0.05)
    parity = export(source, tmp_path / "onnx", precision, rows)
    assert parity.largest <= (0.001 if precision == "fp32" else 0.1)
    assert parity.batch_effect < 1e-4
    statements = [statement_from_row(row) for row in rows]
    tiers = [[a.tier for a in load(str(model)).score(statements)] for model in (run_folder, tmp_path / "onnx")]
    assert parity.tier_flips == pytest.approx(np.mean([one != other for one, other in zip(*tiers, strict=True)]))
    assert precision == "int8" or parity.tier_flips == 0
    original = load(str(run_folder)).score([LONG, "Dra hjem!"])
    for module in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, module, None)
    for ours, theirs in zip(load(str(tmp_path / "onnx")).score([LONG, "Dra hjem!"]), original, strict=True):
        assert ours.p_hateful == pytest.approx(theirs.p_hateful, abs=0.1)
        if precision == "fp32":  # int8 may tip what lies on a line, as the share of flips above allows
            assert (ours.tier, ours.passage) == (theirs.tier, theirs.passage)


def test_an_export_for_fewer_languages_is_smaller_and_answers_the_same(run_folder: Path, tmp_path: Path) -> None:
    source, rows = load(str(run_folder)), load_corpus(str(STATEMENTS))["test"].select(range(60))
    parity = export(source.bundle, tmp_path / "onnx", "fp32", rows, ["nb", "nn"])
    exported = load(str(tmp_path / "onnx"))
    assert set(exported.bundle.manifest.languages) <= {"nb", "nn", "no"}
    assert parity.rows == sum(code in ("nb", "nn") for code in rows["language"][:])
    vocabularies = [c.bundle.model.tokenizer.get_vocab_size() for c in (source, exported)]
    assert vocabularies[1] < vocabularies[0]
    for text in ("Dette er en helt vanlig setning om vær og vind.", "HEI på deg!"):
        pieces = [c.bundle.model.tokenizer.encode(text).tokens for c in (source, exported)]
        assert pieces[0] == pieces[1]
        assert exported.probabilities([Input(text)]).yes == pytest.approx(
            source.probabilities([Input(text)]).yes, abs=1e-3
        )
    with pytest.raises(HatespeechError, match="no text to compare on is in a language that is to be served"):
        export(source.bundle, tmp_path / "other", "fp32", rows, ["sv"])
    with pytest.raises(HatespeechError, match=r"letters of \['fr'\] are not known"):
        export(source.bundle, tmp_path / "other", "fp32", rows, ["fr"])


def test_an_export_that_loses_too_much_is_refused(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_run: Path
) -> None:
    rows = load_corpus(str(STATEMENTS))["test"].select(range(60))
    source = load(str(run_folder)).bundle
    values = iter([0.9, 0.8])
    monkeypatch.setattr("hatespeech_no.training.export._macro_f1", lambda *_: next(values))
    with pytest.raises(HatespeechError, match=r"int8 loses 10\.0 points of macro-F1"):
        export(source, tmp_path / "onnx", "int8", rows)
    assert not (tmp_path / "onnx").exists()
    with pytest.raises(HatespeechError, match="family 'tfidf' needs no export"):
        export(load(str(demo_run)).bundle, tmp_path / "onnx", "int8", rows)


@pytest.mark.filterwarnings("default")  # other people's warnings
def test_losses_are_logged_while_they_fall(backbone: BackboneConfig, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    from hatespeech_no.tracking import MlflowTracker

    rows = load_corpus(str(STATEMENTS))["validation"].select(range(40))
    config = EncoderConfig(backbone=backbone, rows=64, batch=16, checks=2, learning_rate=1e-3)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    tracker = MlflowTracker(uri, "live")
    tracker.start("run", {"params": {}, "tags": {}})
    tracker.start_seed("seed-0")
    (experiment,) = client.search_experiments(filter_string="name = 'live'")
    seen: list[int] = []

    def look(step: str, done: int = 0, total: int | None = None) -> None:
        if "validation" in step:
            (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'seed'")
            seen.append(len(client.get_metric_history(run.info.run_id, "validation/loss")))

    finetune(rows, rows, config, 0, tmp_path / "run", look, log=tracker.log_step)
    assert seen[0] == 1, "while it goes on"
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'seed'")
    steps = {name: [m.step for m in client.get_metric_history(run.info.run_id, name)] for name in run.data.metrics}
    every = [1, 2, 3, 4]
    judged = {"validation/loss": [2, 4], "validation/macro_f1": [2, 4]}
    assert steps == {"train/loss": every, "train/learning_rate": every, **judged}


def test_the_checkpoint_is_judged_by_what_it_gets_right(backbone: BackboneConfig, model: EncoderModel) -> None:
    from sklearn.metrics import f1_score

    from hatespeech_no.training.objective import Objective, judge

    rows = load_corpus(str(STATEMENTS))["validation"].select(range(150))
    examples = make_examples(rows, model.tokenizer, backbone)
    labels = np.concatenate([example.labels for example in examples])
    objective = Objective.of(EncoderConfig(backbone=backbone), labels, np.concatenate([e.possible for e in examples]))
    figures = judge(model.network, examples, objective, pad=1)
    statements = [statement_from_row(row) for row in rows]
    inputs = [Input(s.text, tuple((p.start, p.end) for p in s.passages), s.thread) for s in statements]
    model.network.eval()
    odds = model.scores(inputs).log_odds
    expected = []
    for column, label in zip(odds.T, labels.T, strict=True):
        known = ~np.isnan(label)
        yes = label[known] > 0.5
        if min(yes.sum(), (~yes).sum()) >= 10:
            expected.append(f1_score(yes, column[known] > 0, average="macro"))
    assert len(expected) > 5
    assert figures["macro_f1"] == pytest.approx(np.mean(expected))
    assert figures["loss"] > 0


@pytest.mark.filterwarnings("default")  # other people's warnings
def test_a_store_that_fails_while_it_trains_is_asked_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    from hatespeech_no.tracking import MlflowTracker

    asked: list[str] = []

    def locked(self: MlflowClient, run_id: str, *_: object) -> None:
        asked.append(run_id)
        raise OSError("database is locked")

    monkeypatch.setattr(MlflowClient, "log_batch", locked)
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db", "live")
    tracker.start("run", {"params": {}, "tags": {}})
    tracker.start_seed("seed-0")
    for step in (1, 2):
        tracker.log_step({"train/loss": 1.0}, step)
    assert len(asked) == 1
    assert tracker.cut_short == "database is locked"
    assert tracker.problem is None, "what the seed reached can still be logged when it ends"


def test_adapters_are_trained_and_end_up_in_the_weights(
    backbone: BackboneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    rows = load_corpus(str(STATEMENTS))["validation"].select(range(60))
    config = EncoderConfig(backbone=backbone, rows=64, batch=16, checks=1, learning_rate=1e-2, lora_rank=2)
    model = finetune(rows, rows, config, 0, tmp_path / "run", quiet)
    before, after = load_backbone(backbone).encoder.state_dict(), model.network.encoder.state_dict()
    assert after.keys() == before.keys(), "no trace of the adapters but in the weights"
    read = [name for name in before if "pooler" not in name]
    changed = {name.rpartition("self.")[2] for name in read if not torch.equal(before[name], after[name])}
    assert changed == {"query.weight", "value.weight"}
    difference = (
        after["encoder.layer.0.attention.self.query.weight"] - before["encoder.layer.0.attention.self.query.weight"]
    )
    assert torch.linalg.matrix_rank(difference, atol=1e-5) == 2
    monkeypatch.setitem(sys.modules, "peft", None)
    again = EncoderModel.load(tmp_path, model.save(tmp_path))
    texts = [Input("Hei på deg"), Input(LONG)]
    assert np.allclose(again.scores(texts).log_odds, model.scores(texts).log_odds, atol=0.01)


def test_mixed_precision_is_pooled_in_full(model: EncoderModel, backbone: BackboneConfig) -> None:
    from hatespeech_no.models.network import collate

    batch = collate(make_windows(model.tokenizer, [Input("Hei på deg"), Input(LONG)], backbone), pad=1)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        mixed = model.network(batch).float()
    with torch.inference_mode():
        assert torch.allclose(mixed, model.network(batch), atol=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("weights={hatefull: 3}", r"there are no heads \['hatefull'\]"),
        ("rows=32", "fewer than one batch"),
        ("shares={small: 1.5}", "less than or equal to 1"),
        ("corpus_offsets=true", "name the corpora in stop_on"),
        ("stop_on=[statment]", r"\['statment'\] have no validation rows"),
        ("precision=bf16", "this processor has no bf16"),
        ("backbone.pooling=first", "use pooling: mean"),
        ("backbone.max_tokens=1024", "1024 is more than the 512"),
    ],
)
def test_mistakes_in_the_settings_are_named(
    tiny_backbone: Path,
    small_corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    message: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    changes = [
        f"output={tmp_path}",
        f"data.train=[{small_corpus}]",
        "model.family=encoder",
        "model.encoder.batch=64",
        "model.encoder.rows=128",
        f"model.encoder.backbone.name={tiny_backbone}",
        f"model.encoder.{change}",
    ]
    with pytest.raises(HatespeechError, match=message):
        train(load_config(ROOT / "configs" / "demo.yaml", changes))


@pytest.fixture(scope="module")
def exported(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exported") / "onnx"
    rows = load_corpus(str(STATEMENTS))["test"].select(range(60))
    export(load(str(run_folder)).bundle, target, "fp32", rows)
    return target


def _upper_half(classifier: Classifier, texts: list[str], report: object) -> Any:
    p = np.array([a.p_hateful for a in classifier.score(texts)])
    return p > np.median(p)


def test_what_any_profile_flags_must_not_be_lost(exported: Path) -> None:
    classifier, texts = load(exported), [row["text"] for row in statement_rows()[:100]]
    found = classifier.score(texts)
    tiers = [[a.tier is not Tier.PROTECTED for a in found.rethreshold(name)] for name in classifier.profiles]
    assert _flags(classifier, texts, quiet).tolist() == [any(flags) for flags in zip(*tiers, strict=True)]


def test_a_first_stage_dismisses_what_the_model_would_not_flag_and_says_so(
    exported: Path, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, texts = load(exported).bundle, [row["text"] for row in statement_rows()[:600]]
    with pytest.raises(HatespeechError, match=r"of \d+ texts are not flagged, and 600 are needed"):
        distil(bundle, texts, "our statements", tmp_path)
    monkeypatch.setattr("hatespeech_no.training.distil.LEAST", 5)
    # How much the small model flags changes from run to run.
    monkeypatch.setattr("hatespeech_no.training.distil._flags", _upper_half)
    monkeypatch.setattr("hatespeech_no.training.distil.MOST_LOST", 0.4)
    (tmp_path / "parts").mkdir()
    distil(bundle, texts, "our statements", tmp_path / "parts").save(tmp_path / "quick")
    shutil.rmtree(tmp_path / "parts")
    slow, quick = load(exported), load(tmp_path / "quick")
    record = quick.bundle.manifest.screen
    assert record is not None
    assert (record.layers, record.population) == ((1,), "our statements")
    assert 0 < record.dismissed[0] < record.texts <= 150
    assert record.lost <= 0.4 * record.flagged
    assert quick.bundle.digest != slow.bundle.digest
    found, whole = quick.score([*texts, LONG]), slow.score([*texts, LONG])
    dismissed = ["screened" in a.flags for a in found]
    assert 0 < sum(dismissed) < 600
    assert not dismissed[-1], "longer than a window"
    for ours, theirs, screened in zip(found, whole, dismissed, strict=True):
        if screened:
            assert (ours.tier, ours.p_hateful, ours.passage is None) == (Tier.PROTECTED, None, False)
        else:
            assert (ours.tier, ours.p_hateful) == (theirs.tier, pytest.approx(theirs.p_hateful, abs=1e-4))
    # A first stage that was made for texts alone does not judge one whose circumstances are known.
    quiet_text = texts[dismissed.index(True)]
    for statement in (
        Statement(quiet_text, thread=("Hva?",)),
        Statement(quiet_text, addressee_is_minor=True),
        Statement(quiet_text, language="ru"),
    ):
        assert "screened" not in quick.score(statement)[0].flags
    assert "screened" in quick.score(Statement(quiet_text, publicity="public"))[0].flags
    assert "screened" in quick.score(quiet_text)[0].flags, "alone as in a batch"

    with pytest.raises(HatespeechError, match="has a first stage already"):
        distil(quick.bundle, texts, "our statements", tmp_path)
    monkeypatch.setattr("hatespeech_no.training.distil._tolerance_limit", lambda flagged: float("inf"))
    with pytest.raises(HatespeechError, match="a first stage would lose"):
        distil(bundle, texts, "our statements", tmp_path)
    with pytest.raises(HatespeechError, match="a bundle of the family 'encoder'"):
        distil(load(str(run_folder)).bundle, texts, "our statements", tmp_path)


def test_a_network_in_parts_gives_what_the_whole_gives(exported: Path, tmp_path: Path) -> None:
    model = load(exported).bundle.model
    assert isinstance(model, OnnxModel)
    given = [Input("Hei på deg"), Input(LONG, spans=((0, 25), (25, len(LONG))))]
    parts = model.cut([1], tmp_path)
    assert parts.scores(given).log_odds == pytest.approx(model.scores(given).log_odds, abs=1e-4)
    assert [b"embeddings.word" in graph.read_bytes() for graph in parts.graphs] == [True, False], "the largest of all"
    (short, long) = parts.looks([Input("Hei på deg"), Input(LONG)])
    assert short.shape == (1, 64)
    assert not np.isnan(short).any()
    assert np.isnan(long).all()
    with pytest.raises(HatespeechError, match=r"has 2 layers and cannot be cut after \[2\]"):
        model.cut([2], tmp_path)


@pytest.mark.parametrize(
    ("of", "looks"), [(2, [1]), (6, [1, 2, 3, 4, 5]), (12, [2, 4, 6, 8, 10]), (24, [4, 8, 12, 16, 20])]
)
def test_looks_are_taken_in_equal_steps(of: int, looks: list[int]) -> None:
    assert list(_layers(of)) == looks


def test_a_network_without_named_layers_is_refused() -> None:
    with pytest.raises(HatespeechError, match="cannot be told apart"):
        _layers(0)


@pytest.mark.parametrize(("flagged", "below"), [(500, None), (600, 0), (2000, 4)])
def test_the_limit_holds_with_the_certainty_that_is_promised(flagged: int, below: int | None) -> None:
    scores = np.arange(flagged, dtype=float)
    if below is None:
        with pytest.raises(HatespeechError, match="too few to promise"):
            _tolerance_limit(scores)
    else:
        assert _tolerance_limit(scores) == below
        # Chance that a limit at the next order statistic up would still promise too much.
        assert binom.cdf(below, flagged, 0.005) <= 0.05 < binom.cdf(below + 1, flagged, 0.005)
