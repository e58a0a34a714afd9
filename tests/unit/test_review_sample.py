"""The sample of a mapping goes to readers as it was drawn, and comes back as labels that the mapping reads."""

from __future__ import annotations

import json

import pytest

from hatespeech_no.errors import HatespeechError
from hatespeech_no.mapping.inputs import Columns, read_labels
from hatespeech_no.mapping.results import map_prevalence
from hatespeech_no.mapping.sampling import SAMPLE, design_sample, write_sample
from hatespeech_no.review.push import Source, push
from hatespeech_no.review.rounds import verdicts_of
from hatespeech_no.review.sample import is_sample, write_labels
from hatespeech_no.review.select import Budget
from hatespeech_no.review.status import status
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.tables import open_table, open_writer
from tests.unit.test_review_loop import KEY, SETTINGS, ListDesk, codes, settle

ROWS = 200
NOTHING = Budget(0, 0, 0)


@pytest.fixture
def folder(tmp_path):
    """A mapping of rows of which every tenth is hateful, two alike and one that a spreadsheet would run."""
    scored = tmp_path / "scored.csv"
    with open_writer(scored, None) as write:
        for i in range(ROWS):
            text = f"nr. {i} hater {'dem' if i % 10 == 0 else 'ingen'}"
            if i in (5, 6):
                text = "=helt likt"
            score = 0.8 if i % 10 == 0 else 0.1
            write({"text": text, "p_hateful": score, "p_actionable": score / 2, "tier": "protected", "grounds": []})
    design = design_sample(scored, Columns(), labels=ROWS, expected=0.1)
    write_sample(design, tmp_path / "map", KEY)
    return tmp_path / "map"


def _reader(item, reader, round_):
    hateful = "dem" in item.text
    return codes("lawful_hate", "yes", grounds="religion", conduct="derogation") if hateful else codes()


def test_it_goes_round(folder, tmp_path):
    sample = folder / SAMPLE
    workspace, desk = Workspace(tmp_path / "review", KEY), ListDesk(_reader)
    pushed = push(workspace, desk, Source(sample), NOTHING, SETTINGS)
    drawn = [json.loads(line) for line in sample.read_text("utf-8").splitlines()]
    distinct = {row["text"] for row in drawn}
    assert {row["text"] for row in drawn if "likt" in row["text"]} == {"=helt likt"}
    assert pushed.chosen == {"audit": len(distinct)}
    sides = workspace.sides()
    assert {side.tier for side in sides.values()} == {None}
    assert sorted(side.count for side in sides.values())[-2:] == [1, 2]
    assert push(workspace, desk, Source(sample), NOTHING, SETTINGS).repeated

    settle(workspace, desk)
    assert {verdict.readers for verdict in verdicts_of(workspace).values()} == {1}
    assert status(workspace).missed is None
    for target in (tmp_path / "labels.jsonl", tmp_path / "labels.csv"):
        assert write_labels(workspace, sample, target) == {True: len(drawn)}
        labels = read_labels(target)
        assert set(labels.index) == {row["id"] for row in drawn}
        assert set(labels["grounds"]) == {(), ("religion",)}
        found = map_prevalence(folder, target, KEY)
        hateful = found.estimates.query("measure == 'hateful' and dimension == 'all'").iloc[0]
        assert hateful["share"] == pytest.approx(20 / ROWS, abs=0.01)


def test_what_is_open_is_left_out_and_a_text_read_before_is_not_read_again(folder, tmp_path):
    sample = folder / SAMPLE
    with open_table(sample) as table:
        first = next(table.rows())[1]
    scored = tmp_path / "other.csv"
    with open_writer(scored, None) as write:
        write({"text": first["text"], "tier": "actionable", "p_hateful": 0.9})
    workspace = Workspace(tmp_path / "review", KEY)
    desk = ListDesk(lambda item, *rest: _reader(item, *rest) if item.text == first["text"] else None)
    push(workspace, desk, Source(scored), Budget(1, 0, 0), SETTINGS)
    with pytest.raises(HatespeechError, match="was not pushed to this review"):
        write_labels(workspace, sample, tmp_path / "labels.jsonl")
    push(workspace, desk, Source(sample), NOTHING, SETTINGS)
    settle(workspace, desk)
    done = write_labels(workspace, sample, tmp_path / "labels.jsonl")
    same = sum(json.loads(line)["text"] == first["text"] for line in sample.read_text("utf-8").splitlines())
    assert done[True] == same
    assert len(read_labels(tmp_path / "labels.jsonl")) == same


def test_a_damaged_sample_is_named(folder, tmp_path):
    broken = tmp_path / "broken.jsonl"
    row = json.loads((folder / SAMPLE).read_text("utf-8").splitlines()[0])
    broken.write_text(json.dumps(row | {"inclusion_probability": 1.5}) + "\n", "utf-8")
    assert is_sample(broken)
    with pytest.raises(HatespeechError, match=r"broken\.jsonl, row 1: inclusion_probability 1\.5"):
        push(Workspace(tmp_path / "review", KEY), ListDesk(_reader), Source(broken), NOTHING, SETTINGS)
