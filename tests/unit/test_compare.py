"""Comparing runs, on run folders with made-up answers."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from typer.testing import CliRunner

from hatespeech_no.cli import app
from hatespeech_no.errors import HatespeechError
from hatespeech_no.evaluation.compare import Difference, Run, compare, holm, read_run
from hatespeech_no.evaluation.metrics import BRIER, resample_weights
from hatespeech_no.evaluation.report import WORDS, render, sentence
from hatespeech_no.evaluation.tiers import TIER_METRICS
from hatespeech_no.taxonomy import Lang, Tier
from hatespeech_no.tracking import log_run_folder
from hatespeech_no.tracking.registry import download_run
from hatespeech_no.tracking.store import local_store

ROWS, PER_CLUSTER = 240, 2


def answers(share_right: float, seed: int, n: int = ROWS) -> pd.DataFrame:
    """Answers on the same texts, of which a share is right."""
    label = np.random.default_rng(0).integers(0, 2, n).astype(float)
    decision = np.where(np.random.default_rng(seed + 1).random(n) < share_right, label, 1 - label)
    return pd.DataFrame(
        {
            "id": [f"{i:016x}" for i in range(n)],
            "language": np.where(np.arange(n) % 3 == 0, "nn", "nb"),
            "cluster": np.arange(n) // PER_CLUSTER,
            "element": "hateful",
            "label": label,
            "p": np.where(decision == 1, 0.8, 0.3),
            "decision": decision,
        }
    )


def run(name: str, **by_seed: pd.DataFrame) -> Run:
    """A run with one suite; keys are s0, s1 …"""
    tables = [rows.assign(seed=int(key[1:]), suite="made_up") for key, rows in by_seed.items()]
    return Run(name, pd.concat(tables, ignore_index=True))


def pick(found: list[Difference], metric: str = "macro_f1", slice_name: str = "all") -> Difference:
    (one,) = (d for d in found if (d.metric.name, d.slice) == (metric, slice_name))
    return one


def test_a_difference_against_a_slow_loop() -> None:
    a, b = answers(0.7, 1), answers(0.8, 2)
    found = pick(compare([run("a", s0=a), run("b", s0=b)], resamples=200, seed=5), slice_name="nn")
    mine = a["language"] == "nn"
    label, first, second = a["label"][mine], a["decision"][mine], b["decision"][mine]
    differences = [
        f1_score(label, second, average="macro", sample_weight=w)
        - f1_score(label, first, average="macro", sample_weight=w)
        for w in resample_weights(a["cluster"][mine].to_numpy(), 200, seed=5)
    ]
    lo, hi = np.quantile(differences[1:], [0.025, 0.975])
    assert (found.difference, found.lo, found.hi) == pytest.approx((differences[0], lo, hi))
    below = sum(d <= 0 for d in differences[1:])
    assert found.p == pytest.approx(min(1, 2 * (min(below, 200 - below) + 1) / 201))
    assert found.baseline == pytest.approx(f1_score(label, first, average="macro"))
    assert (found.n, found.dropped, found.seeds) == (mine.sum(), 0, 1)


def test_p_values_hold_their_level_and_find_what_is_there() -> None:
    equal = [
        compare([run("a", s0=answers(0.75, i)), run("b", s0=answers(0.75, 100 + i))], resamples=100) for i in range(40)
    ]
    assert sum(pick(found).real for found in equal) <= 6, "some 2 of 40 by chance"
    assert pick(compare([run("a", s0=answers(0.6, 1)), run("b", s0=answers(0.9, 2))])).real
    same = pick(compare([run("a", s0=answers(0.7, 1)), run("b", s0=answers(0.7, 1))]))
    assert (same.difference, same.p, same.real) == (0, 1, False)


def test_pairing_makes_small_differences_visible() -> None:
    """Two models that answer alike but for a few texts are told apart by less than two that err apart."""
    a = answers(0.75, 1)
    wrong = np.flatnonzero(a["decision"] != a["label"])[:10]
    b = a.copy()
    b.loc[wrong, "decision"] = b.loc[wrong, "label"]
    alike = pick(compare([run("a", s0=a), run("b", s0=b)]))
    apart = pick(compare([run("a", s0=a), run("b", s0=answers(0.79, 9))]))
    assert alike.real
    assert alike.hi - alike.lo < (apart.hi - apart.lo) / 2


def test_only_answers_of_both_with_one_label_count() -> None:
    a, b = answers(0.7, 1), answers(0.8, 2)
    b = b.drop(index=[0, 1, 2])
    b.loc[3:7, "label"] = 1 - b.loc[3:7, "label"]
    only_b = b.iloc[-1:].assign(id="f" * 16)
    found = pick(compare([run("a", s0=a), run("b", s0=pd.concat([b, only_b]).sample(frac=1, random_state=0))]))
    assert (found.n, found.dropped) == (ROWS - 8, 9)
    kept = slice(8, None)
    expected = [f1_score(t["label"][kept], t["decision"][kept], average="macro") for t in (a, answers(0.8, 2))]
    assert [found.baseline, found.value] == pytest.approx(expected)


def test_seeds_that_both_have_are_averaged() -> None:
    a = {f"s{i}": answers(0.7, i) for i in range(3)}
    b = {f"s{i}": answers(0.8, 10 + i) for i in range(1, 5)}
    found = pick(compare([run("a", **a), run("b", **b)]))
    each = [[f1_score(t["label"], t["decision"], average="macro") for t in (a[s], b[s])] for s in ("s1", "s2")]
    apart = [second - first for first, second in each]
    assert found.seeds == 2
    assert found.difference == pytest.approx(np.mean(apart))
    assert found.spread == pytest.approx(np.std(apart, ddof=1))
    one = pick(compare([run("a", s1=a["s1"]), run("b", s1=b["s1"])]))
    # The same texts under every seed are drawn together: a second seed is no second sample.
    assert found.hi - found.lo > 0.6 * (one.hi - one.lo)


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1, 1])
    assert len(holm(np.array([]))) == 0


def test_only_headlines_are_corrected_all_together() -> None:
    a, b, c = (run(name, s0=answers(share, i)) for i, (name, share) in enumerate([("a", 0.7), ("b", 0.78), ("c", 0.8)]))
    found = compare([a, b, c])
    headlines = [d for d in found if d.headline]
    assert [d.run for d in headlines] == ["b", "c"]
    assert [d.p_holm for d in headlines] == pytest.approx(holm(np.array([d.p for d in headlines])))
    assert all(d.p_holm is None for d in found if not d.headline)
    assert pick([d for d in found if d.run == "b"], "brier").p < 1
    lower_is_better = pick([d for d in found if d.run == "c"], BRIER.name)
    assert lower_is_better.gain == -lower_is_better.difference > 0


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two run folders, the second better, with a name that is neither HTML nor markup."""
    made = []
    for name, share in (("first-20261101-120000", 0.6), ("<i>second[red] with quite a long name", 0.9)):
        tables = tmp_path / name / "seed-0" / "tables"
        tables.mkdir(parents=True)
        rows = answers(share, len(made))
        religion = rows.assign(element="ground_religion")
        pd.concat([rows, religion]).to_csv(tables / "predictions_made_up.csv", index=False)
        tiers = rows[["id", "language", "cluster"]].assign(
            labelled=np.where(rows["label"] == 1, Tier.ACTIONABLE, Tier.PROTECTED),
            given=np.where(rows["decision"] == 1, Tier.ACTIONABLE, Tier.PROTECTED),
            p_actionable=rows["p"],
        )
        tiers.to_csv(tables / "assessments_made_up.csv", index=False)
        params = {"model.family": "tfidf", "model.tfidf.regularisation": str(share)}
        (tmp_path / name / "run.json").write_text(json.dumps({"params": params}))
        made.append(tmp_path / name)
    return made


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_command_says_who_is_better(folders: list[Path], tmp_path: Path, lang: Lang) -> None:
    out = tmp_path / "report.html"
    called = ["compare", *map(str, folders), "--out", str(out), "--lang", lang, "--resamples", "200"]
    done = CliRunner().invoke(app, called)
    assert done.exit_code == 0, done.output
    for name in (folder.name for folder in folders):
        assert name in done.output
    assert WORDS[lang]["better"] in done.output
    assert "…" not in done.output, "nothing is cut"
    page = out.read_text("utf-8")
    assert "&lt;i&gt;second[red]" in page
    assert "<i>" not in page
    assert not re.search(r"<script|<link|(src|href)=\"(?!data:)", page), "nothing is loaded from elsewhere"
    figures = [base64.b64decode(image).decode() for image in re.findall(r"base64,([\w+/=]+)", page)]
    assert [figure.count("stroke-width: 1.5") for figure in figures] == [6, 1], "an interval for each row"
    assert "model.tfidf.regularisation" in page
    assert "model.family" not in page, "a setting that is the same in all"
    for text in (page, done.output, *(m.label(lang) for m in TIER_METRICS)):
        for match in re.finditer(r"straffbar\w*|ulovlig\w*|illegal\w*|punishable", text, re.IGNORECASE):
            assert re.search(r"(mulig|possibly)\s+$", text[: match.start()], re.IGNORECASE)
    human = {"nb": "menneske", "en": "human"}[lang]
    assert human in page
    assert human in done.output


