"""What is logged of a mapping: figures that may be shown, and the digests of what they were made from."""

from __future__ import annotations

import pandas as pd

from hatespeech_no.mapping.cells import ALL
from hatespeech_no.mapping.results import Mapping
from hatespeech_no.training.record import Record

_DIGITS = 16


def mapping_record(found: Mapping, shown: pd.DataFrame) -> Record:
    """The record of a mapping.

    Args:
        found: what was estimated.
        shown: its estimates as they may be shown, see ``disclosure.protect``.
    """
    design, facts = found.design, found.facts
    overall = shown[(shown["dimension"] == ALL) & shown["share"].notna()]
    metrics = {
        f"mapping/all/{row['measure']}/{name}": float(row[name])
        for row in overall.to_dict("records")
        for name in ("share", "lo", "hi", "naive")
    }
    inputs = (("scored", design.digest, facts.rows), ("labels", facts.labels, facts.answered))
    return Record(
        name="mapping",
        params={
            "score": design.score,
            "expected": str(design.expected),
            "seed": str(design.seed),
            "drawn": str(facts.drawn),
            **{f"{name}_sha256": digest for name, digest, _ in inputs},
        },
        metrics=metrics,
        tags={
            "kind": "mapping",
            "version": facts.software,
            "rules_version": facts.rules,
            "taxonomy_version": facts.taxonomy,
        },
        data=[
            {"name": name, "rows": rows, "digest": digest[:_DIGITS], "context": "mapping"}
            for name, digest, rows in inputs
        ],
    )
