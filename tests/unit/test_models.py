from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.calibration import Calibration, calibrate
from hatespeech_no.models.elements import Input, Scores
from hatespeech_no.models.tfidf import TfidfConfig, TfidfModel, fit_tfidf
from hatespeech_no.taxonomy import ELEMENTS, Conduct
from hatespeech_no.training.thresholds import choose_thresholds

FIVE = ["sur og gretten mann", "blid og glad dame", "gretten igjen i dag", "glad i dag også", "@kari er gretten"]
# Thirty different texts: copies are no evidence for the vocabulary.
TEXTS = [f"{text} {place}" for place in ("hjemme", "ute", "her", "der", "inne", "borte") for text in FIVE]
INPUTS = [Input(text) for text in TEXTS]
UNKNOWN = {name: np.full(len(TEXTS), np.nan, np.float32) for name in ELEMENTS}
CONFIG = TfidfConfig()


def fit(labels: dict[str, np.ndarray], conduct: np.ndarray | None = None) -> TfidfModel:
    possible = np.zeros((len(TEXTS), len(Conduct)), bool) if conduct is None else conduct
    return fit_tfidf(TEXTS, {**UNKNOWN, **labels}, possible, CONFIG, 0, lambda step: None)


GRUMPY = np.array(["gretten" in text for text in TEXTS], np.float32)


def test_heads_only_where_both_answers_occur() -> None:
    model = fit({"hateful": GRUMPY, "abusive": np.ones(len(TEXTS), np.float32)})
    scores = model.scores([Input("en gretten mann"), Input("en glad dame")])
    assert scores.names == ("hateful",)
    assert scores.conduct is None
    assert scores.log_odds[0, 0] > 0 > scores.log_odds[1, 0]


def test_missing_labels_change_nothing() -> None:
    half = GRUMPY.copy()
    half[15:] = np.nan
    known = fit_tfidf(
        TEXTS, {**UNKNOWN, "hateful": half}, np.zeros((30, 8), bool), CONFIG, 0, lambda step: None
    ).scores(INPUTS)
    as_no = fit({"hateful": np.nan_to_num(half)}).scores(INPUTS)
    assert not np.allclose(known.log_odds, as_no.log_odds), "a missing label was read as no"


def test_handles_never_enter_the_vocabulary() -> None:
    model = fit({"hateful": GRUMPY})
    terms = [t for v in model._vectorisers for t in v.get_feature_names_out()]
    assert terms
    assert not any("kari" in term for term in terms)


def test_sets_of_conducts_are_marginalised() -> None:
    possible = np.zeros((len(TEXTS), len(Conduct)), bool)
    possible[:, Conduct.NONE.severity] = GRUMPY == 0
    possible[:, Conduct.DEROGATION.severity] = GRUMPY == 1
    # Some sources cannot tell derogation from gross derogation: that is no evidence for the latter.
    possible[::4, Conduct.GROSS_DEROGATION.severity] = GRUMPY[::4] == 1
    scores = fit({}, possible).scores([Input("gretten mann"), Input("glad dame")])
    assert scores.conduct is not None
    assert scores.conduct[:, :].argmax(axis=1).tolist() == [Conduct.DEROGATION.severity, Conduct.NONE.severity]


def test_save_and_load_score_the_same(tmp_path: Path) -> None:
    model = fit({"hateful": GRUMPY})
    again = TfidfModel.load(tmp_path, model.save(tmp_path))
    inputs = [Input("gretten og sur"), Input("noe helt annet", spans=((0, 3), (4, 14))), Input(""), Input("@kari")]
    assert np.array_equal(model.scores(inputs).log_odds, again.scores(inputs).log_odds)


def test_lemmas_are_recorded(tmp_path: Path) -> None:
    config = TfidfConfig(lemmas="simplemma")
    model = fit_tfidf(TEXTS, {**UNKNOWN, "hateful": GRUMPY}, np.zeros((30, 8), bool), config, 0, lambda step: None)
    settings = model.save(tmp_path)
    assert str(settings["lemmas"]).startswith("simplemma-")
    assert TfidfModel.load(tmp_path, settings).scores(INPUTS).log_odds.shape == (30, 1)


def _scores(n: int, seed: int) -> tuple[Scores, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n) * 2
    label = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.float32)
    conduct = rng.normal(size=(n, 8)).astype(np.float32) * 2
    drawn = np.array([rng.choice(8, p=np.exp(row) / np.exp(row).sum()) for row in conduct])
    # The model is three times too sure of itself.
    scores = Scores(("hateful",), (3 * truth[:, None] + 1).astype(np.float32), 3 * conduct)
    return scores, label, np.eye(8, dtype=bool)[drawn]


def test_calibration_undoes_overconfidence() -> None:
    scores, label, conduct = _scores(4000, 0)
    fitted = calibrate(scores, {"hateful": label}, conduct)
    slope, intercept = fitted.platt["hateful"]
    assert slope == pytest.approx(1 / 3, rel=0.1)
    assert intercept == pytest.approx(-1 / 3, abs=0.1)
    assert fitted.conduct is not None
    assert fitted.conduct[0] == pytest.approx(1 / 3, rel=0.1)
    assert Calibration.from_dict(fitted.to_dict()) == fitted


def test_what_cannot_be_calibrated_is_unknown() -> None:
    scores, label, _ = _scores(50, 1)
    assert calibrate(scores, {"hateful": np.ones(50, np.float32)}, None).apply(scores).names == ()
    assert calibrate(scores, {"hateful": np.full(50, np.nan, np.float32)}, None).platt == {}
    assert calibrate(scores, {"hateful": 1 - label}, None).platt == {}, "scores that fall with the truth"
    assert calibrate(scores, {"hateful": label}, None).apply(scores).conduct is None


def test_thresholds_come_from_validation() -> None:
    scores, label, _ = _scores(4000, 2)
    fitted = calibrate(scores, {"hateful": label}, None)
    threshold = choose_thresholds(fitted.apply(scores), {"hateful": label})["hateful"]
    assert 0.4 < threshold < 0.6
    # Rows that say nothing: the best threshold on them would be chance.
    noise = np.random.default_rng(3).integers(0, 2, 40).astype(np.float32)
    few = Scores(scores.names, scores.log_odds[:40], None)
    assert choose_thresholds(fitted.apply(few), {"hateful": noise})["hateful"] == 0.5


def test_another_prevalence_moves_probabilities_by_bayes() -> None:
    scores, yes, _ = _scores(400, seed=0)
    labels = {name: yes.astype(np.float32) for name in scores.names}
    calibration = calibrate(scores, labels, None)
    name = next(iter(calibration.platt))
    was = calibration.prevalence[name]
    assert was == pytest.approx(yes.mean())
    before = calibration.apply(scores)
    p, same = before.of(name), calibration.at_prevalence(before, {name: was}).of(name)
    rarer = calibration.at_prevalence(before, {name: 0.01}).of(name)
    assert p is not None
    assert rarer is not None
    assert np.allclose(p, same, atol=1e-6)
    odds = (p / (1 - p)) * (0.01 / 0.99) / (was / (1 - was))
    assert np.allclose(rarer, odds / (1 + odds), atol=1e-5)
    with pytest.raises(HatespeechError, match="'support': this model states none for it"):
        calibration.at_prevalence(before, {"support": 0.1})
    with pytest.raises(HatespeechError, match="give a share above 0 and below 1"):
        calibration.at_prevalence(before, {name: 1.0})
    again = Calibration.from_dict(calibration.to_dict())
    assert again.prevalence == calibration.prevalence