@pytest.mark.filterwarnings("default")  # other people's warnings
def test_a_logged_run_is_compared_like_its_folder(demo_run: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = log_run_folder(demo_run, local_store(tmp_path))
    (parent,) = MlflowClient(uri).search_runs(["1"], "tags.kind = 'parent'")
    with download_run(f"runs:/{parent.info.run_id}", uri) as folder:
        fetched = read_run(folder)
        assert folder.name.startswith("demo-")
    pd.testing.assert_frame_equal(fetched.rows, read_run(demo_run).rows)
    done = CliRunner().invoke(app, ["compare", str(demo_run), f"runs:/{parent.info.run_id}", "--uri", uri])
    assert done.exit_code == 0, done.output
    assert "no difference shown" in done.output
    with pytest.raises(HatespeechError, match=r"runs:/0123: cannot be fetched"), download_run("runs:/0123", uri):
        pass


def test_words_are_the_same_in_both_languages_and_say_the_direction(folders: list[Path]) -> None:
    assert WORDS["nb"].keys() == WORDS["en"].keys()
    runs = [read_run(folder) for folder in folders]
    found = compare(runs, resamples=100)
    (tier,) = (d for d in found if d.headline and d.element == "tier")
    assert tier.real
    shown = f"{100 * tier.difference:.1f}"
    assert f"is better than {runs[0].name} by {shown}" in sentence(tier, runs[0].name, "en")
    assert f"er bedre enn {runs[0].name} med {shown.replace('.', ',')}" in sentence(tier, runs[0].name, "nb")
    assert "is worse" in sentence(replace(tier, difference=-tier.difference), runs[0].name, "en")
    assert "no difference" in sentence(replace(tier, p_holm=0.5), runs[0].name, "en")
    suite = runs[1].rows.assign(suite="other", id=lambda t: t["id"] + "x")
    more = replace(runs[1], rows=pd.concat([runs[1].rows, suite]))
    assert "left out: other." in render([runs[0], more], compare([runs[0], more], resamples=100), "en")


def test_mistakes_are_named(folders: list[Path], tmp_path: Path) -> None:
    a, b = (read_run(folder) for folder in folders)
    with pytest.raises(HatespeechError, match="two or more runs"):
        compare([a])
    with pytest.raises(HatespeechError, match="two or more runs"):
        compare([a, a])
    with pytest.raises(HatespeechError, match="no answer in common"):
        compare([a, replace(b, rows=b.rows.assign(seed=7))])
    with pytest.raises(HatespeechError, match="no run folder"):
        read_run(tmp_path)
    path = folders[0] / "seed-0" / "tables" / "predictions_made_up.csv"
    rows = pd.read_csv(path, dtype={"id": str})
    pd.concat([rows, rows.iloc[:1]]).to_csv(path, index=False)
    with pytest.raises(HatespeechError, match="several texts have the id 0000000000000000"):
        read_run(folders[0])
    rows.drop(columns="cluster").to_csv(path, index=False)
    with pytest.raises(
        HatespeechError, match=r"predictions_made_up.csv: has no column 'cluster'; .* train the run anew"
    ):
        read_run(folders[0])
