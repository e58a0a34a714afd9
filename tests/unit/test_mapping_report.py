"""From a scored file to the report: what is read, drawn, estimated, withheld and said."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from hatespeech_no.cli import app
from hatespeech_no.errors import HatespeechError
from hatespeech_no.mapping.cells import FEWEST_LABELS, Audited, estimate, join
from hatespeech_no.mapping.disclosure import SMALLEST, protect, suppressed
from hatespeech_no.mapping.inputs import Columns, read_crimes, read_labels, read_scored
from hatespeech_no.mapping.measures import measures
from hatespeech_no.mapping.report import ESTIMATES, write_report
from hatespeech_no.mapping.results import Mapping, map_prevalence
from hatespeech_no.mapping.sampling import DESIGN, SAMPLE, Design, design_sample, draw, write_sample
from hatespeech_no.mapping.trends import drift, trends
from hatespeech_no.mapping.words import WORDS
from hatespeech_no.taxonomy import Lang
from hatespeech_no.text.keyed import keyed_id
from tests.unit.test_guides import _LEGAL

KEY = b"key of the tests"
ROWS = 3000
COLUMNS = Columns(id="nr", arena="sted", time="naar")


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    """A scored file with the truth beside it; the last arena has a handful of rows."""
    rng = np.random.default_rng(0)
    arena = np.array(["Facebook"] * 2000 + ["avis"] * 970 + ["skole"] * 30)
    truth = rng.random(ROWS) < np.where(arena == "avis", 0.2, 0.06)
    p = np.where(truth, rng.beta(5, 2, ROWS), rng.beta(1, 6, ROWS)).round(4)
    return pd.DataFrame(
        {
            "nr": [f"k{i}" for i in range(ROWS)],
            "text": [f"ytring {i} til @kari" for i in range(ROWS)],
            "sted": arena,
            "naar": [f"2026-0{1 + i % 3}-15T12:00:00" for i in range(ROWS)],
            "p_hateful": p,
            "p_actionable": (p / 4).round(4),
            "tier": np.where(p > 0.9, "actionable", np.where(p > 0.5, "lawful_hate", "protected")),
            "grounds": np.where(p > 0.3, "religion|ethnicity", ""),
            "conduct": np.where(p > 0.5, "derogation", "none"),
            "truth": truth,
        }
    )


def _labels(scored: pd.DataFrame, sample: Path) -> list[dict[str, Any]]:
    """What careful readers would answer."""
    truth = {keyed_id(row["nr"], KEY): row["truth"] for row in scored.to_dict("records")}
    ids = [json.loads(line)["id"] for line in sample.read_text("utf-8").splitlines()]
    return [
        {
            "id": i,
            "hateful": bool(truth[i]),
            "tier": "lawful_hate" if truth[i] else "protected",
            "grounds": ["religion"] if truth[i] else [],
            "conduct": "derogation" if truth[i] else "none",
        }
        for i in ids
    ]


@pytest.fixture(scope="module")
def folder(scored: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mapping with labels, estimated."""
    folder = tmp_path_factory.mktemp("mapping")
    scored.drop(columns="truth").to_csv(folder / "scored.csv", index=False)
    design = design_sample(folder / "scored.csv", COLUMNS, labels=400, by_arena=True, expected=0.1)
    write_sample(design, folder, KEY)
    rows = _labels(scored, folder / SAMPLE)
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    map_prevalence(folder, folder / "labels.jsonl", KEY).write(folder)
    return folder


