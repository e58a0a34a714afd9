"""Write the suite in the columns of HateCheck (Röttger et al. 2021), so that its users' programs read it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hatespeech_no.norhatecheck.suite import Case
from hatespeech_no.tables import open_writer

COLUMNS = (
    *("functionality", "case_id", "test_case", "label_gold", "target_ident", "direction"),
    *("templ_id", "language", "tier", "thread", "pair", "twin"),
)


def export(path: Path, cases: Iterable[Case]) -> int:
    """Write a CSV file; returns the number of cases.

    Cases of which the text does not tell whether the writer is hateful have no ``label_gold``.
    """
    count = 0
    with open_writer(path, COLUMNS) as write:
        for count, case in enumerate(cases, 1):  # noqa: B007 - counted
            s = case.statement
            gold = {True: "hateful", False: "non-hateful", None: ""}[case.hateful]
            direction = "directed" if s.labels and s.labels.get("addressed_in_person") else "general"
            cells = (
                *(case.function, s.id, s.text, gold, case.group, direction),
                *(case.template, s.language, case.tier, " ⏎ ".join(s.thread), s.pair, case.twin),
            )
            write(dict(zip(COLUMNS, cells, strict=True)))
    return count
