"""Provisions and accruals are differences to what the books hold; doing one twice is doing it once."""

from __future__ import annotations

from datetime import date

import pytest

from jiehuan.ledger import Funding, accrual_entry, advance_entry, balances, check_journal, provision_entry, sale_entry

ON = date(2026, 3, 31)


def test_a_provision_rises_and_falls() -> None:
    up = provision_entry("ln_1", ON, 0, 10_000)
    down = provision_entry("ln_1", date(2026, 4, 30), 10_000, 2_500)
    assert up and down
    assert up == provision_entry("ln_1", ON, 0, 10_000)
    assert balances([up, down]) == {"impairment_loss": 2_500, "loss_allowance": -2_500}
    assert provision_entry("ln_1", ON, 5, 5) is None
    assert check_journal([up, down]) == []


def test_a_shortfall_after_a_write_off_is_a_loss() -> None:
    """The allowance was 6,000.00, the claim written off 10,000.00: the books hold -4,000.00 and should hold nothing."""
    entry = provision_entry("ln_1", ON, -400_000, 0)
    assert entry and balances([entry]) == {"impairment_loss": 400_000, "loss_allowance": -400_000}


def test_an_accrual_comes_and_goes() -> None:
    up = accrual_entry("ln_1", ON, 0, 740)
    down = accrual_entry("ln_1", date(2026, 4, 1), 740, 0)
    assert up and down
    assert balances([up]) == {"accrued_interest": 740, "interest_income": -740}
    assert set(balances([up, down]).values()) == {0}


def test_an_advance_is_known_by_its_receipt() -> None:
    entry = advance_entry("ln_1", ON, 5_000, "receipt 7")
    assert entry == advance_entry("ln_1", ON, 5_000, "receipt 7")
    assert entry.entry_id != advance_entry("ln_1", ON, 5_000, "receipt 8").entry_id
    assert balances([entry]) == {"costs_advanced": 5_000, "cash": -5_000}
    with pytest.raises(ValueError, match="above zero"):
        advance_entry("ln_1", ON, 0, "r")


def test_a_sale_takes_the_claim_for_the_price_and_shows_the_loss() -> None:
    """Claim 10,000 principal + 150 interest, allowance 2,500, sold for 1,000: loss 10,150 - 2,500 - 1,000 = 6,650."""
    held = {"loan_principal": 1_000_000, "interest_receivable": 15_000, "loss_allowance": -250_000, "borrower_credit": -7,
            "cash": -900_000, "interest_income": -15_000}  # fmt: skip
    entry = sale_entry("ln_1", ON, 100_000, held, "tape 1")
    assert balances([entry]) == {
        "loan_principal": -1_000_000, "interest_receivable": -15_000, "loss_allowance": 250_000, "cash": 100_000,
        "disposal_result": 665_000,
    }  # fmt: skip
    assert check_journal([entry._replace(lines=entry.lines)]) != []  # alone it takes a claim that was never there


def test_the_price_of_a_written_off_claim_is_a_recovery() -> None:
    held = {"written_off_principal": 1_000_000, "memo_contra": -1_000_000}
    assert balances([sale_entry("ln_1", ON, 5_000, held, "tape 1")]) == {
        "written_off_principal": -1_000_000, "memo_contra": 1_000_000, "cash": 5_000, "recovery_income": -5_000,
    }  # fmt: skip
    for price, books in [(-1, held), (5, {"borrower_credit": -5})]:
        with pytest.raises(ValueError, match="below zero|no claim"):
            sale_entry("ln_1", ON, price, books, "tape 1")


def test_a_joint_claim_is_sold_whole_and_the_partners_get_their_part_of_the_price() -> None:
    """Own 3,000.00 + 50.00 costs, partners 7,000.00, sold for 1,005.00: a tenth of each, so 305.00 ours, 466.67 and 233.33 theirs."""
    funding = Funding(("BANK_A", "TRUST_B"), (466_667, 233_333))
    held = {"loan_principal": 300_000, "costs_receivable": 5_000, "partner_principal": 600_000, "partner_interest": 100_000,
            "memo_contra": -700_000, "loss_allowance": -30_000, "partner_settlement:BANK_A": 0}  # fmt: skip
    assert balances([sale_entry("ln_1", ON, 100_500, held, "tape 1", funding)]) == {
        "loan_principal": -300_000, "costs_receivable": -5_000, "partner_principal": -600_000, "partner_interest": -100_000,
        "memo_contra": 700_000, "loss_allowance": 30_000, "cash": 100_500, "disposal_result": 305_000 - 30_000 - 30_500,
        "partner_settlement:BANK_A": -46_667, "partner_settlement:TRUST_B": -23_333,
    }  # fmt: skip
    with pytest.raises(ValueError, match="funding is missing"):
        sale_entry("ln_1", ON, 100_500, held, "tape 1")
