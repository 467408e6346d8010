"""Statements: each line becomes exactly one thing, each fen is accounted for, and twice changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jiehuan.flow.receipts import assign, give_back, suspense, unassign
from jiehuan.flow.settle import reverse
from jiehuan.flow.statements import import_statements, keep_handle, read_statements
from jiehuan.flow.suspense import is_charge, is_entry, outgoing
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.vault import open_vault
from jiehuan.units.errors import Conflict, InputError, Refused
from jiehuan.units.money import parse_yuan

from .conftest import MAPPING, TODAY, WriteCsv, book, cash_at_bank, cash_in, everything, faults, in_suspense


def bring(database: Database, path: Path, **changed: object) -> dict:
    [report] = import_statements(database, read_statements(path, MAPPING, "lending"), TODAY)
    return report


def adds_up(report: dict) -> bool:
    """Posted, matched, suspense and refused come to the total, and the total to the balances."""
    parts = sum(parse_yuan(each, minimum=None) for each in report["amounts"].values())
    total = parse_yuan(report["total"], minimum=None)
    moved = parse_yuan(report["closing"], minimum=None) - parse_yuan(report["opening"], minimum=None)
    return parts == total == moved - parse_yuan(report["difference"], minimum=None)


def test_a_line_that_names_a_loan_is_booked_once(lender: Database, write_csv: WriteCsv) -> None:
    path = write_csv(
        [("2026-02-05", "916.80", "e1", "", "还款 ln_1"), ("2026-02-06", "916.80", "e2", "", "ln_2 repayment")]
    )
    report = bring(lender, path)
    assert report["lines"] == {"posted": 2, "matched": 0, "charge": 0, "suspense": 0, "refused": 0}
    assert report["reconciled"] and adds_up(report) and report["known"] == 0
    assert cash_in(lender) == 2 * 91680
    before = everything(lender)
    again = bring(lender, path)
    assert again["known"] == 2 and again["lines"] == report["lines"]
    assert everything(lender) == before


def test_what_fits_no_loan_is_held_and_later_assigned(lender: Database, write_csv: WriteCsv) -> None:
    report = bring(
        lender,
        write_csv([("2026-02-05", "916.80", "e1", "", "谢谢"), ("2026-02-05", "5.00", "e2", "", "ln_1 and ln_2")]),
    )
    assert [line["reason"] for line in report["suspense"]] == [
        "no loan's id, virtual account or known payer in it", "its references name 2 loans",
    ]  # fmt: skip
    assert cash_in(lender) == 0 and adds_up(report)
    before = cash_at_bank(lender)
    assert in_suspense(lender) == 91680 + 500 and faults(lender) == []
    first, second = report["suspense"]
    with lender.begin() as connection:
        assign(connection, first["receipt_id"], "ln_3", TODAY, "lin")
        assign(connection, first["receipt_id"], "ln_3", TODAY, "lin")  # once more changes nothing
        with pytest.raises(Refused, match="not in suspense"):
            give_back(connection, first["receipt_id"], TODAY, "lin", "sent back")
        give_back(connection, second["receipt_id"], TODAY, "lin", "sent back")
        assert suspense(connection) == []
    assert cash_in(lender) == 91680
    assert in_suspense(lender) == 0 and cash_at_bank(lender) == before - 500 and faults(lender) == []


def test_a_receipt_on_the_wrong_loan_goes_back_and_on_to_the_right_one(lender: Database, write_csv: WriteCsv) -> None:
    report = bring(lender, write_csv([("2026-02-05", "916.80", "e1", "", "谢谢")]))
    receipt_id = report["suspense"][0]["receipt_id"]
    with lender.begin() as connection:
        for loan_id in ("ln_1", "ln_2", "ln_1"):
            assign(connection, receipt_id, loan_id, TODAY, "lin")
            unassign(connection, receipt_id, TODAY, "lin", "wrong loan")
        assign(connection, receipt_id, "ln_3", TODAY, "lin")
    assert cash_in(lender) == 91680
    assert faults(lender) == []


def test_virtual_account_and_payer_find_the_loan(lender: Database, write_csv: WriteCsv) -> None:
    vault = open_vault(lender)
    book(lender, "ln_4", "bo_3", principal="5000.00")
    with lender.begin() as connection:
        keep_handle(connection, vault, "virtual_account", "9558-0001", loan_id="ln_1")
        keep_handle(connection, vault, "payer", "6222 0202", borrower_id="bo_2")
        keep_handle(connection, vault, "payer", "6222 0303", borrower_id="bo_3")
        for owner in ({"loan_id": "ln_none"}, {"borrower_id": "bo_none"}):
            with pytest.raises(Refused, match="is not in the books"):
                keep_handle(connection, vault, "payer", "6222 0404", **owner)
    report = bring(lender, write_csv([
        ("2026-02-05", "100.00", "e1", "", "", "95580001", ""),
        ("2026-02-05", "100.00", "e2", "", "", "", "62220202"),
        ("2026-02-05", "458.40", "e3", "", "", "", "62220303"),  # 5,000 at 18 % over 12: the smaller loan's instalment
        ("2026-02-05", "77.00", "e4", "", "", "", "62220303"),
    ]))  # fmt: skip
    assert report["lines"]["posted"] == 3
    assert [line["reason"] for line in report["suspense"]] == [
        "the payer has 2 open loans, and the amount tells none of them"
    ]
    with lender.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT loan_id FROM receipt WHERE status = 'posted' ORDER BY receipt_id"
        ).scalars()
        assert sorted(found) == ["ln_1", "ln_2", "ln_4"]


def test_money_that_the_loan_does_not_take_is_held(lender: Database, write_csv: WriteCsv) -> None:
    with lender.begin() as connection:
        connection.exec_driver_sql("UPDATE loan_standing SET status = 'sold' WHERE loan_id = 'ln_2'")
    report = bring(lender, write_csv([
        ("2026-01-04", "10.00", "e1", "", "ln_1"),  # the day before the drawing
        ("2026-02-05", "10.00", "e2", "", "ln_2"),
        ("2026-02-05", "10.00", "e3", "", "ln_9"),
    ]))  # fmt: skip
    assert report["lines"]["suspense"] == 3 and adds_up(report)
    assert "sold" in report["suspense"][1]["reason"]


def test_bad_rows_cost_themselves_only(lender: Database, write_csv: WriteCsv) -> None:
    path = write_csv([
        ("2026-02-05", "916.80", "e1", "", "ln_1"),
        ("2026-02-05", "9.005", "e2", "", "ln_1"),
        ("2026-02-30", "5.00", "e3", "", "ln_1"),
        ("2026-02-05", "916.80", "e1", "", "ln_1"),
        ("2026-02-06", "NaN", "e5", "", "ln_1"),
        ("2026-02-06", "1.00", "e6", "", "ln_1"),
    ])  # fmt: skip
    report = bring(lender, path)
    assert report["lines"] == {"posted": 2, "matched": 0, "charge": 0, "suspense": 0, "refused": 4}
    reasons = [line["reason"] for line in report["refused"]]
    assert "at most two decimals" in reasons[0] and "not a date" in reasons[1]
    assert "duplicate" in reasons[2] and "not an amount" in reasons[3]
    assert not report["reconciled"] and adds_up(report)
    before = everything(lender)
    assert bring(lender, path)["lines"] == report["lines"] and everything(lender) == before


def test_a_missing_row_shows_in_the_difference(lender: Database, write_csv: WriteCsv) -> None:
    path = write_csv(
        [
            ("2026-02-05", "1.00", "e1", "", "ln_1"),
            ("2026-02-05", "2.00", "e2", "", "ln_1"),
            ("2026-02-05", "4.00", "e3", "", "ln_1"),
        ]
    )
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]), encoding="utf-8")
    report = bring(lender, path)
    assert report["difference"] == "2.00" and not report["reconciled"] and adds_up(report)
    assert report["lines"]["posted"] == 2  # the money of the other rows is real
    assert any("does not follow" in problem["reason"] for problem in report["problems"])


def test_overlapping_statements_book_an_entry_once(lender: Database, write_csv: WriteCsv) -> None:
    bring(lender, write_csv([("2026-02-05", "1.00", "e1", "", "ln_1"), ("2026-02-06", "2.00", "e2", "", "ln_1")]))
    report = bring(
        lender,
        write_csv(
            [("2026-02-06", "2.00", "e2", "", "ln_1"), ("2026-02-07", "4.00", "e3", "", "ln_1")], name="next.csv"
        ),
    )
    assert report["lines"] == {"posted": 1, "matched": 0, "charge": 0, "suspense": 0, "refused": 1}
    assert "duplicate" in report["refused"][0]["reason"] and adds_up(report)
    assert cash_in(lender) == 700


def test_money_that_went_out_is_matched_to_the_draw(lender: Database, write_csv: WriteCsv) -> None:
    report = bring(lender, write_csv([
        ("2026-01-05", "-10000.00", "e1", "", "放款 ln_1"),
        ("2026-01-05", "-10000.00", "e2", "", "放款 ln_1"),  # a second payout of one draw is not explained away
        ("2026-01-06", "-3.00", "e3", "", "手续费"),
    ], opening=50000))  # fmt: skip
    assert report["lines"] == {"posted": 0, "matched": 1, "charge": 0, "suspense": 2, "refused": 0}
    assert adds_up(report)
    assert in_suspense(lender) == -1_000_000 - 300 and faults(lender) == []


def test_a_person_says_what_money_that_went_out_was(lender: Database, write_csv: WriteCsv) -> None:
    bring(
        lender, write_csv([("2026-01-05", "-10000.00", "e1", "", "放款"), ("2026-01-06", "-3.00", "e2", "", "手续费")])
    )
    with lender.begin() as connection:
        draw, charge = outgoing(connection)
        entry = connection.exec_driver_sql(
            "SELECT entry_id FROM entry WHERE loan_id = 'ln_1' AND kind = 'draw'"
        ).scalar_one()
        with pytest.raises(Refused, match=r"paid out 10000.00, and the line is over 3.00"):
            is_entry(connection, charge["line_id"], entry, TODAY, "lin")
        with pytest.raises(Refused, match="no entry that paid out"):
            is_entry(connection, draw["line_id"], "en_none", TODAY, "lin")
        with pytest.raises(InputError, match="say what the charge was for"):
            is_charge(connection, charge["line_id"], TODAY, "lin", " ")
        for _ in range(2):  # once more changes nothing
            is_entry(connection, draw["line_id"], entry, TODAY, "lin")
            is_charge(connection, charge["line_id"], TODAY, "lin", "account fee")
        with pytest.raises(Refused, match="not outgoing money in suspense, but charge"):
            is_entry(connection, charge["line_id"], entry, TODAY, "lin")
        assert outgoing(connection) == []
        spent = "SELECT sum(debit_fen - credit_fen) FROM line WHERE account = 'bank_charges'"
        assert connection.exec_driver_sql(spent).scalar_one() == 300
    assert in_suspense(lender) == 0 and cash_at_bank(lender) == -3 * 1_000_000 - 300 and faults(lender) == []


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        (
            "UPDATE receipt SET status = 'returned' WHERE status = 'suspense'",
            "suspense",
            "the books hold 5.00 in suspense",
        ),
        ("DELETE FROM receipt WHERE status = 'suspense'", "suspense", "money"),
        ("UPDATE receipt SET amount_fen = 1 WHERE status = 'suspense'", "suspense", "0.01"),
        ("UPDATE receipt SET event_id = 'ev_none' WHERE status = 'posted'", "receipts", "no such event"),
        ("UPDATE receipt SET amount_fen = 1 WHERE status = 'posted'", "receipts", "event is over 9.00"),
    ],
)
def test_the_audit_finds_money_that_is_lost_between_bank_and_books(
    lender: Database, write_csv: WriteCsv, fault: str, check: str, words: str
) -> None:
    bring(lender, write_csv([("2026-02-05", "5.00", "e1", "", "谢谢"), ("2026-02-05", "9.00", "e2", "", "ln_1")]))
    assert faults(lender, "suspense") == []
    with lender.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(fault)
    found = {one.check: "\n".join(map(str, one.problems)) for one in audit(lender, only=["suspense"]) if one.faults}
    assert words in found[check]


def test_a_receipt_booked_by_an_event_that_was_reversed_is_found(lender: Database, write_csv: WriteCsv) -> None:
    bring(lender, write_csv([("2026-02-05", "9.00", "e2", "", "ln_1")]))
    with lender.begin() as connection:
        event = connection.exec_driver_sql("SELECT event_id FROM receipt").scalar_one()
        reverse(connection, "ln_1", event, TODAY, "undo")
    assert in_suspense(lender) == 900 and faults(lender) == []
    with lender.begin() as connection:
        connection.exec_driver_sql("UPDATE receipt SET status = 'posted', loan_id = 'ln_1'")
    assert any("an event that was reversed" in one for one in faults(lender, "suspense"))


def test_same_number_other_balances_is_a_conflict(lender: Database, write_csv: WriteCsv) -> None:
    one = read_statements(write_csv([("2026-02-05", "1.00", "e1", "", "ln_1")]), MAPPING, "lending", "S1")
    other = read_statements(
        write_csv([("2026-02-05", "1.00", "e1", "", "ln_1")], opening=9.0), MAPPING, "lending", "S1"
    )
    import_statements(lender, one, TODAY)
    with pytest.raises(Conflict, match="came before with balances"):
        import_statements(lender, other, TODAY)


def test_no_personal_datum_is_kept(lender: Database, write_csv: WriteCsv) -> None:
    bring(
        lender,
        write_csv([("2026-02-05", "1.00", "13812345678", "13912345678", "ln_1 张三 13812345678", "", "13712345678")]),
    )
    with lender.connect() as connection:
        kept = (
            connection.exec_driver_sql(
                "SELECT l::text || r::text FROM statement_line l JOIN receipt r USING (receipt_id)"
            )
            .scalars()
            .all()
        )
    assert kept and not any("13812345678" in said or "13912345678" in said or "张三" in said for said in kept)
    assert faults(lender, "personal") == []


def test_the_command_reconciles_and_says_so(lender: Database, write_csv: WriteCsv, cli, database_env) -> None:
    path = write_csv([("2026-02-05", "916.80", "e1", "", "ln_1"), ("2026-02-05", "5.00", "e2", "", "?")])
    words = (
        "statement",
        "import",
        path,
        "--mapping",
        "mappings/statement.yaml",
        "--account",
        "lending",
        "--on",
        "2026-03-10",
        "--json",
    )
    root = Path(__file__).parents[2]
    done = cli(*words, env=database_env, cwd=root)
    assert done.returncode == 0, done.stderr
    [report] = json.loads(done.stdout)
    assert report["reconciled"] and report["amounts"]["posted"] == "916.80"
    held = json.loads(cli("statement", "suspense", "--json", env=database_env, cwd=root).stdout)
    done = cli("statement", "assign", held[0]["receipt_id"], "ln_2", "--on", "2026-03-10", env=database_env, cwd=root)
    assert done.returncode == 0 and cash_in(lender) == 92180
    path.write_text("nothing,here\n1,2\n", encoding="utf-8")
    done = cli(*words, env=database_env, cwd=root)
    assert done.returncode == 2 and "no such column" in done.stderr


@pytest.mark.parametrize(
    "mapping", [{}, {"columns": {"value_date": "a"}}, {"columns": {"value_date": "a", "amount": "b", "colour": "c"}}]
)
def test_a_mapping_that_says_too_little_is_refused(mapping: dict, write_csv: WriteCsv) -> None:
    with pytest.raises(InputError):
        read_statements(write_csv([("2026-02-05", "1.00")]), mapping, "lending")
