"""Books of random loans with random lives, from a seed: for parity of the interpreted and the compiled fold."""

from __future__ import annotations

import random
from datetime import date, timedelta

from jiehuan.units.days import add_months
from jiehuan.units.money import format_yuan

METHODS = ["equal_instalment"] * 6 + ["equal_principal", "interest_only", "bullet", "sculpted"]
RATES = ["0", "0.072", "0.123457", "0.18", "0.1825", "0.24"]


def random_loan(rng: random.Random, loan_id: str) -> dict:
    """A ``loan replay`` document with events; most lives are orderly, some are not."""
    drawn = date(2025, 10, 1) + timedelta(days=rng.randrange(400))
    months = rng.randint(1, 14)
    principal = rng.choice([rng.randint(1, 5000), rng.randint(500_000, 20_000_000)])
    document = {
        "loan_id": loan_id,
        "lender_type": rng.choice(["bank", "consumer_finance_company", "micro_lender", "other"]),
        "principal": format_yuan(principal),
        "rate": rng.choice(RATES),
        "months": months,
        "method": rng.choice(METHODS),
        "drawn_on": drawn.isoformat(),
    }
    if rng.random() < 0.2:
        document["first_due"] = (drawn + timedelta(days=rng.randint(3, 80))).isoformat()
    if rng.random() < 0.8:
        document["penalty_uplift"] = rng.choice(["0", "0.3", "0.5"])
    if document["method"] == "sculpted":
        document["cashflow"] = [format_yuan(rng.randint(40_000, 300_000)) for _ in range(months)]
    if rng.random() < 0.05 and principal > 500_000 and document["rate"] == "0.072":
        document["fees"] = [
            {"on": (drawn + timedelta(days=rng.randint(0, 90))).isoformat(), "amount": "9.90", "kind": "service"}
        ]
    if rng.random() < 0.05:
        document["allocate_by"] = "instalment"
    if rng.random() < 0.05:
        document["compound"] = True
    document["events"] = random_events(rng, drawn, months, principal)
    return document


def random_events(rng: random.Random, drawn: date, months: int, principal: int) -> list[dict]:
    events: list[dict] = []
    unit = max(principal // months, 1)
    style = rng.random()
    if style < 0.5:  # pays month by month, sometimes late, sometimes not
        for n in range(1, months + 1):
            if rng.random() < 0.15:
                continue
            late = rng.choice([0, 0, 0, 0, 1, 3, 12, 40])
            amount = rng.choice([unit * 11 // 10 + 1, unit * 11 // 10 + 1, unit // 2 + 1])
            add(events, add_months(drawn, n) + timedelta(days=late), "repayment", amount)
    for _ in range(rng.choice([0, 0, 0, 1, 2, 4])):
        on = drawn + timedelta(days=rng.randrange(-1, 420))
        kind = rng.choice(
            [
                "repayment",
                "prepayment",
                "settlement",
                "waiver",
                "restructure",
                "accelerate",
                "writeoff",
                "recovery",
                "refund",
                "reversal",
            ]
        )
        event = add(events, on, kind, rng.choice([unit, unit * 2, 1, unit // 3 + 1]))
        if kind in ("settlement", "accelerate", "writeoff", "restructure", "reversal"):
            del event["amount"]
        if kind == "prepayment":
            event["mode"] = rng.choice(["shorten", "reduce"])
        elif kind == "waiver":
            event["part"] = rng.choice(["costs", "penalty", "interest", "principal"])
        elif kind == "reversal":
            event["of"] = rng.choice([other["id"] for other in events])
        elif kind == "restructure":
            event["terms"] = {"months": rng.randint(1, 12), "method": "equal_instalment", "rate": "0.06"}
        if rng.random() < 0.2:
            event["known_on"] = (on + timedelta(days=rng.randint(0, 30))).isoformat()
    if rng.random() < 0.3:
        rng.shuffle(events)
    return events


def add(events: list[dict], on: date, kind: str, amount: int) -> dict:
    event = {"id": f"e{len(events) + 1}", "on": on.isoformat(), "kind": kind, "amount": format_yuan(amount)}
    events.append(event)
    return event
