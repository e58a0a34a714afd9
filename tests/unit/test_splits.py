from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hatespeech_no.corpora import load_corpus
from hatespeech_no.errors import HatespeechError
from hatespeech_no.splits import assign_parts, connected_clusters, near_duplicate_clusters, strata_of
from hatespeech_no.text.normalise import normalise
from hatespeech_no.training import TrainingConfig, load_config
from hatespeech_no.training.data import load_pool, split_pool
from tests.fixtures import ROOT

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
LONG = "Det var en gang en mann som gikk en lang tur gjennom skogen for å plukke bær til syltetøy"


def test_near_duplicates_share_a_cluster() -> None:
    texts = [
        LONG,
        LONG + "!",
        LONG.upper(),
        "@kari " + LONG,
        "@ola " + LONG,
        "Noe helt annet om været i dag",
        "",
        "👍",
        "👎",
    ]
    clusters = near_duplicate_clusters(texts)
    assert len(set(clusters[:5])) == 1
    assert len(set(clusters[4:])) == 5


def test_hardly_any_near_duplicate_is_missed() -> None:
    words = ["skog", "hav", "fjell", "dal", "elv", "vei", "hus", "båt", "bil", "tog", "fugl", "fisk", "hest"]
    texts = [" ".join(f"{word}{i}" for word in words) for i in range(300)]
    clusters = near_duplicate_clusters([*texts, *(text + " nå" for text in texts)])
    assert (clusters[:300] == clusters[300:]).all()
    assert len(set(clusters)) == 300


def test_pairs_share_a_cluster() -> None:
    clusters = near_duplicate_clusters(["helt", "forskjellige", "tekster"], ["p1", None, "p1"])
    assert clusters[0] == clusters[2] != clusters[1]


def test_a_chain_of_copies_near_duplicates_and_pairs_is_one_cluster() -> None:
    clusters = near_duplicate_clusters([LONG, "hund", LONG + "!!", "katt", "Hund"], [None, "p", "p", None, None])
    assert clusters.tolist() == [0, 0, 0, 1, 0]


@given(st.integers(1, 20).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_connected_clusters_against_a_naive_search(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    rows, links = drawn
    reached = {i: {i} for i in range(rows)}
    for _ in range(rows):
        for i, j in links:
            reached[i] = reached[j] = reached[i] | reached[j]
    clusters = connected_clusters(rows, links)
    assert set(clusters) == set(range(len(set(clusters))))
    assert all((clusters[i] == clusters[j]) == (j in reached[i]) for i in range(rows) for j in range(rows))


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sets(st.sampled_from("abcd"))), min_size=1, max_size=120),
    st.integers(0, 5),
)
def test_no_cluster_straddles_parts(rows: list[tuple[int, set[str]]], seed: int) -> None:
    clusters = np.array([cluster for cluster, _ in rows])
    parts = assign_parts(clusters, [labels for _, labels in rows], SHARES, seed)
    seen = defaultdict(set)
    for cluster, part in zip(clusters, parts, strict=True):
        seen[cluster].add(part)
    assert all(len(found) == 1 for found in seen.values())
    assert parts == assign_parts(clusters, [labels for _, labels in rows], SHARES, seed)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 100))
def test_every_label_gets_its_share(small_corpus: Path, seed: int) -> None:
    rows = load_corpus(str(small_corpus))["all"]
    clusters = near_duplicate_clusters(rows["text"][:], rows["pair"][:])
    parts = np.array(assign_parts(clusters, strata_of(rows), SHARES, seed))
    for part, share in SHARES.items():
        assert abs((parts == part).mean() - share) < 0.05
    for element in ("hateful", "ground_religion", "context_quotation"):
        yes = np.array(rows[element][:], dtype=bool)
        for part, share in SHARES.items():
            assert abs((parts[yes] == part).mean() - share) < 0.2