def test_a_sample_is_pseudonymised_and_says_with_which_chance_each_row_was_drawn(
    scored: pd.DataFrame, folder: Path
) -> None:
    rows = [json.loads(line) for line in (folder / SAMPLE).read_text("utf-8").splitlines()]
    design = Design.read(folder)
    assert len(rows) == sum(map(sum, design.labels))
    assert {row["purpose"] for row in rows} == {"audit"}
    assert all("@kari" not in row["text"] and "[USER-" in row["text"] for row in rows)
    assert not {row["id"] for row in rows} & set(scored["nr"])
    # Weighted by their chances, the drawn rows of each stratum stand for all of it.
    total = sum(1 / row["inclusion_probability"] for row in rows)
    assert total == pytest.approx(ROWS)
    flagged = {keyed_id(nr, KEY) for nr in scored["nr"][scored["p_hateful"] >= 0.5]}
    assert 0 < sum(row["id"] in flagged for row in rows) < len(rows)


def test_rows_are_drawn_as_often_as_their_inclusion_probability_says(folder: Path) -> None:
    design = Design.read(folder)
    rows = design.read_rows()
    times = np.zeros(ROWS)
    for seed in range(300):
        drawn = draw(design.model_copy(update={"seed": seed}), rows)
        times[drawn.index] += 1
    chance = (np.ravel(design.labels) / np.ravel(design.rows))[design.stratum(rows)]
    deviation = (times - 300 * chance) / np.sqrt(300 * chance * (1 - chance) + 1e-9)
    assert np.abs(deviation[chance < 1]).max() < 5
    assert deviation[chance < 1].std() == pytest.approx(1, abs=0.1)


def test_estimates_are_near_the_truth_and_naive_counts_beside_them(scored: pd.DataFrame, folder: Path) -> None:
    table = Mapping.read(folder).estimates.set_index(["measure", "dimension", "cell"])
    for dimension, cell, rows in (
        ("all", "all", scored),
        ("arena", "avis", scored[scored["sted"] == "avis"]),
        ("month", "2026-02", scored[scored["naar"].str.startswith("2026-02")]),
    ):
        row = table.loc[("hateful", dimension, cell)]
        assert row["lo"] <= rows["truth"].mean() <= row["hi"]
        assert row["naive"] == pytest.approx((rows["p_hateful"] >= 0.5).mean())
        assert row["rows"] == len(rows)
        assert row["weighted_lo"] <= row["weighted"] <= row["weighted_hi"]
    assert table.loc[("ground_religion", "all", "all"), "share"] == pytest.approx(
        table.loc[("hateful", "all", "all"), "share"], abs=0.01
    )
    assert table.loc[("tier_uncertain", "all", "all"), "share"] == 0
    assert table.loc[("tier_uncertain", "all", "all"), "hi"] > 0


def test_a_cell_with_few_labels_is_not_estimable(folder: Path) -> None:
    table = Mapping.read(folder).estimates
    few = table["labels"] < FEWEST_LABELS
    assert few.any()
    assert table.loc[few, ["share", "lo", "hi", "weighted"]].isna().all(axis=None)
    assert table.loc[~few, ["share", "lo", "hi", "weighted"]].notna().all(axis=None)


def test_an_adjusted_count_stands_beside_where_another_sample_is_labelled(folder: Path, tmp_path: Path) -> None:
    other = pd.DataFrame({"label": [1.0] * 80 + [0.0] * 120, "p": [0.9] * 60 + [0.1] * 130 + [0.9] * 10})
    other.assign(element="hateful").to_csv(tmp_path / "predictions.csv", index=False)
    found = map_prevalence(folder, folder / "labels.jsonl", KEY, tmp_path / "predictions.csv").estimates
    row = found[(found["measure"] == "hateful") & (found["cell"] == "all")].iloc[0]
    tpr, fpr = 60 / 80, 10 / 120
    assert row["adjusted"] == pytest.approx(max(0, (row["naive"] - fpr) / (tpr - fpr)))


