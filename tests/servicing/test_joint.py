"""Joint loans through the flows: partners' shares to the fen in repayments, reversals and day ends, whichever way closes the day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import pytest

from jiehuan.flow.closing import close_day
from jiehuan.flow.day_end import day_end
from jiehuan.flow.disburse import book_loan
from jiehuan.flow.dispose import sold
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import load_loan, record
from jiehuan.flow.settle import reverse, settle, waive
from jiehuan.ledger import Entry, Funding, balances, journal, read_funding
from jiehuan.loan import read_terms
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.journal import read_entries
from jiehuan.store.rows import insert_missing

from .conftest import TERMS, faults

FUNDING = Funding(("BANK_A", "TRUST_B"), (700_000, 123_457))
FIRST = date(2026, 1, 20)


def joint(database: Database, loan_id: str = "ln_j", funding: Funding | None = FUNDING, **changed: str) -> str:
    with database.begin() as connection:
        insert_missing(connection, tables.borrower, [{"borrower_id": "bo_1", "region": "浙江"}])
        facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
        book_loan(connection, loan_id, read_terms({**TERMS, **changed}), facts, funding)
    return loan_id


def entries_of(database: Database, loan_id: str = "ln_j") -> list[Entry]:
    with database.connect() as connection:
        return read_entries(connection, [loan_id])[loan_id]


def test_funding_is_kept_with_the_loan(database: Database) -> None:
    joint(database)
    with database.connect() as connection:
        held = load_loan(connection, "ln_j")
        assert held.funding == read_funding(held.row["terms"]) == FUNDING
    draw = balances(entries_of(database))
    assert draw["partner_settlement:BANK_A"] == 700_000 and draw["loan_principal"] == 176_543


@pytest.mark.parametrize("how", ["columns", "small"])
def test_a_joint_life_posts_every_share(database: Database, how: str) -> None:
    joint(database)
    joint(database, "ln_own", None)
    for n in range(120):
        on = FIRST + timedelta(days=n)
        with database.begin() as connection:
            for loan_id in ("ln_j", "ln_own"):
                if on == date(2026, 2, 5):
                    repay(connection, loan_id, 91_680, on, f"k1{loan_id}")
                if on == date(2026, 3, 9):
                    repay(connection, loan_id, 33_333, on, f"k2{loan_id}")
                if on == date(2026, 3, 11):
                    reverse(connection, loan_id, load_loan(connection, loan_id).events[-1].id, on, f"r{loan_id}")
                if on == date(2026, 3, 20):
                    waive(connection, loan_id, "penalty", 101, on, f"w{loan_id}")
        if how == "columns":
            close_day(database, on)
        else:
            with database.begin() as connection:
                day_end(connection, on)
        if on in (date(2026, 2, 6), date(2026, 3, 12), FIRST + timedelta(days=119)):
            check(database, on)
    assert faults(database) == []


def check(database: Database, on: date) -> None:
    """The books are what the events come to, and the allowance is for the lender's own share."""
    with database.connect() as connection:
        held = load_loan(connection, "ln_j")
    kept = entries_of(database)
    state = held.state(on)
    wanted = journal(held.terms, held.events, on, "ln_j", funding=FUNDING)
    assert _moved(kept) == _moved(wanted)
    books = balances(kept)
    assert -books.get("loss_allowance", 0) == FUNDING.own_of(state.provision_fen)
    assert books["loan_principal"] == FUNDING.own_of(state.principal_outstanding_fen)
    assert books["loan_principal"] + books["partner_principal"] == state.principal_outstanding_fen


def _moved(entries: list[Entry] | tuple[Entry, ...]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = defaultdict(int)
    for entry in entries:
        for line in entry.lines:
            if entry.movement_id:
                found[entry.movement_id, line.account] += line.debit - line.credit
    return {key: fen for key, fen in found.items() if fen}


def test_a_settled_joint_loan_returns_each_partner_its_principal_and_its_interest(database: Database) -> None:
    joint(database)
    close_day(database, FIRST)
    with database.begin() as connection:
        settle(connection, "ln_j", date(2026, 1, 25), "s")
    close_day(database, FIRST + timedelta(days=1))
    held = balances(entries_of(database))
    interest = -sum(fen for name, fen in held.items() if name == "interest_income")
    assert all(held.get(name, 0) == 0 for name in ("loan_principal", "partner_principal", "partner_interest"))
    cash = held["cash"]
    partners = {name: fen for name, fen in held.items() if name.startswith("partner_settlement:")}
    assert cash + sum(partners.values()) == interest > 0
    theirs = -partners["partner_settlement:BANK_A"]
    assert abs(theirs * 176_543 - interest * 700_000) <= 2 * 1_000_000  # shares of one interest, to the fen
    assert faults(database) == []


def test_interest_of_a_joint_loan_is_carried_by_columns(database: Database) -> None:
    """The day on which interest falls due folds nothing, and posts what the fold would."""
    joint(database)
    on = FIRST
    while on < date(2026, 2, 5):
        told = close_day(database, on)
        on += timedelta(days=1)
    told = close_day(database, on)
    assert (told["folded"], told["entries"]) == (0, 1)
    with database.connect() as connection:
        held = load_loan(connection, "ln_j")
    wanted = journal(held.terms, held.events, on, "ln_j", funding=FUNDING)[-1]
    assert wanted.kind == "interest" and wanted in entries_of(database)


def test_an_odd_id_takes_the_way_of_the_fold(database: Database) -> None:
    joint(database, '贷款 1\\t"x"', drawn_on="2026-01-05")
    for n in range(30):
        close_day(database, FIRST + timedelta(days=n))
    assert faults(database) == [] and len(entries_of(database, '贷款 1\\t"x"')) > 2


@pytest.mark.parametrize("written_off", [False, True])
def test_a_joint_loan_is_sold_whole(database: Database, written_off: bool) -> None:
    loan_id, late = joint(database), FIRST + timedelta(days=100)
    with database.begin() as connection:
        repay(connection, loan_id, 91_680, date(2026, 2, 5), "k1")
    with database.begin() as connection:
        if written_off:
            record(connection, loan_id, {"id": "ev_w", "on": late.isoformat(), "kind": "writeoff"}, "w", late)
        day_end(connection, late)
        facts = {"kind": "sale", "on": late, "balance_fen": 1, "value_fen": 1, "low_fen": 1, "high_fen": 1, "detail": {}}
        proposal = {"disposal_id": "di_1", "loan_id": loan_id, "tape_id": "ta_1", "status": "approved"} | facts
        insert_missing(connection, tables.disposal, [proposal])
    before = balances(entries_of(database))
    with database.begin() as connection:
        assert sold(connection, "ta_1", 100_000, late, "risk") == 1
    after = balances(entries_of(database))
    assert all(not after.get(f"{owner}_{part}") for owner in ("partner", "written_off") for part in ("principal", "interest", "penalty"))
    assert not after["loan_principal"] and not after["memo_contra"]
    moved = {name: after[name] - before.get(name, 0) for name in after}
    ours = -moved["recovery_income"] if written_off else 100_000 + sum(moved[f"partner_settlement:{name}"] for name in FUNDING.partners)
    assert ours == pytest.approx(100_000 * FUNDING.own_ppm / 1_000_000, abs=2)
    theirs = {name: -moved[f"partner_settlement:{name}"] for name in FUNDING.partners}
    assert ours + sum(theirs.values()) == moved["cash"] == 100_000
    assert theirs["BANK_A"] == pytest.approx(70_000, abs=2)
    assert faults(database) == []
