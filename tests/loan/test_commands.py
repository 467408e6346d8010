"""The commands as the contract says them, each in a process of its own."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from jiehuan.ledger import journal
from jiehuan.loan import read_events, read_terms, replay

EXAMPLES = Path(__file__).parents[2] / "examples"
PLAN = (
    "--principal",
    "10000",
    "--rate",
    "0.18",
    "--months",
    "12",
    "--method",
    "equal_instalment",
    "--drawn",
    "2026-01-31",
)


def test_schedule_prints_the_contract(cli):
    done = cli("schedule", *PLAN, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and list(told)[:3] == ["schedule", "total_interest", "total_fees"]
    assert [row["total"] for row in told["schedule"]] == ["916.80"] * 11 + ["916.81"]
    assert told["total_interest"] == "1001.61" and len(told["apr"].partition(".")[2]) == 6
    assert told["schedule"][3] == {
        "n": 4, "due": "2026-05-31", "pay_by": "2026-06-01", "principal": "801.83", "interest": "114.97", "fee": "0.00",
        "total": "916.80", "balance": "6863.09",
    }  # fmt: skip


def test_schedule_in_words(cli):
    done = cli("schedule", *PLAN)
    assert done.returncode == 0 and "916.81" in done.stdout and "2026-02-28" in done.stdout and "1001.61" in done.stdout


def test_schedule_with_fees_and_cash_flow(cli, tmp_path):
    flat = (
        "schedule",
        "--principal",
        "100",
        "--rate",
        "0",
        "--months",
        "12",
        "--method",
        "equal_principal",
        "--drawn",
        "2026-01-15",
    )
    told = json.loads(cli(*flat, "--fee", "monthly:1%", "--fee", "5%", "--json").stdout)
    assert told["apr"].startswith("0.315") and told["total_fees"] == "17.00" and told["upfront_fee"] == "5.00"
    file = tmp_path / "flows.csv"
    file.write_text("amount\n100\n200\n300\n")
    shaped = (
        "schedule",
        "--principal",
        "1000",
        "--rate",
        "0.12",
        "--months",
        "3",
        "--method",
        "sculpted",
        "--drawn",
        "2026-01-15",
    )
    told = json.loads(cli(*shaped, "--cashflow", file, "--json").stdout)
    first, second, _ = (float(row["total"]) for row in told["schedule"])
    assert second == pytest.approx(2 * first, abs=0.011)
    assert cli(*shaped).returncode == 2
    assert cli(*flat, "--fee", "monthly").returncode == 2


def test_schedule_refuses_a_draw_that_breaks_a_cap_with_the_article(cli):
    dear = ("schedule", "--principal", "10000", "--rate", "0.25", "--months", "12", "--drawn", "2026-01-31")
    done = cli(*dear, "--lender", "bank", "--json")
    assert done.returncode == 1
    assert "金规" in json.loads(done.stdout)["problems"][0]["citation"]
    assert cli(*dear).returncode == 0
    large = ("schedule", "--principal", "200000.01", "--rate", "0.1", "--months", "12", "--drawn", "2026-01-31")
    assert cli(*large, "--lender", "micro_lender").returncode == 1
    long = (
        "schedule",
        "--principal",
        "1000",
        "--rate",
        "0.1",
        "--months",
        "13",
        "--method",
        "bullet",
        "--drawn",
        "2026-01-31",
    )
    assert cli(*long, "--lender", "bank").returncode == 1


@pytest.mark.parametrize(
    "change", [("--months", "0"), ("--principal", "1.005"), ("--rate", "nan"), ("--drawn", "2026-02-30")]
)
def test_schedule_of_bad_input_is_exit_2(cli, change):
    words = list(PLAN)
    words[words.index(change[0]) + 1] = change[1]
    done = cli("schedule", *words)
    assert done.returncode == 2 and change[0].removeprefix("--")[:5] in done.stderr and not done.stdout


def test_replay_prints_the_contract_with_a_balanced_journal(cli):
    done = cli("loan", "replay", EXAMPLES / "loan_overdue.json", "--on", "2026-06-30", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    wanted = {
        "on", "principal_outstanding", "interest_due", "penalty_due", "costs_due", "overdue", "credit_balance", "dpd", "bucket",
        "class", "provision", "schedule", "journal", "apr", "eff",
    }  # fmt: skip
    assert wanted <= told.keys()
    assert (told["dpd"], told["bucket"], told["class"]) == (107, "M3+", "substandard")
    for entry in told["journal"]:
        assert {"id", "effective", "known", "lines"} <= entry.keys()
        assert sum(round(float(line["debit"]) * 100) for line in entry["lines"]) == sum(
            round(float(line["credit"]) * 100) for line in entry["lines"]
        )
    assert "overdue" in cli("loan", "replay", EXAMPLES / "loan_overdue.json", "--on", "2026-06-30").stdout


@pytest.mark.parametrize("name", ["loan_overdue", "loan_restructured", "loan_settled_early"])
def test_examples_replay(name):
    document = json.loads((EXAMPLES / f"{name}.json").read_text())
    terms, events = read_terms(document), read_events(document["events"])
    assert replay(terms, events, date(2026, 7, 15)).movements
    assert journal(terms, events, date(2026, 7, 15), name)


def test_replay_exit_codes(cli, tmp_path):
    loan = json.loads((EXAMPLES / "loan_overdue.json").read_text())

    def run(**change):
        file = tmp_path / "loan.json"
        file.write_text(json.dumps(loan | change))
        return cli("loan", "replay", file, "--on", "2026-06-30", "--json")

    reversal = {"id": "x", "on": "2026-05-01", "kind": "reversal", "of": "nothing"}
    refused = run(events=[*loan["events"], reversal])
    assert refused.returncode == 1 and json.loads(refused.stdout)["problems"][0]["where"] == "event x on 2026-05-01"
    assert run(rate="0.25").returncode == 1
    assert run(months=0).returncode == 2
    assert run(events=[{**reversal, "kind": "gift"}]).returncode == 2
    both = run(months=0, events=[{**reversal, "kind": "gift"}])
    assert len(json.loads(both.stdout)["problems"]) == 2
    assert cli("loan", "replay", tmp_path / "no.json", "--on", "2026-06-30").returncode == 2
    assert cli("loan", "replay", EXAMPLES / "loan_overdue.json", "--on", "soon").returncode == 2


def test_replay_of_one_loan_loads_no_compiler_and_no_tables(cli):
    import subprocess
    import sys

    code = (
        "import sys; from jiehuan.cli.main import main\n"
        f"main(['loan', 'replay', {str(EXAMPLES / 'loan_overdue.json')!r}, '--on', '2026-06-30', '--json'])"
    )
    code = (
        code.replace("main([", "\ntry:\n    main([")
        + "\nexcept SystemExit: pass\nprint([m for m in ('numba', 'numpy', 'polars', 'pyarrow') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("[]")


def test_day_end_of_the_example_book(cli, tmp_path):
    out = tmp_path / "lines.csv"
    words = (
        "loan",
        "day-end",
        EXAMPLES / "loan_book.csv",
        "--events",
        EXAMPLES / "loan_events.csv",
        "--on",
        "2026-06-30",
    )
    done = cli(*words, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["loans"], told["refused"]) == (5, 0)
    lines = pl.read_csv(out)
    assert lines["loan_id"].to_list() == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert lines["status"].to_list()[-1] == "settled"
    kept = tmp_path / "kept.csv"
    assert cli(*words[:-1], "2026-06-01", "--out", kept, "--state", tmp_path / "days").returncode == 0
    assert cli(*words, "--out", kept, "--state", tmp_path / "days").returncode == 0
    assert kept.read_text() == out.read_text()


def test_day_end_lists_refused_loans_and_does_the_rest(cli, tmp_path):
    book, events, out = tmp_path / "book.csv", tmp_path / "events.csv", tmp_path / "lines.parquet"
    rows = (EXAMPLES / "loan_book.csv").read_text().splitlines()
    book.write_text(
        "\n".join([*rows, "B-1,bank,1000,0.18,0,bullet,2026-01-01,,", "A-1,bank,1,0.1,1,bullet,2026-01-01,,"]) + "\n"
    )
    history = (EXAMPLES / "loan_events.csv").read_text().splitlines()
    events.write_text(
        "\n".join([*history, "A-2,x,2026-04-01,,repayment,0.001,,", "Z-9,y,2026-04-01,,repayment,5.00,,"]) + "\n"
    )
    words = ("loan", "day-end", book, "--events", events, "--on", "2026-06-30", "--out", out)
    done = cli(*words)
    assert done.returncode == 1
    assert pl.read_parquet(out)["loan_id"].to_list() == ["A-1", "A-3", "A-4", "A-5"]
    refused = pl.read_csv(tmp_path / "lines.refused.csv")
    assert refused["loan_id"].to_list() == ["A-2", "B-1", "A-1", "Z-9"]
    assert refused["reason"].to_list()[-1] == "not a loan of the book"
    documents = tmp_path / "book.json"
    documents.write_text(json.dumps([json.loads((EXAMPLES / "loan_overdue.json").read_text())]))
    assert cli("loan", "day-end", documents, "--on", "2026-06-30", "--out", tmp_path / "one.json").returncode == 0
    assert cli("loan", "day-end", tmp_path / "no.csv", "--on", "2026-06-30", "--out", out).returncode == 2
    assert cli("loan", "day-end", events, "--on", "2026-06-30", "--out", out).returncode == 2


def test_a_bad_row_never_loses_the_good_ones_however_the_book_is_given(cli, tmp_path):
    """An id used twice, a row without one and an event of nobody are listed; table, table with state and documents agree."""
    head, *rows = (EXAMPLES / "loan_book.csv").read_text().splitlines()
    bad = ["A-1,bank,1,0.1,1,bullet,2026-01-01,,", ",bank,1,0.1,1,bullet,2026-01-01,,"]
    book, events = tmp_path / "book.csv", tmp_path / "events.csv"
    book.write_text("\n".join([head, rows[0], *bad, *rows[1:]]) + "\n")
    history = (EXAMPLES / "loan_events.csv").read_text()
    events.write_text(history + "Z-9,y,2026-04-01,,repayment,5.00,,\nA-2,z,2026-04-01,,restructure,,,\n")
    names = head.split(",")
    documents = [{name: value for name, value in zip(names, row.split(","), strict=True) if value} for row in
                 (rows[0], *bad, *rows[1:])]  # fmt: skip
    (tmp_path / "book.json").write_text(json.dumps([{**one, "events": []} for one in documents]))
    words, told = ("--events", str(events), "--on", "2026-06-30", "--out"), []
    for name, book_of, more in (
        ("table", book, ()), ("days", book, ("--state", str(tmp_path / "days"))), ("documents", tmp_path / "book.json", ()),
    ):  # fmt: skip
        out = tmp_path / f"{name}.csv"
        done = cli("loan", "day-end", str(book_of), *words, str(out), *more)
        assert done.returncode == 1, done.stderr
        assert pl.read_csv(out)["loan_id"].to_list() == ["A-1", "A-3", "A-4", "A-5"]
        told.append(pl.read_csv(tmp_path / f"{name}.refused.csv").select("loan_id", "reason").sort("reason"))
    nobody = ("Z-9", "not a loan of the book")
    assert told[0].rows() == [("A-2", "missing"), ("", "missing"), nobody, ("A-1", "used twice")]
    assert told[1].sort("reason", "loan_id").equals(told[0].sort("reason", "loan_id"))
    assert told[2].sort("reason", "loan_id").equals(told[0].sort("reason", "loan_id"))


def test_a_state_folder_that_is_a_file_is_said(cli, tmp_path):
    (tmp_path / "state").write_text("in the way")
    out = tmp_path / "lines.csv"
    done = cli("loan", "day-end", str(EXAMPLES / "loan_book.csv"), "--on", "2026-06-30", "--out", str(out),
               "--state", str(tmp_path / "state"))  # fmt: skip
    assert done.returncode == 2 and "state: file exists; check the path" in done.stderr
    assert "Traceback" not in done.stderr and not out.exists()


def test_a_history_has_the_lines_of_every_evening(cli, tmp_path):
    words = ("loan", "day-end", str(EXAMPLES / "loan_book.csv"), "--events", str(EXAMPLES / "loan_events.csv"))
    kept = ("--state", str(tmp_path / "state"), "--history", str(tmp_path / "history"))
    for day in ("2026-06-28", "2026-06-30"):
        assert cli(*words, "--on", day, "--out", str(tmp_path / "lines.parquet"), *kept).returncode == 0
    days = sorted(path.name for path in (tmp_path / "history").iterdir())
    assert days == ["2026-06-28.parquet", "2026-06-29.parquet", "2026-06-30.parquet"]
    cli(*words, "--on", "2026-06-29", "--out", str(tmp_path / "alone.parquet"))
    assert pl.read_parquet(tmp_path / "history" / days[1]).equals(pl.read_parquet(tmp_path / "alone.parquet"))
    (tmp_path / "blocked").write_text("")
    blocked = cli(*words, "--on", "2026-06-30", "--out", str(tmp_path / "x.csv"), *kept[:3], str(tmp_path / "blocked"))
    assert blocked.returncode == 2 and "blocked: file exists" in blocked.stderr
    alone = cli(*words, "--on", "2026-06-30", "--out", str(tmp_path / "x.csv"), *kept[2:])
    assert alone.returncode == 2 and "give --state as well" in alone.stderr


def test_day_end_lists_rows_of_the_book_that_are_no_rows_and_does_the_rest(cli, tmp_path):
    """A broken row of the events refuses the run: it may be any loan's money."""
    head = "loan_id,lender_type,principal,rate,months,method,drawn_on\n"
    good = "B,other,1000,0.18,3,bullet,2026-01-05\n"
    book = tmp_path / "book.csv"
    book.write_text(f"{head}A,other,1000,0.1\n{good}C,other,1000,0.18,3,bullet,2026-01-05,7\nD,other,1000,18,3,bullet,2026-01-05\n")
    for more in ((), ("--state", tmp_path / "days")):
        done = cli("loan", "day-end", book, "--on", "2026-06-30", "--out", tmp_path / "new" / "lines.csv", *more)
        assert done.returncode == 1
        assert pl.read_csv(tmp_path / "new" / "lines.csv")["loan_id"].to_list() == ["B"]
        refused = pl.read_csv(tmp_path / "new" / "lines.refused.csv")
        assert refused["reason"].to_list() == [
            "is 1800 %, above 200 %", "4 fields where the header has 7", "8 fields where the header has 7",
        ]  # fmt: skip
        assert refused["mend"][0] == "write 0.18 if 18 % is meant" and refused["where"][2].endswith("book.csv row 3")
    events = tmp_path / "events.csv"
    events.write_text("loan_id,id,on,kind,amount\nB,p1,2026-02-05\n")
    done = cli("loan", "day-end", book, "--on", "2026-06-30", "--out", tmp_path / "x.csv", "--events", events)
    assert done.returncode == 2 and "line 2: 3 fields where the header has 5" in done.stderr
