"""CAMT.053: what a bank writes is read to the fen, and what could harm is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jiehuan.flow.statements import import_statements, read_statements
from jiehuan.flow.statements.camt import read_camt
from jiehuan.store.database import Database
from jiehuan.units.errors import InputError

from .conftest import TODAY, cash_in

EXAMPLE = Path(__file__).parents[2] / "examples" / "statement_camt053.xml"


def changed(*pairs: tuple[str, str]) -> bytes:
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def test_the_example_is_read_to_the_fen() -> None:
    [statement] = read_statements(EXAMPLE)
    assert (statement.account, statement.reference, statement.currency) == ("LENDING-01", "2026-036", "CNY")
    assert (statement.opening_fen, statement.closing_fen, statement.difference_fen) == (1_000_000, 1_193_360, 0)
    assert statement.closed_on == date(2026, 2, 5)
    told = [(line.entry_reference, line.amount_fen, line.reference, line.texts) for line in statement.lines]
    assert told == [("B-1/1", 91680, "P-1", ("ln_1",)), ("B-1/2", 91680, None, ("ln_2",)), ("B-2", 10000, "ln_3", ())]
    assert [row.problem.reason for row in statement.refused] == ["is not booked yet"]


def test_every_line_is_booked(lender: Database) -> None:
    [report] = import_statements(lender, read_statements(EXAMPLE), TODAY)
    assert report["lines"] == {"posted": 3, "matched": 0, "charge": 0, "suspense": 0, "refused": 1}
    assert report["difference"] == "0.00"
    assert cash_in(lender) == 193_360


def test_version_two_writes_the_status_without_a_code() -> None:
    content = changed(
        ("camt.053.001.08", "camt.053.001.02"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>"),
        ("<Sts><Cd>PDNG</Cd></Sts>", "<Sts>PDNG</Sts>"),
    )
    [statement] = read_camt(content, "x.xml")
    assert len(statement.lines) == 3 and len(statement.refused) == 1


def test_money_that_goes_out_is_below_zero() -> None:
    entry = '<Amt Ccy="CNY">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    [statement] = read_camt(changed((entry, entry.replace("CRDT", "DBIT"))), "x.xml")
    assert statement.lines[2].amount_fen == -10000 and statement.difference_fen == 20000


def test_a_batch_that_does_not_add_up_stays_one_line() -> None:
    [statement] = read_camt(changed(('<Amt Ccy="CNY">1833.60</Amt>', '<Amt Ccy="CNY">1833.61</Amt>')), "x.xml")
    assert [line.amount_fen for line in statement.lines] == [183361, 10000]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('<Amt Ccy="CNY">100.00</Amt>', '<Amt Ccy="EUR">100.00</Amt>', "not the account's currency"),
        ('<Amt Ccy="CNY">100.00</Amt>', '<Amt Ccy="CNY">100.005</Amt>', "not an amount"),
        ('<Amt Ccy="CNY">100.00</Amt>', '<Amt Ccy="CNY">NaN</Amt>', "not an amount"),
        ("2026-02-05T14:03:00+08:00", "2026-02-31T14:03:00+08:00", "2026-02-31"),
    ],
)
def test_a_bad_entry_costs_itself_only(old: str, new: str, said: str) -> None:
    [statement] = read_camt(changed((old, new)), "x.xml")
    assert len(statement.lines) == 2 and len(statement.refused) == 2
    assert said in str(statement.refused[0].problem)


LAUGHS = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("doctype", [LAUGHS, OUTSIDE, "<!DOCTYPE d SYSTEM 'http://127.0.0.1/x.dtd'>"])
def test_entities_are_refused_before_they_are_read(doctype: str) -> None:
    with pytest.raises(InputError, match="document type"):
        read_camt(changed(("?>\n<Document", f"?>{doctype}<Document")), "x.xml")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        b"<?xml version='1.0' encoding='utf-7'?><a/>",
        changed(("camt.053", "camt.052")),
        EXAMPLE.read_bytes()[:900],
        b"\x00" * 50,
    ],
)
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        read_camt(content, "x.xml")


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    with path.open("wb") as out:
        out.truncate((32 << 20) + 1)
    with pytest.raises(InputError, match="split it by day"):
        read_statements(path)
