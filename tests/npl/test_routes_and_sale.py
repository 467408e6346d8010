from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan import npl
from jiehuan.law import law_on
from jiehuan.units.errors import InputError, Refused

ON = date(2026, 6, 30)
BANK = law_on(ON, "bank")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "npl"


def claim(dpd: int, loan_class: str, **given: Any) -> npl.Claim:
    return npl.Claim(2_000_000, dpd, loan_class, {"ability": "middle"}, court_fee_fen=15_000, **given)


def roads(found: npl.Disposal) -> dict[str, npl.Route]:
    return {route.name: route for route in found.routes}


def test_an_affordable_plan_beats_collecting_where_ability_is_there() -> None:
    offer = npl.restructure(2_000_000, 180_000, 80_000, ON, "bank")[0]
    found = npl.dispose(claim(40, "special_mention", offer=offer), BANK)
    assert found.recommended.name == "restructure"
    assert found.clear
    assert roads(found)["litigate"].en == "less than 61 days past due: collect first"
    assert not roads(found)["sell"].open
    # 50 % of the plan's present value and 50 % of holding's
    plan = sum(line.total_fen / 1.1 ** (n / 12) for n, line in enumerate(offer.schedule.instalments, 1))
    expected = 0.5 * plan + 0.5 * npl.value(2_000_000, 40, {"ability": "middle"}).value_fen
    assert found.recommended.value_fen == pytest.approx(expected, abs=1)


def test_without_a_plan_the_court_is_weighed_against_its_cost() -> None:
    found = npl.dispose(claim(120, "substandard"), BANK)
    court = roads(found)["litigate"]
    assert found.recommended.name == "litigate"
    dear = npl.dispose(replace(claim(120, "substandard"), court_fee_fen=15_000 + court.value_fen), BANK)
    assert dear.recommended.name == "hold"
    assert roads(dear)["litigate"].value_fen == 0


def test_an_expired_claim_goes_to_no_court_and_says_the_article() -> None:
    found = roads(npl.dispose(claim(1_200, "loss", limitation_expired=True), BANK))["litigate"]
    assert not found.open
    assert "第一百八十八条" in found.citation


def test_micro_lenders_and_late_banks_may_not_sell() -> None:
    assert roads(npl.dispose(claim(900, "loss"), BANK))["sell"].open
    micro = npl.dispose(claim(900, "loss"), law_on(ON, "micro_lender"))
    assert not roads(micro)["sell"].open
    assert "26号" in roads(micro)["sell"].citation
    assert not roads(npl.dispose(claim(900, "loss"), law_on(date(2027, 1, 1), "bank")))["sell"].open


def test_a_write_off_is_for_hopeless_losses_that_do_not_sell() -> None:
    micro = law_on(ON, "micro_lender")
    hopeless = npl.dispose(claim(900, "loss"), micro)
    assert hopeless.recommended.name == "write_off"
    assert "keep the claim" in hopeless.en
    assert npl.dispose(claim(900, "loss"), BANK).recommended.name == "sell"
    assert npl.dispose(claim(400, "loss"), micro).recommended.name == "hold"
    assert not roads(npl.dispose(claim(900, "doubtful"), micro))["write_off"].open


def test_a_close_call_is_handed_to_a_person() -> None:
    found = npl.dispose(claim(400, "loss"), BANK)
    assert found.recommended.name == "sell"
    assert not found.clear
    document = found.as_document()
    assert document["parameters"] == "priors"
    assert len(document["routes"]) == 5
    assert all(route["zh"] and route["en"] for route in document["routes"])


@settings(max_examples=40, deadline=None)
@given(st.integers(100, 10**8), st.integers(0, 400_000), st.integers(1, 10**7))
def test_every_offer_fits_and_pays_the_whole_balance(balance: int, rate: int, capacity: int) -> None:
    try:
        offers = npl.restructure(balance, rate, capacity, ON, "bank")
    except Refused as refused:
        assert capacity * 60 < balance + 60  # even without interest, 60 instalments would not do
        assert "instalments without interest" in str(refused)
        return
    for offer in offers:
        lines = offer.schedule.instalments
        assert max(line.total_fen for line in lines) <= capacity
        assert sum(line.principal_fen for line in lines) == balance
        assert offer.concession_fen >= 0
    rates = [offer.schedule.terms.rate_ppm for offer in offers]
    assert rates == sorted(set(rates), reverse=True)


def test_offers_by_hand() -> None:
    offers = npl.restructure(2_000_000, 180_000, 60_000, ON, "bank")
    assert [(len(offer.schedule.instalments), offer.instalment_fen) for offer in offers] == [
        (47, 59_607), (39, 59_338), (34, 58_824),
    ]  # fmt: skip
    # One month fewer would not fit.
    with pytest.raises(Refused):
        npl.restructure(2_000_000, 180_000, 60_000, ON, "bank", longest=33)
    assert offers[0].observed_until == date(2027, 6, 30)
    assert offers[0].concession_fen == 0
    assert offers[1].as_document()["terms"]["rate"] == "0.090000"
    with pytest.raises(InputError):
        npl.restructure(0, 180_000, 60_000, ON, "bank")


def row(loan_id: str, **given: Any) -> dict[str, Any]:
    return {
        "loan_id": loan_id, "class": "substandard", "status": "active", "dpd": 120, "outstanding_fen": 900_000,
        "drawn_on": date(2025, 6, 1), "principal_fen": 1_200_000, "interest_fen": 50_000, "penalty_fen": 20_000, "region": "浙江",
    } | given  # fmt: skip


