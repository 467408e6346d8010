"""A fitted model scores: rows and tables alike, with reasons; kept as JSON; light; clear about what it lacks."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from jiehuan.score import Model, drift
from jiehuan.score.card import card_html, card_markdown
from jiehuan.score.figures import figures
from jiehuan.units.errors import InputError


@pytest.fixture(params=["card", "trees"])
def model(request: pytest.FixtureRequest) -> Model:
    found: Model = request.getfixturevalue(request.param)
    return found


def test_a_row_and_a_table_score_alike(model: Model, applications: pl.DataFrame) -> None:
    part = applications.head(500)
    chance, points = model.predict(part), model.points(part)
    rows = list(part.iter_rows(named=True))
    assert [model.scorer.logit_of_row(row) for row in rows] == model.scorer.logits_of(part).tolist()  # to the bit
    assert [model.predict_row(row) for row in rows] == pytest.approx(chance.tolist(), rel=1e-14)
    assert [model.points_row(row) for row in rows] == points.tolist()
    both = model.scores(part)
    assert (both[0].tolist(), both[1].tolist()) == (chance.tolist(), points.tolist())
    assert (chance > 0).all()
    assert (chance < 1).all()


def test_a_large_table_goes_through_the_compiled_path_with_the_same_result(
    model: Model, applications: pl.DataFrame
) -> None:
    large = pl.concat(
        [applications] * 9
    )  # 54,000 rows: compiled lookup for the card, slices over the cores for the trees
    assert (model.predict(large) == np.tile(model.predict(applications), 9)).all()


def test_json_keeps_the_model_whole(model: Model, applications: pl.DataFrame) -> None:
    again = Model.from_document(json.loads(json.dumps(model.as_document())))
    assert (again.predict(applications) == model.predict(applications)).all()
    assert again.as_document() == model.as_document()
    row = next(applications.iter_rows(named=True))
    assert again.score_row(row) == model.score_row(row)


def test_points_add_up_and_follow_the_odds(card: Model, applications: pl.DataFrame) -> None:
    scorer: Any = card.scorer
    row = applications.row(3, named=True)
    assert card.points_row(row) == sum(
        points[code] for points, code in zip(scorer.point_tables, scorer.codes_of_row(row), strict=True)
    )
    chance = card.predict(applications)
    exact = 600 + 20 / np.log(2) * (np.log((1 - chance) / chance) - np.log(30))  # 600 at 30 to 1, 20 double the odds
    assert np.abs(card.points(applications) - exact).max() <= 0.5 * len(scorer.bins) + 0.5


def test_reasons_are_the_worst_features_in_two_languages(model: Model, applications: pl.DataFrame) -> None:
    part = applications.head(80)
    found = model.reasons(part)
    codes = model.reason_codes(part)
    for place, (row, reasons) in enumerate(zip(part.iter_rows(named=True), found, strict=True)):
        assert reasons == model.reasons(row)
        assert [one["code"] for one in reasons] == [column[place] for column in codes if column[place]]
        shares = [one["contribution"] for one in reasons]
        assert shares == sorted(shares, reverse=True)
        assert all(share > 0 for share in shares)
        assert len(reasons) <= 4
    assert any(len(reasons) == 4 for reasons in found)
    assert len(model.reasons(part.row(0, named=True), top=1)) <= 1


def test_a_reason_speaks_of_the_feature_by_its_label(card: Model, applications: pl.DataFrame) -> None:
    row = applications.row(0, named=True) | {"income": 800.0}
    reason = next(one for one in card.reasons(row) if one["feature"] == "income")
    assert reason["code"] == "R_INCOME"
    assert reason["zh"].startswith("月收入")
    assert "比平均低" in reason["zh"]
    assert reason["en"].startswith("monthly income: < ")
    assert reason["en"].endswith("points below the average")
    gone = next(one for one in card.reasons(row | {"job": "none"}) if one["feature"] == "job")
    assert gone["zh"].startswith("job：none")


def test_the_best_possible_applicant_has_no_reasons(card: Model, applications: pl.DataFrame) -> None:
    best = applications.row(int(card.predict(applications).argmin()), named=True)
    assert len(card.reasons(best)) < 3
    assert card.points_row(best) == card.points(applications).max()


def test_missing_fields_are_all_named_and_null_is_an_answer(model: Model, applications: pl.DataFrame) -> None:
    with pytest.raises(InputError) as refused:
        model.predict_row({})
    assert {problem.where for problem in refused.value.problems} == {f"field {column}" for column in model.columns}
    for ask in (model.points_row, model.score_row, model.reasons):
        with pytest.raises(InputError):
            ask({"income": 5.0})
    unknown = model.score_row(dict.fromkeys(model.columns))
    assert 0 < unknown.pd < 1
    frame = pl.DataFrame({name: [None] for name in model.columns})
    assert model.predict(frame)[0] == pytest.approx(unknown.pd)
    with pytest.raises(InputError, match=r"column income: missing.*is it incomes"):
        model.predict(applications.rename({"income": "incomes"}))


def test_other_types_are_refused_with_a_value_and_all_at_once(model: Model, applications: pl.DataFrame) -> None:
    odd = applications.with_columns(
        income=pl.when(pl.int_range(pl.len()) == 7)
        .then(pl.lit("about 5000"))
        .otherwise(pl.col("income").cast(pl.String)),
        job=pl.lit(1.5),
    )
    with pytest.raises(InputError) as refused:
        model.predict(odd)
    text = str(refused.value)
    assert "column income 'about 5000': String where the model was fitted on numbers" in text
    assert "column job '1.5'" in text


def test_a_category_never_seen_scores_as_other_and_is_counted(model: Model, applications: pl.DataFrame) -> None:
    strange = applications.head(10).with_columns(job=pl.lit("astronaut"))
    assert model.unseen(strange) == {"job": 10}
    assert model.unseen(applications) == {}
    assert np.isfinite(model.predict(strange)).all()
    assert model.predict_row(strange.row(0, named=True)) == pytest.approx(model.predict(strange)[0])


def test_an_empty_table_gives_empty_answers(model: Model, applications: pl.DataFrame) -> None:
    empty = applications.head(0)
    assert model.predict(empty).shape == (0,)
    assert model.points(empty).shape == (0,)
    assert model.reasons(empty) == []
    assert drift(model, empty)["rows"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: {}, "not a model of this version"),
        (lambda document: [], "not a model of this version"),
        (lambda document: document | {"format": "jiehuan-score/9"}, "jiehuan-score/9"),
        (lambda document: {key: value for key, value in document.items() if key != "target"}, "broken"),
        (lambda document: document | {"scorecard": {}}, "broken"),
        (lambda document: document | {"kind": "oracle"}, "broken"),
    ],
)
def test_other_documents_are_refused(card: Model, change: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Model.from_document(change(card.as_document()))


def test_a_stored_scorecard_scores_with_the_standard_library_alone(
    card: Model, applications: pl.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "model.json").write_text(json.dumps(card.as_document()), encoding="utf-8")
    row = {name: value for name, value in applications.row(5, named=True).items() if name in card.columns}
    (tmp_path / "row.json").write_text(json.dumps(row, default=str), encoding="utf-8")
    program = (
        "import json, sys; from jiehuan.score import Model\n"
        "model = Model.from_document(json.load(open('model.json')))\n"
        "score = model.score_row(json.load(open('row.json')))\n"
        "heavy = {'numpy', 'polars', 'pandas', 'sklearn', 'scipy', 'numba', 'lightgbm', 'optbinning', 'yaml'} & set(sys.modules)\n"
        "print(json.dumps([score.pd, score.points, len(score.reasons), sorted(heavy)]))"
    )
    out = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = card.score_row(applications.row(5, named=True))
    assert json.loads(out.stdout) == [pytest.approx(expected.pd), expected.points, len(expected.reasons), []]


def test_drift_is_calm_on_the_same_people_and_names_what_moved(model: Model, applications: pl.DataFrame) -> None:
    same = drift(model, applications)
    assert same["verdict"] == "calm"
    assert max(one["csi"] for one in same["features"]) < 0.01
    assert sum(band["now"] for band in same["bands"]) == pytest.approx(1)
    moved = drift(model, applications.with_columns(income=pl.col("income") / 3, job=pl.lit("astronaut")))
    assert moved["psi"] > 0.25
    assert moved["verdict"] == "moved"
    by_name = {one["name"]: one for one in moved["features"]}
    assert {moved["features"][0]["name"], moved["features"][1]["name"]} == {"income", "job"}
    assert by_name["job"]["unseen"] == applications.height
    assert by_name["noise"]["csi"] < 0.01 if "noise" in by_name else True


def test_the_card_and_the_pictures(model: Model) -> None:
    pictures = figures(model)
    assert set(pictures) == {"roc", "ks", "calibration", "points"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
    text = card_markdown(model)
    measured = model.metrics["out_of_fold"]
    assert f"{measured['auc']:.4f}" in text
    assert f"{model.metrics['out_of_time']['auc']:.4f}" in text
    assert all(one["en"].replace("|", "\\|") in text for one in model.warnings)
    page = card_html(model, pictures)
    assert page.count("data:image/png;base64,") == 4
    assert "月" in page or "像是编号" in page or "借款人" in page


def test_odd_names_do_not_break_the_card_or_the_page(applications: pl.DataFrame) -> None:
    from jiehuan.score import fit

    odd = applications.select("income", "job", "bad").rename({"income": "收入<b>|$x$", "job": "职业"})
    model = fit(odd, "bad", settings={"evaluation": {"folds": 2, "bootstrap": 0}})
    page = card_html(model, figures(model))
    assert "<b>" not in page
    assert "收入&lt;b&gt;" in page
    assert "收入<b>\\|$x$" in card_markdown(model)
