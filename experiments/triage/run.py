"""Tiers on NorHateCheck and the statements' test part, under each profile; group swaps and disguised twins.

    python experiments/triage/run.py runs/transfer_long-… encoder

writes <name>.json beside this file: shares with 95 % intervals, no texts.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from hatespeech_no import Assessment, Classifier, Statement, Tier, load
from hatespeech_no.corpora import load_corpus, statement_from_row
from hatespeech_no.evaluation.metrics import Estimate
from hatespeech_no.evaluation.tiers import evaluate_tiers, known_tiers
from hatespeech_no.norhatecheck.run import Prediction, run
from hatespeech_no.norhatecheck.suite import Case, load_cases, load_functions
from hatespeech_no.text.perturb import perturb

HERE = Path(__file__).parent
STATEMENTS = HERE.parent.parent / "data" / "statements" / "corpus.yaml"
PROTECTED = {
    "policy criticism": ["policy_criticism_nh"],
    "religion criticism": ["religion_criticism_nh"],
    "counter-speech": ["counter_quote_nh", "counter_ref_nh"],
    "quotation and report": ["news_report_nh", "victim_account_nh", "satire_nh", "art_education_nh", "long_quote_nh"],
}
DISGUISES = ("leet", "spaced", "stretched", "look_alikes", "zero_width", "masked", "aa_oe_ae", "typos")
STRENGTH = 0.5


def main() -> None:
    """Score everything once and write the figures."""
    classifier, name = load(sys.argv[1]), sys.argv[2]
    found = {
        "model": classifier.versions["model"],
        "profiles": {name: profile.model_dump() for name, profile in classifier.profiles.items()},
        "statements": statements(classifier),
        "norhatecheck": norhatecheck(classifier),
        "disguised": disguised(classifier),
    }
    (HERE / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def statements(classifier: Classifier) -> dict[str, object]:
    """Shares per profile and language, and the confusion tables."""
    rows = load_corpus(str(STATEMENTS))["test"]
    pairs = np.unique([pair or str(i) for i, pair in enumerate(rows["pair"][:])], return_inverse=True)[1]
    found = evaluate_tiers(classifier, rows, pairs, resamples=1000, seed=0)
    confusion = found.confusion[found.confusion["language"] != ""]
    return {**_rounded(found.estimates), "confusion": confusion.to_dict("records")}


def norhatecheck(classifier: Classifier) -> dict[str, object]:
    """Per profile the suite's summary, kinds of protected speech, and what a swap of groups changes."""
    cases, functions = load_cases(), load_functions()
    bare = [case.statement.bare for case in cases]
    scored = classifier.score(bare)
    figures: dict[str, object] = {}
    for profile in classifier.profiles:
        given = list(scored.rethreshold(profile))
        answers = {
            str(case.statement.id): Prediction(_hateful(classifier, a), a.tier)
            for case, a in zip(cases, given, strict=True)
        }
        result = run(cases, functions, answers)
        right = {a.function: a.tier_accuracy for a in result.functions.itertuples()}
        figures[profile] = {
            **_rounded(result.summary),
            "kinds": {
                kind: round(float(np.mean([right[function] for function in names])), 4)
                for kind, names in PROTECTED.items()
            },
            "tier right per function": {function: round(value, 4) for function, value in right.items()},
            "swap": swapped(cases, given),
        }
    return figures


def swapped(cases: list[Case], given: list[Assessment]) -> dict[str, float]:
    """Of fillings of one template with other groups of the same expected tier, how many get another tier."""
    families: dict[tuple[str | None, str | None, Tier], list[int]] = defaultdict(list)
    for i, case in enumerate(cases):
        if case.template is not None:
            families[case.template, case.statement.language, case.tier].append(i)
    originals = right = swaps = changed = 0
    for (_, _, tier), members in families.items():
        first, *others = members
        originals += 1
        if given[first].tier is tier:
            right += 1
            swaps += len(others)
            changed += sum(given[i].tier is not tier for i in others)
    return {"originals_right": round(right / originals, 4), "tiers_changed": round(changed / max(1, swaps), 4)}


def disguised(classifier: Classifier) -> dict[str, object]:
    """Recall of actionable statements of the test part, plain and disguised, with seed 0."""
    rows = load_corpus(str(STATEMENTS))["test"]
    chosen = rows.select(np.flatnonzero(known_tiers(rows) == Tier.ACTIONABLE.rank))
    plain = [statement_from_row(row) for row in chosen]
    figures: dict[str, object] = {"statements": len(plain), "strength": STRENGTH}
    for name in ("plain", *DISGUISES):
        texts = [s.text if name == "plain" else perturb(s.text, name, STRENGTH, seed=0) for s in plain]
        circumstances = [
            Statement(text, publicity=s.publicity, thread=s.thread, language=s.language)
            for s, text in zip(plain, texts, strict=True)
        ]
        tiers = [a.tier for a in classifier.score(circumstances)]
        figures[name] = round(float(np.mean([tier is Tier.ACTIONABLE for tier in tiers])), 4)
    return figures


def _hateful(classifier: Classifier, assessment: Assessment) -> bool:
    return (assessment.p_hateful or 0.0) >= classifier.bundle.manifest.thresholds.get("hateful", 0.5)


def _rounded(estimates: dict[str, Estimate]) -> dict[str, list[float]]:
    return {key: [round(v, 4) for v in (e.value, e.lo, e.hi)] + [e.n] for key, e in estimates.items()}


if __name__ == "__main__":
    main()
