"""``hatespeech-no serve``."""

from __future__ import annotations

import ipaddress
import os
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.loading import load
from hatespeech_no.serving.limits import Limits
from hatespeech_no.tables.rejected import LONGEST_TEXT

_DEFAULT = Limits()


def serve(
    model: Annotated[
        str | None, typer.Option(help="Bundle or run folder, runs:/… or models:/…; default the package's own.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to serve from; others than this machine's own are warned of.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name that requests may be addressed to; may be repeated.")
    ] = None,
    max_texts: Annotated[int, typer.Option(help="Texts of one request.", min=1)] = _DEFAULT.texts,
    max_chars: Annotated[int, typer.Option(help="Characters of one text.", min=1, max=LONGEST_TEXT)] = _DEFAULT.chars,
    max_bytes: Annotated[int, typer.Option(help="Bytes of a request's body.", min=1)] = _DEFAULT.body,
    max_waiting: Annotated[
        int, typer.Option(help="Requests that may wait while one is scored.", min=0)
    ] = _DEFAULT.waiting,
) -> None:
    """Score over HTTP, for this machine alone (127.0.0.1). Ctrl-C ends it."""
    for module in ("fastapi", "uvicorn", "prometheus_client"):
        require(module, "serve")
    from hatespeech_no.serving.app import LOOPBACK, create_app
    from hatespeech_no.serving.server import listen, run

    names = [f"[{host}]" if ":" in host else host, *(allow_host or ())]
    if any("*" in name for name in names):
        raise HatespeechError("--allow-host takes names as they stand in addresses, without *")
    limits = Limits(texts=max_texts, chars=max_chars, body=max_bytes, waiting=max_waiting)
    with listen(host, port) as listener:
        app = create_app(load(model), limits=limits, hosts=[*LOOPBACK, *names])
        if not _is_own(host):
            Console(stderr=True).print(
                f"Warning: {host} may be reached from other machines, and nobody is asked who they are. "
                "Put a proxy of your own before it that does.",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        Console().print(
            f"http://{names[0]}:{listener.getsockname()[1]} – Ctrl-C ends it", markup=False, highlight=False
        )
        run(app, listener)
    os._exit(0)  # the thread of a batch that took too long to be waited for would hold the process up


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
