from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatespeech_no.errors import HatespeechError
from hatespeech_no.text.keyed import keyed_id, load_key
from hatespeech_no.text.lemmas import lemma_source, lemmatiser
from hatespeech_no.text.masking import mask_names, mask_patterns
from hatespeech_no.text.passages import split_passages
from hatespeech_no.text.pipelines import OFFICIAL_PIPELINE, load_pipeline


def passages(text: str) -> list[str]:
    return [p.text for p in next(iter(split_passages([text])))]


def test_sentences_and_lines_are_passages() -> None:
    assert passages("Han sa: «De er rotter.» Det er jeg uenig i.") == ["Han sa: «De er rotter.»", "Det er jeg uenig i."]
    assert passages("Det er p.g.a. kl. 12 at vi drar!! Ja?\nNy linje") == [
        "Det er p.g.a. kl. 12 at vi drar!!",
        "Ja?",
        "Ny linje",
    ]
    assert passages("ingen punktum her") == ["ingen punktum her"]
    assert passages("") == [""]
    assert passages(" \n ") == [""]


@given(st.text(st.sampled_from("ab æ.!?\n «»\t🙂"), max_size=60))
def test_passages_point_into_the_original(text: str) -> None:
    found = next(iter(split_passages([text])))
    assert all(text[p.start : p.end] == p.text for p in found)
    assert [p.start for p in found] == sorted(p.start for p in found)
    # No word of the text is lost.
    assert "".join("".join(p.text.split()) for p in found) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("hei @kari_n!", "kari"),
        ("se https://eksempel.no/a?b=c nå", "eksempel"),
        ("skriv til ola.n@eksempel.no i dag", "eksempel"),
        ("ring 98 76 54 32", "98"),
        ("fnr 01017012345", "0101"),
    ],
)
def test_masking(text: str, hidden: str) -> None:
    assert hidden not in mask_patterns(text)
    assert "TAG" in mask_patterns(text)


def test_masking_leaves_ordinary_text() -> None:
    text = "I 2026 møtte 1500 personer opp, 20 % flere enn i fjor."
    assert mask_patterns(text) == text


def test_a_missing_pipeline_says_what_to_do() -> None:
    with pytest.raises(HatespeechError, match=r"'nb_core_news_xx' cannot be loaded.*make nb-model"):
        load_pipeline(OFFICIAL_PIPELINE.replace("sm", "xx"))


def test_names_are_masked_by_a_trained_pipeline(norwegian_pipeline: str) -> None:
    masked = list(mask_names(["I går møtte Ola Nordmann og Kari Hansen naboen."], load_pipeline(norwegian_pipeline)))
    assert "Nordmann" not in masked[0]
    assert "naboen" in masked[0]


def test_lemmas_name_their_source_and_refuse_another(norwegian_pipeline: str) -> None:
    assert lemmatiser("simplemma")(["Guttene kastet steinene"]) == ["gutt kaste stein"]
    assert lemma_source(norwegian_pipeline).startswith("nb_ud_sm-")
    with pytest.raises(HatespeechError, match=r"trained on lemmas from simplemma-0\.1"):
        lemmatiser(norwegian_pipeline, recorded="simplemma-0.1")


def test_keyed_ids_need_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    assert keyed_id("a", b"one") == keyed_id("a", b"one") != keyed_id("a", b"two")
    monkeypatch.delenv("HATESPEECH_NO_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_key() == load_key()
    (Path(f"{tmp_path}/.hatespeech_no/key")).write_text("")
    with pytest.raises(HatespeechError, match="is empty; delete it, or set HATESPEECH_NO_KEY"):
        load_key()
    Path(f"{tmp_path}/.hatespeech_no/key").unlink()
    assert len(load_key()) == 64
    assert Path(f"{tmp_path}/.hatespeech_no/key").stat().st_mode & 0o077 == 0
