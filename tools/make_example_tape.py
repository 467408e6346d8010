"""Make examples/tape: the history of a small simulated lender, with a few rows that are wrong on purpose.

Usage: .venv/bin/python tools/make_example_tape.py [FOLDER]. The same seed makes the same files.
"""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from jiehuan.loan import read_terms
from jiehuan.twin.life import Paid, live
from jiehuan.twin.people import applies_on, make_person, visible_features
from jiehuan.twin.world import World, load_world
from jiehuan.units.days import CHINA
from jiehuan.units.money import format_yuan

SEED, PEOPLE, PER_MONTH = 20231201, 600, 25
START, OBSERVED = date(2023, 12, 1), date(2025, 11, 30)
METHODS = {"bridge": ("bullet", "short_bullet"), "renovation": ("equal_principal", "equal_principal")}


def main(folder: Path) -> None:
    """Write the five files."""
    world = load_world(SEED)
    files: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("borrowers", "applications", "loans", "repayments", "contacts")
    }
    for number in range(PEOPLE):
        add_person(world, number, files)
    spoil(files)
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"{folder / name}.csv: {len(rows)} rows")


def add_person(world: World, number: int, files: dict[str, list[dict[str, Any]]]) -> None:
    """One person, their application, the loan every applicant got in those days, and what became of it."""
    on = applies_on(world, number, START, PER_MONTH)
    person = make_person(world, number, on)
    dice = world.dice("terms", number)
    method, product = METHODS.get(person.purpose, ("equal_instalment", "flexible_instalment"))
    months = min(person.months, 6) if method == "bullet" else person.months
    rate = dice.choice(["0.1800", "0.2100", "0.2340"])
    loan = {"lender_type": "consumer_finance_company", "principal": format_yuan(person.amount_fen), "rate": rate, "months": months,
            "method": method, "drawn_on": str(on)}  # fmt: skip
    files["borrowers"].append({
        "borrower_id": person.person_id, "region": person.region, "birth_date": person.birth, "sex": person.sex, "name": person.name,
        "id_number": person.id_number, "phone": person.phone, "email": person.email,
    })  # fmt: skip
    common = {"product": product, "channel": dice.choice(["app", "app", "partner", "web"])}
    visible = visible_features(person, on)
    files["applications"].append({
        "application_id": f"a{number:05d}", "borrower_id": person.person_id,
        "applied_at": datetime.combine(on, time(dice.randint(8, 21), dice.randrange(60)), CHINA).isoformat(),
        "amount": loan["principal"], "months": months, "purpose": person.purpose, **common, **visible,
    })  # fmt: skip
    files["loans"].append({
        "loan_id": f"l{number:05d}", "borrower_id": person.person_id, "application_id": f"a{number:05d}", "drawn_on": on,
        "principal": loan["principal"], "months": months, "rate": rate, "method": method, "region": person.region, **common,
    })  # fmt: skip
    for n, happened in enumerate(live(world, person, read_terms(loan), OBSERVED)):
        if isinstance(happened, Paid):
            files["repayments"].append({
                "event_id": f"r{number:05d}-{n}", "loan_id": f"l{number:05d}", "paid_on": happened.on,
                "amount": format_yuan(happened.amount_fen), "source": happened.source,
            })  # fmt: skip
        else:
            files["contacts"].append({
                "contact_id": f"c{number:05d}-{n}", "loan_id": f"l{number:05d}", "channel": happened.channel, "status": "sent",
                "at": datetime.combine(happened.on, time(10, dice.randrange(60)), CHINA).isoformat(),
            })  # fmt: skip


def spoil(files: dict[str, list[dict[str, Any]]]) -> None:
    """Rows as lenders' tapes have them: each is refused with its reason, and none costs a good row."""
    loans, repayments = files["loans"], files["repayments"]
    loans.append({**loans[0], "loan_id": "l90001", "application_id": "", "principal": "-5000.00"})
    loans.append({**loans[1], "loan_id": "l90002", "application_id": "", "drawn_on": "2025-02-30"})
    loans.append({**loans[2], "loan_id": "l90003", "application_id": "", "drawn_on": "2031-01-01"})
    loans.append({**loans[3], "application_id": ""})
    loans.append({**loans[4], "loan_id": "l90005", "application_id": "", "months": 0})
    repayments.append({**repayments[0], "event_id": "r90001-0", "amount": "12.345"})
    repayments.append({**repayments[1], "event_id": "r90002-0", "loan_id": "l77777"})
    repayments.append({**repayments[2], "event_id": "r90003-0", "amount": "99999999999999999"})
    files["applications"].append({**files["applications"][5], "application_id": "a90001", "months": "twelve"})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "examples" / "tape")
