"""The model in the box."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import hatespeech_no
from hatespeech_no import loading
from hatespeech_no.cli import app
from hatespeech_no.corpora.catalogue import corpus_names, find_descriptor
from hatespeech_no.errors import HatespeechError
from hatespeech_no.scoring import Classifier
from hatespeech_no.taxonomy import Tier
from tests.fixtures import ROOT

MEGABYTES = 45
_PROBABILITY = re.compile(r"(?<== )0\.\d\d")
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def released() -> Classifier:
    return hatespeech_no.load()


def test_it_is_the_model_of_this_version_and_fits_in_a_wheel(released: Classifier) -> None:
    assert released.bundle.digest == loading.RELEASED_DIGEST
    size = sum(path.stat().st_size for path in loading.RELEASED.parent.rglob("*") if path.is_file())
    assert size <= MEGABYTES * 1e6
    assert {"nb", "nn", "da", "en"} <= set(released.bundle.manifest.languages)
    assert "de" not in released.bundle.manifest.languages


def test_every_corpus_it_learned_from_allows_it_to_be_passed_on(released: Classifier) -> None:
    learned = {source.name for source in released.bundle.manifest.data}
    assert "statements" in learned
    for name in learned & set(corpus_names()):
        assert find_descriptor(name)[0].licence.shipping_models, name


def test_it_has_every_profile_with_its_promise(released: Classifier) -> None:
    profiles = released.bundle.manifest.operating_points.profiles
    assert "balanced" in profiles
    assert all(profile.guarantees for profile in profiles.values())


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("Noen som vet når biblioteket åpner igjen?", Tier.PROTECTED),
        ("Veit nokon når bussen går i morgon?", Tier.PROTECTED),
        ("Does anyone know when the library opens?", Tier.PROTECTED),
        ("Alle muslimer bør skytes.", Tier.ACTIONABLE),
        ("Alle jødar burde drepast.", Tier.ACTIONABLE),
        ("All gays should be killed.", Tier.ACTIONABLE),
    ],
)
def test_plain_cases_in_three_languages(released: Classifier, text: str, tier: Tier) -> None:
    assert released.score([text])[0].tier is tier


def test_it_runs_from_anywhere_on_little(tmp_path: Path) -> None:
    code = """
import sys
for name in ("torch", "transformers", "datasets", "mlflow", "matplotlib", "sklearn"):
    sys.modules[name] = None
import hatespeech_no
(found,) = hatespeech_no.load().score(["Noen som vet når biblioteket åpner igjen?"])
print(found.tier)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "protected"


@pytest.mark.parametrize(("lang", "words"), [("nb", "modellkort"), ("en", "model card")])
def test_it_has_a_card(lang: str, words: str) -> None:
    shown = CliRunner().invoke(app, ["card", "--lang", lang])
    assert shown.exit_code == 0, shown.output
    assert words in shown.output.lower()
    assert loading.RELEASED_DIGEST in shown.output


def test_another_model_in_its_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "RELEASED_DIGEST", "0" * 16)
    with pytest.raises(HatespeechError, match="is not the model of this version"):
        hatespeech_no.load()


def test_the_readme_shows_its_real_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(
        r"```\n\$ hatespeech-no score (\S+) scored\.csv --publicity public\n\n(.*?)\n```", README, re.S
    )
    sample, shown = block
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(
        app, ["score", str(ROOT / sample), "scored.csv", "--publicity", "public"], env={"COLUMNS": "100"}
    )
    lines = "\n".join(line.rstrip() for line in done.output.strip().splitlines())
    assert _PROBABILITY.sub("", lines) == _PROBABILITY.sub("", shown)
    # Another processor may round the last digit otherwise.
    theirs, ours = ([float(p) for p in _PROBABILITY.findall(text)] for text in (shown, lines))
    assert ours == pytest.approx(theirs, abs=0.011)