@pytest.mark.parametrize(("answered", "counted"), [(1.0, True), (0.97, True), (0.8, False)])
def test_grounds_left_open_in_many_hateful_rows_are_not_counted(answered: float, counted: bool) -> None:
    audited = _audited((np.arange(1000) < 200).astype(float), np.full(1000, 0.2), np.full(1000, "2026-01"))
    said = [("religion",) if i < 200 * answered else None for i in range(1000)]  # nobody asks of the others
    labels = audited.labels.assign(grounds=pd.Series(said, dtype=object))
    by_name = {measure.name: measure.label for measure in measures(audited.rows, labels)}
    found = by_name["ground_religion"]
    assert np.isnan(found).all() != counted
    if counted:
        assert np.nansum(found) == 200 * answered
        assert (found[200:] == 0).all()


def _audited(label: NDArray[np.float64], score: NDArray[np.float64], month: NDArray[Any]) -> Audited:
    n = len(label)
    rows = pd.DataFrame(
        {
            "p_hateful": score,
            "p_actionable": np.nan,
            "tier": "protected",
            "grounds": [()] * n,
            "conduct": "none",
            "weight": 1.0,
            "month": month,
        }
    )
    labels = pd.DataFrame({"hateful": label, "tier": None, "grounds": None, "conduct": None})
    return Audited(rows, labels, np.zeros(n, np.int64), 1, 1, surveyed=False, drawn=n)


def test_a_change_is_found_where_there_is_one_and_only_there() -> None:
    rng = np.random.default_rng(0)
    month = np.repeat(["2026-01", "2026-02", "2026-03"], 20_000)
    truth = rng.random(60_000) < np.repeat([0.05, 0.05, 0.15], 20_000)
    label = np.where(rng.random(60_000) < 0.03, truth, np.nan)
    table = trends(estimate(_audited(label, np.full(60_000, 0.1), month)))
    steady, risen = (table[table["measure"] == "hateful"].iloc[i] for i in (0, 1))
    assert steady["p_holm"] > 0.05
    assert risen["p_holm"] < 0.001
    assert risen["change"] == pytest.approx(0.1, abs=0.04)
    for row in (steady, risen):  # what is found at 5 % before correction is what the interval leaves out
        assert (row["p"] < 0.05) == (not row["lo"] <= 0 <= row["hi"])
    n = np.isfinite(label[:20_000]).sum()
    share = 0.05  # the usual formula for two months alike, two comparisons
    assert steady["detectable"] == pytest.approx((2.2414 + 0.8416) * np.sqrt(2 * share * (1 - share) / n), rel=0.15)


