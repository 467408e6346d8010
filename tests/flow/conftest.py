"""A small lender for the flows: the first loans of the example tape, imported once, copied for each test."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from jiehuan.flow.demo.people import Crowd, application_of
from jiehuan.flow.importing import import_tape, load_mapping
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault, open_vault
from jiehuan.twin.world import load_world
from jiehuan.units.days import CHINA

ROOT = Path(__file__).resolve().parents[2]
MAPPING = ROOT / "mappings" / "example.yaml"
LENDER = "consumer_finance_company"


def few(folder: Path, loans: int) -> Path:
    """The example tape cut to its first loans and what belongs to them."""
    tape, folder = ROOT / "examples" / "tape", folder / "tape"
    folder.mkdir(parents=True, exist_ok=True)
    kept = {f"l{number:05d}" for number in range(loans)}
    for name in ("borrowers", "applications", "loans", "repayments", "contacts"):
        with (tape / f"{name}.csv").open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
        if name in {"borrowers", "applications"}:
            chosen = rows[:loans]
        else:
            spoilt = ("r9", "l9")  # the tape's deliberately bad rows
            key = "event_id" if name == "repayments" else "loan_id"
            chosen = [row for row in rows if row["loan_id"] in kept and not row[key].startswith(spoilt)]
            chosen = list({row.get("event_id", row.get("contact_id", row["loan_id"])): row for row in reversed(chosen)}.values())[::-1]
        write(folder / f"{name}.csv", chosen)
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture
def small_tape(tmp_path: Path) -> Path:
    return few(tmp_path, 12)


@pytest.fixture(scope="session")
def lender_template(new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A database with 260 imported loans, to copy; its name and its home (the vault's key lies there)."""
    folder = tmp_path_factory.mktemp("lender")
    home = folder / "home"
    with new_database(home, keep=True) as opened:
        import_tape(opened, load_mapping(MAPPING), few(folder, 260))
        return str(opened.engine.url.database), home


@pytest.fixture
def lender(new_database: Any, lender_template: tuple[str, Path]) -> Iterator[Database]:
    name, home = lender_template
    with new_database(home, name) as opened:
        yield opened


@pytest.fixture
def vault(lender: Database) -> Vault:
    return open_vault(lender)


@pytest.fixture(scope="session")
def crowd() -> Crowd:
    return Crowd(load_world(20231201))


def at(on: date, hour: int = 12) -> datetime:
    return datetime.combine(on, time(hour), CHINA)


def application(crowd: Crowd, number: int, on: date, **changes: Any) -> dict[str, Any]:
    """The application of simulated person ``number``, with changes."""
    return {**application_of(crowd.newcomer(number, on), on, LENDER), **changes}
