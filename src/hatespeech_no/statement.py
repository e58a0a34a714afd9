"""A statement, the circumstances it was made in, and what is known about its elements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from hatespeech_no.errors import HatespeechError
from hatespeech_no.taxonomy import ELEMENTS, YES_NO, Conduct, Context, Ground, Publicity, Target

Marks = Collection[str] | Mapping[str, bool]
"""Members of a multi-label element: a collection means exactly these (all others are no), a
mapping answers only for the members it names (all others are unknown)."""

_FAMILIES: dict[str, tuple[str, type[Any]]] = {
    "grounds": ("ground", Ground),
    "target": ("target", Target),
    "context": ("context", Context),
}
_ALL_CONDUCTS = frozenset(Conduct)
_CONDUCT_NAMES = {f"conduct_{conduct}" for conduct in Conduct}
_E = TypeVar("_E", Ground, Conduct, Target, Context)


@dataclass(frozen=True, slots=True)
class Elements:
    """What the words of a text or passage contain, as far as it is known.

    Used for labels and for decided predictions alike. Unknown is never no: a question that has no
    answer is simply not in ``answers``.

    Attributes:
        answers: yes/no answer by element id (see ``taxonomy.ELEMENTS``); absent = unknown.
        conduct: the conducts that are possible; one member = known, several = the source could not
            tell them apart, ``None`` = unknown.
        disputed: ids of elements that two readers answered differently, the answer given being the one
            that was settled on; and ``conduct_<id>``, the conduct that the other reader saw.
    """

    answers: Mapping[str, bool] = field(default_factory=dict)
    conduct: frozenset[Conduct] | None = None
    disputed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        unknown = (set(self.answers) | self.disputed - _CONDUCT_NAMES) - set(ELEMENTS)
        if unknown:
            raise HatespeechError(f"{sorted(unknown)} are not elements of the codebook")
        if self.conduct is not None and not self.conduct:
            raise HatespeechError("conduct is an empty set; leave it out where it is unknown")

    @classmethod
    def of(
        cls,
        *,
        conduct: str | Iterable[str] | None = None,
        grounds: Marks | None = None,
        target: Marks | None = None,
        context: Marks | None = None,
        **yes_no: bool | None,
    ) -> Elements:
        """Build elements from codebook names.

        Args:
            conduct: one conduct, or several where the source cannot tell which.
            grounds: see ``Marks``.
            target: see ``Marks``; ``["none"]`` and ``[]`` both say that nothing is targeted.
            context: see ``Marks``.
            **yes_no: ``hateful``, ``abusive``, ``ground_explicit``, ``addressed_in_person``,
                ``support``; ``None`` = unknown.

        Raises:
            HatespeechError: a name that is not in the codebook.
        """
        stray = set(yes_no) - set(YES_NO)
        if stray:
            raise HatespeechError(f"{sorted(stray)} are not elements of the codebook; use {sorted(YES_NO)}")
        answers = _known({name: _yes_no(name, value) for name, value in yes_no.items()})
        for name, marks in (("grounds", grounds), ("target", target), ("context", context)):
            if marks is not None:
                answers.update(_answers(name, marks))
        shields = [answers.get(f"context_{c}") for c in Context if c.is_shield]
        if any(shields) or all(yes is False for yes in shields):
            answers["shield"] = any(shields)
        if conduct is None:
            return cls(answers)
        names = [conduct] if isinstance(conduct, str) else list(conduct)
        return cls(answers, frozenset(_member(Conduct, name, "conduct") for name in names))

    def get(self, element: str) -> bool | None:
        """The answer to one yes/no element, ``None`` if unknown."""
        return self.answers.get(element)

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Grounds answered with yes."""
        return tuple(g for g in Ground if self.answers.get(f"ground_{g}"))

    @property
    def target(self) -> tuple[Target, ...]:
        """Targets answered with yes."""
        return tuple(t for t in Target if self.answers.get(f"target_{t}"))

    @property
    def context(self) -> tuple[Context, ...]:
        """Contexts answered with yes."""
        return tuple(c for c in Context if self.answers.get(f"context_{c}"))

    def merged(self, other: Elements) -> Elements:
        """Both sets of answers together.

        Raises:
            HatespeechError: if they answer the same question differently.
        """
        for name in self.answers.keys() & other.answers.keys():
            if self.answers[name] != other.answers[name]:
                raise HatespeechError(f"element {name!r} is answered both yes and no")
        conduct = self.conduct
        if other.conduct is not None:
            conduct = (conduct or _ALL_CONDUCTS) & other.conduct
            if not conduct:
                raise HatespeechError("conduct is given twice with no value in common")
        return Elements({**self.answers, **other.answers}, conduct, self.disputed | other.disputed)


def _known(answers: Mapping[str, bool | None]) -> dict[str, bool]:
    return {name: value for name, value in answers.items() if value is not None}


