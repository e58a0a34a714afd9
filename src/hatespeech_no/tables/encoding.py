"""Find out how a file's bytes stand for characters; nothing is guessed that is not said."""

from __future__ import annotations

import codecs

from hatespeech_no.errors import HatespeechError
from hatespeech_no.tables.source import Source

WINDOWS = "cp1252"
_CHUNK = 2**20
# By chance a Windows-1252 line is UTF-8 far more seldom than this.
_FEW = 0.01


def detect_encoding(source: Source) -> str:
    """The encoding of a file: UTF-8, UTF-16 with a byte order mark, or Windows-1252.

    A file with a byte order mark, or of which one in a hundred non-ASCII lines or more is UTF-8, *is*
    UTF-8, with damaged lines perhaps; else it is Windows-1252, in which any western text can be read.

    Returns:
        A codec name of Python.

    Raises:
        HatespeechError: the bytes are no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.open() as stream:
        head = stream.read(_CHUNK)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head.count(0) > len(head) // 10:
            raise HatespeechError(f"{source.name}: is no text, or UTF-16 without a byte order mark; save it as UTF-8")
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        try:
            decoder.decode(head)
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _mostly(source)
    return "utf-8"


def _mostly(source: Source) -> str:
    good = bad = 0
    with source.open() as stream:
        for line in iter(lambda: stream.readline(_CHUNK), b""):
            if not line.isascii():
                good, bad = (good + 1, bad) if _is_utf8(line) else (good, bad + 1)
    return "utf-8" if good >= _FEW * (good + bad) else WINDOWS


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
