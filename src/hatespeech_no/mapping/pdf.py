"""The report as a PDF: pure Python, with the letters that matplotlib carries, so that nothing has to be installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hatespeech_no.errors import require
from hatespeech_no.taxonomy import Lang

if TYPE_CHECKING:
    from fpdf import FPDF

    from hatespeech_no.evaluation.audit_report import Table
    from hatespeech_no.mapping.report import Report

_FONT, _LINE = "DejaVu", 5.4


def write_pdf(report: Report, figures: Path, path: Path, lang: Lang) -> None:
    """Write a report on A4 pages, the summary alone on the first.

    Args:
        report: its parts.
        figures: folder of those that it names.
        path: of the PDF file.
        lang: of the report.
    """
    pdf = _paper(report.title, lang)
    pdf.add_page()
    _heading(pdf, report.title, 18)
    for text in report.frame:
        _paragraph(pdf, text)
    _heading(pdf, report.summary.title, 14)
    for text in report.summary.texts:
        _paragraph(pdf, f"•  {text}")
    pdf.set_font(style="B")
    _paragraph(pdf, report.notice)
    pdf.set_font(style="")
    pdf.add_page()
    for section in report.sections:
        image = figures / f"{section.figure}.png"
        _heading(pdf, section.title, 14, room=40 if section.figure is None else 40 + _height(image, pdf.epw))
        for text in section.texts:
            _paragraph(pdf, text)
        if section.figure:
            pdf.image(str(image), w=pdf.epw, alt_text=section.title)
            pdf.ln(3)
        for guide, table in section.tables:
            if guide:
                _paragraph(pdf, guide)
            _table(pdf, table)
    pdf.output(str(path))


def _paper(title: str, lang: Lang) -> FPDF:
    fpdf, matplotlib = require("fpdf", "mapping"), require("matplotlib", "mapping")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    pdf: FPDF = fpdf.FPDF()
    for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
        pdf.add_font(_FONT, style, str(fonts / f"{name}.ttf"))
    pdf.set_font(_FONT, size=10)
    pdf.set_title(title)
    pdf.set_lang(lang)
    pdf.set_auto_page_break(auto=True, margin=18)
    return pdf


def _heading(pdf: FPDF, text: str, size: int, room: float = 0) -> None:
    if pdf.will_page_break(room):  # a heading does not stand alone at the foot of a page
        pdf.add_page()
    pdf.set_font(style="B", size=size)
    pdf.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.ln(2)
    pdf.set_font(style="", size=10)


def _paragraph(pdf: FPDF, text: str) -> None:
    pdf.multi_cell(0, _LINE, text, new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.ln(1.8)


def _height(image: Path, width: float) -> float:
    from PIL import Image  # comes with fpdf2

    with Image.open(image) as opened:
        return width * opened.height / opened.width


def _table(pdf: FPDF, shown: Table) -> None:
    pdf.set_font(size=7.5)
    align = ["LEFT"] * shown.texts + ["RIGHT"] * (len(shown.head) - shown.texts)
    with pdf.table(
        col_widths=_widths(shown), text_align=align, borders_layout="HORIZONTAL_LINES", line_height=4.2, padding=0.6
    ) as table:
        for cells in (shown.head, *shown.rows):
            table.row(cells)
    pdf.ln(3)
    pdf.set_font(size=10)


def _widths(shown: Table) -> Sequence[int]:
    """In proportion to the longest cells and words of the head, so that figures stay on one line."""
    columns = zip(shown.head, *shown.rows, strict=True)
    return [max(*(len(word) + 2 for word in head.split()), *map(len, cells)) + 3 for head, *cells in columns]
