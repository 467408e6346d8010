"""What an officer may choose from, and an application looked at before it is kept."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from sqlalchemy import func, select

from jiehuan.flow.sources import keep_sources
from jiehuan.store import tables

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def asked(**changes):
    with (EXAMPLES / "bank_flow.csv").open(encoding="utf-8") as file:
        flow = list(csv.DictReader(file))
    body = {
        "lender_type": "consumer_finance_company", "product": "flexible_instalment", "amount": "8000.00", "months": 12, "purpose": "appliance",
        "features": {"declared_income_fen": 900_000, "age": 33, "is_student": False, "identity_verified": True, "bank_flow": flow},
        "borrower": {"region": "浙江", "name": "李雷", "id_number": f"1101011985{uuid4().int % 10**7:07d}X"},
    }  # fmt: skip
    return {**body, **changes}


def counted(server):
    with server.database.connect() as connection:
        asked = (tables.application, tables.borrower, tables.decision)
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in asked]


def test_a_look_shows_income_and_affordability_and_keeps_nothing(server):
    before = counted(server)
    answer = server.send("risk", "POST", "/api/intake/preview", asked(), key=None)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["income"]["verified_income"], told["income"]["pay_day"]) == ("8544.21", 10)
    assert told["affordability"]["amount"] == "8000.00" and told["affordability"]["cash"]
    assert told["known_borrower"] is False and told["outcome"] in {"approve", "review", "refuse"}
    assert counted(server) == before


def test_a_look_is_what_the_decision_will_see(server):
    body = asked()
    seen = server.send("risk", "POST", "/api/intake/preview", body, key=None).json()
    made = server.send("risk", "POST", "/api/applications", body).json()["application_id"]
    kept = server.send("risk", "POST", f"/api/applications/{made}/what-if", {}, key=None).json()
    same = ("outcome", "limit", "rate", "pd", "reasons", "offers")
    assert {name: seen[name] for name in same} == {name: kept[name] for name in same}
    assert seen["affordability"]["largest_instalment"] == kept["affordability"]["largest_instalment"]
    assert server.send("risk", "POST", "/api/intake/preview", body, key=None).json()["known_borrower"] is True


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"features": {"bank_flow": [{"at": "2026-02-30", "amount": "5"}]}}, "bank_flow row 1, at"),
        ({"features": {"bank_flow": []}}, "bank_flow"),
        ({"borrower": {"region": "浙江"}}, "borrower"),
        ({"borrower": {"region": "浙江", "borrower_id": "bo-x", "birth_date": "2999-01-01"}}, "borrower.birth_date"),
        ({"amount": "0"}, "amount"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(server, changes, where):
    answer = server.send("risk", "POST", "/api/intake/preview", asked(**changes), key=None)
    assert answer.status_code == 422, answer.text
    assert where in {problem["where"] for problem in answer.json()["problems"]}
    assert "110101" not in answer.text


def test_the_choices_are_the_lenders(server):
    declared = yaml.safe_load((EXAMPLES / "bureau_source.yaml").read_text(encoding="utf-8"))
    with server.database.begin() as connection:
        keep_sources(connection, [declared], datetime.now(UTC), "consumer_finance_company")
    told = server.get("risk", "/api/intake").json()
    assert told["lender_type"] == "consumer_finance_company"
    assert [product["id"] for product in told["products"]] == ["flexible_instalment", "equal_principal", "short_bullet", "paced"]
    assert {"education", "appliance", "bridge"} <= set(told["purposes"])
    source = told["sources"][0]
    assert (source["name"], source["purpose"], source["cost"], source["days"]) == ("bureau", "credit_report", "1.50", 30)
    assert source["says"]["zh"] == "持牌征信机构报告" and told["problems"] == []
    assert server.get("collector", "/api/intake").status_code == 403
