"""The model card: what a model is, what it is for, and how well it does, rendered from its own facts.

Fields follow Mitchell et al. 2019 (Model Cards for Model Reporting). What is not known is shown as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from pathlib import Path
from typing import Any, get_args

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from hatespeech_no.bundle import MANIFEST, Manifest
from hatespeech_no.corpora.catalogue import corpus_names, find_descriptor
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import DETAILS, ELEMENTS, Lang, element_label
from hatespeech_no.training.config import of_family
from hatespeech_no.training.record import RECORD, Record
from hatespeech_no.triage.profiles import ProfileName

_LANGUAGES: tuple[Lang, ...] = get_args(Lang)

_UNKNOWN = {"nb": "ukjent", "en": "unknown"}
_FIGURES = dict.fromkeys(("macro_f1", "precision", "accuracy_yes", "accuracy_no", "auroc"))
_TIER_FIGURES = ("macro_f1", "recall", "alarms", "abstained")
OF_THIS_MACHINE = ("tracking.", "output", "results")
"""Settings that tell where a run was kept, by how they begin."""
# Everywhere but in code spans Markdown reads these as the characters themselves.
_MARKDOWN = {ord(c): f"&#{ord(c)};" for c in "|\\`*[]"} | dict.fromkeys(map(ord, "\r\n"), " ")

_PERCENT = {"nb": "\u00a0%", "en": "%"}
_SEPARATORS = {"nb": str.maketrans({",": "\u00a0", ".": ","}), "en": {}}

Interval = tuple[float, float, float] | None
"""A figure with the ends of its interval; ``None`` = unknown."""


def model_card(manifest: Manifest, digest: str, seed: Path | None, lang: Lang, watts: float | None = None) -> str:
    """The card of a model, as Markdown.

    Args:
        manifest: what the model's bundle says of itself.
        digest: of the bundle.
        seed: folder with the record of its training, see ``find_seed``; without it much is unknown.
        lang: of the card.
        watts: mean power of the machine while it was trained, for an estimate of energy.
    """
    record = None if seed is None else Record.read(seed)
    tested = {} if record is None else {d["name"]: d["rows"] for d in record.data if d["context"] == "testing"}
    seconds = None if record is None else record.metrics.get("train/seconds")
    return (
        _environment(lang)
        .get_template(f"card.{lang}.md.j2")
        .render(
            notice=NOTICE[lang],
            manifest=manifest,
            digest=digest,
            record=record,
            settings=_settings(manifest, record),
            corpora=[_corpus(corpus.name) for corpus in manifest.data],
            tested=tested,
            figures=list(_figures(manifest.metrics)),
            alarms=list(_ordinary(manifest.metrics)),
            tiers=list(_tiers(manifest)),
            profile_names=get_args(ProfileName),
            calibration=_reliability(seed),
            uncalibrated=[name for name in ELEMENTS if name not in manifest.calibration["platt"]],
            seconds=seconds,
            watts=watts,
            watt_hours=None if watts is None or seconds is None else seconds * watts / 3600,
        )
    )


def write_cards(seed: Path) -> None:
    """Write ``card.nb.md`` and ``card.en.md`` into the folder of a finished seed."""
    manifest = Manifest.model_validate_json((seed / "bundle" / MANIFEST).read_text("utf-8"))
    digest = Record.read(seed).tags["bundle"]
    for lang in _LANGUAGES:
        (seed / f"card.{lang}.md").write_text(model_card(manifest, digest, seed, lang), "utf-8")


def find_seed(manifest: Manifest, folder: Path) -> Path | None:
    """The folder with the record of how a model was trained: the one that repeats its figures.

    Args:
        manifest: of the model's bundle.
        folder: of the bundle, or of its seed or run.

    Returns:
        ``None`` where no record lies there, or only those of other models.
    """
    for seed in (folder, folder.resolve().parent, *sorted(folder.glob("seed-*"))):
        if (seed / RECORD).is_file() and manifest.metrics.items() <= Record.read(seed).metrics.items():
            return seed
    return None


def _environment(lang: Lang) -> Environment:
    def known(value: object) -> object:
        """What is put into the text: never nothing, and nothing that Markdown or HTML would act on."""
        if value is None or value == "":
            return _UNKNOWN[lang]
        return value if isinstance(value, Markup) else Markup(str(escape(value)).translate(_MARKDOWN))  # noqa: S704

    def number(value: float | None, digits: int = 2) -> str | None:
        return None if value is None or isnan(value) else f"{value:,.{digits}f}".translate(_SEPARATORS[lang])

    def share(value: float | None, digits: int = 1) -> str | None:
        percent = None if value is None else number(100 * value, digits)
        return None if percent is None else f"{percent}{_PERCENT[lang]}"

    def interval(figure: Interval) -> str | None:
        if figure is None:
            return None
        value, lo, hi = map(number, figure)
        return f"{value} ({lo}–{hi})"

    environment = Environment(
        loader=PackageLoader("hatespeech_no.training", "cards"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=known,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": number,
        "share": share,
        "interval": interval,
        "element": lambda name: element_label(name, lang),
    }
    return environment


def _settings(manifest: Manifest, record: Record | None) -> dict[str, str]:
    """How the run was configured, without other families and this machine; without a record what the bundle says."""
    if record is None:
        own = manifest.settings.get("backbone", manifest.settings.get("config", {}))
        return {f"model.{manifest.family}.{name}": _plain(value) for name, value in own.items()}
    own = of_family(record.params, record.params.get("model.family", manifest.family))
    return {name: value for name, value in own.items() if not name.startswith(OF_THIS_MACHINE)}


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _corpus(name: str) -> dict[str, Any]:
    """What is known of a corpus beyond the manifest: only of those that are shipped."""
    if name not in corpus_names():
        return {"title": None, "homepage": None, "shipping_models": None}
    descriptor, _ = find_descriptor(name)
    licence = descriptor.licence
    return {
        "title": descriptor.title,
        "homepage": descriptor.homepage,
        "shipping_models": licence.shipping_models,
    }


def _by_place(metrics: Mapping[str, float]) -> dict[tuple[str, str, str], dict[str, Interval]]:
    """Figures with their intervals, by suite, element and slice."""
    found: dict[tuple[str, str, str], dict[str, Interval]] = {}
    for key, value in metrics.items():
        suite, part, element, metric = key.split("/")
        if f"{key}_lo" in metrics:
            figure = value, metrics[f"{key}_lo"], metrics[f"{key}_hi"]
            found.setdefault((suite, element, part), {})[metric] = figure
    return found


def _figures(metrics: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Rows of every main element that a suite labels, in all slices of the suite."""
    found = {place: figures for place, figures in _by_place(metrics).items() if figures.keys() & _FIGURES}
    for suite, element in dict.fromkeys((suite, element) for suite, element, _ in found):
        if element in DETAILS:
            continue
        for part in dict.fromkeys(p for s, _, p in found if s == suite):
            figures = found.get((suite, element, part), {})
            row = [figures.get(metric) for metric in _FIGURES]
            yield {"suite": suite, "element": element, "slice": part, "figures": row}


def _ordinary(metrics: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    for (suite, _, part), figures in _by_place(metrics).items():
        if "alarm_rate" in figures:
            yield {"suite": suite, "slice": part, "figure": figures["alarm_rate"]}


def _tiers(manifest: Manifest) -> Iterator[dict[str, Any]]:
    found = {place: figures for place, figures in _by_place(manifest.metrics).items() if place[1] == "tier"}
    for profile in manifest.operating_points.profiles:
        for (suite, _, part), figures in found.items():
            row = [figures.get(f"{profile}_{metric}") for metric in _TIER_FIGURES]
            yield {"suite": suite, "profile": profile, "slice": part, "figures": row}


def _reliability(seed: Path | None) -> list[dict[str, Any]]:
    path = None if seed is None else seed / "tables" / "reliability.csv"
    if path is None or not path.is_file():
        return []
    table = pd.read_csv(path)
    return [row for row in table.to_dict("records") if row["element"] not in DETAILS]