def test_the_tape_keeps_what_may_be_sold_and_says_why_not_the_rest() -> None:
    rows = [
        row("a"), row("a"), row("b", **{"class": "special_mention"}), row("c", status="sold"), row("d", disputed=True),
        row("e", outstanding_fen=-5), row("f", drawn_on="2025-02-30"), row("g", outstanding_fen=0), row("h", status="written_off"),
    ]  # fmt: skip
    made = npl.tape(rows, ON, "bank")
    assert len(made.rows) == 2
    assert made.loan_ids == ("a", "h")
    assert [problem.where for problem in made.left_out] == [
        "tape row 2, loan_id", "tape row 3, class", "tape row 4, status", "tape row 5, disputed", "tape row 6, outstanding_fen",
        "tape row 7, drawn_on", "tape row 8, outstanding_fen",
    ]  # fmt: skip
    assert made.balance_fen == 2 * 970_000
    assert made.value_fen == 2 * npl.value(970_000, 120).value_fen


def test_a_tape_shows_no_personal_data_and_not_the_loans_own_number() -> None:
    with pytest.raises(InputError, match="personal data"):
        npl.tape([row("a", id_number="330102199001010000")], ON, "bank")
    made = npl.tape([row("LN-1")], ON, "bank")
    assert b"LN-1" not in made.csv()


def test_who_may_not_sell_is_refused_with_the_article() -> None:
    with pytest.raises(Refused) as refused:
        npl.tape([row("a")], ON, "micro_lender")
    assert refused.value.problems[0].citation
    for day, lender in ((date(2027, 1, 1), "bank"), (ON, "other"), (date(2022, 6, 1), "consumer_finance_company")):
        with pytest.raises(Refused, match="no rule lets"):
            npl.tape([row("a")], day, lender)
    assert npl.tape([row("a")], date(2022, 6, 1), "bank").rows
    with pytest.raises(Refused, match="non-performing"):
        npl.tape([row("a", **{"class": "normal"})], ON, "bank")


def test_csv_and_excel_hold_the_same_claims_and_repeat() -> None:
    made = npl.tape([row("a", judged=True, last_payment_on="2026-01-05"), row("b", contactable=False)], ON, "bank")
    lines = list(csv.DictReader(io.StringIO(made.csv().decode("utf-8-sig"))))
    assert [line["outstanding"] for line in lines] == ["9000.00", "9000.00"]
    assert float(lines[1]["value"]) < float(lines[0]["value"])
    book = openpyxl.load_workbook(io.BytesIO(made.xlsx()))
    claims = list(book["债权 Claims"].values)
    assert [claim[0] for claim in claims[1:]] == [line["claim"] for line in lines]
    assert claims[1][13] == pytest.approx(float(lines[0]["value"]))
    summary = {line[0]: line[1] for line in book["汇总 Summary"].values}
    assert summary["受让方 Buyer"] == "不得再次转让 may not resell"
    assert "NFRA" in summary["出处 Citation"]
    assert made.xlsx() == made.xlsx()


def test_formulas_in_a_cell_stay_text() -> None:
    made = npl.tape([row("a", region='=HYPERLINK("http://x")')], ON, "bank")
    cell = openpyxl.load_workbook(io.BytesIO(made.xlsx()))["债权 Claims"]["F2"]
    assert cell.data_type == "s"
    assert "'=HYPERLINK" in made.csv().decode()


def test_the_commands_answer_on_the_examples(cli: Any, tmp_path: Path) -> None:
    fitted = cli("npl", "fit", EXAMPLES / "recoveries.csv", "--out", tmp_path / "p.json")
    assert fitted.returncode == 0, fitted.stderr
    valued = cli(
        "npl", "value", EXAMPLES / "claims.csv", "--params", tmp_path / "p.json", "--on", "2026-06-30", "--json"
    )
    answer = json.loads(valued.stdout)
    assert answer["parameters"] == "fitted"
    assert answer["totals"]["low_fen"] < answer["totals"]["value_fen"] < answer["totals"]["high_fen"]
    assert {line["recommended"] for line in answer["rows"]} <= {"hold", "litigate", "sell", "write_off"}
    sold = cli("npl", "tape", EXAMPLES / "claims.csv", "--on", "2026-06-30", "--out", tmp_path / "s.csv", "--json")
    assert json.loads(sold.stdout)["loans"] == 21
    assert (tmp_path / "s.csv").read_bytes().startswith(b"\xef\xbb\xbfclaim,")
    plan = cli(
        "npl",
        "restructure",
        "--balance",
        "20000",
        "--rate",
        "0.18",
        "--capacity",
        "600",
        "--on",
        "2026-06-30",
        "--json",
    )
    assert json.loads(plan.stdout)["offers"][0]["instalment"] == "596.07"


def test_the_commands_refuse_with_their_codes(cli: Any, tmp_path: Path) -> None:
    micro = cli(
        "npl",
        "tape",
        EXAMPLES / "claims.csv",
        "--on",
        "2026-06-30",
        "--lender",
        "micro_lender",
        "--out",
        tmp_path / "s.xlsx",
    )
    assert (micro.returncode, "not sellers" in micro.stderr) == (1, True)
    assert not (tmp_path / "s.xlsx").exists()
    assert (
        cli("npl", "tape", EXAMPLES / "claims.csv", "--on", "2026-06-30", "--out", tmp_path / "s.pdf").returncode == 2
    )
    small = cli("npl", "restructure", "--balance", "20000", "--rate", "0.18", "--capacity", "60", "--on", "2026-06-30")
    assert (small.returncode, "333.34" in small.stderr) == (1, True)
