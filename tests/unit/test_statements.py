"""The Norwegian training statements: sound, labelled twice, in five parts, and apart from the frozen suite."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator

from hatespeech_no.norhatecheck import load_cases
from hatespeech_no.splits import near_duplicate_clusters
from hatespeech_no.taxonomy import YES_NO
from tests.fixtures import STATEMENTS, ruled_tier, statement_rows

FOLDER = STATEMENTS.parent


def _passages(row: dict) -> list[dict]:
    return row.get("passages") or [row]


def test_every_statement_is_labelled_by_the_codebook_and_the_rules_agree() -> None:
    rows = statement_rows()
    for row in rows:
        assert ruled_tier(row) == row["tier"], row["id"]
    assert f"{len(rows):,}" in (FOLDER / "README.md").read_text("utf-8")


def test_what_the_issue_of_balance_asks_for_is_there() -> None:
    rows = statement_rows()
    tiers = Counter(row["tier"] for row in rows)
    assert tiers["actionable"] >= 1500
    assert tiers["lawful_hate"] >= 1000
    assert tiers["protected"] >= 3000
    assert sum(row["tier"] == "actionable" and row["language"] == "nn" for row in rows) >= 600
    assert sum("thread" in row for row in rows) >= 400
    passages = [p for row in rows for p in _passages(row) if isinstance(p["conduct"], str)]
    cells = Counter((p["conduct"], ground) for p in passages for ground in p["grounds"] or ())
    conducts = ("threat", "incitement", "dehumanisation", "gross_derogation", "derogation", "exclusion", "stereotype")
    grounds = ("ethnicity", "religion", "sexual_orientation", "gender_identity", "disability")
    assert {(c, g): cells[c, g] for c in conducts for g in grounds if cells[c, g] < 50} == {}


def test_parts_hold_whole_clusters_and_enough_for_guarantees() -> None:
    rows = statement_rows()
    clusters = near_duplicate_clusters([row["text"] for row in rows], [row["pair"] for row in rows])
    part_of: dict[int, str] = {}
    for cluster, row in zip(clusters, rows, strict=True):
        assert part_of.setdefault(cluster, row["part"]) == row["part"], row["id"]
    risk = [row for row in rows if row["part"] == "risk" and row["tier"] == "actionable"]
    languages = Counter(row["language"] for row in risk)
    assert len(risk) >= 300
    assert languages["nb"] >= 150
    assert languages["nn"] >= 120


def test_no_statement_comes_near_the_frozen_suite() -> None:
    trained = [row["text"] for row in statement_rows()]
    suite = [case.statement.text for case in load_cases()]
    clusters = near_duplicate_clusters([*suite, *trained])
    assert not set(clusters[: len(suite)]) & set(clusters[len(suite) :])
    known = {gram for text in suite for gram in _five_words(text)}
    assert [text for text in trained if known & set(_five_words(text))] == []


def _five_words(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return zip(*(words[i:] for i in range(5)), strict=False)


def test_second_labels_are_kept_and_disputes_marked() -> None:
    rows = {row["id"]: row for row in statement_rows()}
    second = {}
    for line in (FOLDER / "labels" / "second.jsonl").read_text("utf-8").splitlines():
        label = json.loads(line)
        second[label["id"]] = label.get("passages") or [label]
    # Replies that stand again without their thread take their labels from both readings.
    assert second.keys() == {name for name, row in rows.items() if row["kind"] != "without_thread"}
    with (FOLDER / "labels" / "settled.csv").open(encoding="utf-8", newline="") as stream:
        settled = {row["id"]: row for row in csv.DictReader(stream)}
    for name, labels in second.items():
        for ours, theirs in zip(_passages(rows[name]), labels, strict=True):
            disputed = set(ours.get("disputed", ()))
            for element in YES_NO:
                theirs_is = theirs.get(element, None if element == "ground_explicit" else False)
                assert (ours[element] != theirs_is) <= (element in disputed) | (None in (ours[element], theirs_is)), (
                    name
                )
            seen = theirs.get("conduct", "none")
            assert (seen != ours["conduct"]) <= any(d.startswith("conduct_") for d in disputed), name
            if ours["hateful"] != theirs.get("hateful", False):
                assert settled[name]["reason"], name
