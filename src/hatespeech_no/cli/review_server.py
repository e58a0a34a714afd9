"""``hatespeech-no review serve | reader add | reader list | reader remove``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hatespeech_no.errors import require
from hatespeech_no.tracking.review import Places, Readers, ReviewServer, ReviewStore

reader = typer.Typer(help="Accounts of those who read on the review server.", no_args_is_help=True)

Store = Annotated[Path, typer.Option(help="Folder of the review store, the place of --to mlflow.")]
Port = Annotated[int, typer.Option(help="Port of the review server.", min=1, max=65535)]
Name = Annotated[str, typer.Argument(help="Name or pseudonym: small letters, digits, - and _.")]
_STORE = Path("review") / "store"


def serve(store: Store = _STORE, port: Port = ReviewServer.port) -> None:
    """Let readers read, in MLflow on this machine alone (127.0.0.1). Ctrl-C ends it; nothing is lost."""
    require("mlflow", "tracking")
    server = ReviewServer(ReviewStore(store), port)
    environment = server.environment()
    Console().print(f"http://127.0.0.1:{port} – Ctrl-C ends it", highlight=False)
    with subprocess.Popen(server.command, env=environment) as process:  # noqa: S603
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            process.terminate()  # killed outright, it would leave its own processes behind


@reader.command()
def add(name: Name, store: Store = _STORE) -> None:
    """Make an account, or give it a new password. The password is shown this once."""
    password = _places(store).add_reader(name)
    Console().print(f"{name}: {password}", markup=False, highlight=False)
    Console(stderr=True).print("Shown this once and kept nowhere; it can only be replaced, by adding the reader again.")


@reader.command()
def remove(name: Name, store: Store = _STORE) -> None:
    """Delete an account. What its owner answered stays."""
    _places(store).readers.remove(name)


@reader.command("list")
def list_readers(store: Store = _STORE, port: Port = ReviewServer.port) -> None:
    """Readers, where each finds their queues, and how many items wait there."""
    places = _places(store)
    server = ReviewServer(places.store, port)
    console = Console()
    with places.store.telling():
        for name in places.readers.names():
            mine = [place for place in places.all() if place.reader == name]
            for place in mine:
                line = f"{name:<12}  {place.round:<12}  {places.waiting(place):>5}  {server.link(place.experiment)}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            if not mine:
                console.print(name, markup=False, highlight=False)


def _places(folder: Path) -> Places:
    store = ReviewStore(folder)
    return Places(store, Readers(store))
