"""Download a corpus from where its owners publish it, verified, and going on where it was broken off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hatespeech_no.corpora.catalogue import DATA_VARIABLE
from hatespeech_no.corpora.descriptor import Descriptor, Published
from hatespeech_no.corpora.readers import place, verify
from hatespeech_no.errors import HatespeechError, require

_TIMEOUT = 30
_CHUNK = 2**16
_PARTIAL_CONTENT = 206
_NOTHING_LEFT = 416


def missing_files(descriptor: Descriptor, folders: list[Path]) -> list[Published]:
    """The files of a corpus that lie in none of the folders."""
    return [file for file in descriptor.published if not any(place(file, folder).is_file() for folder in folders)]


def fetch(
    descriptor: Descriptor, folders: list[Path], progress: Callable[[str, int, int], None] = lambda *_: None
) -> list[Path]:
    """Download what is missing of a corpus.

    Args:
        descriptor: of the corpus.
        folders: where corpora are looked for; files are put into the first.
        progress: called with a file's path, the bytes of it that are here, and its size (0 = unknown).

    Returns:
        The files that were downloaded; what is there already is left alone.

    Raises:
        HatespeechError: a file is not published as such, cannot be reached, or is not the one described.
    """
    fetched = []
    for file in missing_files(descriptor, folders):
        if file.url is None:
            raise HatespeechError(
                f"{file.path} is not published as such; get it from its owners ({descriptor.homepage}) and put it "
                f"into {folders[0]}, or set {DATA_VARIABLE} to the folder that holds it"
            )
        target = place(file, folders[0])
        _download(file, target, partial(progress, file.path))
        fetched.append(target)
    return fetched


def _download(file: Published, target: Path, progress: Callable[[int, int], None]) -> None:
    pooch, requests = require("pooch", "train"), require("requests", "train")
    pooch.get_logger().setLevel("WARNING")
    # Of a file in an archive the checksum is known, of the archive it may not be.
    known_hash = file.sha256 if file.member is None else None
    try:
        pooch.retrieve(file.url, known_hash, target.name, target.parent, downloader=_Resuming(target, progress))
        verify(target, file)
    except requests.RequestException as error:
        raise HatespeechError(
            f"{file.url} cannot be reached ({type(error).__name__}). What is here is kept; try again, or put the file "
            f"at {target}, or set {DATA_VARIABLE} to a folder that holds {file.path}"
        ) from error
    except (HatespeechError, ValueError) as error:
        target.unlink(missing_ok=True)
        raise HatespeechError(f"{file.url} is not the file described any more ({error})") from error
    except OSError as error:
        raise HatespeechError(f"{target} cannot be written ({error.strerror})") from error


class _Resuming:
    """What pooch downloads with: bytes that are here already are not asked for again."""

    def __init__(self, target: Path, progress: Callable[[int, int], None]) -> None:
        self._part = target.with_name(f"{target.name}.part")
        self._progress = progress

    def __call__(self, url: str, output_file: str, _: Any) -> None:  # noqa: ANN401 - pooch's own object
        requests = require("requests", "train")
        here = self._part.stat().st_size if self._part.is_file() else 0
        headers = {"Range": f"bytes={here}-", "Accept-Encoding": "identity"}
        with requests.get(url, headers=headers if here else None, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == _NOTHING_LEFT:  # all of it is here already, or more than there is
                self._part.unlink()
                self(url, output_file, _)
                return
            answer.raise_for_status()
            if answer.status_code != _PARTIAL_CONTENT:
                here = 0
            size = here + int(answer.headers.get("Content-Length", 0))
            with self._part.open("ab" if here else "wb") as stream:
                for chunk in answer.iter_content(_CHUNK):
                    stream.write(chunk)
                    here += len(chunk)
                    self._progress(here, size)
        self._part.replace(output_file)
