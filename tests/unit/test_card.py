"""What a model card says, and that it hides nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from hatespeech_no.bundle import Bundle, Corpus, Manifest
from hatespeech_no.cli import app
from hatespeech_no.models.tfidf import TfidfConfig, fit_tfidf
from hatespeech_no.taxonomy import ELEMENTS, Lang
from hatespeech_no.text.passages import sentencizer_version
from hatespeech_no.training.card import find_seed, model_card, write_cards
from hatespeech_no.training.record import Record
from hatespeech_no.triage.profiles import Guarantee, Load, OperatingPoints, Profile, ProfileName

LANGUAGES = get_args(Lang)
UNKNOWN = {"nb": "ukjent", "en": "unknown"}
GUARANTEE = Guarantee(measure="missed", language="nb", at_most=0.1, confidence=0.95, observed=0.05, rows=188)
HOSTILE = "MIT | <script>alert(1)</script>\n# [here](http://x.no) **now** `code` \\| &amp; ![](y)"
METRICS = {
    "s/all/hateful/macro_f1": 0.784,
    "s/all/hateful/macro_f1_lo": 0.7512,
    "s/all/hateful/macro_f1_hi": 0.8149,
    "s/nn/hateful/accuracy_yes": 0.5,
    "s/nn/hateful/accuracy_yes_lo": 0.25,
    "s/nn/hateful/accuracy_yes_hi": 0.75,
    "s/all/context_satire/macro_f1": 0.111,
    "s/all/context_satire/macro_f1_lo": 0.111,
    "s/all/context_satire/macro_f1_hi": 0.111,
    "s/all/tier/balanced_alarms": 0.1,
    "s/all/tier/balanced_alarms_lo": 0.08,
    "s/all/tier/balanced_alarms_hi": 0.12,
    "ordinary/all/hateful/alarm_rate": 0.02,
    "ordinary/all/hateful/alarm_rate_lo": 0.01,
    "ordinary/all/hateful/alarm_rate_hi": 0.03,
}


def manifest(**changes: Any) -> Manifest:
    facts = {
        "format_version": 1,
        "name": "liten",
        "package_version": "0.1.0",
        "created": "2026-11-23T00:00:00+00:00",
        "family": "tfidf",
        "taxonomy_version": "1.0",
        "statute_version": "straffeloven § 185 (2021-01-01)",
        "rules_version": "no-1.1 (2026-11)",
        "languages": ["en", "nb"],
        "sentencizer": sentencizer_version(),
        "settings": {"config": {"words": [1, 2]}},
        "calibration": {"platt": {"hateful": [1.0, 0.0]}, "conduct": None, "prevalence": {"hateful": 0.444}},
        "thresholds": {"hateful": 0.4},
        "operating_points": OperatingPoints(
            profiles={
                "balanced": Profile(
                    threshold=0.36,
                    guarantees=(GUARANTEE,),
                    loads=(Load(prevalence=0.004, flagged_per_10000=1135.9, precision=0.0257),),
                )
            }
        ),
        "data": [
            Corpus(name="iwg", licence="CC-BY-SA-3.0", rows=1328, digest="d0"),
            Corpus(name="mine", licence="Apache-2.0", rows=7, digest="d1"),
        ],
        "metrics": METRICS,
    }
    return Manifest.model_validate({**facts, **changes})


def seed_folder(folder: Path, **metrics: float) -> Path:
    (folder / "tables").mkdir(parents=True)
    row = {"suite": "s", "element": "hateful", "rows": 715, "prevalence": 0.442}
    errors = {"ece_before": 0.0467, "ece_after": 0.0276, "log_loss_before": 0.4817, "log_loss_after": 0.4724}
    pd.DataFrame([row | errors]).to_csv(folder / "tables" / "reliability.csv", index=False)
    Record(
        name=folder.name,
        params={"seed": "3", "data.evaluate": "", "model.encoder.rows": "5", "tracking.uri": "http://hidden"},
        metrics={**METRICS, "train/rows": 1335.0, "train/seconds": 90.0, "validation/rows": 200.0, **metrics},
        tags={"code": "abc123", "python": "3.11.7", "version.numpy": "2.4.6", "bundle": "f00d"},
        data=[{"name": "s", "rows": 720, "digest": "d2", "context": "testing"}],
    ).write(folder)
    return folder


PARSER = MarkdownIt("commonmark").enable("table")  # lets raw HTML through


def table_rows(card: str) -> list[list[str]]:
    """Every row of every table, as a reader of Markdown that is not ours sees it."""
    rows: list[list[str]] = []
    for token in PARSER.parse(card):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and token.level == 4 and rows:
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            "en",
            [
                ["s (720)", "hateful", "all", "0.78 (0.75–0.81)", *4 * ["unknown"]],
                ["s (720)", "hateful", "nn", "unknown", "unknown", "0.50 (0.25–0.75)", "unknown", "unknown"],
                ["s (720)", "balanced", "all", "unknown", "unknown", "0.10 (0.08–0.12)", "unknown"],
                ["ordinary (unknown)", "all", "0.02 (0.01–0.03)"],
                ["40", "1,136", "2.6%"],
                ["s", "hateful", "715", "44.2%", "44.4%", "0.40", "0.047", "0.028", "0.482", "0.472"],
                ["Energy (estimate)", "1.0 watt-hours, of this one training"],
                ["Environment", "Python 3.11.7, numpy 2.4.6"],
                ["data.evaluate", "–"],
            ],
        ),
        (
            "nb",
            [
                ["s (720)", "hatefull", "alle", "0,78 (0,75–0,81)", *4 * ["ukjent"]],
                ["s (720)", "balanced", "alle", "ukjent", "ukjent", "0,10 (0,08–0,12)", "ukjent"],
                ["40", "1\u00a0136", "2,6\u00a0%"],
                ["s", "hatefull", "715", "44,2\u00a0%", "44,4\u00a0%", "0,40", "0,047", "0,028", "0,482", "0,472"],
                ["Energi (anslag)", "1,0 wattimer, for denne ene treningen"],
            ],
        ),
    ],
)
def test_facts_are_shown_with_their_intervals(tmp_path: Path, lang: Lang, expected: list[list[str]]) -> None:
    card = model_card(manifest(), "f00d", seed_folder(tmp_path / "seed-3"), lang, watts=40)
    rows = table_rows(card)
    assert [row for row in expected if row not in rows] == []
    assert GUARANTEE.explain(lang) in card
    shipped, own = (next(row for row in rows if row[0] == name) for name in ("iwg", "mine"))
    assert shipped[2:5] == [{"en": "1,328", "nb": "1\u00a0328"}[lang], "CC-BY-SA-3.0", {"en": "no", "nb": "nei"}[lang]]
    assert [own[1], own[4], own[6]] == 3 * [UNKNOWN[lang]]
    assert "0.11" not in card.replace(",", ".")  # of a single context
    assert "hidden" not in card  # address of the store
    assert "model.encoder" not in card  # another family's settings


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_not_known_is_said_and_never_left_out(tmp_path: Path, lang: Lang) -> None:
    known = model_card(manifest(), "f00d", seed_folder(tmp_path / "seed-3"), lang, watts=40)
    bare = model_card(manifest(data=[], metrics={}, operating_points=OperatingPoints(profiles={})), "f00d", None, lang)
    headings = [re.findall(r"^#+ .*", card, re.MULTILINE) for card in (known, bare)]
    assert headings[0] == headings[1]
    rows = table_rows(bare)
    unknown = [row for row in rows if set(row) == {UNKNOWN[lang]}]
    assert len(unknown) == 5  # corpora, figures, ordinary text, tiers, calibration
    assert sum(row[1:] == [UNKNOWN[lang]] for row in rows) == 4  # environment, time, power, energy
    assert not {"None", "nan", ""} & {cell for row in [*table_rows(known), *rows] if row[0] for cell in row}
    (tmp_path / "seed-3" / "tables" / "reliability.csv").unlink()
    assert model_card(manifest(), "f00d", tmp_path / "seed-3", lang).count(UNKNOWN[lang]) > known.count(UNKNOWN[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_values_stay_values(tmp_path: Path, lang: Lang) -> None:
    corpora = [Corpus(name="mine", licence=HOSTILE, rows=7, digest="d1")]
    card = model_card(manifest(data=corpora), "f00d", seed_folder(tmp_path / "seed-3"), lang)
    row = next(row for row in table_rows(card) if row[0] == "mine")
    assert row[3] == HOSTILE.replace("\n", " ")
    assert len(row) == 7
    rendered = PARSER.render(card)
    assert "<script" not in rendered
    assert "<a " not in rendered
    assert "<img" not in rendered


def test_both_cards_have_the_same_form(tmp_path: Path) -> None:
    seed = seed_folder(tmp_path / "seed-3")
    forms = [
        [(token.type, token.tag) for token in PARSER.parse(model_card(manifest(), "f00d", seed, lang))]
        for lang in LANGUAGES
    ]
    assert forms[0] == forms[1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_called_punishable_without_possibly_and_a_human(tmp_path: Path, lang: Lang) -> None:
    seed = seed_folder(tmp_path / "seed-3")
    for family in ("tfidf", "encoder"):
        card = model_card(manifest(family=family), "f00d", seed, lang)
        for section in re.split(r"^##+ ", card, flags=re.MULTILINE):
            for match in re.finditer(r"u?straffbar\w*|ulovlig\w*|illegal\w*|unlawful\w*|punishable", section):
                assert re.search(r"\b(mulig|possibly)\s+$", section[: match.start()]), section
                assert re.search("menneske|human", section), section


@pytest.mark.parametrize("profile", get_args(ProfileName))
def test_a_profile_the_model_lacks_is_named(profile: ProfileName) -> None:
    others = {name: Profile(threshold=0.5) for name in get_args(ProfileName) if name != profile}
    card = model_card(manifest(operating_points=OperatingPoints(profiles=others)), "f00d", None, "en")
    missing = re.split(r"^##+ ", card, flags=re.MULTILINE)
    assert ["no such profile" in section for section in missing if section.startswith(profile)] == [True]
    assert card.count("no such profile") == 1


def test_the_record_of_another_model_is_not_taken(tmp_path: Path) -> None:
    for number, value in enumerate((0.3, 0.784)):
        seed_folder(tmp_path / f"seed-{number}", **{"s/all/hateful/macro_f1": value})
    second = tmp_path / "seed-1"
    (second / "bundle").mkdir()
    assert find_seed(manifest(), tmp_path) == second
    assert find_seed(manifest(), second) == second
    assert find_seed(manifest(), second / "bundle") == second
    assert find_seed(manifest(), tmp_path / "seed-0") is None
    assert find_seed(manifest(), Path("models:/m@champion")) is None


def test_cards_are_written_beside_a_model_and_shown_on_the_command_line(tmp_path: Path) -> None:
    texts = [f"{word} {place}" for word in ("sur", "glad") for place in ("her", "der", "ute", "inne", "borte")]
    labels = {name: np.full(10, np.nan, np.float32) for name in ELEMENTS}
    labels["hateful"] = np.repeat([1.0, 0.0], 5).astype(np.float32)
    model = fit_tfidf(texts, labels, np.zeros((10, 8), bool), TfidfConfig(), 0, lambda _step: None)
    seed = seed_folder(tmp_path / "run" / "seed-3")
    bundle = Bundle(manifest(), model)
    bundle.save(seed / "bundle")
    write_cards(seed)
    assert "f00d" in (seed / "card.nb.md").read_text("utf-8")  # as the record has it
    file = tmp_path / "card.md"
    for arguments in (["--lang", "nb"], ["--out", str(file), "--watts", "40"]):
        done = CliRunner().invoke(app, ["card", str(tmp_path / "run"), *arguments])
        assert done.exit_code == 0, done.output
        if "nb" in arguments:
            assert done.output == (seed / "card.nb.md").read_text("utf-8").replace("f00d", bundle.digest)
    assert "1.0 watt-hours" in file.read_text("utf-8")
    lost = CliRunner().invoke(app, ["card", str(tmp_path / "run"), "--out", str(tmp_path / "gone" / "card.md")])
    assert "there is no such folder" in str(lost.exception)
