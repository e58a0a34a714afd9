"""Delete what is no longer needed, from the desk and from the workspace; the log stays whole."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.candidates import identity_of
from hatespeech_no.review.desk import Desk
from hatespeech_no.review.records import now
from hatespeech_no.review.workspace import Workspace
from hatespeech_no.text.keyed import keyed_id


def forget(workspace: Workspace, desk: Desk, items: Collection[str]) -> int:
    """Delete texts, notes, reasons and answers put aside of these items, wherever they are.

    Codes and keyed digests stay in the log, to which is added that the rest is deleted. Interrupted, it
    can be run again.

    Args:
        workspace: of the review.
        desk: where readers read.
        items: ids.

    Returns:
        How many of them had a text.
    """
    kept = workspace.texts()
    gone = sorted(kept.keys() & set(items))
    at = now().isoformat()
    with workspace.writing():
        workspace.log.append([{"kind": "erase", "item": item, "at": at} for item in gone])
    desk.erase(items)
    workspace.erase(items)
    return len(gone)


def expired(workspace: Workspace, older_than: timedelta | None, exported: bool) -> list[str]:
    """Items that were chosen longer ago than this; or that a corpus holds, if these are asked for."""
    done = workspace.exported() if exported else set()
    limit = None if older_than is None else now() - older_than
    sides, texts = workspace.sides(), workspace.texts()
    return [item for item in texts if item in done or (limit is not None and sides[item].at < limit)]


def find(workspace: Workspace, item: str | None, text: str | None, thread: str | None = None) -> str:
    """The item with an id, or that stands for a text as it was pushed.

    Raises:
        HatespeechError: there is none.
    """
    found = item if text is None else workspace.members().get(keyed_id(identity_of(text, thread), workspace.key))
    if found not in workspace.sides():
        raise HatespeechError(f"{workspace.folder}: holds no such item; give its id, or the very text that was pushed")
    return str(found)
