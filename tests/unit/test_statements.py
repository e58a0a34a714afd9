"""The Norwegian training statements: sound, and apart from the frozen suite."""

from __future__ import annotations

import json

from hatespeech_no.corpora import load_corpus
from hatespeech_no.norhatecheck import load_cases
from hatespeech_no.splits import near_duplicate_clusters
from tests.fixtures import ROOT, ruled_tier

FOLDER = ROOT / "data" / "statements"


def test_every_statement_is_labelled_by_the_codebook_and_the_rules_agree() -> None:
    rows = [json.loads(line) for line in (FOLDER / "statements.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        assert ruled_tier(row) == row["tier"], row["id"]
    assert f"{len(rows):,}" in (FOLDER / "README.md").read_text("utf-8")


def test_no_statement_comes_near_the_frozen_suite() -> None:
    trained = load_corpus("corpus.yaml", FOLDER)["all"]["text"][:]
    suite = [case.statement.text for case in load_cases()]
    clusters = near_duplicate_clusters([*suite, *trained])
    assert not set(clusters[: len(suite)]) & set(clusters[len(suite) :])
