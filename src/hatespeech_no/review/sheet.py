"""A queue as a workbook to be read and filled in: wrapped texts, a list to choose from where one answer is wanted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.desk import Question

_WIDTHS = {"id": 8, "text": 60, "thread": 40, "notes": 40, "reason": 40}
_WIDTH = 22


def write_sheet(
    path: Path, headers: Mapping[str, str], rows: Sequence[Mapping[str, str]], asked: Sequence[Question]
) -> None:
    """Write a workbook; it appears whole or not at all.

    Args:
        path: of the workbook.
        headers: header by name of the column, in order.
        rows: cells by name of the column.
        asked: questions, whose options stand on a second sheet.

    Raises:
        HatespeechError: it cannot be written.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import XlsxWriterException
    from xlsxwriter.utility import xl_col_to_name

    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        book = xlsxwriter.Workbook(str(temporary))
        cell = book.add_format({"text_wrap": True, "valign": "top"})
        bold = book.add_format({"text_wrap": True, "valign": "top", "bold": True})
        sheet, options = book.add_worksheet("1"), book.add_worksheet("2")
        for column, (name, header) in enumerate(headers.items()):
            sheet.set_column(column, column, _WIDTHS.get(name, _WIDTH), cell)
            sheet.write_string(0, column, header, bold)
            for number, row in enumerate(rows, 1):
                if row.get(name):
                    sheet.write_string(number, column, row[name], cell)
        columns = list(headers)
        for place, question in enumerate(asked):
            options.set_column(place, place, 2 * _WIDTH, cell)
            options.write_column(0, place, [question.title, *question.options.values()], cell)
            if not question.several:
                letter = xl_col_to_name(place, col_abs=True)
                source = f"='2'!{letter}$2:{letter}${1 + len(question.options)}"
                column = columns.index(question.name)
                # A number or a code does as well: a list that is not kept to warns and no more.
                choice = {"validate": "list", "source": source, "error_type": "warning"}
                sheet.data_validation(1, column, len(rows), column, choice)
        sheet.freeze_panes(1, 2)
        book.close()
        temporary.replace(path)
    except (OSError, XlsxWriterException) as error:
        raise HatespeechError(f"{path}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)