def test_a_run_has_no_text_in_two_parts_and_whole_pairs(small_corpus: Path) -> None:
    config = load_config(ROOT / "configs" / "demo.yaml", [f"data.train=[{small_corpus}]"])
    data = split_pool(load_pool(config), config, seed=0)
    test = data.tests["small"]
    ids = [set(part["id"][:]) for part in (data.validation, test)]
    trained = {identifier.split(":")[1] for identifier in data.train["id"][:]}
    assert not ids[0] & ids[1]
    assert not trained & {i.split(":")[1] for i in ids[0] | ids[1]}
    texts = [{normalise(t) for t in part["text"][:]} for part in (data.train, data.validation, test)]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
    pairs = [set(part["pair"][:]) - {None} for part in (data.train, data.validation, test)]
    assert not (pairs[0] & pairs[1] or pairs[0] & pairs[2] or pairs[1] & pairs[2])
    assert data.leakage["near_duplicates_in_training"].sum() == 0


def test_official_splits_are_kept_and_leaks_reported(corpora_folders: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATESPEECH_NO_DATA", corpora_folders)
    config = load_config(ROOT / "configs" / "demo.yaml", ["data.train=[dkhate, hatemoji_build]"])
    data = split_pool(load_pool(config), config, seed=0)
    official = load_corpus("hatemoji_build")
    assert set(data.tests["hatemoji_build"]["id"][:]) == set(official["test"]["id"][:])
    assert len(data.tests["dkhate"]) == 329
    kept = {i for i in data.validation["id"][:] if i.startswith("hatemoji_build")}
    assert kept <= set(official["validation"]["id"][:])
    assert len(kept) > 0.8 * len(official["validation"]), "without those that come near a test row"
    leakage = data.leakage.set_index("test")
    assert leakage.loc["hatemoji_build", "near_duplicates_in_training"] > 0
    assert leakage.loc["dkhate", "copies_removed_from_training"] > 0
    trained = {normalise(text) for text in data.train["text"][:]}
    assert not trained & {normalise(text) for test in data.tests.values() for text in test["text"][:]}


def test_training_on_a_test_suite_is_refused(corpora_folders: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATESPEECH_NO_DATA", corpora_folders)
    config = load_config(ROOT / "configs" / "demo.yaml", ["data.train=[hatecheck]"])
    with pytest.raises(HatespeechError, match=r"'hatecheck' is for evaluation only; name it under data.evaluate"):
        load_pool(config)


def _own_corpus(folder: Path, name: str, rows: list[tuple[str, str]], splits: bool = False) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text", "label", "part"], *[(t, label, "train") for t, label in rows]])
    descriptor = {
        "name": name,
        "title": name,
        "citation": "none",
        "homepage": "none",
        "licence": {"id": "own", "training": True, "shipping_models": True, "redistribution": True},
        "language": "nb",
        "files": [{"path": f"{name}.csv", "format": "csv"}],
        "columns": {"id": None, **({"split": "part"} if splits else {})},
        "splits": {"train": "train"} if splits else {},
        "labels": [
            {"when": {"label": "1"}, "set": {"hateful": True}},
            {"when": {"label": "0"}, "set": {"hateful": False}},
        ],
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(descriptor), "utf-8")


def _configure(folder: Path, data: dict[str, object]) -> TrainingConfig:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"name": "own", "data": data}), "utf-8")
    return load_config(path)


@pytest.mark.parametrize("official", [False, True])
def test_near_duplicates_across_corpora_never_straddle_a_split_of_ours(tmp_path: Path, official: bool) -> None:
    words = ["skog", "hav", "fjell", "dal", "elv", "vei", "hus", "båt", "bil", "tog", "fugl", "fisk", "hest"]
    base = [" ".join(f"{w}{i}" for w in words) for i in range(60)]
    _own_corpus(tmp_path, "one", [(text, str(i % 2)) for i, text in enumerate(base)])
    _own_corpus(tmp_path, "two", [(text + " nå", str(i % 2)) for i, text in enumerate(base)], splits=official)
    config = _configure(tmp_path, {"train": ["one.yaml", "two.yaml"]})
    data = split_pool(load_pool(config), config, seed=0)
    assert data.leakage["near_duplicates_in_training"].sum() == 0
    assert len(data.train) > 20
    stems = [{text.removesuffix(" nå") for text in part["text"][:]} for part in (data.train, data.validation)]
    assert not stems[0] & stems[1]


