"""A registry alias moves only to a model that clears every bar."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hatespeech_no.cli import app
from hatespeech_no.errors import HatespeechError
from hatespeech_no.taxonomy import Ground
from hatespeech_no.tracking import log_run_folder
from hatespeech_no.tracking.bars import Bar, check, read_bars
from hatespeech_no.tracking.promote import promote
from hatespeech_no.training.record import SUMMARY, Record
from tests.fixtures import ROOT

pytestmark = pytest.mark.filterwarnings("default")  # other people's warnings

SHIPPED = ROOT / "configs" / "promotion.yaml"
F1 = "s/all/hateful/macro_f1"
ALARMS = "s/all/tier/balanced_alarms"


def bar(metric: str = F1, **limit: object) -> Bar:
    return Bar.model_validate({"metric": metric, "reason": {"nb": "fordi", "en": "because"}, **limit})


@pytest.mark.parametrize(
    ("limit", "value", "holder", "held"),
    [
        ({"minimum": 0.7}, 0.7, None, True),
        ({"minimum": 0.7}, 0.69, None, False),
        ({"minimum": 0.7}, 0.69, 0.1, False),
        ({"maximum": 0.2}, 0.2, None, True),
        ({"maximum": 0.2}, 0.21, None, False),
        ({"may_fall_by": 0.1}, 0.7, 0.8, True),  # 0.8 - 0.1 is more than 0.7 in floats
        ({"may_fall_by": 0.1}, 0.69, 0.8, False),
        ({"may_fall_by": 0.1}, 1.0, 0.1, True),
        ({"may_rise_by": 0.1}, 0.3, 0.2, True),
        ({"may_rise_by": 0.1}, 0.31, 0.2, False),
        ({"may_rise_by": 0.1}, 0.0, 0.9, True),
        ({"may_fall_by": 0.0}, 0.2, None, True),  # nobody to compare with
        ({"minimum": 0.0}, float("nan"), None, False),
        ({"maximum": 1.0}, float("nan"), None, False),
        ({"may_fall_by": 1.0}, float("nan"), 0.5, False),
        ({"may_rise_by": 1.0}, float("nan"), 0.5, False),
    ],
)
def test_one_bar(limit: dict[str, float], value: float, holder: float | None, held: bool) -> None:
    (outcome,) = check([bar(**limit)], {F1: value}, None if holder is None else {F1: holder})
    assert outcome.held is held


def test_what_the_candidate_lacks_fails_and_what_the_holder_lacks_is_said() -> None:
    (outcome,) = check([bar(minimum=0.1)], {"s/all/hateful/f1": 1.0})
    assert (outcome.key, outcome.value, outcome.held) == (F1, None, False)
    grounds = [bar("s/all/ground_*/recall", may_fall_by=0.1)]
    candidate = {"s/all/ground_religion/recall": 0.5}
    outcomes = check(grounds, candidate, {"s/all/ground_disability/recall": 0.1})
    assert [(o.key, o.value, o.other, o.held) for o in outcomes] == [
        ("s/all/ground_religion/recall", 0.5, None, True),
        ("s/all/ground_disability/recall", None, 0.1, False),
    ]


def test_a_slice_is_compared_with_another_of_the_same_model() -> None:
    bars = [bar("s/nn/hateful/macro_f1", compare_slice="nb", may_fall_by=0.05)]
    key, beside = "s/nn/hateful/macro_f1", "s/nb/hateful/macro_f1"
    holder = {key: 0.99, beside: 0.99}
    assert check(bars, {key: 0.75, beside: 0.8}, holder)[0].held
    (outcome,) = check(bars, {key: 0.74, beside: 0.8}, holder)
    assert (outcome.other, outcome.held) == (0.8, False)
    assert not check(bars, {key: 0.9}, holder)[0].held


_PART = st.text("ab*", min_size=1, max_size=3)
_PARTS = st.lists(_PART, min_size=4, max_size=4)


@example(pattern=["a", "a", "a", "*"], parts=["a", "a", "a", "a", "a"])
@given(_PARTS, st.lists(_PART, min_size=2, max_size=5))
def test_a_star_stays_within_its_part(pattern: list[str], parts: list[str]) -> None:
    key = "/".join(parts)
    fits = len(parts) == 4 and all(fnmatchcase(part, p) for part, p in zip(parts, pattern, strict=True))
    (outcome,) = check([bar("/".join(pattern), minimum=0)], {key: 1.0})
    assert outcome.held is fits


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minimum": 0.5, "maximum": 0.6}, "exactly one of"),
        ({}, "exactly one of"),
        ({"minimum": 0.5, "compare_slice": "nb"}, "compare_slice goes with"),
        ({"may_fall_by": -0.1}, "bars.0.may_fall_by"),
        ({"minimum": 0.5, "metric": "s/all/recall"}, "bars.0.metric"),
        ({"minimum": 0.5, "reason": {"nb": "fordi"}}, "bars.0.reason.en"),
        ({"minimun": 0.5}, "bars.0.minimun"),
    ],
)
def test_a_wrong_bar_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    file = tmp_path / "bars.yaml"
    given = {"metric": F1, "reason": {"nb": "fordi", "en": "because"}} | change
    file.write_text(yaml.safe_dump({"bars": [given]}), "utf-8")
    with pytest.raises(HatespeechError, match=re.escape(message)) as raised:
        read_bars(file)
    assert str(file) in str(raised.value)


def test_files_that_hold_no_bars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HatespeechError, match="cannot be read"):
        read_bars(tmp_path / "gone.yaml")
    for content, message in (("", "valid dictionary"), ("bars: []", "at least 1"), ("a: [", "not YAML")):
        (tmp_path / "bars.yaml").write_text(content, "utf-8")
        with pytest.raises(HatespeechError, match=message):
            read_bars(tmp_path / "bars.yaml")


def test_the_shipped_bars_ask_for_every_ground_and_say_why() -> None:
    bars = read_bars(SHIPPED)
    recalls = {f"statements/all/ground_{g}/recall": 0.5 for g in [*Ground, "explicit"]}
    asked = {outcome.key for b in bars if "ground_" in b.metric for outcome in check([b], recalls)}
    assert asked == recalls.keys() - {"statements/all/ground_explicit/recall"}
    for text in (text for b in bars for text in (b.reason.nb, b.reason.en)):
        for match in re.finditer(r"straffbar\w*|ulovlig\w*|illegal\w*|punishable", text, re.IGNORECASE):
            assert re.search(r"(mulig|possibly)\s+$", text[: match.start()], re.IGNORECASE), text
            assert re.search("menneske|human", text), text


def _log(folder: Path, uri: str, metrics: dict[str, float], register_as: str = "None", rows: str = "d0") -> str:
    """A finished run with one seed, as training leaves it, but for the model; returns the id of the parent."""
    from mlflow import MlflowClient

    params = {"tracking.uri": "None", "tracking.experiment": "e", "tracking.register_as": register_as}
    data = [{"name": "s", "rows": 9, "digest": rows, "context": "testing"}]
    seed = folder / "seed-7"
    for part in ("bundle", "figures", "tables"):
        (seed / part).mkdir(parents=True)
    (seed / "bundle" / "manifest.json").write_text("{}", "utf-8")
    (seed / "tables" / "metrics.csv").write_text("suite\ns\n", "utf-8")
    Record(name="seed-7", params=params, metrics=metrics, tags={}, data=data).write(seed)
    means = {key: {"mean": value, "sd": None, "seeds": 1} for key, value in metrics.items()}
    summary = {"name": folder.name, "seeds": [7], "params": params, "data": data, "environment": {}, "metrics": means}
    (folder / SUMMARY).write_text(json.dumps(summary), "utf-8")
    log_run_folder(folder, uri)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("e").experiment_id
    return str(client.search_runs([experiment], f"attributes.run_name = '{folder.name}'")[0].info.run_id)


def test_an_alias_moves_to_what_clears_the_bars_and_to_nothing_else(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    bars = tmp_path / "bars.yaml"
    wanted = [bar(minimum=0.6), bar(ALARMS, may_rise_by=0.02)]
    bars.write_text(yaml.safe_dump({"bars": [b.model_dump(exclude_none=True) for b in wanted]}), "utf-8")
    with pytest.raises(HatespeechError, match="no such store"):
        promote("any", bars, uri)
    assert not list(tmp_path.glob("*.db"))
    first = _log(tmp_path / "first", uri, {F1: 0.7, ALARMS: 0.10}, register_as="m")
    worse = _log(tmp_path / "worse", uri, {F1: 0.9, ALARMS: 0.15}, rows="d1")
    better = _log(tmp_path / "better", uri, {F1: 0.8, ALARMS: 0.05})
    client = MlflowClient(tracking_uri=uri)

    done = promote(first, bars, uri)
    assert (done.name, done.holder, done.version, done.other_rows) == ("m", None, "1", [])
    held = client.get_model_version_by_alias("m", "champion")
    assert held.version == 1
    assert "2 checks of bars.yaml" in held.tags["promoted_because"]
    assert held.tags["promoted_at"].startswith("20")
    with pytest.raises(HatespeechError, match="already"):
        promote(first, bars, uri)

    with pytest.raises(HatespeechError, match="--name"):
        promote(worse, bars, uri)
    refused = CliRunner().invoke(
        app, ["promote", worse, "--bars", str(bars), "--uri", uri, "--name", "m"], env={"COLUMNS": "200"}
    )
    assert refused.exit_code == 1, refused.output
    assert re.search(rf"held\s+│ {F1}", refused.output)
    assert re.search(rf"failed\s+│ {ALARMS}\s+│ may rise by 0.020 │ 0.150\s+│ 0.100 \(version 1\)", refused.output)
    assert f"{ALARMS}: because" in refused.output
    assert "not tested on the same rows of s" in refused.output
    assert client.get_model_version_by_alias("m", "champion").version == 1
    assert len(client.search_model_versions("name = 'm'")) == 1

    done = promote(better, bars, uri, name="m")
    assert (done.holder, done.version, done.other_rows) == ("1", "2", [])
    held = client.get_model_version_by_alias("m", "champion")
    assert held.version == 2
    assert client.get_run(held.run_id).data.tags["mlflow.parentRunId"] == better
    assert "compared with version 1" in held.tags["promoted_because"]

    with pytest.raises(HatespeechError, match="nosuch"):
        promote("nosuch", bars, uri)
