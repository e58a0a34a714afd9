from __future__ import annotations

import csv
import gzip
import io
import json
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables import Problem, Rejected, open_table, open_writer
from hatespeech_no.tables.rejected import LONGEST_TEXT, problem_with, problem_with_text
from hatespeech_no.tables.writers import defuse

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def read(path: Path, **options: Any) -> tuple[list[tuple[int, dict[str, Any]]], list[Rejected]]:
    with open_table(path, **options) as table:
        records = list(table.records)
    return [r for r in records if not isinstance(r, Rejected)], [r for r in records if isinstance(r, Rejected)]


def texts(path: Path, **options: Any) -> list[str]:
    rows, rejected = read(path, **options)
    assert not rejected
    return [row["text"] for _, row in rows]


# Round trips: what is written in any dialect is read back.


@QUICK
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_of_any_dialect(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, encoding: str, newline: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "text"), *rows])
    path = tmp_path / "in.csv"
    path.write_bytes(stream.getvalue().encode(encoding))
    found, rejected = read(path)
    assert not rejected
    assert [(row["id"], row["text"]) for _, row in found] == rows
    assert [number for number, _ in found] == list(range(1, len(rows) + 1))


@QUICK
@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=5))
@example(["=1+1", "'=x", "@kari hei", "-5", "\t", "🙂", "\u202eabc"])
def test_every_format_that_is_written_is_read_again(tmp_path: Path, values: list[str]) -> None:
    for name in ("o.csv", "o.csv.gz", "o.jsonl", "o.jsonl.zst", "o.parquet", "o.xlsx"):
        with open_writer(tmp_path / name, ["n", "text"]) as write:
            for n, value in enumerate(values):
                assert write({"n": n, "text": value}) is None
        expected = [defuse(v) for v in values] if ".csv" in name else values
        if name.endswith("xlsx"):  # XML knows neither most control characters nor different line ends
            continue
        assert texts(tmp_path / name) == expected


