"""The compiled fold over a book against the interpreted fold of each loan, column by column; and what a book refuses."""

import json
import random
from datetime import date

import numpy as np
import polars as pl
import pytest
from random_books import random_loan

from jiehuan.loan import read_events, read_terms, replay
from jiehuan.loan.civil import day_in_month, day_number, day_of, month_index, month_later
from jiehuan.loan.compiled import compiled
from jiehuan.loan.day_end import day_end, day_end_of_documents, refused_table
from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError, JiehuanError

ON = date(2026, 9, 15)
LINES = (
    "principal_outstanding_fen", "interest_due_fen", "penalty_due_fen", "costs_due_fen", "overdue_fen", "credit_balance_fen",
    "dpd", "bucket", "provision_fen", "status", "next_due",
)  # fmt: skip


def as_tables(documents):
    rows = [
        {k: json.dumps(v) if k in ("fees", "cashflow") else v for k, v in one.items() if k != "events"}
        for one in documents
    ]
    events = [
        {"loan_id": one["loan_id"], **{k: json.dumps(v) if k == "terms" else v for k, v in event.items()}}
        for one in documents
        for event in one["events"]
    ]
    return pl.DataFrame(rows, infer_schema_length=None), pl.DataFrame(events, infer_schema_length=None)


@pytest.fixture(scope="module")
def documents():
    rng = random.Random(20260915)
    return [random_loan(rng, f"L{n}") for n in range(2_500)]


@pytest.fixture(scope="module")
def table(documents):
    return day_end(*_swap(as_tables(documents)))


def _swap(tables):
    return tables[0], ON, tables[1]


def test_compiled_and_interpreted_agree_on_every_loan(documents, table):
    lines = {row["loan_id"]: row for row in table.lines.iter_rows(named=True)}
    refused = {loan.loan_id for loan in table.refused}
    assert len(lines) > 1_500 and len(refused) > 300 and len(lines) + len(refused) == len(documents)
    for document in documents:
        try:
            state = replay(read_terms(document), read_events(document["events"]), ON)
        except JiehuanError:
            assert document["loan_id"] in refused
            continue
        line = lines[document["loan_id"]]
        assert {name: getattr(state, name) for name in LINES} == {name: line[name] for name in LINES}, document
        assert state.loan_class == line["class"]


def test_a_table_and_its_documents_give_the_same_book(documents, table):
    again = day_end_of_documents(documents, ON)
    assert again.lines.equals(table.lines)
    assert {loan.loan_id for loan in again.refused} == {loan.loan_id for loan in table.refused}


def test_the_reasons_of_a_book_are_those_of_a_single_loan(documents, table):
    told = {loan.loan_id: {problem.reason for problem in loan.problems} for loan in table.refused}
    for document in documents[:600]:
        try:
            replay(read_terms(document), read_events(document["events"]), ON)
        except JiehuanError as error:
            if date.fromisoformat(document["drawn_on"]) <= ON:
                assert told[document["loan_id"]] == {problem.reason for problem in error.problems}


def test_columns_in_fen_and_ppm_are_the_same_loans(documents):
    book, events = as_tables([one for one in documents if one["method"] != "sculpted" and "fees" not in one][:500])
    texts = day_end(book, ON, events).lines
    numbers = book.with_columns(
        principal_fen=(pl.col("principal").cast(pl.Float64) * 100).round().cast(pl.Int64),
        rate_ppm=(pl.col("rate").cast(pl.Float64) * 1e6).round().cast(pl.Int64),
        drawn_on=pl.col("drawn_on").str.to_date(),
        first_due=pl.col("first_due").str.to_date(),
    ).drop("principal", "rate")
    money = events.with_columns(
        amount_fen=(pl.col("amount").cast(pl.Float64) * 100).round().cast(pl.Int64), on=pl.col("on").str.to_date()
    ).drop("amount")
    assert day_end(numbers, ON, money).lines.equals(texts)
    floats = book.with_columns(pl.col("principal", "rate", "penalty_uplift").cast(pl.Float64))
    assert day_end(floats, ON, events.with_columns(pl.col("amount").cast(pl.Float64))).lines.equals(texts)


