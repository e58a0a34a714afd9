"""What is chosen for review, with which probability, and who reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from hatespeech_no.errors import HatespeechError
from hatespeech_no.review.candidates import Candidate, collapse, read_scored, with_elements
from hatespeech_no.review.queues import deal, queues
from hatespeech_no.review.sample import is_sample
from hatespeech_no.review.select import Budget, disagreement, diverse, select, uncertainty
from hatespeech_no.tables import open_writer
from hatespeech_no.tables.writers import defuse, undefuse
from hatespeech_no.taxonomy import Tier

KEY = b"key of the tests"


def candidate(i: int, tier: str = "protected", p: float = 0.1, **more: object) -> Candidate:
    return Candidate(f"setning nummer {i} om noe helt annet {i * 7919}", None, Tier(tier), {"actionable": p}, **more)


def some(actionable: int = 6, uncertain: int = 4, lawful: int = 10, protected: int = 80) -> list[Candidate]:
    tiers = (
        ["actionable"] * actionable + ["uncertain"] * uncertain + ["lawful_hate"] * lawful + ["protected"] * protected
    )
    return [candidate(i, tier, p=(i % 17) / 17) for i, tier in enumerate(tiers)]


# --- reading a scored file


@pytest.mark.parametrize("name", ["scored.csv", "scored.xlsx", "scored.jsonl", "scored.csv.gz"])
def test_texts_come_back_from_a_scored_file_as_they_were_written(name, tmp_path):
    texts = [
        "=1+1",
        "'=1+1",
        "''-x",
        "@kari er her",
        "'sitat'",
        "-5",
        "vanlig; med, tegn",
        "+47 ring meg",
        "to\nlinjer",
    ]
    with open_writer(tmp_path / name, None) as write:
        for text in texts:
            write({"text": text, "tier": "actionable", "p_hateful": 0.5, "p_actionable": 0.25, "flags": "a|b"})
    found = read_scored(tmp_path / name)
    assert [c.text for c in found] == texts
    assert {c.tier for c in found} == {Tier.ACTIONABLE}
    assert found[0].p == {"hateful": 0.5, "actionable": 0.25}
    assert found[0].flags == ("a", "b")


def test_the_parts_of_a_folder_are_read_one_after_the_other(tmp_path):
    for i, text in enumerate(("hei", "du")):
        with open_writer(tmp_path / f"part-0000{i}.parquet", None) as write:
            write({"text": text, "tier": "protected"})
    (tmp_path / "_manifest.json").write_text("{}", "utf-8")
    assert [c.text for c in read_scored(tmp_path)] == ["hei", "du"]
    assert not is_sample(tmp_path)
    (tmp_path / "part-00001.parquet").write_text("", "utf-8")
    with pytest.raises(HatespeechError, match=r"part-00001\.parquet: is no Parquet file"):
        read_scored(tmp_path)


@given(st.text(alphabet="'=+-@ax1\t", max_size=8))
def test_undefuse_undoes_defuse(text):
    assert undefuse(defuse(text)) == text


def test_faults_of_a_scored_file_are_named(tmp_path):
    path = tmp_path / "scored.csv"
    path.write_text("text,tier\nhei,grusom\n", "utf-8")
    with pytest.raises(HatespeechError, match=r"row 1.*grusom"):
        read_scored(path)
    path.write_text("melding,tier\nhei,protected\n", "utf-8")
    with pytest.raises(HatespeechError, match="--text-column"):
        read_scored(path)
    path.write_text('text,tier\n"",""\n', "utf-8")
    with pytest.raises(HatespeechError, match="no scored texts"):
        read_scored(path)


def test_near_duplicates_collapse_to_the_gravest_with_a_count():
    long = "Dette er en ganske lang setning om vær og vind i Bærum kommune"
    rows = [
        Candidate(long, None, Tier.PROTECTED, {"actionable": 0.1}),
        Candidate(f"{long}!", None, Tier.ACTIONABLE, {"actionable": 0.9}),
        Candidate(f"{long}!!", None, Tier.ACTIONABLE, {"actionable": 0.8}),
        Candidate("noe helt annet som ikke ligner", None, Tier.PROTECTED, {}),
        Candidate("Ja!", "Bør de utestenges?", Tier.UNCERTAIN, {}),
        Candidate("Ja!", "Kommer du på fredag?", Tier.PROTECTED, {}),
    ]
    found = {c.identity: c for c in collapse(rows)}
    assert sorted(len(c.same) for c in found.values()) == [1, 1, 1, 3]
    assert found[f"{long}!"].p == {"actionable": 0.9}
    assert set(found[f"{long}!"].same) == {long, f"{long}!", f"{long}!!"}


def test_the_model_adds_elements_where_the_file_leaves_it_most_open():
    @dataclass
    class Found:
        probabilities: dict[str, float]

    class Model:
        def stream(self, statements):
            return (Found({"hateful": 0.9, "support": len(s.text) / 100}) for s in statements)

    rows = [candidate(i, p=i / 99) for i in range(60)]
    found = with_elements(rows, Model(), 1)
    assert [c.text for c in found] == [c.text for c in rows]
    again = [i for i, c in enumerate(found) if "support" in c.p]
    assert again == list(range(40, 60))  # the twenty nearest to one half
    assert found[50].p == {"hateful": 0.9, "support": len(rows[50].text) / 100, "actionable": 50 / 99}


# --- measures of worth


def test_uncertainty_is_the_mean_entropy_of_known_elements():
    p = np.random.default_rng(0).random((20, 5))
    p[3, 2] = np.nan
    p[4] = np.nan
    slow = [np.mean([entropy([x, 1 - x]) for x in row if not np.isnan(x)] or [0.0]) for row in p]
    np.testing.assert_allclose(uncertainty(p), slow, atol=1e-12)


def test_disagreement_is_the_mean_jensen_shannon_divergence():
    rng = np.random.default_rng(0)
    p, q = rng.random((20, 4)), rng.random((20, 4))
    q[2, 1] = np.nan
    q[5] = np.nan
    both = [[(a, b) for a, b in zip(r, s, strict=True) if not np.isnan(b)] for r, s in zip(p, q, strict=True)]
    slow = [np.mean([jensenshannon([a, 1 - a], [b, 1 - b]) ** 2 for a, b in row] or [0.0]) for row in both]
    np.testing.assert_allclose(disagreement(p, q), slow, atol=1e-12)


def test_diverse_takes_one_of_each_kind():
    rng = np.random.default_rng(1)
    centres = np.repeat(np.eye(5) * 10, 8, axis=0)
    chosen = diverse(rng.uniform(0.5, 0.7, 40), [""] * 40, 5, 0, centres + rng.normal(0, 0.1, centres.shape))
    assert sorted(i // 8 for i in chosen) == list(range(5))


def test_diverse_on_texts_does_not_take_the_same_twice_over():
    texts = [f"muslimer er en pest nummer {i}" for i in range(30)] + [
        f"bussen til Sandvika går klokka {i}" for i in range(10)
    ]
    worth = np.r_[np.full(30, 0.69), np.full(10, 0.6)]
    chosen = diverse(worth, texts, 4, 0)
    assert len(set(chosen)) == 4
    assert any(i >= 30 for i in chosen)


# --- the choice


def test_each_purpose_gets_its_budget_and_nothing_is_chosen_twice():
    rows = some()
    chosen = select(rows, Budget(5, 20, 30), seed=3)
    assert Counter(c.purpose for c in chosen) == {"flagged": 5, "active": 20, "audit": 30}
    assert len({c.row for c in chosen}) == 55
    flagged = [c.row for c in chosen if c.purpose == "flagged"]
    assert flagged == sorted(range(6), key=lambda i: rows[i].p["actionable"], reverse=True)[:5]
    assert all(not rows[c.row].flagged for c in chosen if c.purpose == "audit")


def test_what_must_be_read_first_goes_before_a_higher_probability():
    rows = [candidate(0, "actionable", 0.99), candidate(1, "actionable", 0.6, flags=("read_first",))]
    assert [c.row for c in select(rows, Budget(1, 0, 0), seed=0)] == [1]


def test_too_little_is_not_made_up_for():
    chosen = select(some(2, 0, 0, 3), Budget(10, 10, 10), seed=0)
    assert Counter(c.purpose for c in chosen) == {"flagged": 2, "audit": 3}
    assert {c.inclusion for c in chosen if c.purpose == "audit"} == {1.0}
    assert select([], Budget(1, 1, 1), seed=0) == []


def test_disagreeing_models_draw_attention():
    rows = [Candidate(f"en setning om {i} og {i * 31}", None, Tier.PROTECTED, {"hateful": 0.02}) for i in range(40)]
    chosen = select(rows, Budget(0, 3, 0), 0, {7: {"hateful": 0.98}, 9: {"hateful": 0.97}, 11: {"hateful": 0.03}})
    assert 7 in {c.row for c in chosen}
    assert 7 not in {c.row for c in select(rows, Budget(0, 3, 0), 0)}


def test_inclusion_probabilities_are_those_of_the_draw():
    """Simulated: each unflagged statement is audited as often as is said, whatever the model is uncertain about."""
    rows, budget, draws = some(), Budget(3, 5, 18), 1500
    seen: Counter[int] = Counter()
    for seed in range(draws):
        picks = select(rows, Budget(budget.flagged, 0, budget.audit), seed)
        audits = [c for c in picks if c.purpose == "audit"]
        assert {c.inclusion for c in audits} == {18 / 90}
        seen.update(c.row for c in audits)
    counts = np.array([seen[i] for i in range(10, 100)])
    assert set(seen) == set(range(10, 100))
    # Binomial with p = 0.2: five standard deviations for the furthest of 90.
    assert np.abs(counts - draws * 0.2).max() < 5 * np.sqrt(draws * 0.2 * 0.8)
    same = [c.row for c in select(rows, budget, 7) if c.purpose == "audit"]
    assert same == [c.row for c in select(rows, Budget(3, 0, 18), 7) if c.purpose == "audit"]


def test_weighting_by_inclusion_is_unbiased():
    """Horvitz and Thompson's total over many draws is the true one."""
    rows = some()
    hits = {i for i in range(10, 100) if i % 9 == 0}
    totals = [
        sum(1 / c.inclusion for c in select(rows, Budget(0, 0, 20), seed) if c.purpose == "audit" and c.row in hits)
        for seed in range(2000)
    ]
    assert abs(np.mean(totals) - len(hits)) < 4 * np.std(totals) / np.sqrt(len(totals))


