"""The model on disk: a folder with a manifest and the model's files, no pickles.

Format 1::

    manifest.json        what it is, how it was made, how it may be used, digests of the files
    (files of the model)  written by its family, e.g. weights.safetensors and vocabulary.json
    screen.safetensors   of its first stage, where it has one

To change the format: raise ``FORMAT_VERSION``, keep reading the old one here, and add a bundle in
the old format to the tests.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from hatespeech_no.errors import HatespeechError
from hatespeech_no.files import sha256_of
from hatespeech_no.models.calibration import Calibration
from hatespeech_no.models.elements import ElementModel, Input, Scores
from hatespeech_no.models.embeddings import EmbeddingsModel
from hatespeech_no.models.encoder import EncoderModel
from hatespeech_no.models.onnx import OnnxModel
from hatespeech_no.models.screen import Screen, ScreenRecord
from hatespeech_no.models.tfidf import TfidfModel
from hatespeech_no.text.passages import sentencizer_version
from hatespeech_no.triage.profiles import OperatingPoints

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
_SCREEN = "screen.safetensors"
_FAMILIES: dict[str, type[ElementModel]] = {
    model.family: model for model in (TfidfModel, EmbeddingsModel, EncoderModel, OnnxModel)
}


class Corpus(BaseModel):
    """A corpus the model was trained on; ``rows`` and ``digest`` are of its training rows."""

    name: str
    licence: str
    rows: int
    digest: str


class Manifest(BaseModel):
    """What a bundle says of itself.

    Attributes:
        settings: of the model family, see ``ElementModel.save``.
        calibration: see ``Calibration``; elements without a calibrator are unknown to triage.
        thresholds: probability from which an element counts as yes, chosen on validation rows.
        operating_points: see ``OperatingPoints``.
        languages: the model was trained and validated on these.
        rules_version: of the triage rules when it was trained; scoring applies those installed.
        sentencizer: what split passages; tiers depend on it, so another one is warned of.
        screen: of the first stage that dismisses texts, where there is one.
        metrics: of this model, by ``<suite>/<slice>/<element>/<metric>``.
        files: sha256 of each file.
    """

    model_config = ConfigDict(extra="ignore")

    format_version: Literal[1]
    name: str
    package_version: str
    created: str
    family: str
    taxonomy_version: str
    statute_version: str
    rules_version: str
    languages: list[str]
    sentencizer: str
    settings: dict[str, Any]
    calibration: dict[str, Any]
    thresholds: dict[str, float]
    operating_points: OperatingPoints = OperatingPoints()
    screen: ScreenRecord | None = None
    data: list[Corpus]
    metrics: dict[str, float]
    files: dict[str, str] = {}


class Bundle:
    """A model with its calibration and operating point, loaded or about to be saved."""

    def __init__(self, manifest: Manifest, model: ElementModel, screen: Screen | None = None) -> None:
        self.manifest = manifest
        self.model = model
        self.screen = screen
        self.calibration = Calibration.from_dict(manifest.calibration)
        if manifest.sentencizer != sentencizer_version():
            warnings.warn(
                f"This bundle was made with {manifest.sentencizer}; here passages are split by {sentencizer_version()}",
                stacklevel=2,
            )

    def screened(self, inputs: Sequence[Input], dismissable: NDArray[np.bool_]) -> tuple[Scores, NDArray[np.bool_]]:
        """Score the inputs that the first stage leaves to the model, all where there is no such stage.

        Args:
            inputs: texts with their passages.
            dismissable: shape (inputs,), which may be dismissed.

        Returns:
            The scores of those not dismissed; and which were.
        """
        if self.screen is None or not isinstance(self.model, OnnxModel):
            return self.model.scores(inputs), np.zeros(len(inputs), bool)
        return self.model.screened(inputs, dismissable, self.screen)

    @property
    def digest(self) -> str:
        """Short sha256 over the manifest, and through it over every file."""
        # A field that came later leaves the digests of those without it as they were.
        later = {"screen"} if self.manifest.screen is None else set()
        content = self.manifest.model_dump_json(exclude={"created", "metrics", *later})
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def save(self, folder: Path) -> None:
        """Write the bundle; the folder appears whole or not at all.

        Raises:
            HatespeechError: the folder exists already or cannot be written.
        """
        if folder.exists():
            raise HatespeechError(f"{folder} exists already")
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            temporary.mkdir(parents=True)
            self.manifest.settings = dict(self.model.save(temporary))
            if self.screen is not None:
                self.manifest.screen = self.screen.record
                save_file(self.screen.tensors(), temporary / _SCREEN)
            self.manifest.files = {path.name: sha256_of(path) for path in sorted(temporary.iterdir())}
            (temporary / MANIFEST).write_text(self.manifest.model_dump_json(indent=2), "utf-8")
            for name in self.manifest.files:  # safetensors lets nobody else read what it writes
                shutil.copymode(temporary / MANIFEST, temporary / name)
            temporary.rename(folder)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise HatespeechError(f"{folder}: cannot be written ({error.strerror})") from error

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a bundle.

        Raises:
            HatespeechError: it is no bundle, is damaged, is of a newer format, or is of a family
                that this version does not know.
        """
        manifest = _read_manifest(folder)
        stray = {path.name for path in folder.iterdir()} - {MANIFEST, *manifest.files}
        if stray or not manifest.files:
            raise HatespeechError(f"{folder} is damaged: its manifest does not list {sorted(stray) or 'any file'}")
        for name, digest in manifest.files.items():
            path = folder / name
            if Path(name).name != name or not path.is_file():
                raise HatespeechError(f"{folder}: file {name!r} of the bundle is missing")
            if sha256_of(path) != digest:
                raise HatespeechError(
                    f"{path} is damaged: it is not the file the manifest names. Copy the bundle again."
                )
        family = _FAMILIES.get(manifest.family)
        if family is None:
            raise HatespeechError(f"{folder}: this version knows no model family {manifest.family!r}")
        try:
            screen = None if manifest.screen is None else Screen.of(load_file(folder / _SCREEN), manifest.screen)
            return cls(manifest, family.load(folder, manifest.settings), screen)
        except (KeyError, ValueError, TypeError, AttributeError, SafetensorError, OSError) as error:
            raise HatespeechError(f"{folder}: the model's files do not fit its manifest ({error})") from error


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        data: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise HatespeechError(f"{folder} is no model bundle: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise HatespeechError(f"{path} is damaged: {error}") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise HatespeechError(
            f"{folder} has bundle format {version}; this version of hatespeech_no reads up to {FORMAT_VERSION}. "
            "Upgrade it: pip install --upgrade hatespeech_no"
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        raise HatespeechError(f"{path} is damaged: {fields}") from error