def test_drift_of_texts_and_of_errors_is_told_apart() -> None:
    rng = np.random.default_rng(0)
    month = np.repeat(["2026-01", "2026-02", "2026-03"], 3000)
    score = rng.beta(1, 5, 9000)
    truth = rng.random(9000) < score
    truth[6000:] |= rng.random(3000) < 0.2  # people find what the model does not
    label = np.where(rng.random(9000) < 0.2, truth, np.nan)
    steady = drift(_audited(label, score, month)).set_index("month")
    assert steady["warn"].tolist() == [True, True, True] or steady.loc["2026-03", "warn"]
    assert steady["psi"].max() < 0.05
    assert steady.loc["2026-03", "error"] > 0.1
    louder = np.where(np.arange(9000) < 3000, np.sqrt(score), score)
    moved = drift(_audited(np.where(np.isnan(label), np.nan, louder > 2), louder, month)).set_index("month")
    assert moved.loc["2026-01", "psi"] > 0.2


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_withheld_number_is_what_its_row_or_column_lacks(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    cells = data.draw(st.lists(st.integers(0, 30), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    counts = np.reshape(np.array(cells, float), shape)
    hidden = suppressed(counts)
    assert hidden[(counts > 0) & (counts < SMALLEST)].all()
    assert not hidden[counts == 0].any()
    for values, mask in ((counts, hidden), (counts.T, hidden.T)):
        for row, mine in zip(values, mask, strict=True):
            if mine.sum() == 1:  # alone only where there is nothing else to withhold
                assert (row[~mine] == 0).all()


def test_small_cells_are_withheld_in_all_that_is_shown() -> None:
    table = pd.DataFrame(
        {
            "measure": "hateful",
            "dimension": "arena",
            "cell": ["a", "b", "c", "d"],
            "rows": [1000, 1000, 1000, 100],
            "flagged": [80, 60, 70, 30],
            "labels": 100,
            "cases": [5, 4, 6, 2],
            "naive": [0.08, 0.06, 0.07, 0.3],
            "share": [0.05, 0.04, 0.06, 0.03],  # three statements in d
            "lo": 0.01,
            "hi": 0.1,
        }
    )
    shown = protect(table)
    assert shown["withheld"].tolist() == [False, True, False, True]
    assert shown.loc[[1, 3], ["rows", "flagged", "labels", "naive", "share", "lo", "hi"]].isna().all(axis=None)
    assert "cases" not in shown


@pytest.mark.parametrize("lang", get_args(Lang))
def test_a_report_says_what_was_counted_first_and_shows_no_text_id_or_small_number(
    scored: pd.DataFrame, folder: Path, tmp_path: Path, lang: Lang
) -> None:
    crimes = pd.DataFrame(
        {"year": 2025, "ground": ["religion", "gender"], "count": [12, 3], "source": "<b>STRASAK</b>"}
    )
    html, pdf = write_report(Mapping.read(folder), tmp_path, lang, crimes=crimes)
    page = unescape(html.read_text("utf-8"))
    words = WORDS[lang]
    assert page.index(words["what"]) < page.index(words["not_stated"]) < page.index(words["summary"])
    headings = [
        words[name] for name in ("summary", "grounds", "arenas", "months", "tiers", "tool", "crimes", "methods")
    ]
    assert re.findall(r"<h2>(.*?)</h2>", page) == [*headings[:5], words["conducts"], *headings[5:]]
    assert "<b>STRASAK" not in html.read_text("utf-8")
    assert page.count('src="data:image/png') == 5
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)
    for row in scored.head(200).to_dict("records"):
        assert row["text"] not in page
        assert keyed_id(row["nr"], KEY) not in page
    crime_rows = re.findall(r"<tr><td class=\"words\">2025</td>.*?</tr>", page)
    assert [words["withheld"] in row for row in crime_rows] == [True, True]
    estimates = pd.read_csv(tmp_path / ESTIMATES)
    assert estimates["withheld"].any()
    assert estimates.loc[estimates["withheld"], "share"].isna().all()
    assert pdf.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("lang", get_args(Lang))
def test_no_legal_word_stands_without_possibly(lang: Lang) -> None:
    allowed = {"nb": "mulig ", "en": "possibly "}[lang]
    for text in WORDS[lang].values():
        for found in _LEGAL.finditer(text):
            assert text[: found.start()].endswith(allowed), text
    assert WORDS["nb"].keys() == WORDS["en"].keys()
    places = {key: set(re.findall(r"{(\w+)}", WORDS["nb"][key])) for key in WORDS["nb"]}
    assert places == {key: set(re.findall(r"{(\w+)}", WORDS["en"][key])) for key in WORDS["en"]}


def test_weights_make_a_survey_and_its_intervals_wider(scored: pd.DataFrame, tmp_path: Path) -> None:
    source = tmp_path / "scored.csv"
    scored.assign(vekt=1.0).to_csv(source, index=False)
    widths = []
    for columns in (COLUMNS, COLUMNS.model_copy(update={"weight": "vekt"})):
        place = tmp_path / str(columns.weight)
        write_sample(design_sample(source, columns, labels=900), place, KEY)
        rows = _labels(scored, place / SAMPLE)
        (place / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        found = map_prevalence(place, place / "labels.jsonl", KEY).estimates.iloc[0]
        widths.append(found["hi"] - found["lo"])
    assert widths[1] > 1.1 * widths[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_hateful": "1,4"}, r"row 2, field 'p_hateful': '1,4' is no probability"),
        ({"naar": "15.01.2026"}, r"row 2: the time '15.01.2026'"),
        ({"nr": "k0"}, r"several rows have the id 'k0'"),
        ({"vekt": "-1"}, r"row 2, field 'vekt'|row 2, field 'weight'"),
    ],
)
def test_what_is_wrong_in_a_scored_file_is_named(
    scored: pd.DataFrame, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    table = scored.head(5).assign(vekt="1").astype(str)
    for name, value in change.items():
        table.loc[1, name] = value
    table.to_csv(tmp_path / "scored.csv", index=False)
    with pytest.raises(HatespeechError, match=message):
        read_scored(tmp_path / "scored.csv", COLUMNS.model_copy(update={"weight": "vekt"}))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "tier": "illegal"}, "row 2, field 'tier': 'illegal' is none of protected"),
        ({"id": "a", "hateful": "kanskje"}, "row 2, field 'hateful'"),
        ({"id": "x", "hateful": "ja"}, "the id x has a verdict already"),
        ({"id": "a", "grounds": "['religion']"}, "row 2, field 'grounds': .* is no list"),
    ],
)
def test_what_is_wrong_in_labels_is_named(tmp_path: Path, row: dict[str, str], message: str) -> None:
    lines = [{"id": "x", "hateful": True, "grounds": ["religion"]}, row]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    with pytest.raises(HatespeechError, match=message):
        read_labels(tmp_path / "labels.jsonl")