def test_only_the_official_test_of_an_evaluation_corpus_is_used(
    corpora_folders: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HATESPEECH_NO_DATA", corpora_folders)
    config = load_config(ROOT / "configs" / "demo.yaml", ["data.evaluate=[gahd]"])
    data = split_pool(load_pool(config), config, seed=0)
    assert len(data.tests["gahd"]) == 1646


def test_too_few_rows_are_named(tmp_path: Path) -> None:
    _own_corpus(tmp_path, "one", [("en", "1")])
    config = _configure(tmp_path, {"train": ["one.yaml"]})
    with pytest.raises(HatespeechError, match=r"no rows are left for the \w+ part; there are 1 in all"):
        split_pool(load_pool(config), config, seed=0)


def test_what_is_left_out_is_tested_on_the_same_rows_and_not_learned_from(tmp_path: Path) -> None:
    words = ["skog", "hav", "fjell", "dal", "elv", "vei", "hus", "båt", "bil", "tog", "fugl", "fisk", "hest"]
    for name in ("one", "two"):
        texts = [" ".join(f"{w}{name}{i}" for w in words) for i in range(60)]
        _own_corpus(tmp_path, name, [(text, str(i % 2)) for i, text in enumerate(texts)])
    whole = _configure(tmp_path, {"train": ["one.yaml", "two.yaml"]})
    less = _configure(tmp_path, {"train": ["one.yaml", "two.yaml"], "at_most": {"two": 0}})
    pool = load_pool(whole)
    full, part = (split_pool(pool, config, seed=0) for config in (whole, less))
    for name in ("one", "two"):
        assert full.tests[name]["id"][:] == part.tests[name]["id"][:]
    assert set(part.train["corpus"][:]) == set(part.validation["corpus"][:]) == {"one"}
    assert [source.name for source in part.sources] == ["one"]
    with pytest.raises(HatespeechError, match=r"data.at_most: there is no corpus \['three'\]"):
        split_pool(pool, _configure(tmp_path, {"train": ["one.yaml"], "at_most": {"three": 0}}), seed=0)


def test_no_part_is_used_for_the_purpose_of_another(tmp_path: Path) -> None:
    words = ["skog", "hav", "fjell", "dal", "elv", "vei", "hus", "båt", "bil", "tog", "fugl", "fisk", "hest"]
    texts = [" ".join(f"{w}{i}" for w in words) for i in range(100)]
    parts = [("train", "dev", "calibration", "risk", "test")[i % 5] for i in range(100)]
    rows = [f"{text},{i % 2},{part}" for i, (text, part) in enumerate(zip(texts, parts, strict=True))]
    # A second corpus has near-duplicates of half of them, each in a part that must not meet the first one's.
    other = [f"{text} og,{i % 2},{parts[(i + 2) % 5]}" for i, text in enumerate(texts[:50])]
    other += [f"{text} ny {text[::-1]},{i % 2},{parts[i]}" for i, text in enumerate(texts[50:])]
    for name, lines in (("one", rows), ("two", other)):
        _own_corpus(tmp_path, name, [("en", "1")])
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label,part", *lines]), "utf-8")
        description = yaml.safe_load((tmp_path / f"{name}.yaml").read_text("utf-8"))
        description["columns"] = {"text": "text", "id": None, "split": "part"}
        description["splits"] = {
            "train": "train",
            "dev": "validation",
            "calibration": "calibration",
            "risk": "risk",
            "test": "test",
        }
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(description), "utf-8")
    config = _configure(tmp_path, {"train": ["one.yaml", "two.yaml"]})
    data = split_pool(load_pool(config), config, seed=0)
    used = {
        "train": data.train["text"][:],
        "validation": data.validation["text"][:],
        "calibration": data.calibration["text"][:],
        "test": [text for test in data.tests.values() for text in test["text"][:]],
    }
    stems = {name: {text.removesuffix(" og") for text in part} for name, part in used.items()}
    risk = {text for text, part in zip(texts, parts, strict=True) if part == "risk"}
    assert not risk & (stems["train"] | stems["validation"] | stems["calibration"])
    assert not stems["test"] & (stems["validation"] | stems["calibration"])
    assert not stems["calibration"] & stems["train"]
    assert all(part for part in used.values())
    alone = _configure(tmp_path, {"train": ["one.yaml"], "evaluate": ["two.yaml"]})
    assert len(split_pool(load_pool(alone), alone, seed=0).tests["two"]) == 20