def test_excel_keeps_texts_numbers_and_line_breaks(tmp_path: Path) -> None:
    values = ["=1+1", "+47 22 00 00 00", "@kari", "to\nlinjer", "blåbær 🫐", "<script>alert(1)</script>", "00123"]
    with open_writer(tmp_path / "o.xlsx", None) as write:
        for n, value in enumerate(values):
            write({"n": n, "text": value, "p": 0.25, "missing": None})
    rows, _ = read(tmp_path / "o.xlsx")
    assert [row["text"] for _, row in rows] == values
    assert rows[3][1] == {"n": "3", "text": "to\nlinjer", "p": "0.25", "missing": ""}
    with zipfile.ZipFile(tmp_path / "o.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet, "nothing became a formula"


# Any bytes at all: rows, rejected rows or one clear message; never another error.


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text('a"\n\r,;\t\0æ{}[]:1', max_size=60).map(str.encode),
        st.text('a"\n,;æø', max_size=60).map(lambda t: t.encode("cp1252")),
    ),
    name=st.sampled_from(
        ["in.csv", "in.tsv", "in.jsonl", "in.txt", "in.parquet", "in.xlsx", "in.csv.gz", "in.csv.zst"]
    ),
)
@example(content=b"{" * 2000, name="in.jsonl")
@example(content=b"[" * 100_000, name="in.jsonl")
@example(content=b'"' * 5000, name="in.csv")
def test_any_bytes(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        with open_table(path) as table:
            for record in table.records:
                assert isinstance(record, Rejected) or isinstance(record[1], dict)
    except HatespeechError as error:
        assert str(path) in str(error)


# Encodings and delimiters as they come.


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encoding_and_delimiter_are_detected_and_said(tmp_path: Path, delimiter: str, encoding: str) -> None:
    lines = [delimiter.join(cells) for cells in (("id", "text"), ("1", '"Blåbær, rømme; «ja»"'), ("2", "Øl"))]
    (tmp_path / "in.csv").write_bytes("\r\n".join(lines).encode(encoding))
    with open_table(tmp_path / "in.csv") as table:
        assert [r[1]["text"] for r in table.records if not isinstance(r, Rejected)] == ["Blåbær, rømme; «ja»", "Øl"]
        assert (table.encoding, table.delimiter) == (encoding, delimiter)


def test_damaged_lines_in_utf8_are_rejected_and_not_misread(tmp_path: Path) -> None:
    good = "".join(f"{i},blåbær\n" for i in range(50)).encode()
    (tmp_path / "in.csv").write_bytes(b"id,text\n" + good + b"50,bl\xe5b\xe6r\n")
    with open_table(tmp_path / "in.csv") as table:
        assert table.encoding == "utf-8"
        *rest, last = [r[1]["text"] for r in table.records if not isinstance(r, Rejected)]
    assert set(rest) == {"blåbær"}
    assert problem_with_text(last) is Problem.BAD_BYTES


def test_utf16_without_a_mark_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("id,text\n1,hei\n".encode("utf-16-le"))
    with pytest.raises(HatespeechError, match="UTF-16 without a byte order mark"):
        read(tmp_path / "in.csv")


def test_a_header_without_delimiter_and_texts_full_of_commas(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nja, nei, kanskje\nja, da\n", "utf-8")
    assert texts(tmp_path / "in.csv") == ["ja, nei, kanskje", "ja, da"]


# Bad rows among good ones.


def test_an_open_quotation_mark_costs_one_row(tmp_path: Path) -> None:
    lines = ["id,text", "1,hei", '2,"åpent', *(f"{i},rad {i}" for i in range(3, 900)), '900,"lukket, igjen"']
    (tmp_path / "in.csv").write_text("\n".join(lines), "utf-8")
    rows, rejected = read(tmp_path / "in.csv")
    assert [(r.row, r.problem) for r in rejected] == [(2, Problem.QUOTE)]
    assert [number for number, _ in rows] == [1, *range(3, 901)]
    assert rows[-1][1]["text"] == "lukket, igjen"


def test_an_open_quotation_mark_that_a_later_one_closes(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('id,text,x\n1,"åpent,a\n2,hei,b\n3,ha",c,d\n4,hei,e\n', "utf-8")
    rows, rejected = read(tmp_path / "in.csv")
    assert [row["id"] for _, row in rows] == ["2", "4"]
    assert [(r.row, r.problem) for r in rejected] == [(1, Problem.QUOTE), (3, Problem.FIELDS)]


def test_ten_thousand_malformed_rows_among_good_ones(tmp_path: Path) -> None:
    lines = ["id;text"]
    for i in range(10_000):
        lines += [f"{i};god rad", ("for;mange;felt", "for få", '1;"åpent', '2;"a"b')[i % 4]]
    (tmp_path / "in.csv").write_text("\n".join(lines), "utf-8")
    rows, rejected = read(tmp_path / "in.csv")
    assert [row["id"] for _, row in rows] == [str(i) for i in range(10_000)]
    assert len(rejected) == 10_000
    assert {r.problem for r in rejected} == {Problem.FIELDS, Problem.QUOTE}


def test_a_line_of_megabytes_is_one_rejected_row(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"id,text\n1,{'a' * 5_000_000}\n2,hei\n", "utf-8")
    rows, rejected = read(tmp_path / "in.csv")
    assert [(r.row, r.problem) for r in rejected] == [(1, Problem.TOO_LONG)]
    assert rows == [(2, {"id": "2", "text": "hei"})]
    # Also where the cut would leave the right number of fields, each short enough.
    cells = ",".join(["a" * 90_000] * 13)
    (tmp_path / "wide.csv").write_text(",".join(f"c{i}" for i in range(13)) + f"\n{cells}\n", "utf-8")
    assert [r.problem for r in read(tmp_path / "wide.csv")[1]] == [Problem.TOO_LONG]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hei", None),
        ("🙂🙂🙂", None),
        ("\u202eמרחב\u200b", None),
        ("a\0b", Problem.NUL),
        ("a\ud800", Problem.BAD_BYTES),
        ("a" * LONGEST_TEXT, None),
        ("a" * (LONGEST_TEXT + 1), Problem.TOO_LONG),
    ],
)
def test_what_makes_a_text_unusable(text: str, problem: Problem | None) -> None:
    assert problem_with_text(text) is problem


def test_problems_are_explained_in_both_languages() -> None:
    rejected = Rejected(7, Problem.NUL, "text")
    assert rejected.explain("en") == "row 7, field 'text': holds a NUL character"
    assert rejected.explain("nb") == "rad 7, felt 'text': inneholder et NUL-tegn"


# Compressed input, within limits.


def test_gzip_and_zstd_also_in_several_frames(tmp_path: Path) -> None:
    first, second = b"text\nhei\n", "på deg\n".encode()
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(first) + gzip.compress(second))
    zstd = pa.Codec("zstd")
    (tmp_path / "in.csv.zst").write_bytes(zstd.compress(first, asbytes=True) + zstd.compress(second, asbytes=True))
    assert texts(tmp_path / "in.csv.gz") == texts(tmp_path / "in.csv.zst") == ["hei", "på deg"]


