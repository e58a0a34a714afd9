"""From what a model says of passages to tiers, profiles and words for people; the model here knows a few words."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from typer.testing import CliRunner

from hatespeech_no import Capture, Classifier, Statement, Tier, draft_notice, explain
from hatespeech_no.bundle import Bundle, Manifest
from hatespeech_no.cli import app
from hatespeech_no.errors import HatespeechError
from hatespeech_no.models.elements import Input, Scores, pieces
from hatespeech_no.scoring.assessment import NOTICE
from hatespeech_no.taxonomy import ELEMENTS, Conduct, Ground
from hatespeech_no.text.passages import sentencizer_version
from hatespeech_no.training.profiles import TierRows, learn_then_test
from hatespeech_no.triage.profiles import OperatingPoints, Profile, decide, log_odds

_SURE = 6.0
_HATEFUL = {"hateful", "abusive", "ground_ethnicity", "ground_explicit", "target_people"}
_WORDS: dict[str, tuple[Conduct, set[str]]] = {
    "pestlinger": (Conduct.DEHUMANISATION, _HATEFUL),
    "sitat": (Conduct.DEHUMANISATION, _HATEFUL - {"hateful"} | {"shield", "context_quotation"}),
    "knuse": (Conduct.THREAT, {"abusive", "target_person", "addressed_in_person"}),
    "kanskje": (Conduct.DEHUMANISATION, set()),
    "alltid": (Conduct.STEREOTYPE, _HATEFUL),
}


class WordModel:
    """Sure of everything that one of its words says, and of nothing else that there is nothing."""

    family: ClassVar[str] = "words"
    names: ClassVar[tuple[str, ...]] = ELEMENTS

    def scores(self, inputs: Sequence[Input]) -> Scores:
        texts = pieces(inputs)
        log_odds = np.full((len(texts), len(ELEMENTS)), -_SURE, np.float32)
        conduct = np.zeros((len(texts), len(Conduct)), np.float32)
        for i, text in enumerate(texts):
            said = Conduct.NONE
            for word, (graver, elements) in _WORDS.items():
                if word in text.lower():
                    said = max(said, graver, key=lambda c: c.severity)
                    log_odds[i, [ELEMENTS.index(name) for name in elements]] = _SURE
                    if word == "kanskje":
                        log_odds[i, [ELEMENTS.index(name) for name in _HATEFUL]] = 1.0
            conduct[i, said.severity] = 2 * _SURE
        return Scores(ELEMENTS, log_odds, conduct)

    def place(self, device: str, threads: int | None) -> None:
        raise NotImplementedError

    def save(self, folder: Path) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        raise NotImplementedError


@pytest.fixture
def classifier() -> Classifier:
    manifest = Manifest(
        format_version=1,
        name="words",
        package_version="0",
        created="",
        family="words",
        taxonomy_version="",
        statute_version="",
        rules_version="",
        languages=["nb", "nn", "en"],
        sentencizer=sentencizer_version(),
        settings={},
        calibration={
            "platt": dict.fromkeys(ELEMENTS, (1.0, 0.0)),
            "conduct": [1.0] + [0.0] * 8,
            "prevalence": {"hateful": 0.5},
        },
        thresholds={},
        data=[],
        metrics={},
        operating_points=OperatingPoints(
            profiles={"balanced": Profile(threshold=0.5), "high_recall": Profile(threshold=0.1)}
        ),
    )
    return Classifier(Bundle(manifest, WordModel()))


_QUOTED = "Han sa noe stygt om dem, og det er et sitat jeg tar avstand fra."
_OWN = "Jeg skal knuse deg."


def test_a_quoted_slur_does_not_shield_a_threat_in_the_same_comment(classifier: Classifier) -> None:
    quoted, both = classifier.score([_QUOTED, f"{_QUOTED} {'Vi var på torget og spiste vafler. ' * 200}{_OWN}"])
    assert quoted.tier is Tier.PROTECTED
    assert "shielded" in quoted.flags
    assert both.tier is Tier.ACTIONABLE
    assert both.rules == ("R1",)
    assert "read_first" in both.flags
    text = f"{_QUOTED} {'Vi var på torget og spiste vafler. ' * 200}{_OWN}"
    assert [text[slice(*place)] for place in both.evidence] == [_OWN]


def test_evidence_names_every_passage_with_the_tier_and_what_to_read_first_comes_first(classifier: Classifier) -> None:
    text = f"De er pestlinger. Fint vær i dag. {_OWN}"
    (found,) = classifier.score(text)
    assert [text[slice(*place)] for place in found.evidence] == [_OWN, "De er pestlinger."]
    assert found.passage == found.evidence[0]


def test_disguised_words_are_read_too_and_shown_where_they_stand(classifier: Classifier) -> None:
    text = "Fint vær i dag. De er p3stl1ng3r alle sammen. Ha det bra."
    (found,) = classifier.score(text)
    assert found.tier is Tier.ACTIONABLE
    assert found.passage is not None
    assert text[slice(*found.passage)] == "De er p3stl1ng3r alle sammen."
    assert "rewritten" in found.flags
    assert "rewritten" not in classifier.score("De er pestlinger alle sammen.")[0].flags


def test_another_profile_needs_no_second_scoring(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    found = classifier.score(["De er kanskje det ene eller det andre.", "Fint vær."])
    monkeypatch.setattr(WordModel, "scores", None)
    assert found[0].p_actionable == pytest.approx(0.39, abs=0.01), "0.73 three times: ground, shown by the text, people"
    again = found.rethreshold("high_recall")
    assert [a.tier for a in found] == [Tier.LAWFUL_HATE, Tier.PROTECTED]
    assert [a.tier for a in again] == [Tier.ACTIONABLE, Tier.PROTECTED]
    assert [a.profile for a in again] == ["high_recall"] * 2
    assert again[0].rules == found[0].rules == ("R5",), "the reasons are what is most likely, whatever the limit"
    assert ["below_limit" in a.flags for a in (found[0], again[0], found[1])] == [True, False, False]
    assert found[0].provisions == ()
    assert again[0].provisions == ("185",)
    assert again.rethreshold("balanced")[0] == found[0]
    with pytest.raises(HatespeechError, match="no profile 'harsh'; it has balanced, high_recall"):
        found.rethreshold("harsh")


def test_grounds_that_are_shown_are_those_the_tier_rests_on(classifier: Classifier) -> None:
    classifier.bundle.manifest.thresholds["ground_ethnicity"] = 0.95
    (found,) = classifier.score(["De er kanskje det ene eller det andre."]).rethreshold("high_recall")
    assert found.grounds == (Ground.ETHNICITY,), "below its threshold, but without it the rule would not hold"


def test_another_prevalence_changes_what_is_shown_and_no_tier(classifier: Classifier) -> None:
    text = "De er kanskje det ene eller det andre."
    (usual,), (rare,) = classifier.score(text), classifier.score(text, prevalence={"hateful": 0.01})
    assert usual.p_hateful is not None
    assert rare.p_hateful is not None
    assert rare.p_hateful < 0.1 < usual.p_hateful
    assert (rare.tier, rare.p_actionable) == (usual.tier, usual.p_actionable)


def test_words_are_weighed_in_the_passage_that_decides(classifier: Classifier) -> None:
    text = "Fint vær i dag. De er pestlinger."
    weights = {text[w.start : w.end]: w.weight for w in classifier.words(text)}
    assert weights == {"De": 0, "er": 0, "pestlinger.": 2 * _SURE}
    assert classifier.words("  ") == []


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_an_explanation_says_what_a_human_must_decide(classifier: Classifier, lang: Any) -> None:
    text = f"Fint vær. {_OWN}"
    lines = explain(classifier.score(Statement(text, publicity="public"))[0], lang, text)  # type: ignore[arg-type]
    assert f"«{_OWN}»" in lines
    assert "R1" in lines
    assert "§ 263" in lines
    assert ("Et menneske må avgjøre" if lang == "nb" else "A human must decide") in lines
    assert "words@" in lines
    for word, hedge in (("straffbar", "mulig"), ("punishable", "possibly"), ("illegal", "possibly")):
        for line in lines.lower().splitlines():
            assert word not in line or hedge in line
    calm = explain(classifier.score("Fint vær.")[0], lang)
    assert ("Et menneske må avgjøre" if lang == "nb" else "A human must decide") not in calm


def test_the_command_weighs_the_words_of_the_passage_that_its_profile_shows(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = []
    monkeypatch.setattr(sys.modules["hatespeech_no.cli.explain"], "load", lambda model: classifier)
    score = classifier.score
    monkeypatch.setattr(classifier, "score", lambda *given: scored.append(given) or score(*given))
    text = "Sånne er alltid slik. De er kanskje dumme."
    last = {}
    for profile in ("balanced", "high_recall"):
        done = CliRunner().invoke(app, ["explain", text, "--profile", profile])
        assert done.exit_code == 0, done.output
        last[profile] = done.output.splitlines()[-1].strip()
    assert last == {"balanced": "Sånne er alltid slik.", "high_recall": "De er kanskje dumme."}
    assert len(scored) == 2, "once each"
    calm = CliRunner().invoke(app, ["explain", "Fint vær i dag."])
    assert calm.output.splitlines()[-1] == NOTICE["en"], "no words of what is protected"


@pytest.mark.parametrize("lang", ["nb", "en"])
@pytest.mark.parametrize("recipient", ["platform", "police"])
def test_a_draft_marks_what_is_missing_and_is_no_verdict(classifier: Classifier, recipient: Any, lang: Any) -> None:
    (found,) = classifier.score(_OWN)
    draft = draft_notice(found, Capture(text=_OWN, url="https://example.org/1"), recipient, lang)
    missing = "[MANGLER" if lang == "nb" else "[MISSING"
    assert draft.count(missing) == 4, "time, sender, contact, reasons"
    assert _OWN in draft
    assert "https://example.org/1" in draft
    assert "straffeloven § 263" in draft
    assert ("art. 16" in draft) == (recipient == "platform")
    for line in draft.lower().splitlines():
        assert "straffbar" not in line or "mulig" in line
        assert "ulovlig" not in line or "mulig" in line
        assert "illegal" not in line or "possibly" in line
    with pytest.raises(HatespeechError, match="only drafted for statements"):
        draft_notice(classifier.score("Fint vær.")[0], Capture(text="Fint vær."))


def test_below_the_threshold_the_most_probable_other_tier_is_given() -> None:
    chances = np.array([[0.4, 0.2, 0.0, 0.4], [0.55, 0.05, 0.0, 0.4], [0.2, 0.1, 0.6, 0.1]], np.float32)
    assert decide(chances, chances[:, 3], 0.45).tolist() == [1, 0, 2]
    assert decide(chances, chances[:, 3], 0.4).tolist() == [3, 3, 2]


def test_log_odds_are_undone_by_calibration_that_changes_nothing_and_finite_at_the_ends() -> None:
    p = np.array([0.0, 1e-5, 0.25, 0.5, 0.99, 1.0], np.float32)
    assert log_odds(p)[2] == pytest.approx(np.log(1 / 3))
    assert np.isfinite(log_odds(p)).all()
    assert OperatingPoints().calibrated(p) == pytest.approx(p, abs=1e-6)


def _draw(generator: np.random.Generator, rows: int) -> TierRows:
    """Statements with uniform probabilities: a threshold misses as large a share of actionable ones as it is high."""
    tier = np.repeat([Tier.ACTIONABLE.rank, Tier.PROTECTED.rank], rows)
    language = np.array(["nb", "nn"] * rows, dtype=object)
    return TierRows(tier, language, generator.random(2 * rows), np.zeros(2 * rows, np.int64))


def test_a_guarantee_is_broken_no_more_often_than_it_says() -> None:
    generator = np.random.default_rng(0)
    broken = kept = 0
    for _ in range(300):
        rows = _draw(generator, 1000)
        threshold = learn_then_test(rows, "missed", 0.10)
        assert threshold is not None
        broken += threshold > 0.10
        kept += threshold > 0.05
    assert broken / 300 <= 0.05
    assert kept / 300 > 0.8, "and it is no idle one"


def test_without_enough_rows_nothing_is_promised() -> None:
    rows = _draw(np.random.default_rng(0), 40)
    assert learn_then_test(rows, "missed", 0.10) is None
