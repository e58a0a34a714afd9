"""The page of the leaderboard, from its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from board import MODELS, NOT_RUN, PUBLISHED, SUITES, Model

_HEAD = """# Experiments

<!-- Written by experiments/leaderboard/run.py: run that instead of changing this page. -->

## Leaderboard
Our models and what can be run of other people's, **on the same rows**: each model in a process of its own, each tool
in an environment of its own and at the threshold it ships with. Macro-F1 has 95 % cluster bootstrap intervals (1,000
resamples). Of a test part with more than 1,500 rows about so many are run, a stratified draw (seed 0) of whole clusters
of near-duplicates and contrast pairs. Nothing was tuned on any of these rows. Seconds include a program's start and
were taken on two busy CPU cores: only their order of magnitude counts. Lists of words and detectors of profanity were
not made to find hatred; they are here because they are what many use.
[How it is done, and what it shows](leaderboard/README.md).
"""

_PUBLISHED = "published, not run here"


def page(results: Mapping[str, Any], experiments: Path) -> str:
    """Markdown.

    Args:
        results: ``results.json``.
        experiments: the folder of all experiments.
    """
    return "\n".join([_HEAD, *_models(), *_suites(results), *_others(results), *_studies(experiments)])


def _models() -> Iterator[str]:
    rows = [[model.title, _whose(model), model.what, model.languages] for model in MODELS.values()]
    yield from _table(["model", "whose", "what", "made for"], rows)


def _suites(results: Mapping[str, Any]) -> Iterator[str]:
    for name, suite in SUITES.items():
        found = results["suites"][name]
        yield f"### {suite.title}: {found['rows']:,} rows\n"
        yield from (_labelled if suite.element else _ordinary)(name, found["models"])


def _labelled(suite: str, found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [*_who(suite, model), *_right(e), f"{e['seconds']:.0f}", ""]
        for model, e in sorted(found.items(), key=lambda item: -item[1]["macro_f1"]["value"])
    ]
    rows += [
        [f"*{p.model}*", "others'", "yes" if p.trained else "no", "", "", "", "", f"*{p.figure} ({p.source})*"]
        for p in PUBLISHED
        if p.suite == suite
    ]
    heads = ["model", "whose", "trained on it", "macro-F1", "right on yes", "right on no", "seconds", _PUBLISHED]
    yield from _table(heads, rows)


def _ordinary(suite: str, found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [*_who(suite, model), _interval(e["alarm_rate"]), f"{e['seconds']:.0f}"]
        for model, e in sorted(found.items(), key=lambda item: item[1]["alarm_rate"]["value"])
    ]
    yield from _table(["model", "whose", "trained on it", "called hateful, the less the better", "seconds"], rows)


def _others(results: Mapping[str, Any]) -> Iterator[str]:
    yield "### Not run\n"
    failed = {MODELS[name].title: why for name, why in results["failed"].items()}
    yield from (f"- {name}: {why}." for name, why in {**failed, **NOT_RUN}.items())
    yield "\n### On Norwegian data that is not public\n"
    rows = [[f"*{p.model}*", f"*{p.figure} ({p.source})*"] for p in PUBLISHED if p.suite is None]
    yield from _table(["model and task", _PUBLISHED], rows)


def _studies(experiments: Path) -> Iterator[str]:
    yield "## Studies\n"
    for readme in sorted(experiments.glob("*/README.md")):
        title = readme.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        yield f"- [{title}]({readme.parent.name}/README.md)"
    yield ""


def _who(suite: str, name: str) -> list[str]:
    model = MODELS[name]
    return [model.title, _whose(model), "yes, its training part" if suite in model.trained_on else "no"]


def _whose(model: Model) -> str:
    return "**ours**" if model.ours else "others'"


def _right(found: Mapping[str, Any]) -> list[str]:
    sides = (f"{found[side]['value']:.2f}" for side in ("accuracy_yes", "accuracy_no"))
    return [_interval(found["macro_f1"]), *sides]


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['value']:.3f} ({found['lo']:.3f}–{found['hi']:.3f})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
