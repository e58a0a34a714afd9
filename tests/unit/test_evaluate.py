from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, log_loss, roc_auc_score

from hatespeech_no import Statement, load
from hatespeech_no.corpora import load_corpus
from hatespeech_no.corpora.dataset import to_dataset
from hatespeech_no.evaluation.evaluate import evaluate
from hatespeech_no.evaluation.labels import inputs_of, label_columns
from hatespeech_no.evaluation.metrics import FEWEST
from hatespeech_no.evaluation.reliability import calibration_error, reliability
from hatespeech_no.models.calibration import Calibration
from hatespeech_no.models.elements import Input
from hatespeech_no.statement import Elements
from hatespeech_no.taxonomy import Conduct


def test_figures_against_scikit_learn(demo_run: Path, small_corpus: Path) -> None:
    rows = load_corpus(str(small_corpus))["all"]
    classifier = load(demo_run)
    result = evaluate(classifier, {"s": rows}, resamples=100)
    labels, possible = label_columns(rows)
    probabilities = classifier.probabilities(inputs_of(rows))
    p = probabilities.of("hateful")
    assert p is not None
    decision = p >= classifier.bundle.manifest.thresholds["hateful"]
    for language in ("all", "nb", "nn"):
        mine = np.array([language in ("all", value) for value in rows["language"][:]])
        got = {m: result.estimates[f"s/{language}/hateful/{m}"] for m in ("macro_f1", "auroc")}
        assert got["macro_f1"].value == pytest.approx(
            f1_score(labels["hateful"][mine], decision[mine], average="macro")
        )
        assert got["auroc"].value == pytest.approx(roc_auc_score(labels["hateful"][mine], p[mine]))
        assert got["auroc"].n == mine.sum()
    assert probabilities.conduct is not None
    expected = f1_score(possible.argmax(axis=1), probabilities.conduct.argmax(axis=1), average="macro")
    assert result.estimates["s/all/conduct/macro_f1"].value == pytest.approx(expected)
    severities = possible.argmax(axis=1), probabilities.conduct.argmax(axis=1)
    kappa = cohen_kappa_score(*severities, weights="quadratic")
    assert result.estimates["s/all/conduct/quadratic_kappa"].value == pytest.approx(kappa)
    conduct = result.predictions["s"].query("element == 'conduct'")
    assert (conduct["label"].tolist(), conduct["decision"].tolist()) == tuple(map(np.ndarray.tolist, severities))
    flat = result.metrics()
    assert flat["s/all/hateful/auroc_lo"] < flat["s/all/hateful/auroc"] < flat["s/all/hateful/auroc_hi"]
    columns = ["id", "language", "cluster", "element", "label", "p", "decision"]
    assert list(result.predictions["s"].columns) == columns, "no texts"
    per_prevalence = {key.split("/")[2] for key in result.estimates if "pct" in key}
    assert per_prevalence <= {"hateful", "tier"}


def test_tables_of_a_run_hold_keyed_ids(demo_run: Path) -> None:
    tables = demo_run / "seed-0" / "tables"
    predictions, assessments = (
        pd.read_csv(tables / f"{name}_statements.csv") for name in ("predictions", "assessments")
    )
    assert {"language", "cluster"} <= set(predictions.columns)
    assert set(assessments.columns) == {"id", "language", "cluster", "labelled", "given", "p_actionable"}
    assert set(assessments["id"]) <= set(predictions["id"])
    assert assessments["id"].str.fullmatch(r"[0-9a-f]{16}").all()


def test_missing_labels_are_left_out_and_sets_are_masked(demo_run: Path) -> None:
    yes, no = Elements.of(hateful=True, conduct=["derogation", "threat"]), Elements.of(hateful=False, conduct="none")
    statements = [Statement(f"tekst {i}", id=str(i), labels=[yes, no, None][i % 3]) for i in range(3 * FEWEST)]
    # Rows without a near-duplicate in training have no label here: that slice has nothing to say.
    dataset = to_dataset(statements, "x").add_column("leaked", [i % 3 != 2 for i in range(len(statements))])
    result = evaluate(load(demo_run), {"x": dataset}, resamples=100)
    assert result.estimates["x/all/hateful/macro_f1"].n == 2 * FEWEST
    assert not any(key.startswith("x/unleaked/hateful") for key in result.estimates)
    table = result.predictions["x"].set_index("element")
    assert len(table.loc["hateful"]) == 2 * FEWEST
    threats = table.loc[f"conduct_{Conduct.THREAT}"]
    assert len(threats) == FEWEST, "a set that holds it is no answer, a set that does not is a no"
    assert not threats["label"].any()
    assert "x/all/conduct/macro_f1" not in result.estimates


def test_alarms_on_ordinary_text_and_languages_that_are_not_served(demo_run: Path) -> None:
    classifier = load(demo_run)
    texts = [f"Kommentar nummer {i} om været" for i in range(30)] + ["Jeg skal drepe deg, vent bare."] * 10
    statements = [Statement(text, id=str(i), language="nb") for i, text in enumerate(texts)]
    unserved = [Statement("hei", id="fi", language="fi")]
    suites = {"ordinary": to_dataset([*statements, *unserved], "x", ordinary=True), "fi": to_dataset(unserved, "y")}
    result = evaluate(classifier, suites, resamples=100)
    assert list(result.estimates) == ["ordinary/all/hateful/alarm_rate"]
    alarms = result.estimates["ordinary/all/hateful/alarm_rate"]
    threshold = classifier.bundle.manifest.thresholds["hateful"]
    p = classifier.probabilities(list(map(Input, texts))).of("hateful")
    assert p is not None
    assert alarms.n == 40
    assert alarms.value == pytest.approx((p >= threshold).mean())
    assert alarms.lo <= alarms.value <= alarms.hi


def test_reliability_before_and_after(demo_run: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(3000)
    label = (rng.random(3000) < truth).astype(float)
    assert calibration_error(label, truth) < 0.04
    assert calibration_error(label, np.full(3000, 0.9)) == pytest.approx(abs(label.mean() - 0.9))
    # Twice too sure before, right after.
    calibration = Calibration({"hateful": (0.5, 0.0)})
    table = pd.DataFrame({"element": "hateful", "label": label, "p": truth})
    (row,) = reliability({"s": table}, calibration).to_dict("records")
    assert row["ece_before"] > 2 * row["ece_after"]
    assert row["log_loss_before"] > row["log_loss_after"] == pytest.approx(log_loss(label, truth), abs=1e-4)
    assert (demo_run / "seed-0" / "tables" / "reliability.csv").is_file()