def _member(kind: type[_E], name: str, what: str) -> _E:
    try:
        return kind(name)
    except ValueError:
        raise HatespeechError(f"{name!r} is no {what}; use one of {[str(k) for k in kind]}") from None


def _answers(family: str, marks: Marks) -> dict[str, bool]:
    prefix, kind = _FAMILIES[family]
    if isinstance(marks, Mapping):
        return _known({f"{prefix}_{_member(kind, name, family)}": _yes_no(name, yes) for name, yes in marks.items()})
    chosen = {_member(kind, name, family) for name in marks if not (family == "target" and name == "none")}
    return {f"{prefix}_{member}": member in chosen for member in kind}


YES_NO_CIRCUMSTANCES = ("addressee_is_minor", "addressee_is_official", "repeated", "victim_aware")


def _yes_no(name: str, value: object) -> bool | None:
    """``None`` or a plain bool, also from numpy; anything else is refused, since it would count as unknown."""
    if value is None or isinstance(value, bool):
        return value
    if value in (0, 1) and not isinstance(value, str):
        return bool(value)
    raise HatespeechError(f"{name} is {value!r}; use True, False or None (unknown)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What text alone can never tell; given by the caller, never guessed.

    Attributes:
        publicity: where it was said.
        addressee_is_minor: whether the person addressed is under 18; ``None`` = unknown.
        addressee_is_official: public official or exposed occupation (§§ 155, 156, 265).
        repeated: part of repeated conduct (§ 266).
        victim_aware: whether the person affected knows of it.
        thread: the texts it answers, oldest first.
    """

    publicity: Publicity = Publicity.UNKNOWN
    addressee_is_minor: bool | None = None
    addressee_is_official: bool | None = None
    repeated: bool | None = None
    victim_aware: bool | None = None
    thread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "publicity", Publicity(self.publicity))
        except ValueError:
            raise HatespeechError(
                f"publicity {self.publicity!r} is not known; use one of {[str(p) for p in Publicity]}"
            ) from None
        for name in YES_NO_CIRCUMSTANCES:
            object.__setattr__(self, name, _yes_no(name, getattr(self, name)))
        if isinstance(self.thread, str):
            raise HatespeechError("thread is a list of texts, oldest first, not one string")
        object.__setattr__(self, "thread", tuple(self.thread))


@dataclass(frozen=True, slots=True)
class LabelledPassage:
    """A span of a text that carries elements of its own: ``text[start:end]``, in characters."""

    start: int
    end: int
    elements: Elements


@dataclass(frozen=True, slots=True)
class Statement(Circumstances):
    """One text as somebody wrote it, in its circumstances: the row every corpus becomes.

    Attributes:
        text: the original text, never normalised.
        id: identifier that is unique within its source.
        language: BCP 47 code (``nb``, ``nn``, ``en`` …), ``None`` = unknown.
        labels: elements of the text as a whole; ``None`` = not labelled.
        passages: elements per passage, where passages differ.
        pair: contrast pair or template it belongs to; members of a pair never part in a split.
    """

    text: str
    id: str | None = None
    language: str | None = None
    labels: Elements | None = None
    passages: tuple[LabelledPassage, ...] = ()
    pair: str | None = None

    @property
    def circumstances(self) -> Circumstances:
        """The circumstances alone, without the text."""
        return Circumstances(**{f.name: getattr(self, f.name) for f in fields(Circumstances)})

    @property
    def bare(self) -> Statement:
        """The text in its circumstances, without id, language and labels: all that a model may be given."""
        return Statement(self.text, **{f.name: getattr(self, f.name) for f in fields(Circumstances)})


def derive_text_labels(passages: Iterable[LabelledPassage]) -> Elements:
    """The labels of a whole text from those of its passages, for metrics only, never for triage.

    Conduct: the gravest; yes/no, grounds and targets: any; context stays per passage. An element
    is unknown where some passage leaves it unknown and none says yes; conduct is unknown unless
    every passage has exactly one.
    """
    parts = [p.elements for p in passages]
    answers: dict[str, Any] = {}
    for name in ELEMENTS:
        if name.startswith("context_") or name == "shield":
            continue
        values = [part.get(name) for part in parts]
        if any(values):
            answers[name] = True
        elif values and all(v is False for v in values):
            answers[name] = False
    known = [next(iter(part.conduct)) for part in parts if part.conduct is not None and len(part.conduct) == 1]
    gravest = max(known, key=lambda c: c.severity) if known and len(known) == len(parts) else None
    # Settled by a passage on which the readers agree, an answer for the whole is not disputed.
    settled = {name for part in parts for name in part.answers if part.get(name) and name not in part.disputed}
    disputed = frozenset(
        name
        for part in parts
        for name in part.disputed
        if (name in answers and name not in settled)
        or (name in _CONDUCT_NAMES and gravest is not None and part.conduct == frozenset({gravest}))
    )
    return Elements(answers, None if gravest is None else frozenset({gravest}), disputed)
