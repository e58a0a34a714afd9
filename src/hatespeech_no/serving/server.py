"""The app on a socket."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from hatespeech_no.errors import HatespeechError

_CONNECTIONS = 256
_PATIENCE_S = 10


def listen(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes a free one.

    Raises:
        HatespeechError: it is taken, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise HatespeechError(
            f"{host}, port {port}: cannot be served from ({error.strerror}); name another with --port or --host"
        ) from error
    # Else an answer's second packet waits 40 ms for the first to be acknowledged: asyncio overlooks sockets made so.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM; what is being answered then is finished first, for ten seconds at most.

    Requests are not logged one by one: addresses could hold texts that were sent the wrong way.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        lifespan="off",
        log_level="warning",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_PATIENCE_S,
    )
    try:
        uvicorn.Server(config).run([listener])
    except KeyboardInterrupt:  # which uvicorn raises again once it has stopped
        return
