"""Find a descriptor: one that is shipped, by name, or a researcher's own, by path."""

from __future__ import annotations

import difflib
import os
from importlib import resources
from pathlib import Path

from hatespeech_no.corpora.descriptor import Descriptor, read_descriptor
from hatespeech_no.errors import HatespeechError

DATA_VARIABLE = "HATESPEECH_NO_DATA"
_DEFAULT_FOLDER = Path(".hatespeech_no") / "data"


def _shipped() -> dict[str, Path]:
    folder = Path(str(resources.files("hatespeech_no.corpora"))) / "descriptors"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def corpus_names() -> list[str]:
    """Names of the corpora whose descriptors are shipped."""
    return list(_shipped())


def data_folders() -> list[Path]:
    """Where corpora lie: the folders named by ``HATESPEECH_NO_DATA``, else ``~/.hatespeech_no/data``."""
    named = os.environ.get(DATA_VARIABLE)
    return [Path(part) for part in named.split(os.pathsep) if part] if named else [Path.home() / _DEFAULT_FOLDER]


def find_descriptor(name: str, relative_to: Path | None = None) -> tuple[Descriptor, list[Path]]:
    """A descriptor and the folders its files are looked for in.

    Args:
        name: a shipped corpus, or the path of a descriptor file (``….yaml``).
        relative_to: folder that a relative path starts from; default the working folder.

    Returns:
        The descriptor, and for a shipped one ``data_folders()``, for one's own the folder of its file.

    Raises:
        HatespeechError: no such corpus.
    """
    if name.endswith((".yaml", ".yml")):
        path = (relative_to or Path()) / name
        return read_descriptor(path), [path.resolve().parent]
    shipped = _shipped()
    if name not in shipped:
        near = difflib.get_close_matches(name, shipped, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise HatespeechError(
            f"There is no corpus {name!r}.{hint} Shipped: {', '.join(shipped)}; or give a .yaml file."
        )
    return read_descriptor(shipped[name]), data_folders()
