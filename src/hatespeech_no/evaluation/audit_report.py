"""An audit as one HTML file, in Norwegian Bokmål and English."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import isnan
from pathlib import Path

import pandas as pd

from hatespeech_no.bundle import Bundle, Manifest
from hatespeech_no.evaluation.audit import Audit
from hatespeech_no.evaluation.audit_words import WORDS, function_label, slice_label
from hatespeech_no.evaluation.metrics import ALARM_RATE, MACRO_F1
from hatespeech_no.evaluation.pages import number, page
from hatespeech_no.evaluation.tiers import TIER_METRICS
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Lang, element_label
from hatespeech_no.text.printable import printable

SLICES = ("all", "nb", "nn", "en")
_TIER_METRICS = {metric.name: metric for metric in TIER_METRICS}

_CHANGES = (
    ("hateful", ("macro_f1_change", "recall_change", "alarms_change")),
    ("tier", ("recall_change", "alarms_change")),
    ("hateful", ("flipped",)),
)
"""Element and measures of each table of perturbations."""


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first ``texts`` columns are words, the others figures."""

    texts: int
    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: its key among the words.
        tables: shown.
        folded: shown on request.
        figure: name of a file among the figures.
    """

    name: str
    tables: tuple[Table, ...]
    folded: Table | None = None
    figure: str | None = None


def render(
    found: Audit, bundle: Bundle, figures: Path, left_out: Mapping[str, str], functions: Mapping[str, str], lang: Lang
) -> str:
    """One HTML page with nothing loaded from elsewhere.

    Args:
        found: of ``audit``.
        bundle: the model.
        figures: folder of those that ``write_audit`` drew in that language.
        left_out: why, by corpus.
        functions: names of functions by id, in that language; others are shown by their id.
        lang: of the page.
    """
    words, manifest = WORDS[lang], bundle.manifest
    sections = (
        Section("headline", (_hateful(found, lang),)),
        Section("tiers", *_tiers(found, manifest, lang)),
        Section("functions", (_functions(found, functions, lang),), figure="functions"),
        Section("fairness", *_fairness(found, lang), figure="fairness"),
        Section("robustness", tuple(_robustness(found, lang)), figure="robustness"),
        Section("calibration", (_calibration(found, lang),), figure="reliability"),
        Section("data", tuple(_data(found, left_out, lang))),
    )
    drawn = {path.stem: base64.b64encode(path.read_bytes()).decode() for path in figures.glob("*.png")}
    about = {"digest": bundle.digest, "created": manifest.created[:10], "rules": manifest.rules_version}
    return page(
        "audit.html.j2",
        lang=lang,
        words=words,
        title=words["title"].format(name=manifest.name),
        model=words["model"].format(name=manifest.name, **about),
        sections=sections,
        images=drawn,
        notice=NOTICE[lang],
    )


def figure(value: float, lo: float, hi: float, lang: Lang, *, sign: bool = False) -> str:
    """A value with its interval, as people write it in that language."""
    shown, *ends = (number(end, lang, 2, sign=sign) for end in (value, lo, hi))
    if isnan(lo):
        return shown
    between = "–" if not sign else " til " if lang == "nb" else " to "
    return f"{shown} ({between.join(ends)})"


def _estimate(found: Audit, key: str, lang: Lang) -> str:
    e = found.evaluation.estimates.get(key)
    return "–" if e is None else figure(e.value, e.lo, e.hi, lang)


def _hateful(found: Audit, lang: Lang) -> Table:
    words = WORDS[lang]
    rows = [
        [suite, words[asked], *(_estimate(found, f"{suite}/{part}/hateful/{metric}", lang) for part in SLICES)]
        for asked, metric in (("macro_f1", MACRO_F1.name), ("ordinary", ALARM_RATE.name))
        for suite in found.rows
        if f"{suite}/all/hateful/{metric}" in found.evaluation.estimates
    ]
    return Table(2, [words["suite"], words["measure"], *(words[part] for part in SLICES)], rows)


def _tiers(found: Audit, manifest: Manifest, lang: Lang) -> tuple[tuple[Table, ...], Table]:
    words, shown = WORDS[lang], ("macro_f1", "recall", "alarms")
    metrics = [_TIER_METRICS[metric].label(lang) for metric in shown]
    overall = Table(2, [words["suite"], words["profile"], *metrics], [])
    by_language = Table(3, [words["suite"], words["profile"], words["slice"], *metrics], [])
    for suite, profile in product(found.rows, manifest.operating_points.profiles):
        for part in SLICES:
            if f"{suite}/{part}/tier/{profile}_macro_f1" in found.evaluation.estimates:
                cells = [_estimate(found, f"{suite}/{part}/tier/{profile}_{metric}", lang) for metric in shown]
                if part == "all":
                    overall.rows.append([suite, profile, *cells])
                else:
                    by_language.rows.append([suite, profile, words[part], *cells])
    return (overall,), by_language


def _functions(found: Audit, names: Mapping[str, str], lang: Lang) -> Table:
    words = WORDS[lang]
    labels = {1.0: element_label("hateful", lang), 0.0: words["not"]}
    order = list(found.rows)
    worst = found.worst.sort_values("suite", key=lambda column: column.map(order.index), kind="stable")
    rows = []
    for (suite, function), mine in worst.groupby(["suite", "function"], sort=False):
        # Of texts that are not quoted one stands for the others.
        examples = mine if mine["text"].notna().all() else mine.head(1)
        for i, row in enumerate(examples.to_dict("records")):
            quoted = words["not_quoted"].format(id=row["id"]) if pd.isna(row["text"]) else printable(row["text"])
            about = [suite, function_label(function, names)] if i == 0 else ["", ""]
            overall = [number(row["accuracy"], lang, 2), f"{row['failures']}/{row['n']}"] if i == 0 else ["", ""]
            rows.append([*about, quoted, labels[row["label"]], number(row["p"], lang, 2), *overall])
    head = ("suite", "function", "statement", "label", "p", "accuracy", "failures")
    return Table(4, [words[name] for name in head], rows)


def _fairness(found: Audit, lang: Lang) -> tuple[tuple[Table, ...], Table]:
    words = WORDS[lang]
    head = [words[name] for name in ("suite", "about", "question", "measure", "value", "n")]
    overall, by_group = Table(4, head, []), Table(4, head, [])
    for row in found.fairness.to_dict("records"):
        signed = row["metric"] == "macro_f1_difference"
        value = figure(row["value"], row["lo"], row["hi"], lang, sign=signed)
        about, question = slice_label(row["slice"], lang), _question(row["element"], lang)
        table = by_group if row["slice"].startswith(("group_", "ground_")) else overall
        table.rows.append([row["suite"], about, question, words[row["metric"]], value, str(row["n"])])
    return (overall,), by_group


def _robustness(found: Audit, lang: Lang) -> Iterator[Table]:
    words = WORDS[lang]
    strongest = found.robustness[found.robustness["strength"] == 1].to_dict("records")
    shown = {
        (row["suite"], row["slice"], row["element"], row["metric"]): figure(
            row["value"], row["lo"], row["hi"], lang, sign=row["metric"] != "flipped"
        )
        for row in strongest
    }
    for element, metrics in _CHANGES:
        places = dict.fromkeys(key[:2] for key in shown if key[2] == element and key[3] in metrics)
        rows = [
            [suite, words[name], *(shown.get((suite, name, element, metric), "–") for metric in metrics)]
            for suite, name in places
        ]
        question = _question(element, lang)
        head = [words["suite"], words["perturbation"], *(f"{question}: {words[metric]}" for metric in metrics)]
        yield Table(2, head, rows)


def _question(element: str, lang: Lang) -> str:
    return WORDS[lang]["tier"] if element == "tier" else element_label(element, lang)


def _calibration(found: Audit, lang: Lang) -> Table:
    words = WORDS[lang]
    rows = [
        [row["suite"], str(row["rows"]), number(row["prevalence"], lang, 2)]
        + [
            f"{number(row[f'{name}_before'], lang)} → {number(row[f'{name}_after'], lang)}"
            for name in ("ece", "log_loss")
        ]
        for row in found.reliability.to_dict("records")
        if row["element"] == "hateful"
    ]
    return Table(1, [words[name] for name in ("suite", "n", "prevalence", "ece", "log_loss")], rows)


def _data(found: Audit, left_out: Mapping[str, str], lang: Lang) -> Iterator[Table]:
    words = WORDS[lang]
    rows = [[suite, str(drawn), str(of)] for suite, (drawn, of) in found.rows.items()]
    yield Table(1, [words[name] for name in ("suite", "drawn", "of")], rows)
    if left_out:
        yield Table(2, [words["left_out"], words["reason"]], [list(row) for row in left_out.items()])
