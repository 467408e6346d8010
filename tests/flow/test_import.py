"""A tape comes in: good rows are never lost to bad ones, twice changes nothing, nothing is half-written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.flow.conftest import MAPPING, ROOT, read, write

from jiehuan.flow.importing import import_tape, load_mapping
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.units.errors import InputError

COUNTED = (
    tables.borrower, tables.application, tables.loan, tables.loan_event, tables.loan_standing, tables.book_snapshot, tables.entry,
    tables.line, tables.contact,
)  # fmt: skip


def rows_of(database: Database) -> dict[str, int]:
    with database.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in COUNTED
        }


def test_a_tape_comes_in_whole_and_twice_changes_nothing(database: Database, small_tape: Path) -> None:
    first = import_tape(database, load_mapping(MAPPING), small_tape)
    counts = rows_of(database)
    assert first.refusals == []
    assert first.kept["loans"] == 12 and counts["loan"] == 12 and counts["loan_standing"] == 12
    assert counts["loan_event"] == len(read(small_tape / "repayments.csv"))
    second = import_tape(database, load_mapping(MAPPING), small_tape)
    assert rows_of(database) == counts
    assert set(second.kept.values()) == {0}
    assert second.known["loans"] == 12


def test_an_imported_book_passes_the_audit(database: Database, small_tape: Path) -> None:
    import_tape(database, load_mapping(MAPPING), small_tape)
    assert [check for check in audit(database) if check.problems] == []


def test_a_later_tape_adds_only_what_is_new(database: Database, small_tape: Path) -> None:
    repayments = read(small_tape / "repayments.csv")
    write(small_tape / "repayments.csv", repayments[:-5])
    import_tape(database, load_mapping(MAPPING), small_tape)
    before = rows_of(database)
    write(small_tape / "repayments.csv", repayments)
    later = import_tape(database, load_mapping(MAPPING), small_tape)
    assert later.refusals == []
    assert later.kept["events"] == 5
    assert rows_of(database)["loan_event"] == before["loan_event"] + 5
    assert [check for check in audit(database) if check.problems] == []


BAD_ROWS: list[tuple[str, dict[str, str], str, str]] = [
    ("loans.csv", {"principal": "-5000.00"}, "principal", "below"),
    ("loans.csv", {"principal": "99999999999999999"}, "principal", "amount of money"),
    ("loans.csv", {"principal": "12.345"}, "principal", "two decimals"),
    ("loans.csv", {"principal": "NaN"}, "principal", ""),
    ("loans.csv", {"principal": "20000000.00"}, "principal", "larger than"),
    ("loans.csv", {"drawn_on": "2025-02-30"}, "drawn_on", "not a date"),
    ("loans.csv", {"drawn_on": "2031-01-01"}, "drawn_on", "in the future"),
    ("loans.csv", {"months": "0"}, "months", "at least 1"),
    ("loans.csv", {"months": "twelve"}, "months", "at least 1"),
    ("loans.csv", {"rate": "0.1234567"}, "rate", "six decimal"),
    ("loans.csv", {"method": "balloon"}, "method", "unknown"),
    ("loans.csv", {"application_id": "a99999"}, "application_id", "no such application"),
    ("loans.csv", {"loan_id": ""}, "loan_id", "needed"),
    ("repayments.csv", {"loan_id": "l99999"}, "loan_id", "no such loan"),
    ("repayments.csv", {"paid_on": "2025-13-01"}, "paid_on", "not a date"),
    ("repayments.csv", {"paid_on": "2020-01-01"}, "on", "before"),
    ("contacts.csv", {"loan_id": "l99999"}, "loan_id", "no such loan"),
]


@pytest.mark.parametrize(("file", "change", "column", "reason"), BAD_ROWS, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_refused_with_its_place_and_costs_no_good_row(
    database: Database, small_tape: Path, file: str, change: dict[str, str], column: str, reason: str
) -> None:
    rows = read(small_tape / file)
    key = {"loans.csv": "loan_id", "repayments.csv": "event_id", "contacts.csv": "contact_id"}[file]
    spoilt = {**rows[0], "application_id": "", key: "new-1", **change} if file == "loans.csv" else {**rows[0], key: "new-1", **change}
    write(small_tape / file, [*rows, spoilt])
    result = import_tape(database, load_mapping(MAPPING), small_tape)
    assert {(refusal.file, refusal.row) for refusal in result.refusals} == {(file, len(rows) + 1)}
    assert any(refusal.column == column and reason in refusal.reason for refusal in result.refusals), result.refusals
    assert result.kept["loans"] == 12


def test_a_refused_cell_shows_no_personal_datum(database: Database, small_tape: Path, tmp_path: Path) -> None:
    """A refusal is kept and written to a file: neither a field of the vault nor a number in the wrong column is shown there."""
    rows = read(small_tape / "borrowers.csv")
    odd = [{"name": "张\n三"}, {"phone": "13800138000\n13900139000"}, {"birth_date": "11010519491231002X"}]
    write(small_tape / "borrowers.csv", [*rows, *({**rows[0], "borrower_id": f"new-{n}", **one} for n, one in enumerate(odd))])
    result = import_tape(database, load_mapping(MAPPING), small_tape)
    assert [(refusal.column, refusal.value) for refusal in result.refusals] == [
        ("name", "(personal, not shown)"), ("phone", "(personal, not shown)"), ("birth_date", "(personal, not shown)")
    ]  # fmt: skip
    result.write_refusals(tmp_path / "refused.csv")
    assert "13800138000" not in (tmp_path / "refused.csv").read_text(encoding="utf-8")
    assert [check for check in audit(database) if check.problems] == []


def test_a_duplicate_is_refused_naming_the_first(database: Database, small_tape: Path) -> None:
    rows = read(small_tape / "loans.csv")
    write(small_tape / "loans.csv", [*rows, {**rows[3], "application_id": ""}])
    result = import_tape(database, load_mapping(MAPPING), small_tape)
    assert [(refusal.row, refusal.column) for refusal in result.refusals] == [(13, "loan_id")]
    assert "row 4" in result.refusals[0].reason


def test_an_unknown_column_refuses_the_file_and_writes_nothing(database: Database, small_tape: Path) -> None:
    rows = [{("amont" if name == "amount" else name): value for name, value in row.items()} for row in read(small_tape / "repayments.csv")]
    write(small_tape / "repayments.csv", rows)
    with pytest.raises(InputError, match="did you mean amont"):
        import_tape(database, load_mapping(MAPPING), small_tape)
    assert set(rows_of(database).values()) == {0}


@pytest.mark.parametrize("content", [b"", b"PAR1 broken", b"\xff\xfe\x00\x01"])
def test_an_unreadable_file_is_refused_and_nothing_written(database: Database, small_tape: Path, content: bytes) -> None:
    (small_tape / "loans.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"loans\.csv"):
        import_tape(database, load_mapping(MAPPING), small_tape)
    assert set(rows_of(database).values()) == {0}


def test_a_huge_file_is_refused_before_it_is_read(database: Database, small_tape: Path) -> None:
    with (small_tape / "loans.csv").open("r+b") as file:
        file.truncate(1_000_000_000)  # sparse: takes no room on disk
    with pytest.raises(InputError, match="more than the 500,000,000"):
        import_tape(database, load_mapping(MAPPING), small_tape)
    assert set(rows_of(database).values()) == {0}


def test_a_failure_while_writing_leaves_nothing(database: Database, small_tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jiehuan.flow.importing.save as save

    def fail(*_: Any) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(save, "_contacts", fail)
    with pytest.raises(RuntimeError):
        import_tape(database, load_mapping(MAPPING), small_tape)
    assert set(rows_of(database).values()) == {0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nlender_type: shop\nfiles: {}\n", "lender type"),
        ("name: x\nlender_type: bank\nfiles:\n  a: {file: a.csv, makes: loan, columns: {loan_idd: x}}\n", "did you mean loan_id"),
        ("name: x\nlender_type: bank\nfiles:\n  a: {file: a.csv, makes: ship, columns: {}}\n", "makes"),
        ("a: [", "malformed YAML"),
        ("- 1\n", "files"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_mend(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_mapping(path)


def test_the_command_reports_refused_rows(cli: Any, database_env: dict[str, str], small_tape: Path, tmp_path: Path) -> None:
    rows = read(small_tape / "loans.csv")
    write(small_tape / "loans.csv", [*rows, {**rows[0], "loan_id": "l9", "application_id": "", "months": "0"}])
    done = cli("import", "--mapping", MAPPING, small_tape, "--refused", tmp_path / "refused.csv", env=database_env)
    assert done.returncode == 1, done.stderr
    assert "loans.csv row 13, months '0'" in done.stdout
    assert (tmp_path / "refused.csv").read_text(encoding="utf-8").splitlines()[1].startswith("loans.csv,13,months,0,")


def test_a_row_that_comes_twice_is_listed_but_nothing_was_lost(
    cli: Any, database_env: dict[str, str], small_tape: Path, tmp_path: Path
) -> None:
    rows = read(small_tape / "borrowers.csv")
    write(small_tape / "borrowers.csv", [*rows, rows[2]])
    told = tmp_path / "refused.csv"
    done = cli("import", "--mapping", MAPPING, small_tape, "--refused", told, env=database_env)
    assert done.returncode == 0, done.stderr
    assert "the first says the same in borrowers.csv row 3" in told.read_text(encoding="utf-8")
    write(small_tape / "borrowers.csv", [*rows, {**rows[2], "region": "海南"}])
    done = cli("import", "--mapping", MAPPING, small_tape, "--refused", told, env=database_env)
    assert done.returncode == 1, done.stderr
    assert "the first stands in borrowers.csv row 3" in told.read_text(encoding="utf-8")


def test_superlender_comes_in(database: Database, data: Path, tmp_path: Path) -> None:
    """Real micro-loans: every twentieth borrower, with earlier loans as history and withheld labels as applications."""
    import polars as pl

    folder = tmp_path / "superlender"
    folder.mkdir()
    source = data / "superlender"
    borrowers = pl.read_parquet(source / "loans.parquet")["customerid"].unique().sort().gather_every(20)
    for name in ("borrowers", "loans", "previous_loans"):
        frame = pl.read_parquet(source / f"{name}.parquet")
        frame.filter(pl.col("customerid").is_in(borrowers.implode())).write_parquet(folder / f"{name}.parquet")
    previous = pl.read_parquet(folder / "previous_loans.parquet")
    loans = pl.read_parquet(folder / "loans.parquet")
    labelled = loans.filter(pl.col("good_bad_flag").is_not_null())
    result = import_tape(database, load_mapping(ROOT / "mappings" / "superlender.yaml"), folder)
    assert result.kept["loans"] == previous.height + labelled.height
    with database.connect() as connection:
        states = dict(
            connection.execute(select(tables.loan_state.c.status, func.count()).group_by(tables.loan_state.c.status)).all()
        )
        waiting = connection.execute(
            select(func.count()).select_from(tables.application).where(tables.application.c.status == "new")
        ).scalar_one()
        one = connection.execute(
            select(tables.application.c.features).where(tables.application.c.features.has_key("on_time_share_ppm")).limit(1)
        ).scalar_one()
    not_yet_due = (pl.col("good_bad_flag") == "Good") & (pl.col("termdays") == 90)  # the last due date is after observed_on
    running = labelled.filter((pl.col("good_bad_flag") == "Bad") | not_yet_due).height
    assert states == {"settled": previous.height + labelled.height - running, "active": running}
    assert waiting == loans.height - labelled.height
    assert one["earlier_loans"] >= 0
    assert [check for check in audit(database) if check.problems] == []
