"""From a fitted model to a seed's folder: calibrate, set operating profiles, evaluate, save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hatespeech_no.bundle import Bundle, Manifest
from hatespeech_no.evaluation.evaluate import evaluate
from hatespeech_no.evaluation.figures import draw_figures
from hatespeech_no.evaluation.labels import inputs_of, label_columns
from hatespeech_no.evaluation.metrics import MACRO_F1
from hatespeech_no.evaluation.tables import write_tables
from hatespeech_no.models.calibration import calibrate
from hatespeech_no.models.elements import ElementModel, Probabilities
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import ELEMENTS, STATUTE_VERSION, TAXONOMY_VERSION
from hatespeech_no.text.keyed import load_key
from hatespeech_no.text.passages import sentencizer_version
from hatespeech_no.training.config import TrainingConfig
from hatespeech_no.training.data import RunData, digest
from hatespeech_no.training.profiles import set_operating_points
from hatespeech_no.training.record import Record, Report
from hatespeech_no.training.thresholds import choose_thresholds
from hatespeech_no.triage import load_rules


def finish(
    model: ElementModel,
    config: TrainingConfig,
    data: RunData,
    seed: int,
    folder: Path,
    *,
    languages: Sequence[str],
    seconds: float,
    report: Report,
) -> Record:
    """Make a bundle of a fitted model, and find out how good it is.

    Args:
        model: as it was fitted, or exported since.
        config: of the run.
        data: its rows, in their parts.
        seed: that it was trained with.
        folder: of the seed; bundle, figures and tables go there.
        languages: that the model serves.
        seconds: that the fitting took.
        report: told of each step.

    Returns:
        The record, not written yet.
    """
    for part in ("figures", "tables"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    report("calibrating on held-out rows")
    calibration = calibrate(model.scores(inputs_of(data.calibration)), *label_columns(data.calibration))
    validation = calibration.apply(model.scores(inputs_of(data.validation)))
    answers, _ = label_columns(data.validation)
    thresholds = choose_thresholds(validation, answers)
    manifest = Manifest(
        format_version=1,
        name=config.name,
        package_version=metadata.version("hatespeech_no"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        family=model.family,
        taxonomy_version=TAXONOMY_VERSION,
        statute_version=STATUTE_VERSION,
        rules_version=load_rules().version,
        languages=list(languages),
        sentencizer=sentencizer_version(),
        settings={},
        calibration=calibration.to_dict(),
        thresholds=thresholds,
        data=data.sources,
        metrics={},
    )
    bundle = Bundle(manifest, model)
    report("setting operating profiles")
    set_operating_points(bundle, data.validation, data.calibration, data.risk)
    evaluation = evaluate(
        Classifier(bundle),
        data.tests,
        resamples=config.evaluation.resamples,
        seed=seed,
        progress=lambda suite: report(f"evaluating on {suite}"),
    )
    report("writing")
    manifest.metrics = evaluation.metrics()
    bundle.save(folder / "bundle")
    write_tables(evaluation, calibration, folder / "tables", load_key())
    data.leakage.to_csv(folder / "tables" / "leakage.csv", index=False)
    draw_figures(evaluation, folder / "figures", "en")
    return Record(
        name=f"seed-{seed}",
        params={"seed": str(seed)},
        metrics={
            **manifest.metrics,
            **_on_validation(validation, answers, thresholds),
            "train/rows": float(len(data.train)),
            "train/seconds": seconds,
            "validation/rows": float(len(data.validation)),
        },
        tags={
            "family": model.family,
            "languages": ",".join(manifest.languages),
            "bundle": bundle.digest,
            "calibrated": ",".join(sorted(calibration.platt)) or "none",
            "uncalibrated": ",".join(sorted(set(ELEMENTS) - set(calibration.platt))) or "none",
        },
        data=[
            *({**corpus.model_dump(), "context": "training"} for corpus in manifest.data),
            *(
                {"name": name, "rows": len(test), "digest": digest(test), "context": "testing"}
                for name, test in data.tests.items()
            ),
        ],
    )


def _on_validation(
    probabilities: Probabilities, answers: Mapping[str, NDArray[np.float32]], thresholds: Mapping[str, float]
) -> dict[str, float]:
    """Figures for choosing between settings, of every family; thresholds were chosen on the same rows."""
    from sklearn.metrics import log_loss

    figures = {}
    for name, column in zip(probabilities.names, probabilities.yes.T.astype(np.float64), strict=True):
        known = ~np.isnan(answers[name])
        if known.any():
            label, p = answers[name][known].astype(np.float64), column[known]
            decision, weights = (p >= thresholds[name]).astype(np.float64), np.ones((1, len(p)))
            figures[f"validation/{name}/macro_f1"] = float(MACRO_F1.compute(label, p, decision, weights)[0])
            figures[f"validation/{name}/log_loss"] = float(log_loss(label, p, labels=[0, 1]))
    return figures
