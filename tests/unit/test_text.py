from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatespeech_no.errors import HatespeechError
from hatespeech_no.text.keyed import keyed_id, load_key
from hatespeech_no.text.language import LanguageGuess, guess_languages
from hatespeech_no.text.lemmas import lemma_source, lemmatiser
from hatespeech_no.text.masking import mask_names, mask_patterns
from hatespeech_no.text.passages import passage_at, split_passages
from hatespeech_no.text.personal import find_personal, is_fodselsnummer
from hatespeech_no.text.pipelines import OFFICIAL_PIPELINE, load_pipeline
from hatespeech_no.text.printable import printable
from hatespeech_no.text.pseudonyms import Pseudonymised, pseudonymise, reveal


def passages(text: str) -> list[str]:
    return [p.text for p in next(iter(split_passages([text])))]


def test_words_that_were_met_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from hatespeech_no.text import passages

    known = len(passages._sentencizer().vocab)
    monkeypatch.setattr(passages, "_MOST_WORDS", known + 500)
    for i in range(1000):
        word = "".join("abcdefghij"[int(digit)] for digit in str(i))
        assert len(next(split_passages([f"Vi kjøpte {word}kaffe. Og {word}vafler."]))) == 2
    assert len(passages._sentencizer().vocab) <= known + 500 + 5


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


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        ("01810750126", True),  # of the invented test population: the month is raised by 80
        ("41810750381", True),  # D-number: the day is raised by 40
        ("01810750127", False),
        ("32810750126", False),
        ("00000000000", False),
        ("0181075012", False),
        ("０１８１０７５０１２６", False),
    ],
)
def test_control_digits_of_a_fodselsnummer(digits: str, valid: bool) -> None:
    assert is_fodselsnummer(digits) is valid


def test_kinds_of_numbers() -> None:
    text = "Ring +47 22 33 44 55 eller 98765432. Fnr 018107 50126, sak 2024 123456, i 2026 kom 1500."
    assert [(text[m.start : m.end], m.kind) for m in find_personal(text)] == [
        ("+47 22 33 44 55", "PHONE"),
        ("98765432", "PHONE"),
        ("018107 50126", "FNR"),
        ("2024 123456", "NUMBER"),
    ]


def test_pseudonyms_lead_back_only_with_the_key() -> None:
    texts = ["@Kari_N ring 22334455, du og @ola!", "hei @kari_n, [USER-0a1b2c3d] og x@y.no", "ingen her"]
    first, second, third = pseudonymise(texts, b"key")
    assert all(part not in first.text for part in ("Kari", "ola", "2233"))
    assert first.text.split()[0] == second.text.split()[1].rstrip(","), "one person, one tag, whatever the case"
    assert third.text == "ingen her"
    assert next(pseudonymise(texts, b"other")).text != first.text
    assert [reveal(p, b"key") for p in (first, second, third)] == texts
    with pytest.raises(HatespeechError, match="another key"):
        reveal(first, b"other")
    with pytest.raises(HatespeechError, match="another number of tags"):
        reveal(Pseudonymised(third.text, first.sealed), b"key")
    with pytest.raises(HatespeechError, match="damaged"):
        reveal(Pseudonymised(first.text, "x"), b"key")


@given(st.text(st.sampled_from("@ab .:/htps0123456789[]USER-æ"), max_size=80))
def test_every_text_can_be_revealed(text: str) -> None:
    assert reveal(next(pseudonymise([text], b"key")), b"key") == text


def test_names_become_pseudonyms_where_a_pipeline_finds_them(norwegian_pipeline: str) -> None:
    text = "I går møtte Ola Nordmann naboen @ola."
    found = next(pseudonymise([text], b"key", load_pipeline(norwegian_pipeline)))
    assert "Nordmann" not in found.text
    assert "naboen [USER-" in found.text
    assert reveal(found, b"key") == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mrød\x1b[0m", "[31mrød [0m"),
        ("a\u202eb\u200bc\u2066d", "a b c d"),
        ("to\nlinjer\ttab", "to linjer tab"),
        ("hei @kari_n", "hei USERTAG"),
        ("🙂 æøå «»", "🙂 æøå «»"),
    ],
)
def test_texts_are_harmless_on_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_passage_has_its_neighbours() -> None:
    text = "Første. Andre! Tredje?"
    assert [(p.before, p.text, p.after) for p in next(split_passages([text]))] == [
        ("", "Første.", "Andre!"),
        ("Første.", "Andre!", "Tredje?"),
        ("Andre!", "Tredje?", ""),
    ]
    assert passage_at(text, 8).text == "Andre!"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Dette er en helt vanlig norsk setning om været i dag.", "nb", 11),
        ("Dette er ei heilt vanleg norsk setning om vêret i dag, ikkje sant?", "nn", 13),
        ("This is an ordinary English sentence about the weather.", "en", 9),
        ("ikkje tull", "no", 2),
        ("", "und", 0),
        ("1234 !!! 🙂", "und", 0),
        ("مرحبا كيف حالك اليوم", "ar", 8),
        ("我们不知道图书馆什么时候开放", "zh", 7),
        ("ตลาดนัดวันเสาร์", "und", 6),
    ],
)
def test_language_guesses(text: str, code: str, words: int) -> None:
    guess = guess_languages([text])[0]
    assert (guess.code, guess.words) == (code, words)
    assert 0 <= guess.confidence <= 1


@pytest.mark.parametrize(
    ("guess", "surely"),
    [
        (LanguageGuess("fi", 0.995, 3, {"fi": 0.995, "nb": 0.005}), True),
        (LanguageGuess("es", 0.6, 9, {"es": 0.6, "pt": 0.4}), True),
        (LanguageGuess("fi", 0.9, 30, {"fi": 0.9, "nn": 0.1}), False),
        (LanguageGuess("fi", 1.0, 2, {"fi": 1.0}), False),
        (LanguageGuess("nb", 1.0, 30, {"nb": 1.0}), False),
        (LanguageGuess("zh", 1.0, 4), True),
        (LanguageGuess("und", 0.0, 4), False),
    ],
)
def test_only_a_sure_guess_takes_a_text_out(guess: LanguageGuess, surely: bool) -> None:
    assert guess.is_surely_none_of({"nb", "nn"}) is surely


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
