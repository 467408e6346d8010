"""The chart of accounts is whole: names in both languages, codes once each, sides as their type asks."""

from __future__ import annotations

import pytest

from jiehuan.ledger import account, chart, non_accrual_above_dpd, posting
from jiehuan.ledger.check import HOLDERS


def test_every_account_is_whole_and_every_code_its_own() -> None:
    accounts = chart().values()
    assert len({one.code for one in accounts}) == len(accounts)
    for one in accounts:
        assert one.zh and one.en and one.code.isdigit()
        assert one.type in {"asset", "liability", "income", "expense", "memo"}
        assert one.side in {"debit", "credit"}
    assert {one.name for one in accounts if one.type in {"liability", "income"}} == {
        one.name for one in accounts if one.side == "credit" and one.type not in {"asset", "memo"}
    }


def test_every_account_that_is_posted_to_exists() -> None:
    tables = (posting.ON_BALANCE, posting.SUSPENDED, posting.WRITTEN_OFF, posting.PARTNERS, posting.INCOME)
    for name in [
        *(name for table in tables for name in table.values()),
        *(n for names in HOLDERS.values() for n in names),
    ]:
        assert account(name).name == name
    assert account("partner_settlement:BANK_A").name == "partner_settlement"
    with pytest.raises(KeyError):
        account("petty_cash")


def test_loans_stop_accruing_above_ninety_days() -> None:
    assert non_accrual_above_dpd() == 90