def test_windows_1252_inside_an_archive(tmp_path: Path) -> None:
    lines = ["id;text", *(f"{i};blåbær" for i in range(500))]
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress("\r\n".join(lines).encode("cp1252")))
    with open_table(tmp_path / "in.csv.gz") as table:
        assert (table.encoding, table.delimiter) == ("cp1252", ";")
        assert {r[1]["text"] for r in table.records if not isinstance(r, Rejected)} == {"blåbær"}


def test_a_cut_off_archive_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(("text\n" + "\n".join(f"rad {i}" for i in range(5000))).encode())
    (tmp_path / "in.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HatespeechError, match=r"in\.csv\.gz: is damaged or was cut off"):
        read(tmp_path / "in.csv.gz")


def test_archives_that_unpack_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hatespeech_no.tables.source.ALWAYS_ALLOWED", 2**20)
    (tmp_path / "in.txt.gz").write_bytes(gzip.compress(b"aaaa\n" * 2_000_000))
    with pytest.raises(HatespeechError, match="unpacks to over 200 times its size"):
        read(tmp_path / "in.txt.gz")
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * 10_000_000)
    with pytest.raises(HatespeechError, match="unpacks to over 200 times its size"):
        read(tmp_path / "in.xlsx")


# Other formats.


def test_plain_text_is_a_comment_per_line(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("første, med komma\n\n«andre»\n", "utf-8")
    assert read(tmp_path / "in.txt", text_column="t")[0] == [(1, {"t": "første, med komma"}), (2, {"t": "«andre»"})]


def test_json_lines_go_on_after_a_bad_line(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\nikke json\n\n[1]\n{"text": "b", "n": {"x": [1]}}\n', "utf-8")
    rows, rejected = read(tmp_path / "in.jsonl")
    assert rows == [(1, {"text": "a"}), (4, {"text": "b", "n": {"x": [1]}})]
    assert [(r.row, r.problem) for r in rejected] == [(2, Problem.NOT_JSON), (3, Problem.NOT_JSON)]


def test_parquet_and_mixed_cells_of_a_sheet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", None], "n": [1, 2]}), tmp_path / "in.parquet")
    assert read(tmp_path / "in.parquet")[0] == [(1, {"text": "a", "n": 1}), (2, {"text": None, "n": 2})]
    book = xlsxwriter.Workbook(str(tmp_path / "in.xlsx"))
    sheet = book.add_worksheet()
    for row, cells in enumerate([["id", "text", ""], [1, "hei", "x"], [], [2.5, 3, ""], [True, "", ""]]):
        sheet.write_row(row, 0, cells)
    book.close()
    assert [row for _, row in read(tmp_path / "in.xlsx")[0]] == [
        {"id": "1", "text": "hei", "column 3": "x"},
        {"id": "2.5", "text": "3", "column 3": ""},
        {"id": "True", "text": "", "column 3": ""},
    ]


def test_names_that_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "in.docx").write_text("x")
    with pytest.raises(HatespeechError, match=r"cannot tell the format; use a name ending in \.csv"):
        read(tmp_path / "in.docx")
    assert texts(tmp_path / "in.docx", file_format="text") == ["x"]
    with pytest.raises(HatespeechError, match="cannot tell the format to write"), open_writer(tmp_path / "o.pdf", None):
        pass


# What is written harms nobody who opens it.


@pytest.mark.parametrize("text", ["=cmd()", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "'=1"])
def test_formulas_are_defused(text: str) -> None:
    assert defuse(text) == f"'{text}"


@pytest.mark.parametrize("text", ["hei", "-5", "+47", "3,5", "1e5", "", "«=»", "' hei"])
def test_what_is_no_formula_stays(text: str) -> None:
    assert defuse(text) == text


def test_rows_that_do_not_fit_are_refused_and_the_rest_is_written(tmp_path: Path) -> None:
    with open_writer(tmp_path / "o.xlsx", None) as write:
        assert write({"text": "a" * 40_000}) == (Problem.TOO_LONG_FOR_CELL, "text")
        assert write({"text": "hei"}) is None
        assert write({"text": "hei", "mer": 1}) == (Problem.EXTRA_FIELD, "mer")
    assert texts(tmp_path / "o.xlsx") == ["hei"]


def test_more_rows_than_a_sheet_holds_go_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hatespeech_no.tables.writers._SHEET_ROWS", 3)
    with open_writer(tmp_path / "o.xlsx", None) as write:
        for i in range(5):
            write({"text": str(i)})
    assert texts(tmp_path / "o.xlsx") == ["0", "1"]
    assert texts(tmp_path / "o.xlsx", sheet="Sheet3") == ["4"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("old")
    with pytest.raises(RuntimeError), open_writer(tmp_path / "o.csv", ["text"]) as write:
        write({"text": "new"})
        raise RuntimeError
    assert (tmp_path / "o.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["o.csv"]


def test_an_empty_table_has_its_header(tmp_path: Path) -> None:
    for name in ("o.csv", "o.jsonl", "o.xlsx", "o.parquet"):
        with open_writer(tmp_path / name, ["text"]):
            pass
    assert (tmp_path / "o.csv").read_text() == "text\n"
    assert read(tmp_path / "o.parquet") == ([], [])
    assert json.loads(f"[{(tmp_path / 'o.jsonl').read_text()}]") == []


# What a review broke.


def test_a_long_comment_of_many_lines_is_one_row(tmp_path: Path) -> None:
    comment = "\n".join(f"linje {i}, mer" for i in range(3000))
    with open_writer(tmp_path / "in.csv", None) as write:
        write({"id": "1", "text": comment})
        write({"id": "2", "text": "hei"})
    assert texts(tmp_path / "in.csv") == [comment, "hei"]


def test_an_empty_value_in_quotes_is_a_row_and_a_broken_header_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('text\n""\n  \nhei\n', "utf-8")
    assert texts(tmp_path / "in.csv") == ["", "hei"]
    (tmp_path / "in.csv").write_text('"a"b,c\ntext,x\n', "utf-8")
    with pytest.raises(HatespeechError, match="the first line must name the columns; a quotation mark"):
        read(tmp_path / "in.csv")


def test_a_byte_order_mark_and_a_few_utf8_lines_settle_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("id,text\n1,ja\n".encode("utf-8-sig") + b"2,bl\xe5\n")
    with open_table(tmp_path / "in.csv") as table:
        assert (table.encoding, table.columns) == ("utf-8-sig", ["id", "text"])
    (tmp_path / "in.csv").write_bytes("id,text\n1,blåbær\n".encode() + b"2,\xf8l\n")
    assert texts(tmp_path / "in.csv")[0] == "blåbær"
    (tmp_path / "in.csv").write_bytes("text\nhei\n".encode("utf-16") + b"\x41")
    assert texts(tmp_path / "in.csv")[0] == "hei"


def test_pipes_are_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n'))
    writer.start()
    assert texts(tmp_path / "pipe.jsonl") == ["a", "b"]
    writer.join()


def test_parquet_keeps_types_and_refuses_what_would_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hatespeech_no.tables.writers._PARQUET_ROWS", 2)
    with open_writer(tmp_path / "o.parquet", None) as write:
        results = [write(row) for row in ({"m": 1}, {"m": 2}, {"m": 1.5}, {"m": None}, {"m": 2**63}, {"m": {"x": 1}})]
    refused = (Problem.OTHER_TYPE, "m")
    assert results == [None, None, refused, None, refused, refused]
    table = pa.table({"text": ["a"] * 5, "n": pa.array([None] * 4 + [7], pa.int64()), "m": [{"k": [1]}] * 5})
    pq.write_table(table, tmp_path / "in.parquet")
    target = tmp_path / "o.parquet"
    with open_table(tmp_path / "in.parquet") as source, open_writer(target, source.columns, source.types) as write:
        for record in source.records:
            assert not isinstance(record, Rejected)
            assert write(record[1]) is None
    assert pq.read_table(tmp_path / "o.parquet").equals(table)


def test_excel_rounds_nothing_and_takes_no_infinity(tmp_path: Path) -> None:
    with open_writer(tmp_path / "o.xlsx", None) as write:
        write({"text": "a", "n": 1234567890123456789, "p": float("nan")})
    assert read(tmp_path / "o.xlsx")[0] == [(1, {"text": "a", "n": "1234567890123456789", "p": ""})]
    with (
        pytest.raises(HatespeechError, match="more than a sheet holds"),
        open_writer(tmp_path / "w.xlsx", None) as write,
    ):
        write({str(i): i for i in range(16_385)})
    with open_writer(tmp_path / "o.jsonl", None) as write:
        write({"text": "a", "p": float("nan"), "more": [float("inf")]})
    assert json.loads((tmp_path / "o.jsonl").read_text()) == {"text": "a", "p": None, "more": [None]}


def test_a_sheet_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "in.xlsx"))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "text")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    with pytest.raises(HatespeechError, match="a sheet reaches to row 1048576, column 16384"):
        read(tmp_path / "in.xlsx")


