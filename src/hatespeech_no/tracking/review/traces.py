"""What a reader sees, as a trace: the text as a message of its own, nothing of any model."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import asdict
from typing import Any

from hatespeech_no.review.desk import Item
from hatespeech_no.tracking.store import mlflow_module

_ITEM = "item"
# The page shows messages as Markdown: unescaped, a text could load pictures from elsewhere, or be shown otherwise than
# it was written. Full stops after words are left alone, for the sake of the list of items, which shows the escapes.
_SYNTAX = re.compile(r"[\\`*_\[\]{}<>#|~$&^]|^[-+=]|(?<=\d)[.)](?=\s|$)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NOTHING: dict[str, Any] = {"choices": []}


def trace_id(reader: str, round: str, item: str) -> str:
    """The id of a reader's copy of an item: the same at every push, so that none is stored twice."""
    return f"tr-{hashlib.sha256(f'{reader}/{round}/{item}'.encode()).hexdigest()[:32]}"


def span(trace: str, item: Item) -> Any:  # noqa: ANN401 - MLflow is untyped
    """The only span of a trace; writing it makes the trace."""
    number = bytes.fromhex(trace.removeprefix("tr-"))
    now = time.time_ns()
    values: dict[str, Any] = {"mlflow.traceRequestId": trace, "mlflow.spanInputs": _request(item), _ITEM: asdict(item)}
    if item.notes is not None:
        values["mlflow.spanOutputs"] = _response(item.notes)
    return mlflow_module().entities.Span.from_dict({
        "name": item.id,
        "trace_id": base64.b64encode(number).decode(),
        "span_id": base64.b64encode(number[:8]).decode(),
        "parent_span_id": None,
        "start_time_unix_nano": now,
        "end_time_unix_nano": now,
        "status": {"code": "STATUS_CODE_OK"},
        "attributes": {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()},
    })  # fmt: skip


def item_of(trace: Any) -> tuple[Item, bool]:  # noqa: ANN401 - MLflow is untyped
    """The item of a trace, and whether the page still shows it.

    Readers can write traces of their own; one that holds no item comes as an item without id.
    """
    root = trace.data.spans[0]
    try:
        item = Item(**root.get_attribute(_ITEM))
        messages = [*root.inputs["messages"], *(choice["message"] for choice in (root.outputs or _NOTHING)["choices"])]
        page = _spaced(" ".join(_ESCAPED.sub(r"\1", message["content"]) for message in messages))
        shown = all(_spaced(part) in page for part in (item.text, item.thread or "", item.notes or ""))
    except (TypeError, KeyError, AttributeError):
        return Item("", ""), False
    return item, shown and len(trace.data.spans) == 1


def as_markdown(text: str) -> str:
    """Markdown that is shown as the text itself, in one paragraph (CommonMark 0.31, 2.4 and 6.7)."""
    return "\\\n".join(_SYNTAX.sub(lambda match: "\\" + match[0], line.strip()) for line in text.strip().splitlines())


def _request(item: Item) -> dict[str, Any]:
    # The page shows quotations like any text; in italics and above a line it is plain what answers what.
    before = f"*{as_markdown(item.thread)}*\n\n---\n\n" if item.thread else ""
    return {"messages": [_message("user", before + as_markdown(item.text))]}


def _response(notes: str) -> dict[str, Any]:
    return {"choices": [{"message": _message("assistant", as_markdown(notes))}]}


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _spaced(text: str) -> str:
    return " ".join(text.split())
