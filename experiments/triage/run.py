"""Tiers on NorHateCheck and the statements' test part, under each profile.

    python experiments/triage/run.py src/hatespeech_no/released encoder

writes <name>.json beside this file: shares with 95 % intervals, no texts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from hatespeech_no import Assessment, Classifier, load
from hatespeech_no.corpora import load_corpus
from hatespeech_no.evaluation.metrics import Estimate
from hatespeech_no.evaluation.tiers import evaluate_tiers
from hatespeech_no.norhatecheck.run import Prediction, run
from hatespeech_no.norhatecheck.suite import load_cases, load_functions

HERE = Path(__file__).parent
STATEMENTS = HERE.parent.parent / "data" / "statements" / "corpus.yaml"
PROTECTED = {
    "policy criticism": ["policy_criticism_nh"],
    "religion criticism": ["religion_criticism_nh"],
    "counter-speech": ["counter_quote_nh", "counter_ref_nh"],
    "quotation and report": ["news_report_nh", "victim_account_nh", "satire_nh", "art_education_nh", "long_quote_nh"],
}


def main() -> None:
    """Score everything once and write the figures."""
    classifier, name = load(sys.argv[1]), sys.argv[2]
    found = {
        "model": classifier.versions["model"],
        "profiles": {name: profile.model_dump() for name, profile in classifier.profiles.items()},
        "statements": statements(classifier),
        "norhatecheck": norhatecheck(classifier),
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
    """Per profile the suite's summary, kinds of protected speech, and every function."""
    cases, functions = load_cases(), load_functions()
    bare = [case.statement.bare for case in cases]
    scored = classifier.score(bare)
    figures: dict[str, object] = {}
    for profile in classifier.profiles:
        answers = {
            str(case.statement.id): Prediction(_hateful(classifier, a), a.tier)
            for case, a in zip(cases, scored.rethreshold(profile), strict=True)
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
        }
    return figures


def _hateful(classifier: Classifier, assessment: Assessment) -> bool:
    return (assessment.p_hateful or 0.0) >= classifier.bundle.manifest.thresholds.get("hateful", 0.5)


def _rounded(estimates: dict[str, Estimate]) -> dict[str, list[float]]:
    return {key: [round(v, 4) for v in (e.value, e.lo, e.hi)] + [e.n] for key, e in estimates.items()}


if __name__ == "__main__":
    main()
