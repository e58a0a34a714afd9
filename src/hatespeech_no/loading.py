"""Load a classifier from wherever it is."""

from __future__ import annotations

from pathlib import Path

from hatespeech_no.bundle import MANIFEST, Bundle
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring import Classifier

RUNS = Path("runs")
RELEASED = Path(__file__).parent / "released" / "bundle"
RELEASED_DIGEST = "ccf9ce865253bf6f"
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
    bundle = _find(model, tracking_uri)
    bundle.model.place(device, threads)
    return Classifier(bundle)


def _find(model: str | Path | None, tracking_uri: str | None) -> Bundle:
    if model is None:
        released = Bundle.load(RELEASED)
        if released.digest != RELEASED_DIGEST:
            raise HatespeechError(
                f"{RELEASED}: is not the model of this version ({released.digest}, expected {RELEASED_DIGEST}); "
                "install the package again"
            )
        return released
    if isinstance(model, str) and model.startswith(_REMOTE):
        from hatespeech_no.tracking import download_bundle
        from hatespeech_no.tracking.store import local_store

        with download_bundle(model, tracking_uri or local_store(RUNS)) as bundle:
            return Bundle.load(bundle)
    folder = Path(model)
    if not (folder / MANIFEST).is_file():
        seeds = sorted(folder.glob("seed-*/bundle"), key=lambda path: int(path.parent.name.removeprefix("seed-")))
        bundles = [*folder.glob("bundle"), *seeds]
        folder = bundles[0] if bundles else folder
    return Bundle.load(folder)
