"""The model pages show what the interface says: figures, points, drift, fairness, comparison, people not seen, card."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from jiehuan.units.days import CHINA


@pytest.fixture(scope="module")
def challenger(house) -> str:
    """A boosted challenger that was fitted with rejected applicants and compared with the champion."""
    import numpy as np
    import polars as pl

    from jiehuan.score import compare, fit
    from jiehuan.store import tables
    from jiehuan.store.rows import insert_missing

    random = np.random.default_rng(5)
    income, age = random.integers(300_000, 1_500_000, 900), random.integers(20, 60, 900)
    bad = (random.random(900) < 0.1 + 0.3 * (income < 600_000)).astype(int)
    frame = pl.DataFrame({"verified_income_fen": income, "age": age, "bad": bad})
    model = fit(
        frame.head(600), "bad", "boosted", rejects=frame.tail(200).drop("bad"), reject_method="parcelling",
        settings={"evaluation": {"folds": 2, "bootstrap": 20}, "boosted": {"max_rounds": 40}},
    )  # fmt: skip
    later = frame.slice(600, 100)
    metrics = dict(model.metrics) | {
        "compared": compare(later["bad"].to_list(), np.full(100, 0.2), model.predict(later), bootstrap=50),
        "warnings": [dict(one) for one in model.warnings],
    }
    row = {
        "model_id": "mo-2", "name": "admission", "kind": "boosted", "fitted_at": datetime(2026, 1, 2, tzinfo=CHINA).astimezone(UTC),
        "status": "challenger", "metrics": metrics, "body": model.as_document(), "note": "",
    }  # fmt: skip
    with house.database.begin() as connection:
        insert_missing(connection, tables.model, [row])
    return "mo-2"


def test_the_page_shows_curves_calibration_and_the_points_of_today(enter, house):
    told = house.get("risk", "/api/models/mo-1")["metrics"]["out_of_fold"]
    page = enter("risk", path="/models/mo-1")
    for picture in ("ROC 曲线", "KS 曲线", "校准：预测与实际违约率", "分数分布：训练时与近期申请"):
        expect(page.get_by_role("img", name=picture).locator("canvas")).to_be_visible()
    expect(page.get_by_text(f"AUC {told['auc']:.3f}")).to_be_visible()
    expect(page.get_by_text(f"KS {told['ks']:.3f}")).to_be_visible()


def test_points_and_influence(enter, house):
    told = house.get("risk", "/api/models/mo-1/influence")
    assert told["rows"] == house.get("risk", "/api/applications")["total"] and told["features"][0]["name"] == "verified_income_fen"
    page = enter("risk", path="/models/mo-1?tab=points")
    expect(page.get_by_role("cell", name=f"{float(told['features'][0]['mean_abs']):.3f}")).to_be_visible()
    card = house.get("risk", "/api/models/mo-1")["body"]["scorecard"]["features"][0]
    expect(page.get_by_role("cell", name=str(card["points"][0]), exact=True).first).to_be_visible()


def test_drift_by_month_says_when_there_are_too_few(enter, house):
    told = house.get("risk", "/api/models/mo-1/drift")
    month = told["months"][0]
    assert (month["month"], month["verdict"]) == (str(date(2026, 1, 5))[:7], "thin")
    page = enter("risk", path="/models/mo-1?tab=drift")
    row = page.get_by_role("row").filter(has_text=month["month"]).filter(has_text="样本不足")
    expect(row).to_contain_text(f"{float(month['psi']):.3f}")
    expect(page.get_by_role("img", name="评分 PSI（按月）").locator("canvas")).to_be_visible()


def test_fairness_is_told_with_its_note_and_names_a_model_that_reads_age(enter, house, challenger):
    told = house.get("risk", "/api/models/mo-1/fairness")
    assert told["reads"] == []
    zhejiang = next(one for one in told["groups"] if one["group"] == "浙江")
    regions = [one["decided"] for one in told["groups"] if one["group"] in {"浙江", "江苏", "北京"}]
    assert sum(regions) == told["decided"] > zhejiang["decided"] > 0
    page = enter("risk", path="/models/mo-1?tab=fairness")
    expect(page.get_by_text("性别、年龄和地区只用于本报告，不用于评分")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="浙江")
    expect(row).to_contain_text(f"{float(zhejiang['approval']['value']) * 100:.0f}%")
    assert house.get("risk", f"/api/models/{challenger}/fairness")["reads"] == ["age"]
    page.goto(f"{house.url}/models/{challenger}?tab=fairness")
    expect(page.get_by_text("注意：该模型读取了 年龄段")).to_be_visible()


def test_a_challenger_is_compared_and_its_rejects_are_told(enter, house, challenger):
    page = enter("risk", language="en", path=f"/models/{challenger}?tab=compare")
    compared = house.get("risk", f"/api/models/{challenger}")["metrics"]["compared"]
    expect(page.get_by_role("cell", name=f"{compared['challenger']['auc']:.4f}").first).to_be_visible()
    page.get_by_role("combobox", name="Choose another model").click()
    page.get_by_title("scorecard").or_(page.locator(".ant-select-item-option")).first.click()
    expect(page.get_by_text("too few to tell")).to_be_visible()
    page.get_by_role("tab", name="People not seen").click()
    expect(page.get_by_text("Reject inference by parcelling: 200 rejected applicants bear on the fit")).to_be_visible()
    expect(page.get_by_text("No figure can tell whether that helped")).to_be_visible()
    page.get_by_role("tab", name="Model card").click()
    rounds = house.get("risk", f"/api/models/{challenger}")["body"]["fitted"]["rounds"]
    expect(page.get_by_text(f"Boosted trees (LightGBM, {rounds} trees)")).to_be_visible()


@pytest.mark.parametrize(("language", "width"), [("zh", 400), ("en", 1280)])
def test_every_tab_stands_in_both_languages_and_widths(enter, house, challenger, language, width):
    page = enter("auditor", language=language, width=width, path=f"/models/{challenger}")
    for tab in ("figures", "points", "drift", "fairness", "compare", "exposure", "card"):
        page.goto(f"{house.url}/models/{challenger}?tab={tab}")
        page.locator("h1").first.wait_for()
        expect(page.locator(".ant-spin-spinning")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab} is wider than the window"
        shown = page.locator("main").inner_text()
        assert "undefined" not in shown and "NaN" not in shown and "[object" not in shown, tab
