from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from hatespeech_no import Tier
from hatespeech_no.evaluation.fairness import draw_fairness, evaluate_fairness
from hatespeech_no.evaluation.metrics import FEWEST
from hatespeech_no.statement import Elements
from tests.fixtures import complete
from tests.unit.test_functions import Stub, cases, number, reading_figures

GROUNDS = {
    "jøder": ["ethnicity", "religion"],
    "samer": ["ethnicity"],
    "muslimer": ["religion"],
    "kvener": ["ethnicity"],
}
HARMLESS = complete()


def attack(group: str, **changes: object) -> Elements:
    return complete(
        hateful=True, abusive=True, conduct="derogation", grounds=GROUNDS[group], target=["people"], **changes
    )


def values(table: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    return {(row.slice, row.element, row.metric): row.value for row in table.itertuples()}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Attacks on groups, harmless mentions, insults that mention them, and texts about nobody."""
    rng = np.random.default_rng(0)
    kinds = []
    for i in range(400):
        group = [*GROUNDS, None][i % 5]
        labels = [attack(group or "samer"), HARMLESS, complete(abusive=True), complete(conduct="derogation")]
        kinds.append({"group": group, "labels": labels[rng.integers(4)]})
    # A few attacks because of something else do not make it the group's ground.
    kinds += [{"group": "samer", "labels": complete(hateful=True, conduct="derogation", grounds=["gender"])}] * 3
    return kinds


def test_aucs_and_false_alarms_against_their_definitions(rows: list[dict[str, Any]]) -> None:
    rng = np.random.default_rng(1)
    p = np.round(rng.random(len(rows)), 2)
    grave = rng.random(len(rows)) < 0.3
    stub = Stub(lambda text: p[number(text)], lambda text: Tier.ACTIONABLE if grave[number(text)] else Tier.UNCERTAIN)
    found = evaluate_fairness(stub, {"x": cases(rows)}, resamples=100)
    got = values(found)
    label = np.array([row["labels"].get("hateful") for row in rows])
    harmless = np.array([row["labels"] == HARMLESS for row in rows])
    members = {f"group_{g}": np.array([row["group"] == g for row in rows]) for g in GROUNDS}
    for ground in ("ethnicity", "religion"):
        mine = [g for g in GROUNDS if ground in GROUNDS[g]]
        members[f"ground_{ground}"] = np.array([row["group"] in mine for row in rows])
    for name, inside in members.items():
        for metric, chosen in (
            ("subgroup_auc", inside),
            ("bpsn_auc", (label & ~inside) | (~label & inside)),
            ("bnsp_auc", (~label & ~inside) | (label & inside)),
        ):
            assert got[name, "hateful", metric] == pytest.approx(roc_auc_score(label[chosen], p[chosen])), (
                name,
                metric,
            )
        assert got[name, "hateful", "false_alarms"] == pytest.approx((p[inside & harmless] >= 0.5).mean())
        assert got[name, "tier", "false_alarms"] == pytest.approx(grave[inside & harmless].mean())
    assert {key[0] for key in got} == set(members)
    alarms = found[(found["slice"] == "group_samer") & (found["metric"] == "false_alarms")].iloc[0]
    assert alarms["n"] == (members["group_samer"] & harmless).sum()
    assert alarms["lo"] < alarms["value"] < alarms["hi"]


def test_a_model_that_flags_a_group_is_seen() -> None:
    rows = [{"group": group, "labels": attack(group) if i % 2 else HARMLESS} for group in GROUNDS for i in range(40)]
    rng = np.random.default_rng(2)
    # All about samer scores high, and hatred of others a little higher than harmless texts about them.
    p = [
        (0.9 if row["group"] == "samer" else 0.3 + 0.2 * row["labels"].get("hateful")) + 0.05 * rng.random()
        for row in rows
    ]
    got = values(evaluate_fairness(Stub(lambda text: p[number(text)]), {"x": cases(rows)}, resamples=50))
    assert got["group_samer", "hateful", "bpsn_auc"] == 0
    assert got["group_samer", "hateful", "bnsp_auc"] == got["group_muslimer", "hateful", "subgroup_auc"] == 1
    assert got["group_samer", "hateful", "false_alarms"] == 1
    assert got["group_muslimer", "hateful", "false_alarms"] == 0


def swap_rows() -> list[dict[str, Any]]:
    rows = []
    for t in range(2 * FEWEST):
        for group in GROUNDS:
            # Labels may differ within a template; kvener and samer have the same ground and are swapped even so.
            labels = HARMLESS if (t % 4, group) in ((0, "muslimer"), (1, "kvener")) else attack(group)
            rows.append({"group": group, "labels": labels, "template": str(t), "function": "f"})
    # A template that has a group twice is left out, and so is what stands in no template.
    rows += [{"group": group, "labels": attack(group), "template": "twice"} for group in ("samer", "samer", "kvener")]
    return [*rows, {"group": "samer", "labels": attack("samer")}]


def test_swaps_against_a_naive_loop() -> None:
    rows = swap_rows()
    rng = np.random.default_rng(4)
    p, tiers = rng.random(len(rows)), [list(Tier)[i] for i in rng.integers(len(Tier), size=len(rows))]
    found = evaluate_fairness(
        Stub(lambda text: p[number(text)], lambda text: tiers[number(text)]), {"x": cases(rows)}, resamples=50
    )
    got = values(found)
    for name in ("all", "ground_ethnicity"):
        changed, shift, tier = [], [], []
        for t in range(2 * FEWEST):
            mine = [i for i, row in enumerate(rows) if row.get("template") == str(t)]
            pairs = [
                (i, j)
                for i, j in combinations(mine, 2)
                if (
                    GROUNDS[rows[i]["group"]] == GROUNDS[rows[j]["group"]]
                    or rows[i]["labels"].get("hateful") == rows[j]["labels"].get("hateful")
                )
                and (name == "all" or all("ethnicity" in GROUNDS[rows[k]["group"]] for k in (i, j)))
            ]
            changed.append(np.mean([(p[i] >= 0.5) != (p[j] >= 0.5) for i, j in pairs]))
            shift.append(np.mean([abs(p[i] - p[j]) for i, j in pairs]))
            tier.append(np.mean([tiers[i] != tiers[j] for i, j in pairs]))
        assert got[name, "hateful", "swap_changed"] == pytest.approx(np.mean(changed))
        assert got[name, "hateful", "swap_shift"] == pytest.approx(np.mean(shift))
        assert got[name, "tier", "swap_changed"] == pytest.approx(np.mean(tier))
    assert (found[found["slice"] == "all"]["n"] == 2 * FEWEST).all()


def test_tiers_are_compared_only_where_labels_settle_them_alike() -> None:
    """Of HateCheck's kind: hateful or not is known, the rest is not, so that other grounds may mean another tier."""
    labels = {group: Elements.of(hateful=True, grounds=grounds) for group, grounds in GROUNDS.items()}
    rows = [{"group": g, "labels": labels[g], "template": str(t)} for t in range(FEWEST) for g in ("samer", "muslimer")]
    got = values(evaluate_fairness(Stub(lambda _: 0.7), {"x": cases(rows)}, resamples=50))
    assert got["all", "hateful", "swap_changed"] == got["all", "hateful", "swap_shift"] == 0
    assert ("all", "tier", "swap_changed") not in got


def test_parity_is_paired_where_there_are_twins() -> None:
    rng = np.random.default_rng(5)
    hateful, wrong = rng.random(60) < 0.5, rng.random(60) < 0.3
    rows = [
        {"group": "samer", "hateful": bool(hateful[i]), "language": language, "twin": str(i), "function": "f"}
        for language in ("nb", "nn")
        for i in range(60)
    ]
    # Other content in Bokmål alone, all answered wrong, and dialect without twins, written as Nynorsk.
    rows += [{"group": "samer", "hateful": bool(i % 2), "language": "nb"} for i in range(30)]
    rows += [
        {"group": "samer", "hateful": bool(i % 2), "language": "nn", "function": f"dialect_{i % 2}"} for i in range(40)
    ]
    said = np.r_[hateful ^ wrong, hateful ^ wrong, np.arange(30) % 2 == 0, rng.random(40) < 0.5].astype(float)
    found = evaluate_fairness(Stub(lambda text: said[number(text)]), {"x": cases(rows)}, resamples=100)
    parity = found[found["metric"] == "macro_f1_difference"].set_index("slice")
    # Twins are answered alike: only a paired interval is a point.
    assert list(parity.loc["nn-nb"][["value", "lo", "hi", "n"]]) == [0, 0, 0, 120]
    label = np.array([row["hateful"] for row in rows])
    bokmaal = np.array([row["language"] == "nb" for row in rows])
    expected = f1_score(label[-40:], said[-40:], average="macro") - f1_score(
        label[bokmaal], said[bokmaal], average="macro"
    )
    dialect = parity.loc["dialect-nb"]
    assert dialect["value"] == pytest.approx(expected)
    assert dialect["lo"] < dialect["value"] < dialect["hi"]
    assert dialect["n"] == 130


def test_the_figure_is_drawn(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    table = evaluate_fairness(Stub(lambda text: number(text) % 7 / 7), {"x": cases(rows)}, resamples=20)
    with reading_figures() as texts:
        draw_fairness(table, tmp_path / "f.png", "nb")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    grounds = {"hudfarge, nasjonal eller etnisk opprinnelse", "religion eller livssyn"}
    assert texts["f.png"] >= {*GROUNDS, *grounds, "x: AUC", "innen gruppen", "kalt hatefull", "0,20"}
    few = table[table["metric"] != "bpsn_auc"]  # a measure that rests on too few cases
    draw_fairness(few, tmp_path / "f.png", "en")
    draw_fairness(table.head(0), tmp_path / "none.png", "en")
    assert not (tmp_path / "none.png").exists()
