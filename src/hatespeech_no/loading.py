"""Load a classifier from wherever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hatespeech_no.bundle import MANIFEST, Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring import Classifier

RUNS = Path("runs")
RELEASED = Path(__file__).parent / "released" / "bundle"
RELEASED_DIGEST = "7166b714462331e7"
_REMOTE = ("runs:/", "models:/")


def load(
    model: str | Path | None = None,
    *,
    tracking_uri: str | None = None,
    device: str = "cpu",
    threads: int | None = None,
) -> Classifier:
    """Load a classifier; do it once and reuse it.

    Args:
        model: a bundle folder, a run folder (its lowest seed is taken), ``runs:/<run id>``,
            ``models:/<name>@<alias>``; default the model that the package carries.
        device: where an encoder runs, as torch names it (``cuda``, ``cuda:1``, ``mps``); other
            families run on ``cpu`` alone.
        threads: CPU threads of a transformer; default as many as there are cores.
        tracking_uri: of the MLflow store for the last two forms; default ``runs/mlflow.db``.

    Raises:
        HatespeechError: there is no such model, it is damaged or too new, or it does not run on the device.
    """
    if threads is not None and threads < 1:
        raise HatespeechError(f"threads is {threads}; give 1 or more, or leave it out")
    with open_bundle(model, tracking_uri=tracking_uri) as (_, bundle):
        bundle.model.place(device, threads)
    return Classifier(bundle)


@contextmanager
def open_bundle(model: str | Path | None = None, *, tracking_uri: str | None = None) -> Iterator[tuple[Path, Bundle]]:
    """Find and read a bundle; see ``load``.

    Yields:
        The folder of its files, which is gone when the context ends if it was downloaded, and the bundle.

    Raises:
        HatespeechError: there is no such model, or it is damaged or too new.
    """
    if isinstance(model, str) and model.startswith(_REMOTE):
        from hatespeech_no.tracking import download_bundle
        from hatespeech_no.tracking.store import local_store

        with download_bundle(model, tracking_uri or local_store(RUNS)) as folder:
            yield folder, Bundle.load(folder)
        return
    folder = RELEASED if model is None else _folder_in(Path(model))
    bundle = Bundle.load(folder)
    if model is None and bundle.digest != RELEASED_DIGEST:
        raise HatespeechError(
            f"{RELEASED}: is not the model of this version ({bundle.digest}, expected {RELEASED_DIGEST}); "
            "install the package again"
        )
    yield folder, bundle


def _folder_in(folder: Path) -> Path:
    """The bundle in a run folder, that of the lowest seed; else the folder itself."""
    if (folder / MANIFEST).is_file():
        return folder
    seeds = sorted(folder.glob("seed-*/bundle"), key=lambda path: int(path.parent.name.removeprefix("seed-")))
    return next(iter([*folder.glob("bundle"), *seeds]), folder)
