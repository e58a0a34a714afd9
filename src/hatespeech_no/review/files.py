"""A desk of files: a folder for each reader, a table for each queue, to be filled in with any spreadsheet program."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.desk import Answer, Item, Question, Round
from hatespeech_no.review.questions import questions
from hatespeech_no.review.sheet import write_sheet
from hatespeech_no.tables import open_table, open_writer
from hatespeech_no.taxonomy import Lang

FORMATS = (".xlsx", ".csv", ".jsonl")

_NAME = re.compile(r"\[(\w+)\]\s*$")
_SEPARATORS = re.compile(r"[|;\n]")
_MARK = "id-"
"""Before an id, so that no spreadsheet takes it for a number: 12345678e9012345."""

_FIELDS = {
    "id": ("id", "id"),
    "text": ("tekst", "text"),
    "thread": ("svarer på", "answers"),
    "notes": ("merknader", "notes"),
    "reason": ("begrunnelse", "reason"),
    "reader": ("leser", "reader"),
    "round": ("runde", "round"),
}
_GUIDE = {
    "nb": (
        "Svaralternativer. Skriv nummeret, navnet eller koden. Flere svar skilles med semikolon der det står (flere).\n"
        "Alle spørsmål må besvares. Ikke endre teksten, og la id, leser og runde stå. Lagre filen under samme navn.\n"
    ),
    "en": (
        "Options. Write the number, the name or the code. Where it says (several), separate answers by semicolons.\n"
        "Every question needs an answer. Leave the text, id, reader and round as they are. Save under the same name.\n"
    ),
}
_GUIDE_NAME = ("alternativer.txt", "options.txt")
_Row = dict[str, str]


@dataclass(frozen=True)
class FileDesk:
    """Queues as files: ``<folder>/<reader>/<queue>.xlsx``. Who owns a reader's folder is taken for that reader.

    Attributes:
        folder: of all readers; give each access to their own folder alone.
        key: of digests, see ``text.keyed``.
        lang: of headers.
        suffix: one of ``FORMATS``.
    """

    folder: Path
    key: bytes
    lang: Lang = "en"
    suffix: str = ".xlsx"

    def push(
        self,
        queue: str,
        reader: str,
        round: Round,
        items: Sequence[Item],
        questions: Sequence[Question],
        progress: Callable[[int], None] = lambda done: None,
    ) -> int:
        """See ``Desk``; a file that holds an answer is never written over."""
        path = self.folder / reader / f"{queue}{self.suffix}"
        wanted = {item.id: item.shown(self.key) for item in items}
        rows = _read(path) if path.is_file() else []
        if self._stored(rows, wanted) < len(items) and not any(_is_answered(row) for row in rows):
            self._write(path, [_filled(item, reader, round) for item in items], questions)
            rows = _read(path)
        progress(len(items))
        return self._stored(rows, wanted)

    def pull(self) -> Iterator[Answer]:
        """See ``Desk``; rows that nobody has touched are no answers."""
        codes = _codes()
        for path in self._files():
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
            for row in filter(_is_answered, _read(path)):
                values = {name: _chosen(row[name], codes[name]) for name in codes if row.get(name)}
                yield Answer(
                    item=row.get("id", ""),
                    reader=row.get("reader", ""),
                    completed_by=path.parent.name,
                    round=row.get("round", ""),
                    values=values,
                    reason=row.get("reason") or None,
                    at=at,
                    shown=_item(row).shown(self.key),
                )

    def erase(self, items: Collection[str]) -> None:
        """See ``Desk``; the rows of these items go, and files that have no other."""
        for path in self._files():
            rows = _read(path)
            kept = [row for row in rows if row.get("id") not in items]
            if not kept:
                path.unlink()
            elif len(kept) < len(rows):
                self._write(path, kept, questions(self.lang))

    def _files(self) -> list[Path]:
        return sorted(p for p in self.folder.glob("*/*") if p.suffix in FORMATS and not p.name.startswith((".", "~")))

    def _stored(self, rows: Sequence[_Row], wanted: Mapping[str, str]) -> int:
        return len({row["id"] for row in rows if wanted.get(row.get("id", "")) == _item(row).shown(self.key)})

    def _write(self, path: Path, rows: Sequence[_Row], asked: Sequence[Question]) -> None:
        n = 0 if self.lang == "nb" else 1
        names = ["id", "text", "thread", "notes", *(question.name for question in asked), "reason", "reader", "round"]
        titles = {name: both[n] for name, both in _FIELDS.items()} | {q.name: q.title for q in asked}
        headers = {name: f"{titles[name]} [{name}]" for name in names}
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (path.parent / _GUIDE_NAME[n]).write_text(_guide(asked, self.lang), "utf-8")
        except OSError as error:
            raise HatespeechError(f"{path.parent}: cannot be written ({error.strerror})") from error
        marked = [row | {"id": f"{_MARK}{row.get('id', '')}"} for row in rows]
        if path.suffix == ".xlsx":
            write_sheet(path, headers, marked, asked)
            return
        with open_writer(path, list(headers.values())) as write:
            for row in marked:
                write({headers[name]: row.get(name) or None for name in names})


def _guide(asked: Sequence[Question], lang: Lang) -> str:
    several = " (flere)" if lang == "nb" else " (several)"
    parts = [_GUIDE[lang]]
    for question in asked:
        options = (f"  {i} = {label} [{name}]" for i, (name, label) in enumerate(question.options.items(), 1))
        parts.append("\n".join([f"{question.title}{several if question.several else ''}", *options, ""]))
    return "\n".join(parts)


def _codes() -> dict[str, dict[str, str]]:
    """For each question the option by what a reader may write for it."""
    codes: dict[str, dict[str, str]] = {}
    for lang in ("nb", "en"):
        for question in questions(lang):
            for i, (option, label) in enumerate(question.options.items(), 1):
                codes.setdefault(question.name, {}).update({label.casefold(): option, str(i): option, option: option})
    return codes


def _chosen(cell: str, codes: Mapping[str, str]) -> tuple[str, ...]:
    """The options of a cell; what is no option stays as it was written, and fails the check."""
    parts = [part.strip() for part in _SEPARATORS.split(cell) if part.strip()]
    return tuple(dict.fromkeys(codes.get(part.casefold(), part) for part in parts))


def _filled(item: Item, reader: str, round_: str) -> _Row:
    texts = {"id": item.id, "text": item.text, "thread": item.thread or "", "notes": item.notes or ""}
    return texts | {"reader": reader, "round": round_}


def _item(row: Mapping[str, str]) -> Item:
    return Item(row.get("id", ""), row.get("text", ""), row.get("thread") or None, row.get("notes") or None)


def _is_answered(row: Mapping[str, str]) -> bool:
    return any(row.get(question.name) for question in questions())


def _read(path: Path) -> list[_Row]:
    """The rows by our names of the columns; what CSV defuses is restored."""
    with open_table(path, text_column="id [id]") as table:
        rows = [{_column(name): _text(value) for name, value in cells.items()} for _, cells in table.restored_rows()]
    return [row | {"id": row.get("id", "").removeprefix(_MARK)} for row in rows]


def _column(header: str) -> str:
    name = _NAME.search(header)
    return name.group(1) if name else header.strip()


def _text(value: Any) -> str:  # noqa: ANN401 - a cell has any type
    return "" if value is None else str(value).strip()