def test_labels_of_any_table_are_read_alike_and_what_is_missing_stays_so(tmp_path: Path) -> None:
    csv = "id;hateful;tier;grounds;conduct\na;ja;lawful_hate;religion|gender;threat\nb;0;;[];\nc;;;;\n"
    (tmp_path / "labels.csv").write_text(csv, "utf-8")
    found = read_labels(tmp_path / "labels.csv")
    assert found["hateful"].tolist()[:2] == [1, 0]
    assert np.isnan(found.loc["c", "hateful"])
    assert found["grounds"].tolist()[:2] == [("religion", "gender"), ()]
    assert pd.isna(found.loc["b", "tier"])


def test_what_a_first_stage_dismissed_is_counted_with_the_population(tmp_path: Path) -> None:
    rows = [{"text": "a", "p_hateful": 0.7, "p_actionable": 0.1, "tier": "lawful_hate", "flags": "shielded"}]
    rows += [{"text": "b", "tier": "protected", "flags": "screened"}, {"text": "", "tier": None, "flags": "no_text"}]
    pd.DataFrame(rows).to_parquet(tmp_path / "scored.parquet")
    read = read_scored(tmp_path / "scored.parquet", Columns())
    assert read["p_hateful"].tolist() == [0.7, 0.0]
    assert read["p_actionable"].tolist() == [0.1, 0.0]


def test_a_folder_of_parts_is_read_as_one_file_and_must_stay_whole(scored: pd.DataFrame, tmp_path: Path) -> None:
    parts, whole = tmp_path / "scored", tmp_path / "scored.parquet"
    parts.mkdir()
    scored.to_parquet(whole)
    half = len(scored) // 2
    for i, part in enumerate((scored[:half], scored[half:])):
        part.to_parquet(parts / f"part-{i:05}.parquet")
    (parts / "_rejected.csv").write_text("row\n7\n", "utf-8")
    without_ids = COLUMNS.model_copy(update={"id": None})
    pd.testing.assert_frame_equal(read_scored(parts, without_ids), read_scored(whole, without_ids))
    design = design_sample(parts, COLUMNS, labels=50)
    assert design.rows == design_sample(whole, COLUMNS, labels=50).rows
    assert len(design.read_rows()) == len(scored)
    (parts / "part-00001.parquet").unlink()
    with pytest.raises(HatespeechError, match="is not the file that the sample was drawn from"):
        design.read_rows()


