"""``jiehuan profile``: the examples run as documented; exit codes and errors."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
from tests.policy.commands import Run

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_income_of_the_example(command: Run) -> None:
    done = command("profile", "income", EXAMPLES / "bank_flow.csv", "--declared", "9000", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["pay_day"] == 10
    assert {source["kind"] for source in report["sources"] if source["counted"]} == {"salary", "platform"}
    assert {"circular", "loan", "own"} <= set(report["excluded"])
    assert report["refused_rows"] == []
    told = command("profile", "income", EXAMPLES / "bank_flow.csv")
    assert "verified income" in told.stdout
    assert "循环转账" in told.stdout


def test_income_of_what_cannot_be_read(command: Run, tmp_path: Path) -> None:
    assert command("profile", "income", tmp_path / "none.csv").returncode == 2
    path = tmp_path / "flow.csv"
    path.write_text("day,sum\nmonday,a lot\n", encoding="utf-8")
    done = command("profile", "income", path)
    assert done.returncode == 2
    assert "flow.csv row 1" in done.stderr
    path.write_text("at,amount\n2026-01-05,100\nnever,5\n", encoding="utf-8")
    done = command("profile", "income", path)
    assert done.returncode == 1
    assert "row 2" in done.stderr


def test_affordability_of_the_example_is_not_carried_flat_but_sculpted(command: Run) -> None:
    done = command("profile", "affordability", EXAMPLES / "affordability.json", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert not told["carried"]
    assert float(told["affordable_amount_sculpted"]) > float(told["amount"]) > float(told["affordable_amount"])
    assert told["equal_instalment"]["instalments_below_floor"] == [5]
    smaller = json.loads((EXAMPLES / "affordability.json").read_text(encoding="utf-8")) | {"amount": "15000"}
    assert command("profile", "affordability", "-", stdin=json.dumps(smaller)).returncode == 0
    assert command("profile", "affordability", "-", stdin="{}").returncode == 2


def test_features_and_forbidden_data(command: Run, tmp_path: Path) -> None:
    done = command("profile", "features", "--json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["features"]) > 40
    path = tmp_path / "mine.yaml"
    path.write_text(
        "sources:\n  chat: {data: social_network, basis: consent, zh: 聊天, en: chat}\nfeatures: {}\n", encoding="utf-8"
    )
    done = command("profile", "features", path, "--lender", "micro_lender", "--on", "2026-09-01", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"][0]["citation"]


def test_batch_writes_the_features_of_many_applications(command: Run, tmp_path: Path) -> None:
    applications, flows, out = tmp_path / "a.csv", tmp_path / "f.csv", tmp_path / "features.csv"
    applications.write_text(
        "application_id,borrower_id,at,amount_fen,months,birth_date\na1,b1,2026-09-01 10:00:00,500000,6,1990-05-05\n"
        "a2,b2,2026-09-02 23:00:00,700000,12,1980-09-03\n",
        encoding="utf-8",
    )
    flows.write_text("application_id,date,amount,counterparty,description\na1,2026-08-10,5000.00,某公司,工资\n", encoding="utf-8")
    done = command("profile", "batch", applications, "--flows", flows, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    table = pl.read_csv(out)
    assert table["age"].to_list() == [36, 45]
    assert table["apply_hour"].to_list() == [10, 23]
    applications.write_text("application_id,at\na1,2026-09-01\n", encoding="utf-8")
    assert command("profile", "batch", applications, "--out", out).returncode == 2
