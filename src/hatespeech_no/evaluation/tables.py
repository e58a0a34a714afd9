"""The tables of an evaluation as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hatespeech_no.evaluation.evaluate import Evaluation
from hatespeech_no.evaluation.reliability import reliability
from hatespeech_no.models.calibration import Calibration
from hatespeech_no.text.keyed import keyed_id


def write_tables(evaluation: Evaluation, calibration: Calibration, folder: Path, key: bytes) -> None:
    """Write metrics, reliability, tiers, and per suite the predictions and assessments as CSV.

    Args:
        evaluation: what was found.
        calibration: of the model.
        folder: an existing one.
        key: of the ids.
    """
    evaluation.table().to_csv(folder / "metrics.csv", index=False)
    reliability(evaluation.predictions, calibration).round(4).to_csv(folder / "reliability.csv", index=False)
    for suite, confusion in evaluation.tiers.items():
        confusion.to_csv(folder / f"tiers_{suite}.csv", index=False)
    for kind, tables in (("predictions", evaluation.predictions), ("assessments", evaluation.assessments)):
        for suite, rows in tables.items():
            with_keyed_ids(rows, key).to_csv(folder / f"{kind}_{suite}.csv", index=False, float_format="%.6g")


def with_keyed_ids(rows: pd.DataFrame, key: bytes) -> pd.DataFrame:
    """A table whose column ``id`` says nothing without the key: ids may hold names or addresses."""
    return rows.assign(id=[keyed_id(str(i), key) for i in rows["id"]])
