"""The Norwegian training statements: sound, and apart from the frozen suite."""

from __future__ import annotations

import json

from hatespeech_no.corpora import load_corpus
from hatespeech_no.corpora.labels import codebook_elements, codebook_passages
from hatespeech_no.norhatecheck import load_cases
from hatespeech_no.splits import near_duplicate_clusters
from hatespeech_no.statement import Circumstances, Elements
from hatespeech_no.triage import gravest, triage
from tests.fixtures import ROOT

FOLDER = ROOT / "data" / "statements"
FACTS = ("publicity", "addressee_is_minor", "addressee_is_official", "repeated", "victim_aware")


def test_every_statement_is_labelled_by_the_codebook_and_the_rules_agree() -> None:
    rows = [json.loads(line) for line in (FOLDER / "statements.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        around = Circumstances(**{n: row[n] for n in FACTS if row.get(n) is not None})
        passages = [p.elements for p in codebook_passages(row, row["text"])]
        finding = gravest(triage(e, around) for e in passages or [codebook_elements(row) or Elements()])
        assert finding.tier == row["tier"], row["id"]
    assert f"{len(rows):,}" in (FOLDER / "README.md").read_text("utf-8")


def test_no_statement_comes_near_the_frozen_suite() -> None:
    trained = load_corpus("corpus.yaml", FOLDER)["all"]["text"][:]
    suite = [case.statement.text for case in load_cases()]
    clusters = near_duplicate_clusters([*suite, *trained])
    assert not set(clusters[: len(suite)]) & set(clusters[len(suite) :])
