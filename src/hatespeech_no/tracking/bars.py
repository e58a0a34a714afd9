"""The bars a model must clear before it takes over an alias: declared in YAML, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hatespeech_no.errors import HatespeechError

Limit = Literal["minimum", "maximum", "may_fall_by", "may_rise_by"]

_LIMITS: tuple[Limit, ...] = ("minimum", "maximum", "may_fall_by", "may_rise_by")
_TOLERANCE = 1e-9  # limits are decimal fractions, which floats only come near


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reason(_Data):
    """Why there is such a bar, for those whose model it stops."""

    nb: str
    en: str


class Bar(_Data):
    """A limit for every metric whose key the pattern fits. Exactly one limit is given.

    Attributes:
        metric: ``<suite>/<slice>/<element>/<metric>``; in each part a star stands for any characters.
        minimum, maximum: the figure itself is at least, or at most, this.
        may_fall_by, may_rise_by: the figure is at most so far below, or above, that of the model
            which holds the alias.
        compare_slice: compare with this slice of the same model instead.
        reason: in both languages.
    """

    metric: str = Field(pattern=r"^[^/]+(/[^/]+){3}$")
    minimum: float | None = None
    maximum: float | None = None
    may_fall_by: float | None = Field(default=None, ge=0)
    may_rise_by: float | None = Field(default=None, ge=0)
    compare_slice: str | None = None
    reason: Reason

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        given = [name for name in _LIMITS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_LIMITS)}; there are {given or 'none'}")
        if self.compare_slice is not None and not self.relative:
            raise ValueError("compare_slice goes with may_fall_by or may_rise_by alone")
        return self

    @property
    def limit(self) -> tuple[Limit, float]:
        """The limit that is given, and its value."""
        return next((name, value) for name in _LIMITS if (value := getattr(self, name)) is not None)

    @property
    def relative(self) -> bool:
        """Whether it compares with another figure."""
        return self.limit[0] in ("may_fall_by", "may_rise_by")

    def allows(self, value: float, other: float = 0.0) -> bool:
        """Whether a figure is within the limit; ``other`` is what it is compared with. NaN never is."""
        name, limit = self.limit
        if name in ("minimum", "may_fall_by"):
            return value >= (limit if name == "minimum" else other - limit) - _TOLERANCE
        return value <= (limit if name == "maximum" else other + limit) + _TOLERANCE


class _Bars(_Data):
    bars: list[Bar] = Field(min_length=1)


@dataclass(frozen=True)
class Outcome:
    """How a candidate fares at one bar.

    Attributes:
        key: of the metric; the bar's pattern where no metric fits it.
        value: the candidate's; ``None`` = missing, which fails.
        other: what it is compared with; ``None`` = there is nothing to compare with.
        held: whether the bar is cleared.
    """

    bar: Bar
    key: str
    value: float | None
    other: float | None
    held: bool


def read_bars(path: Path) -> list[Bar]:
    """Read a file of bars.

    Raises:
        HatespeechError: the file cannot be read or breaks the schema; names every bad field.
    """
    try:
        return _Bars.model_validate(yaml.safe_load(path.read_text("utf-8"))).bars
    except OSError as error:
        raise HatespeechError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HatespeechError(f"{path}: is not YAML ({error})") from error
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise HatespeechError(f"{path}: {details}") from error


def check(
    bars: Sequence[Bar], candidate: Mapping[str, float], holder: Mapping[str, float] | None = None
) -> list[Outcome]:
    """Hold a model's figures against every bar.

    A figure that the holder of the alias has and the candidate lacks fails: who does not measure a
    ground does not thereby clear its bar. A figure that the holder lacks cannot be compared with, and
    holds.

    Args:
        bars: what is asked.
        candidate: metrics by ``<suite>/<slice>/<element>/<metric>``.
        holder: those of the model that holds the alias; ``None`` = nobody holds it.
    """
    return [outcome for bar in bars for outcome in _at(bar, candidate, holder or {})]


def _at(bar: Bar, candidate: Mapping[str, float], holder: Mapping[str, float]) -> Iterator[Outcome]:
    # With as many slashes in both no star reaches across one.
    slashes = bar.metric.count("/")
    keys = [k for k in dict.fromkeys((*candidate, *holder)) if k.count("/") == slashes and fnmatchcase(k, bar.metric)]
    for key in keys or [bar.metric]:
        value = candidate.get(key)
        if not bar.relative:
            yield Outcome(bar, key, value, None, value is not None and bar.allows(value))
            continue
        if bar.compare_slice is None:
            other, comparable = holder.get(key), True
        else:
            suite, _, *rest = key.split("/")
            other = candidate.get("/".join((suite, bar.compare_slice, *rest)))
            comparable = other is not None
        held = value is not None and comparable and (other is None or bar.allows(value, other))
        yield Outcome(bar, key, value, other, held)
