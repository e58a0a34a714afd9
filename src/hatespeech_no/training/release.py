"""From a finished run to the model that the package carries: the best seed, for the languages served, in int8."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from hatespeech_no.bundle import Bundle
from hatespeech_no.corpora.catalogue import find_descriptor
from hatespeech_no.errors import HatespeechError
from hatespeech_no.training.card import OF_THIS_MACHINE, write_cards
from hatespeech_no.training.config import TrainingConfig
from hatespeech_no.training.data import digest, load_pool, split_pool
from hatespeech_no.training.export import Parity, export
from hatespeech_no.training.finish import finish
from hatespeech_no.training.record import CONFIG, RECORD, Record, Report, quiet, read_begun

LANGUAGES = ("nb", "nn", "da", "sv", "en")
_RELIABILITY = "reliability.csv"  # what the model card reads


def release(config: TrainingConfig, run: Path, target: Path, report: Report = quiet) -> tuple[Record, Parity]:
    """Make the model to be shipped of the best seed of a finished run.

    The best has the highest mean macro-F1 over elements on validation rows. Its exported form is calibrated,
    given its profiles and evaluated anew, so that every figure and guarantee is of what is shipped.

    Args:
        config: of the run, for the same rows in the same parts.
        run: its folder.
        target: folder of bundle, record and cards; replaced as a whole.
        report: told of each step.

    Returns:
        The record of what is shipped, and how it compares with the model it was made of.

    Raises:
        HatespeechError: the run has no finished seed or read other rows, a licence does not allow a model to be
            passed on, or the export loses too much, see ``export.export``.
    """
    for name in config.data.train:
        descriptor, _ = find_descriptor(name, config.folder)
        if not descriptor.licence.shipping_models:
            raise HatespeechError(
                f"data.train: {descriptor.name!r} ({descriptor.licence.id}) allows no model trained on it to be shipped"
            )
    seeds = [path.parent for path in sorted(run.glob(f"seed-*/{RECORD}"))]
    if not seeds:
        raise HatespeechError(f"{run}: has no finished seed")
    pool = load_pool(config, report)
    if digest(pool) != read_begun(run, CONFIG, "run")["rows"]:
        raise HatespeechError(f"{run}: was trained on other rows than this configuration names")
    best = max(seeds, key=_on_validation)
    trained = Record.read(best)
    number = int(trained.params["seed"])
    data = split_pool(pool, config, number)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            report("exporting and comparing")
            small = Path(folder) / "bundle"
            tests = [data.tests[name] for name in config.model.encoder.stop_on if name in data.tests]
            if not tests:
                raise HatespeechError("model.encoder.stop_on: names no corpus with a test part to compare on")
            parity = export(Bundle.load(best / "bundle"), small, "int8", tests[0], LANGUAGES)
            exported = Bundle.load(small)
            record = finish(
                exported.model,
                config,
                data,
                number,
                temporary,
                languages=exported.manifest.languages,
                seconds=trained.metrics["train/seconds"],
                report=report,
            )
        record.params |= {k: v for k, v in trained.params.items() if not k.startswith(OF_THIS_MACHINE)}
        record.tags |= {name: value for name, value in trained.tags.items() if name not in record.tags}
        record.write(temporary)
        write_cards(temporary)
        shutil.rmtree(temporary / "figures")
        for table in (temporary / "tables").iterdir():
            if table.name != _RELIABILITY:
                table.unlink()
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return record, parity


def _on_validation(seed: Path) -> float:
    metrics = Record.read(seed).metrics
    return float(np.mean([v for name, v in metrics.items() if name.startswith("validation/") and "macro_f1" in name]))
