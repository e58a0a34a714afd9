from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from hatespeech_no import Tier
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.robustness import draw_robustness, evaluate_robustness
from hatespeech_no.text.perturb import PERTURBATIONS, perturb
from tests.fixtures import complete
from tests.unit.test_functions import Stub, cases, reading_figures

THREAT = complete(hateful=True, conduct="threat", grounds=["ethnicity"], target=["people"])
TEXTS = [f"De er noen {word} som ingen liker, sa nummer {i}" for i in range(15) for word in ("rotter", "naboer")]


def suite() -> Any:
    """Hateful where it says rotter, but for the last rows."""
    rows = [{"text": t, "labels": THREAT if "rotter" in t else complete()} for t in TEXTS]
    return cases([*rows, *({"text": f"Kaffen smaker rotter {i}", "labels": complete()} for i in range(5))])


def reads_rotter(text: str) -> float:
    return 0.9 if "rotter" in text else 0.2


def tier(text: str) -> Tier:
    return Tier.ACTIONABLE if "rotter" in text else Tier.PROTECTED


def one(table: pd.DataFrame, perturbation: str, strength: float, metric: str, element: str = "hateful") -> pd.Series:
    mine = (table["slice"] == perturbation) & (table["strength"] == strength)
    (row,) = table[mine & (table["metric"] == metric) & (table["element"] == element)].to_dict("records")
    return pd.Series(row)


def test_changes_against_a_naive_loop() -> None:
    rows = suite()
    found = evaluate_robustness(Stub(reads_rotter, tier), {"x": rows}, strengths=(0.5, 1.0), resamples=50)
    texts, hateful = rows["text"][:], np.array(rows["hateful"][:])
    plain = np.array(["rotter" in text for text in texts])
    changes = []
    for seed in (0, 1, 2):
        said = np.array(["rotter" in perturb(text, "typos", 0.5, seed) for text in texts])
        before, after = (f1_score(hateful, d, average="macro") for d in (plain, said))
        both = [(said[hateful == side].mean() - plain[hateful == side].mean()) for side in (True, False)]
        changes.append([after - before, *both])
    for metric, expected in zip(("macro_f1", "recall", "alarms"), np.mean(changes, axis=0), strict=True):
        got = one(found, "typos", 0.5, f"{metric}_change")
        assert got["value"] == pytest.approx(expected)
        assert got["lo"] < got["value"] < got["hi"]
    assert one(found, "typos", 0.5, "recall_change", "tier")["value"] == pytest.approx(np.mean(changes, axis=0)[1])
    assert one(found, "typos", 0.5, "alarms_change", "tier")["n"] == 20
    gone = one(found, "upper_case", 1.0, "recall_change")
    assert [gone["value"], gone["lo"], gone["hi"], gone["n"]] == [-1, -1, -1, 15]


def test_what_does_not_matter_to_a_model_changes_exactly_nothing() -> None:
    stub = Stub(reads_rotter, tier)
    found = evaluate_robustness(stub, {"x": suite()}, resamples=50)
    for name in ("emoji", "neutral_text", "aa_oe_ae"):
        assert not found[found["slice"] == name][["value", "lo", "hi"]].to_numpy().any()
    assert set(found["slice"]) == set(PERTURBATIONS)
    assert stub.scored < 0.9 * 35 * len(PERTURBATIONS) * 9, "what stays the same is scored once"


def test_a_negation_is_meant_to_flip() -> None:
    hateful = [{"text": f"De er rotter {i}", "labels": THREAT} for i in range(12)]
    # No verb that could be negated, not found, or not hateful: none of them counts.
    others = [
        *({"text": f"Bare rotter {i}", "labels": THREAT} for i in range(10)),
        *({"text": f"De er mus {i}", "labels": THREAT} for i in range(10)),
        *({"text": f"Her er det rotter {i}", "labels": complete()} for i in range(10)),
    ]
    rows = cases([*hateful, *others])
    for reads, share in ((reads_rotter, 0), (lambda text: reads_rotter(text) * ("ikke" not in text), 1)):
        flipped = one(
            evaluate_robustness(Stub(reads), {"x": rows}, seeds=(0,), resamples=20), "negation", 1.0, "flipped"
        )
        assert [flipped["value"], flipped["n"]] == [share, 12]


def test_rows_are_drawn_alike_and_only_labelled_ones() -> None:
    rows = cases([{"text": f"tekst {i}", "hateful": [True, False, None][i % 3]} for i in range(90)])
    tables = [
        evaluate_robustness(Stub(reads_rotter), {"x": rows}, strengths=(1.0,), seeds=(0,), rows=most, resamples=20)
        for most in (40, 40, 400)
    ]
    sizes = [one(table, "typos", 1.0, "macro_f1_change")["n"] for table in tables]
    assert sizes == [40, 40, 60]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert evaluate_robustness(Stub(reads_rotter), {"x": rows.select([2, 5])}).empty


def test_a_strength_of_nothing_is_refused() -> None:
    with pytest.raises(HatespeechError, match=r"above 0 and up to 1, not \[0, 0\.5\]"):
        evaluate_robustness(Stub(reads_rotter), {"x": suite()}, strengths=[0, 0.5])


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    table = evaluate_robustness(Stub(reads_rotter), {"x": suite()}, strengths=(0.5, 1.0), seeds=(0,), resamples=20)
    with reading_figures() as texts:
        draw_robustness(table, tmp_path / "r.png", "nb")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    assert texts["r.png"] >= {"tastefeil", "aa, oe og ae for å, ø og æ", "styrke", "hatefulle: kalt hatefulle", "−1,00"}
    draw_robustness(table.head(0), tmp_path / "none.png", "nb")
    assert not (tmp_path / "none.png").exists()