# --- dealing out


@given(
    items=st.integers(0, 260),
    share=st.floats(0, 1),
    readers=st.integers(2, 5),
    urgent=st.integers(0, 60),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_dealing_is_even_complete_and_in_short_queues(items, share, readers, urgent, seed):
    ids = [f"{i:04x}" for i in range(items)]
    twice = set(ids[: int(share * items)])
    first = set(ids[-urgent:]) if urgent else set()
    names = [f"r{i}" for i in range(readers)]
    readers_of = deal(ids, names, twice, seed)
    assert set(readers_of) == set(ids)
    assert all(len(set(r)) == (2 if i in twice else 1) for i, r in readers_of.items())
    load = Counter(r for mine in readers_of.values() for r in mine)
    assert not load or max(load.values()) - min(load.get(n, 0) for n in names) <= 1
    dealt = queues(readers_of, first, "batch", KEY, seed)
    assert all(0 < len(part) <= 100 for part in dealt.values())
    assert sorted((r, i) for (r, _), part in dealt.items() for i in part) == sorted(
        (r, i) for i, mine in readers_of.items() for r in mine
    )
    for reader in names:
        mine = [part for (r, _), part in sorted(dealt.items()) if r == reader]
        urgent_in = [len(first & set(part)) for part in mine]
        decoys_left = sum(len(part) for part in mine[1:]) - sum(urgent_in[1:])
        # Never mostly urgent while there are decoys, and nothing urgent behind a queue with room for it.
        if mine and decoys_left:
            assert urgent_in[0] <= 50
        if urgent_in and urgent_in[0] < 50:
            assert not any(urgent_in[1:])


def test_queue_names_say_nothing(tmp_path: Path):
    dealt = queues({"ab": ["kari", "ola"]}, {"ab"}, "2026-flagged", KEY, 0)
    for reader, name in dealt:
        assert not any(word in name for word in (reader, "flag", "2026", "urgent", "ab-"))
    assert len({name for _, name in dealt}) == 2