def test_other_sheets_are_told_and_blank_rows_above_the_header_are_passed_over(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "in.xlsx"))
    first, _ = book.add_worksheet("A"), book.add_worksheet("B")
    first.write(2, 0, "text")
    first.write(3, 0, "hei")
    book.close()
    with open_table(tmp_path / "in.xlsx") as table:
        assert table.unread_sheets == ["B"]
        assert [record[1] for record in table.records if not isinstance(record, Rejected)] == [{"text": "hei"}]


def test_damaged_containers_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["hei" * 50] * 3000}), tmp_path / "in.parquet")
    damaged = bytearray((tmp_path / "in.parquet").read_bytes())
    damaged[20:60] = bytes(40)
    (tmp_path / "in.parquet").write_bytes(damaged)
    with pytest.raises(HatespeechError, match=r"in\.parquet: "):
        read(tmp_path / "in.parquet")
    with open_writer(tmp_path / "in.xlsx", None) as write:
        write({"text": "hei"})
    (tmp_path / "in.xlsx").write_bytes((tmp_path / "in.xlsx").read_bytes().replace(b"PK\x01\x02", b"PK\x01\x03", 1))
    with pytest.raises(HatespeechError, match=r"in\.xlsx: is damaged"):
        read(tmp_path / "in.xlsx")


def test_nested_values_are_looked_into() -> None:
    assert problem_with({"text": "hei", "meta": {"navn": ["\ud83d"]}}) == (Problem.BAD_BYTES, "meta")
    assert problem_with({"\ud83d": 1}) == (Problem.BAD_BYTES, "\ud83d")
    assert problem_with({"text": "hei", "meta": {"navn": ["ø"]}, "n": 1}) is None
