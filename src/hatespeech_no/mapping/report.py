"""The report of a mapping, in Norwegian Bokmål and English: HTML and PDF from the same parts."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from hatespeech_no.evaluation.audit_report import Table
from hatespeech_no.evaluation.pages import number, page
from hatespeech_no.mapping.cells import ALL, FEWEST_LABELS
from hatespeech_no.mapping.disclosure import SMALLEST, protect, suppressed
from hatespeech_no.mapping.figures import draw_shares
from hatespeech_no.mapping.intervals import LEVEL
from hatespeech_no.mapping.measures import measure_label
from hatespeech_no.mapping.pdf import write_pdf
from hatespeech_no.mapping.results import Mapping
from hatespeech_no.mapping.words import WORDS
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import Conduct, Ground, Lang, Tier

ESTIMATES = Path("tables") / "estimates.csv"
"""What may be shown of all estimates, in the folder of a mapping."""

_ACTIONABLE = f"tier_{Tier.ACTIONABLE}"
_LONGEST_FIGURE = 24
_LINES = {"grounds": "ground", "arenas": "arena", "months": "month"}
"""What the lines of a section are; others are measures."""


@dataclass(frozen=True)
class Section:
    """A part of the report; each table with what is said before it, and the figure by the stem of its file."""

    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()
    figure: str | None = None


@dataclass(frozen=True)
class Report:
    """What is written; ``frame`` says what was counted and how, before any figure, and the summary fits one page."""

    title: str
    frame: tuple[str, ...]
    summary: Section
    notice: str
    sections: tuple[Section, ...]


def write_report(
    found: Mapping, folder: Path, lang: Lang, *, collected: str | None = None, crimes: pd.DataFrame | None = None
) -> list[Path]:
    """Write ``report.<lang>.html`` and ``.pdf``, their figures, and the estimates that may be shown.

    Args:
        found: what was estimated.
        folder: an existing one.
        lang: of the report.
        collected: in words, where the statements are from, from when, and how they were chosen.
        crimes: see ``read_crimes``.

    Returns:
        The two files.
    """
    figures = folder / "figures"
    for part in (figures, (folder / ESTIMATES).parent):
        part.mkdir(exist_ok=True)
    shown = protect(found.estimates)
    shown.to_csv(folder / ESTIMATES, index=False)
    report = _Writer(found, shown, figures, lang).report(collected, crimes)
    drawn = {path.stem: base64.b64encode(path.read_bytes()).decode() for path in figures.glob(f"*.{lang}.png")}
    html, pdf = folder / f"report.{lang}.html", folder / f"report.{lang}.pdf"
    html.write_text(page("mapping.html.j2", "hatespeech_no.mapping", lang=lang, images=drawn, **vars(report)), "utf-8")
    write_pdf(report, figures, pdf, lang)
    return [html, pdf]


class _Writer:
    """Puts figures into words and tables."""

    def __init__(self, found: Mapping, shown: pd.DataFrame, figures: Path, lang: Lang) -> None:
        self._found, self._shown, self._figures, self._lang = found, shown, figures, lang
        self._words = WORDS[lang]

    def report(self, collected: str | None, crimes: pd.DataFrame | None) -> Report:
        words, facts = self._words, self._found.facts
        surveyed = self._found.design.columns.weight is not None
        sections = (
            self._section("grounds", [f"ground_{g}" for g in Ground]),
            self._section("arenas", ["hateful", _ACTIONABLE], "arena"),
            self._months(),
            self._tiers(),
            self._section("conducts", [f"conduct_{c}" for c in Conduct]),
            self._section("tool", ["hateful"], "flagged"),
            self._crimes(crimes),
            self._methods(),
        )
        return Report(
            title=words["title"],
            frame=(
                words["what"],
                words["collected"].format(collected=collected or words["not_stated"]),
                words["how"].format(rows=self._count(facts.rows), labels=self._count(facts.answered)),
                *([words["unanswered"].format(open=facts.open, drawn=facts.drawn)] if facts.open else []),
                *([words["surveyed"]] if surveyed else []),
            ),
            summary=Section(words["summary"], tuple(self._headlines())),
            notice=NOTICE[self._lang],
            sections=tuple(section for section in sections if section is not None),
        )

    def _headlines(self) -> list[str]:
        words, texts = self._words, []
        for key, name in (("headline", "hateful"), ("headline_actionable", _ACTIONABLE)):
            rows = self._rows([name], ALL)
            if rows.empty:  # nobody was asked
                continue
            row = rows.iloc[0]
            if pd.isna(row["share"]):
                texts.append(f"{measure_label(name, self._lang).capitalize()}: {self._share(row)}.")
                continue
            counts = {f"count_{end}": self._about(row[end] * row["rows"]) for end in ("lo", "hi")}
            texts.append(words[key].format(share=self._share(row), rows=self._count(row["rows"]), **counts))
        grounds = self._rows([f"ground_{g}" for g in Ground], ALL).sort_values("share", ascending=False)
        if len(grounds) and grounds["share"].iloc[0] > 0:
            row = grounds.iloc[0]
            ground = measure_label(row["measure"], self._lang)
            texts.append(words["headline_ground"].format(ground=ground, share=self._share(row)))
        texts += self._change_headlines()
        texts.append(words["headline_naive"].format(naive=self._percent(self._rows(["hateful"], ALL)["naive"].iloc[0])))
        drift = self._found.drift
        if drifted := [row["month"] for _, row in drift.iterrows() if row["warn"]]:
            texts.append(words["headline_drift"].format(months=", ".join(drifted)))
        return [*texts, words["not_said"]]

    def _change_headlines(self) -> list[str]:
        changes = self._shown_changes()
        if changes.empty:
            return []
        real = changes[changes["p_holm"] < 1 - LEVEL]
        if real.empty:
            least = number(100 * changes["detectable"].min(), self._lang, 1)
            return [self._words["headline_no_change"].format(detectable=least)]
        return [
            self._words["headline_change"].format(
                before=row["before"],
                month=row["month"],
                **{end: number(100 * row[end], self._lang, 1, sign=True) for end in ("change", "lo", "hi")},
            )
            for _, row in real.iterrows()
        ]

    def _section(self, key: str, names: list[str], dimension: str = ALL) -> Section | None:
        """Estimates as a table and, of the first measure or of all, as a figure: a line for each measure or cell."""
        rows = self._rows(names, dimension)
        if rows.empty:
            return None
        words, several = self._words, dimension != ALL
        first = rows[rows["measure"] == names[0]] if several else rows
        if dimension == "flagged":  # what is flagged would be all hits
            first = first.assign(naive=np.nan)
        labels = [self._label(row, dimension) for _, row in first.iterrows()]
        figure = f"{key}.{self._lang}" if dimension != "flagged" and len(first) <= _LONGEST_FIGURE else None
        if figure is not None:
            draw_shares(first, labels, self._figures / f"{figure}.png", self._lang)
        shares = [rows[rows["measure"] == name] for name in rows["measure"].unique()] if several else [rows]
        head = (
            [measure_label(table["measure"].iloc[0], self._lang) for table in shares] if several else [words["share"]]
        )
        cells = [
            [
                label,
                *(self._share(table.iloc[i]) for table in shares),
                *(self._count(first.iloc[i][name]) for name in ("rows", "labels")),
                self._percent(first.iloc[i]["naive"]),
            ]
            for i, label in enumerate(labels)
        ]
        table = Table(
            1, [words[_LINES.get(key, "measure")], *head, *(words[name] for name in ("rows", "labels", "naive"))], cells
        )
        return Section(words[key], (words[f"{key}_guide"],), (("", table),), figure)

    def _tiers(self) -> Section | None:
        section = self._section("tiers", [f"tier_{t}" for t in reversed(Tier)])
        return section and replace(section, texts=(*section.texts, self._words["tiers_tested"]))

    def _months(self) -> Section | None:
        section = self._section("months", ["hateful", _ACTIONABLE], "month")
        if section is None:
            return None
        words, changes, drifted = self._words, self._shown_changes(), self._found.drift
        rows = [
            [
                row["before"],
                row["month"],
                f"{self._points(row['change'])} ({self._points(row['lo'])} … {self._points(row['hi'])})",
                number(row["p_holm"], self._lang, 3),
                self._points(row["detectable"]).lstrip("+"),
            ]
            for _, row in changes.iterrows()
        ]
        read = [
            [
                row["month"],
                number(row["psi"], self._lang, 2),
                self._points(row["error"]),
                words["yes"] if row["warn"] else words["no"],
            ]
            for _, row in drifted.iterrows()
        ]
        tables = (
            (
                words["changes_guide"],
                Table(2, [words[n] for n in ("before", "month", "change", "p", "detectable")], rows),
            ),
            (words["drift_guide"], Table(1, [words[n] for n in ("month", "psi", "error", "warn")], read)),
        )
        shown = tuple((guide, table) for guide, table in tables if table.rows)
        return Section(section.title, section.texts, (*section.tables, *shown), section.figure)

    def _crimes(self, crimes: pd.DataFrame | None) -> Section | None:
        if crimes is None:
            return None
        words = self._words
        grid = crimes.pivot_table(index="year", columns="ground", values="count", aggfunc="sum", fill_value=0)
        hidden = pd.DataFrame(suppressed(grid.to_numpy(float)), grid.index, grid.columns)
        rows = [
            [
                str(row["year"]),
                Ground(row["ground"]).label(self._lang),
                row["source"],
                words["withheld"] if hidden.loc[row["year"], row["ground"]] else self._count(row["count"]),
            ]
            for _, row in crimes.iterrows()
        ]
        head = [words[name] for name in ("year", "ground", "source", "count")]
        return Section(words["crimes"], (words["crimes_guide"],), (("", Table(3, head, rows)),))

    def _methods(self) -> Section:
        words, design, facts = self._words, self._found.design, self._found.facts
        texts = (
            words["methods_guide"].format(fewest=FEWEST_LABELS),
            words["tiers_tested"],
            words["suppression_guide"].format(smallest=SMALLEST),
            words["provenance"].format(
                scored=design.digest,
                labels=facts.labels,
                drawn=self._count(facts.drawn),
                answered=self._count(facts.answered),
                version=facts.software,
                rules=facts.rules,
                taxonomy=facts.taxonomy,
            ),
        )
        guide = words["strata_guide"].format(seed=design.seed, expected=self._percent(design.expected))
        return Section(words["methods"], texts, ((guide, self._strata()), ("", self._compared())))

    def _strata(self) -> Table:
        words, design = self._words, self._found.design
        hidden = suppressed(np.array(design.rows, float))
        answered = np.reshape(self._found.facts.answered_by_stratum, hidden.shape)
        rows = [
            [
                arena or words["all"],
                number(([0.0, *design.edges])[h], self._lang, 2),
                *(
                    [words["withheld"]] * 3
                    if hidden[a, h]
                    else map(self._count, (n, design.labels[a][h], answered[a, h]))
                ),
            ]
            for a, arena in enumerate(design.arenas)
            for h, n in enumerate(design.rows[a])
        ]
        return Table(2, [words[name] for name in ("arena", "score_from", "rows", "drawn", "labels")], rows)

    def _compared(self) -> Table:
        """Every measure of all rows by every estimator."""
        kinds = [kind for kind in ("weighted", "adjusted") if kind in self._shown]
        rows = [
            [
                measure_label(row["measure"], self._lang),
                self._share(row),
                *(self._share(row, kind) for kind in kinds),
                self._percent(row["naive"]),
            ]
            for _, row in self._shown[self._shown["dimension"] == ALL].iterrows()
        ]
        return Table(1, [self._words[name] for name in ("measure", "share", *kinds, "naive")], rows)

    def _rows(self, names: list[str], dimension: str) -> pd.DataFrame:
        mine = self._shown[self._shown["measure"].isin(names) & (self._shown["dimension"] == dimension)]
        order = {name: i for i, name in enumerate(names)}
        return mine.sort_values("measure", key=lambda column: column.map(order), kind="stable")

    def _shown_changes(self) -> pd.DataFrame:
        """Changes of ``hateful`` between months that are not withheld."""
        months = self._rows(["hateful"], "month")
        kept = months["cell"][~months["withheld"]]
        changes = self._found.trends
        return changes[(changes["measure"] == "hateful") & changes["before"].isin(kept) & changes["month"].isin(kept)]

    def _label(self, row: pd.Series, dimension: str) -> str:
        if dimension == ALL:
            return measure_label(row["measure"], self._lang)
        return self._words[row["cell"]] if dimension == "flagged" else row["cell"]

    def _share(self, row: pd.Series, kind: str = "") -> str:
        """An estimate with its interval, or why there is none."""
        if row["withheld"]:
            return self._words["withheld"]
        value, lo, hi = (row[name] for name in (kind or "share", f"{kind}_lo".lstrip("_"), f"{kind}_hi".lstrip("_")))
        if pd.isna(value):
            return "–" if kind == "adjusted" else self._words["not_estimable"]
        digits = self._digits(hi)
        between = "–".join(number(100 * end, self._lang, digits) for end in (lo, hi))
        return f"{number(100 * value, self._lang, digits)} % ({between})"

    def _percent(self, share: float) -> str:
        return "–" if pd.isna(share) else f"{number(100 * share, self._lang, self._digits(share))} %"

    def _digits(self, share: float) -> int:
        return 1 if share >= 0.01 else 2

    def _points(self, change: float) -> str:
        return "–" if pd.isna(change) else number(100 * change, self._lang, 1, sign=True)

    def _about(self, n: float) -> str:
        """A number of two digits and zeros."""
        return self._count(float(f"{n:.2g}"))

    def _count(self, n: float) -> str:
        return "–" if pd.isna(n) else f"{int(n):,}".replace(",", "\u00a0" if self._lang == "nb" else ",")
