"""Features over columns equal those of single profiles: form, bank flow, reports, history, on made-up people."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from tests.profiles.flows import mixed, rider, salaried

from jiehuan.law import law_on
from jiehuan.profile.assemble import build_profile
from jiehuan.profile.columns import application_frame, copied_frame, flow_frame, profile_frame
from jiehuan.profile.declare import declared_features
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError
from jiehuan.units.money import format_yuan

LAW = law_on(date(2026, 9, 1), "micro_lender")


def people(count: int, seed: int) -> list[dict[str, Any]]:
    """Documents as ``build_profile`` takes them."""
    chance, made = random.Random(seed), []
    for n in range(count):
        at = datetime(2026, 9, 1, chance.randrange(24), 10, tzinfo=CHINA) + timedelta(days=chance.randrange(60))
        birth = date(1960 + chance.randrange(45), 1 + chance.randrange(12), 1 + chance.randrange(28))
        document: dict[str, Any] = {
            "application_id": f"a{n}", "at": at, "amount": format_yuan(chance.randrange(1, 5_000_000)), "months": chance.randrange(1, 61),
            "borrower": chance.choice([{"birth_date": birth.isoformat()}, {"birth_year": birth.year}, {}])
            | chance.choice([{}, {"is_student": chance.random() < 0.5, "identity_verified": True}]),
        }  # fmt: skip
        if chance.random() < 0.7:
            document["declared_income"] = format_yuan(chance.randrange(0, 3_000_000))
        if chance.random() < 0.6:
            document["bank_flow"] = chance.choice((salaried, rider, mixed))(chance.randrange(1000)).flow()
        if chance.random() < 0.6:
            fields = [one.field for one in declared_features().of_source("bureau")]
            document["bureau"] = {name: chance.randrange(5) for name in fields if chance.random() < 0.8}
        if chance.random() < 0.5:
            document["earlier_loans"] = [
                {
                    "drawn_on": "2025-01-01", "due_on": "2025-02-01", "settled_on": f"2025-02-{chance.randrange(1, 28):02d}",
                    "principal_fen": 100_000 * (k + 1),
                }
                for k in range(chance.randrange(1, 4))
            ]  # fmt: skip
        made.append(document)
    return made


def frames(documents: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The same people as tables."""
    applications, flows, bureau, loans = [], [], [], []
    for one in documents:
        person = one["borrower"]
        applications.append({
            "application_id": one["application_id"], "borrower_id": one["application_id"], "at": one["at"],
            "amount_fen": fen(one["amount"]), "months": one["months"], "declared_income_fen": fen(one.get("declared_income")),
            "birth_date": date.fromisoformat(person["birth_date"]) if "birth_date" in person else None, "birth_year": person.get("birth_year"),
            "is_student": person.get("is_student"), "identity_verified": person.get("identity_verified"),
        })  # fmt: skip
        flows += [{"application_id": one["application_id"], **row} for row in one.get("bank_flow", ())]
        if "bureau" in one:
            bureau.append({"application_id": one["application_id"], **one["bureau"]})
        loans += [{"borrower_id": one["application_id"], **loan} for loan in one.get("earlier_loans", ())]
    dated = pl.DataFrame(loans).with_columns(pl.col("drawn_on", "due_on", "settled_on").str.to_date())
    whole = (pl.DataFrame(rows, infer_schema_length=None) for rows in (applications, flows, bureau))
    return *whole, dated  # type: ignore[return-value]


def fen(text: str | None) -> int | None:
    return None if text is None else round(float(text) * 100)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_equal_single_profiles(seed: int) -> None:
    documents = people(30, seed)
    applications, flows, bureau, loans = frames(documents)
    made, problems = profile_frame(applications, loans=loans, flows=flows, reports={"bureau": bureau})
    assert problems == []
    assert made["application_id"].to_list() == [one["application_id"] for one in documents]
    for document, row in zip(documents, made.to_dicts(), strict=True):
        alone = build_profile(document, document["at"], LAW).features
        for name, value in alone.items():
            if declared_features().features[name].source.name == "history" and "earlier_loans" not in document:
                continue  # a document without history says nothing; a table of loans says that there were none
            assert row[name] == (pytest.approx(value) if isinstance(value, float) else value), (document["application_id"], name)


def test_a_flow_after_the_application_is_not_known_and_a_bad_one_is_told() -> None:
    at = datetime(2026, 9, 1, 10, tzinfo=CHINA)
    applications = pl.DataFrame({"application_id": ["a", "b"], "borrower_id": ["a", "b"], "at": [at, at], "amount_fen": [1, 1], "months": [1, 1]})
    flows = pl.DataFrame({"application_id": ["a", "b"], "date": ["2026-09-02", "2026-08-30"], "amount": ["5000.00", "much"]})
    found, problems = flow_frame(applications, flows)
    assert found.height == 0
    assert [problem.where for problem in problems] == ["bank_flow", "b, bank_flow row 1, amount"]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="amount_fen"):
        application_frame(pl.DataFrame({"application_id": ["a"], "at": [date(2026, 9, 1)], "months": [3]}))
    with pytest.raises(InputError, match="application_id"):
        copied_frame(pl.DataFrame({"worst_24m": [1]}), declared_features().of_source("bureau"))
