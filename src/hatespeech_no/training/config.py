"""Training configurations: YAML files, validated, each may extend another."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.embeddings import EmbeddingsConfig
from hatespeech_no.models.tfidf import TfidfConfig
from hatespeech_no.training.finetune import EncoderConfig


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """What is trained and evaluated on.

    Attributes:
        train: corpora whose training part is used; their test parts are evaluated on.
        evaluate: further corpora that are only evaluated on.
        at_most: learn from no more than this many rows of a corpus of ``train``, by its name; it is split and
            evaluated on as ever, so that two runs can be compared on the same rows. 0 leaves it out.
        validation_share, test_share: cut from a corpus that has no such official part.
    """

    train: list[str] = Field(min_length=1)
    evaluate: list[str] = []
    at_most: dict[str, Annotated[int, Field(ge=0)]] = {}
    validation_share: float = Field(default=0.1, gt=0, lt=0.5)
    test_share: float = Field(default=0.2, gt=0, lt=0.5)


class ModelConfig(_Section):
    """The model: its family and that family's settings."""

    family: Literal["tfidf", "embeddings", "encoder"] = "tfidf"
    tfidf: TfidfConfig = TfidfConfig()
    embeddings: EmbeddingsConfig = EmbeddingsConfig()
    encoder: EncoderConfig = EncoderConfig()


class EvaluationConfig(_Section):
    """``resamples``: of the bootstrap behind each interval."""

    resamples: int = Field(default=1000, ge=100)


class TrackingConfig(_Section):
    """Where MLflow keeps the runs.

    Attributes:
        uri: of the tracking store; default a local SQLite file under the output folder.
        experiment: its name.
        register_as: name of a registered model that gets the first seed's model as a new version.
    """

    uri: str | None = None
    experiment: str = "hatespeech_no"
    register_as: str | None = Field(default=None, pattern=r"^[\w.-]+$")


def without_password(address: str) -> str:
    """An address as it may be shown and stored."""
    return re.sub(r"(?<=://)[^/@]*@", "", address)


def of_family(params: Mapping[str, str], family: str) -> dict[str, str]:
    """Flat parameters of a configuration without the settings of other model families."""
    others = [f"model.{name}." for name in ModelConfig.model_fields if name not in ("family", family)]
    return {name: value for name, value in params.items() if not name.startswith(tuple(others))}


class TrainingConfig(_Section):
    """A whole configuration.

    Attributes:
        name: of the run and its folder.
        seeds: one child run each.
        output: folder for run folders, relative to the working folder.
        results: file that the summary is written to as well, relative to the configuration file.
        folder: where the configuration stands; relative corpora start from it. Set by the loader.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    data: DataConfig
    model: ModelConfig = ModelConfig()
    seeds: list[int] = Field(default=[0], min_length=1)
    evaluation: EvaluationConfig = EvaluationConfig()
    tracking: TrackingConfig = TrackingConfig()
    output: Path = Path("runs")
    results: Path | None = None
    folder: Path = Field(default=Path(), exclude=True)

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError("seeds must differ and be 0 or greater")
        return seeds


def load_config(path: Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a configuration.

    Args:
        path: a YAML file; its key ``extends`` names another it builds on, relative to itself.
        changes: ``a.b=value`` settings that win over the file, values in YAML.

    Raises:
        HatespeechError: file, key or value is wrong; an unknown key is answered with the nearest
            valid one.
    """
    data = _read(path, ())
    for change in changes:
        _apply(data, change)
    try:
        return TrainingConfig.model_validate({**data, "folder": path.resolve().parent})
    except ValidationError as error:
        raise HatespeechError(f"{path}: " + "; ".join(_explain(e) for e in error.errors())) from error


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise HatespeechError(f"{path}: extends itself, by way of {' > '.join(p.name for p in seen)}")
    try:
        data = yaml.safe_load(path.read_text("utf-8")) or {}
    except OSError as error:
        raise HatespeechError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HatespeechError(f"{path}: is not YAML ({error})") from error
    if not isinstance(data, dict):
        raise HatespeechError(f"{path}: a configuration is a mapping of settings")
    base = data.pop("extends", None)
    if base is None:
        return data
    return _merge(_read(path.parent / str(base), (*seen, path.resolve())), data)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _apply(data: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise HatespeechError(f"--set {change}: write it as key.subkey=value")
    *parents, last = key.split(".")
    section = data
    for parent in parents:
        section = section.setdefault(parent, {})
        if not isinstance(section, dict):
            raise HatespeechError(f"--set {change}: {parent!r} is a value, not a section")
    try:
        section[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise HatespeechError(f"--set {change}: the value is not YAML ({error})") from error


def _explain(error: Any) -> str:  # noqa: ANN401 - pydantic's own error record
    place = ".".join(map(str, error["loc"]))
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg']}"
    near = difflib.get_close_matches(str(error["loc"][-1]), _keys_at(error["loc"][:-1]), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"valid are {sorted(_keys_at(error['loc'][:-1]))}"
    return f"{place}: there is no such setting; {hint}"


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    section: type[BaseModel] = TrainingConfig
    for name in location:
        annotation = section.model_fields[str(name)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return [name for name in section.model_fields if name != "folder"]
