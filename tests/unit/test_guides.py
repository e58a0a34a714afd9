"""The guides say what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.main import get_command

from hatespeech_no.cli import app
from hatespeech_no.scoring.classifier import FRAME_COLUMNS
from hatespeech_no.taxonomy import Conduct, Ground, Publicity, Tier
from hatespeech_no.triage import load_rules
from hatespeech_no.triage.profiles import ProfileName
from tests.fixtures import ROOT

DOCS = ROOT / "docs"
GUIDES = [DOCS / "guide.nb.md", DOCS / "guide.en.md"]
PAGES = [*GUIDES, DOCS / "from-perspective-api.md", DOCS / "dpia.nb.md", DOCS / "dpia.en.md", DOCS / "serving.md"]
READERS = [DOCS / "review.nb.md", DOCS / "review.en.md"]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEGAL = re.compile(r"\b(?:u?straffbar\w*|ulovlig\w*|illegal\w*|unlawful\w*|punishable|criminal)\b", re.IGNORECASE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _commands(text: str) -> Iterator[list[str]]:
    """Every ``hatespeech-no …`` in a block of shell or between backticks, without what stands in quotation marks."""
    shell = [line for language, block in _FENCE.findall(text) if language == "bash" for line in block.splitlines()]
    for code in [*shell, *re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))]:
        if code.startswith("hatespeech-no "):
            yield re.sub(r'"[^"]*"', "TEXT", code.partition("  #")[0]).split()[1:]


def _options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def _sub_commands(command: Any) -> dict[str, Any]:
    return getattr(command, "commands", {})


def _every_option(command: Any) -> set[str]:
    return _options(command).union(*map(_every_option, _sub_commands(command).values()))


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_a_guide_names_all_there_is(guide: Path) -> None:
    names = {*get_args(ProfileName), *load_rules().flags, *FRAME_COLUMNS}
    names |= {str(member) for kind in (Tier, Ground, Conduct, Publicity) for member in kind}
    assert names - _words(guide.read_text("utf-8")) == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_a_table_of_a_guide_lists_its_codes_in_order_and_no_others(guide: Path) -> None:
    codes = [re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in guide.read_text("utf-8").split("\n\n")]
    tables = [table for table in codes if table]
    assert tables == [list(FRAME_COLUMNS), list(Tier), list(load_rules().flags), list(get_args(ProfileName))]


def test_both_guides_have_the_same_form() -> None:
    forms = []
    for guide in GUIDES:
        text = guide.read_text("utf-8")
        bare = _FENCE.sub("", text)
        forms.append(
            {
                "headings": [len(marks) for marks in re.findall(r"^(#+) ", bare, re.MULTILINE)],
                "blocks": [language for language, _ in _FENCE.findall(text)],
                "questions": len(re.findall(r"^\d+\. \*\*", bare, re.MULTILINE)),
                "rows": len(re.findall(r"^\|", bare, re.MULTILINE)),
                "points": len(re.findall(r"^- ", bare, re.MULTILINE)),
                "paragraphs": len(re.split(r"\n{2,}", bare)),
            }
        )
    assert forms[0] == forms[1]
    assert forms[0]["questions"] == 10


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_and_option_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    commands = list(_commands(text))
    assert commands
    for words in commands:
        command, *rest = get_command(app), *words
        while rest and (inner := _sub_commands(command)):
            assert rest[0] in inner, words
            command = inner[rest.pop(0)]
        assert set(_OPTION.findall(" ".join(rest))) <= _options(command), words
    others = re.compile(r"^.*\b(pip install|mlflow models)\b.*$|`--env-manager local`", re.MULTILINE)
    assert set(_OPTION.findall(others.sub("", text))) <= _every_option(get_command(app))


@pytest.mark.parametrize("page", [*PAGES, *READERS], ids=lambda path: path.name)
def test_nothing_is_called_punishable_or_illegal_without_possibly_and_a_human(page: Path) -> None:
    for paragraph in re.split(r"\n{2,}|\n(?=[-|]|\d+\.)", page.read_text("utf-8")):
        for sentence in re.split(r"(?<=[.!?:])\s+|\s\|\s", paragraph):
            for match in _LEGAL.finditer(sentence):
                assert re.search(r"\b(mulig\w*|possibly)\b", sentence[: match.start()], re.IGNORECASE), sentence
                assert re.search(r"menneske|human", paragraph), paragraph


@pytest.mark.parametrize("page", [*PAGES, *READERS], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", page.read_text("utf-8")))
    assert links
    for link in links:
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link
