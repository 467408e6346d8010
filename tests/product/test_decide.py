"""``evaluate`` and ``jiehuan decide``: one application from documents to a decision that can be repeated bit by bit."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.policy.commands import Run
from tests.profiles.flows import Person

from jiehuan.flow.evaluate import change_of, evaluate
from jiehuan.policy import default_policy
from jiehuan.score import fit
from jiehuan.units.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"


def application(**changes: Any) -> dict[str, Any]:
    document = json.loads((EXAMPLES / "application.json").read_text(encoding="utf-8"))
    document.pop("bank_flow")
    return {**document, **changes}


def test_the_decision_is_the_same_bit_by_bit_from_the_same_document() -> None:
    document = application(bank_flow=Person(1).salary(900_000).spending().flow())
    first = evaluate(copy.deepcopy(document))
    again = evaluate(json.loads(json.dumps(document)))
    assert json.dumps(first, default=str) == json.dumps(again, default=str)
    assert first["versions"]["policy"] == default_policy().version
    assert set(first["versions"]) == {"policy", "law", "features", "catalogue", "model"}


def test_verified_income_carries_more_than_declared_alone() -> None:
    flow = Person(2).salary(900_000).spending().flow()
    with_flow, without = evaluate(application(bank_flow=flow)), evaluate(application())
    assert with_flow["affordability"]["affordable_amount"] > without["affordability"]["affordable_amount"]
    assert "paced" in {offer["product"] for offer in with_flow["offers"]}
    assert {"paced", "equal_principal"} <= {left["product"] for left in without["left_out"]}


def test_a_faked_salary_goes_to_a_person() -> None:
    flow = Person(3).salary(500_000).circle(900_000, text="工资", party="壳科技有限公司", times=1).flow()
    decided = evaluate(application(bank_flow=flow, declared_income="14000"))
    assert decided["outcome"] == "review"
    assert {"circular_flow", "income_overstated"} <= {reason["code"] for reason in decided["reasons"]}


def test_the_chosen_offer_is_the_product_asked_for_when_it_fits() -> None:
    assert evaluate(application(product="short_bullet"))["product"] == "short_bullet"
    assert evaluate(application(product="no_such_product"))["product"] is not None


def test_a_refusal_has_reasons_and_what_would_change_it() -> None:
    decided = evaluate(application(bureau={"overdue_fen": 80_000}), explain_change=True)
    assert decided["outcome"] == "refuse"
    assert decided["offers"] == []
    assert (decided["limit"], decided["rate"], decided["amount"]) == (None, None, None)
    assert [reason["code"] for reason in decided["reasons"]] == ["bureau_overdue"]
    ways = decided["what_would_change"]
    assert ways[0]["changes"][0]["feature"] == "bureau_overdue_fen"
    assert change_of(decided, default_policy()) == ways


def test_the_law_of_the_day_and_the_lender_decide() -> None:
    student = {"birth_year": 2004, "is_student": True, "identity_verified": True}
    assert evaluate(application(borrower=student))["reasons"][0]["code"] == "student"
    assert evaluate(application(borrower=student, lender_type="bank"))["outcome"] == "approve"


def test_imported_foreign_history_is_decided_without_mainland_caps() -> None:
    history = [{"drawn_on": f"2025-0{n}-01", "due_on": f"2025-0{n}-28", "settled_on": f"2025-0{n}-27", "principal": "10000"} for n in range(1, 7)]
    document = {"on": "2025-09-01", "lender_type": "other", "amount": "10000", "months": 1, "earlier_loans": history, "score": {"pd": "0.15"}}
    decided = evaluate(document)
    assert decided["outcome"] == "approve"
    assert decided["inputs"]["policy"].get("law_cost_cap_ppm") is None
    assert decided["inputs"]["features"]["on_time_streak"] == 6


def test_an_offer_that_nothing_carries_turns_into_a_refusal_with_its_reason() -> None:
    decided = evaluate(application(amount="400.00"))
    assert decided["outcome"] == "refuse"
    assert [reason["code"] for reason in decided["reasons"]] == ["no_offer"]


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        evaluate({"amount": "-5", "months": 0, "lender_type": "pawn", "on": "soon"})
    told = {problem.where for problem in error.value.problems}
    assert told == {"amount", "months", "lender_type", "on"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bank_flow": 5}, "bank_flow"), ({"borrower": []}, "borrower"), ({"borrower": {"birth_year": 3000}}, "birth_year"),
        ({"features": {"balance_low_fen": 10**15}}, "feature balance_low_fen"), ({"features": {"salary_share_ppm": "x"}}, "feature salary_share_ppm"),
        ({"features": [1]}, "features"), ({"bureau": {"queries_3m": -1}}, "bureau_queries_3m"),
        ({"earlier_loans": [{"principal": "x"}]}, "principal"),
        ({"earlier_loans": ["x"]}, "earlier_loans"), ({"score": {"pd": "1.5"}}, "score, pd"), ({"score": {"points": "many"}}, "points"),
        ({"pay_day": 32}, "pay_day"), ({"declared_income": "a lot"}, "declared_income"), ({"applied_at": "yesterday"}, "applied_at"),
        ({"score": 5}, "score"), ({"living_costs": "x"}, "living_costs"),
    ],
)  # fmt: skip
def test_parts_that_are_not_understood_are_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as error:
        evaluate(application(**changes))
    assert words in str(error.value)
    assert all(problem.mend for problem in error.value.problems)


def test_a_product_that_is_not_in_the_catalogue_is_told() -> None:
    told = {left["product"]: left["code"] for left in evaluate(application(product="gold_card"))["left_out"]}
    assert told["gold_card"] == "unknown_product"
    usual = evaluate(application(product="flexible_instalment"))["left_out"]
    assert all(left["code"] != "unknown_product" for left in usual + evaluate(application())["left_out"])


def test_a_model_that_knows_nothing_of_the_applicant_is_refused(command: Run, tmp_path: Path) -> None:
    names = [f"x{n}" for n in range(3)]
    chance = np.random.default_rng(3)
    frame = pl.DataFrame({name: chance.normal(size=400) for name in names})
    frame = frame.with_columns(bad=(pl.col("x0") + chance.normal(size=400) > 1).cast(pl.Int8))
    document = fit(frame, "bad", kind="scorecard").as_document()
    (tmp_path / "model.json").write_text(json.dumps(document), encoding="utf-8")
    done = command("decide", EXAMPLES / "application.json", "--model", tmp_path)
    assert done.returncode == 2
    assert "none of its columns is known" in done.stderr and "x0" in done.stderr
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps(application(features=dict.fromkeys(names, -1.0))), encoding="utf-8")
    assert json.loads(command("decide", asked, "--model", tmp_path, "--json").stdout)["pd"] is not None


def test_the_command_decides_the_example(command: Run) -> None:
    done = command("decide", EXAMPLES / "application.json", "--json")
    assert done.returncode == 0, done.stderr
    decided = json.loads(done.stdout)
    assert decided["outcome"] == "approve"
    assert decided["income"]["verified_income"] > "8000"
    assert decided["what_would_change"] == []
    assert all(check["ok"] and check["citation"] for check in decided["law_checks"])
    told = command("decide", EXAMPLES / "application.json")
    assert "approve" in told.stdout
    assert "灵活分期" in told.stdout


def test_the_command_s_exit_codes(command: Run, tmp_path: Path) -> None:
    refused = tmp_path / "refused.json"
    refused.write_text(json.dumps(application(borrower={"birth_year": 2015})), encoding="utf-8")
    done = command("decide", refused, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["reasons"][0]["code"] == "under_age"
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert command("decide", broken).returncode == 2
    assert command("decide", tmp_path / "none.json").returncode == 2
    stdin = command("decide", "-", "--json", stdin=json.dumps(application()))
    assert stdin.returncode == 0