def test_the_file_that_was_drawn_from_must_be_the_same(scored: pd.DataFrame, tmp_path: Path) -> None:
    source = tmp_path / "scored.csv"
    scored.to_csv(source, index=False)
    design = design_sample(source, COLUMNS, labels=50)
    source.write_text(source.read_text("utf-8") + " ", "utf-8")
    with pytest.raises(HatespeechError, match="is not the file that the sample was drawn from"):
        design.read_rows()


@pytest.mark.filterwarnings("default")  # other people's warnings
def test_the_three_commands_lead_from_a_scored_file_to_a_logged_report(
    scored: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scored.drop(columns="truth").to_csv("scored.csv", index=False)
    run = CliRunner().invoke
    options = ["--id-column", "nr", "--arena-column", "sted", "--labels", "100"]
    drawn = run(app, ["map", "sample", "scored.csv", "kart", *options])
    assert drawn.exit_code == 0, drawn.output
    assert re.search(r"100 │ +\d+\.\d\d", drawn.output)
    again = run(app, ["map", "sample", "scored.csv", "kart", *options])
    assert isinstance(again.exception, HatespeechError)
    labels = _labels(scored, Path("kart") / SAMPLE)
    Path("some.jsonl").write_text("\n".join(map(json.dumps, labels[3:])), "utf-8")
    assert "3 av de 100 ytringene" in run(app, ["map", "estimate", "kart", "some.jsonl", "--lang", "nb"]).output
    Path("labels.jsonl").write_text("\n".join(map(json.dumps, labels)), "utf-8")
    estimated = run(app, ["map", "estimate", "kart", "labels.jsonl", "--lang", "nb"])
    assert estimated.exit_code == 0, estimated.output
    assert "mulig straffbar" in estimated.output
    assert "ikke besvart" not in estimated.output
    reported = run(app, ["map", "report", "kart", "--collected", "et forsøk"])
    assert reported.exit_code == 0, reported.output
    import mlflow

    (logged,) = mlflow.search_runs(experiment_names=["mapping"], output_format="list")
    design = Design.read(Path("kart"))
    assert logged.data.params["scored_sha256"] == design.digest
    assert {d.dataset.name: d.dataset.digest for d in logged.inputs.dataset_inputs}["scored"] == design.digest[:16]
    share = Mapping.read(Path("kart")).estimates["share"].iloc[0]
    assert logged.data.metrics["mapping/all/hateful/share"] == pytest.approx(share)
    names = {item.path for item in mlflow.MlflowClient().list_artifacts(logged.info.run_id)}
    assert names == {"report.nb.html", "report.nb.pdf", "estimates.csv"}
    stored = b"".join(path.read_bytes() for path in Path("runs").rglob("*") if path.is_file())
    assert b"ytring 1" not in stored
    assert labels[0]["id"].encode() not in stored


def test_estimates_without_a_sample_or_labels_of_another_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(HatespeechError, match=f"has no readable {DESIGN}"):
        Design.read(tmp_path)
    with pytest.raises(HatespeechError, match="make them with 'map estimate'"):
        Mapping.read(tmp_path)
    labels = pd.DataFrame({"hateful": [1.0], "tier": None, "grounds": None, "conduct": None}, index=["nobody"])
    with pytest.raises(HatespeechError, match="no label says of a row of the sample"):
        join(Design.read(folder), labels, KEY)


def test_a_stratum_without_any_answer_stops_the_estimate(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / SAMPLE).read_text("utf-8").splitlines()]
    labels = read_labels(folder / "labels.jsonl").drop([line["id"] for line in lines if line["stratum"] == 1])
    with pytest.raises(HatespeechError, match="none of the rows drawn from stratum 1 is answered yet"):
        join(Design.read(folder), labels, KEY)


def test_registered_crimes_are_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "crimes.csv"
    file.write_text("year,ground,count,source\n2025,religion,many,STRASAK\n", "utf-8")
    with pytest.raises(HatespeechError, match="row 1: year and count must be whole numbers"):
        read_crimes(file)