def test_bad_rows_cost_themselves_only():
    good = {
        "loan_id": "good", "lender_type": "bank", "principal": "10000", "rate": "0.18", "months": "12",
        "method": "equal_instalment", "drawn_on": "2026-01-15", "first_due": None, "calendar": None,
    }  # fmt: skip
    changes = {
        "rate": {"rate": "0.25"}, "percent": {"rate": "18%"}, "months": {"months": "0"}, "fraction": {"months": "1.5"},
        "nan": {"principal": "NaN"}, "decimals": {"principal": "10.005"}, "negative": {"principal": "-1"}, "date": {"drawn_on": "2026-02-30"},
        "method": {"method": "balloon"}, "lender": {"lender_type": "shark"}, "future": {"drawn_on": "2026-12-01"},
        "due": {"first_due": "2026-01-15"}, "calendar": {"calendar": "us"}, "huge": {"principal": "99999999999"}, "null": {"rate": None},
    }  # fmt: skip
    rows = [
        good,
        *({**good, "loan_id": name, **change} for name, change in changes.items()),
        good | {"loan_id": None},
        good,
    ]
    events = [{"loan_id": "good", "id": "e1", "on": "2026-02-15", "kind": "repayment", "amount": "916.80", "of": None}]
    found = day_end(pl.DataFrame(rows, infer_schema_length=None), ON, pl.DataFrame(events))
    assert found.lines["loan_id"].to_list() == ["good"]
    reasons = {loan.loan_id: loan.problems[0].reason for loan in found.refused if loan.row < len(changes) + 1}
    assert reasons.keys() == changes.keys()
    assert (
        "cap" in reasons["rate"]
        and "金规" in next(loan for loan in found.refused if loan.loan_id == "rate").problems[0].citation
    )
    assert reasons["future"] == "not drawn by this day"
    assert [loan.problems[0].reason for loan in found.refused if loan.row > len(changes)] == ["missing", "used twice"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"kind": "repaymnt", "amount": "1"}, "unknown event kind"),
        ({"kind": "repayment", "amount": "1.005"}, "not an amount of money"),
        ({"kind": "repayment", "amount": "NaN"}, "not an amount of money"),
        ({"kind": "repayment", "amount": None}, "not an amount of money"),
        ({"kind": "repayment", "amount": "1", "on": "2026-13-01"}, "not a date"),
        ({"kind": "repayment", "amount": "1", "on": "2026-01-01"}, "takes effect before the loan is drawn"),
        ({"kind": "reversal", "of": "nothing"}, "reverses an event that does not exist"),
        ({"kind": "reversal", "of": None}, "missing"),
        ({"kind": "waiver", "amount": "1", "part": "all"}, "not a part of the debt"),
        ({"kind": "repayment", "amount": "1", "id": "e0"}, "used twice"),
    ],
)
def test_bad_events_refuse_their_loan_and_no_other(event, reason):
    terms = {"lender_type": "bank", "principal": "10000", "rate": "0.18", "months": 12, "method": "equal_instalment"}
    book = pl.DataFrame([{"loan_id": name, **terms, "drawn_on": "2026-01-15"} for name in ("a", "b")])
    first = {
        "loan_id": "a",
        "id": "e0",
        "on": "2026-02-15",
        "kind": "repayment",
        "amount": "916.80",
        "of": None,
        "part": None,
    }
    events = [first, {**first, "id": "e1", **event}, first | {"loan_id": "b"}]
    found = day_end(book, ON, pl.DataFrame(events, infer_schema_length=None))
    assert found.lines["loan_id"].to_list() == ["b"]
    assert [problem.reason for problem in found.refused[0].problems] == [reason]
    assert refused_table(found.refused).height == 1


def test_missing_columns_are_named():
    with pytest.raises(InputError, match="drawn_on"):
        day_end(
            pl.DataFrame(
                {
                    "loan_id": ["a"],
                    "lender_type": ["bank"],
                    "principal": ["1"],
                    "rate": ["0"],
                    "months": [1],
                    "method": ["bullet"],
                }
            ),
            ON,
        )


def test_day_numbers_are_the_calendar():
    """Every day of two centuries, by the date library and by the plain integers of the kernel."""
    for number in range(day_number(date(1970, 1, 1)), day_number(date(2200, 12, 31)), 7):
        on = day_of(number)
        assert day_number(on) == number and month_index(number) == on.year * 12 + on.month - 1
    for start in (date(2026, 1, 31), date(2027, 12, 30), date(2096, 1, 29), date(2026, 5, 28)):
        for months in range(80):
            expected = add_months(start, months)
            assert day_of(day_in_month(month_index(day_number(start)) + months, start.day)) == expected
            after = month_later(day_number(expected), month_index(day_number(expected)), start.day)
            assert day_of(after) == add_months(start, months + 1)


def test_compiled_arithmetic_is_the_interpreted_one():
    from jiehuan.loan import amortise

    rng = random.Random(3)
    scaled, level = compiled("scaled"), compiled("level_instalment")
    for _ in range(3_000):
        amount, numerator = rng.randrange(1 << rng.randrange(1, 52)), rng.randrange(1 << rng.randrange(1, 40))
        denominator = rng.randrange(numerator + 1, 1 << 48)
        assert scaled(amount, numerator, denominator) == amortise.scaled(amount, numerator, denominator)
        terms = rng.randrange(1, 10 ** rng.randrange(3, 12)), rng.randrange(0, 400_000), rng.randrange(1, 121)
        assert level(*terms) == amortise.level_instalment(*terms)
    half = compiled("_reaches_half")
    for _ in range(200):
        case = rng.randrange(1, 10**9), rng.randrange(1, 400_000), rng.randrange(1, 60), rng.randrange(0, 10**9)
        assert half(*case) == amortise._reaches_half(*case)
    flows = np.array([rng.randrange(1, 10**7) for _ in range(24)], dtype=np.int64)
    shaped, present = compiled("shaped_instalment"), amortise.flows_worth(180_000, 24, flows.tolist(), 0)
    assert compiled("flows_worth")(180_000, 24, flows, 0) == present
    for month in range(24):
        wanted = amortise.shaped_instalment(10**7, 180_000, 24, flows.tolist(), 0, month, present)
        assert shaped(10**7, 180_000, 24, flows, 0, month, present) == wanted
