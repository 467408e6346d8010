"""People who apply: what they are (hidden), what they say, and what a bureau and a bank flow would show of them.

The hidden half (true income, ``willing``) drives behaviour and is never shown to the platform; the visible half is what
the platform's own sources would bring. Money in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import exp
from random import Random
from typing import Any

from jiehuan.twin.world import World
from jiehuan.units.days import add_months
from jiehuan.units.personal import check_character
from jiehuan.units.rates import PPM


@dataclass(frozen=True, slots=True)
class Person:
    """One applicant: identity made up by the simulation, hidden state, and the wish."""

    person_id: str
    name: str
    id_number: str
    phone: str
    email: str
    sex: str
    birth: date
    region: str
    employment: str
    usual_income_fen: int
    volatility: float
    loss_per_month: float
    living_fen: int
    obligations_fen: int
    willing: float  # 0 never pays what can be avoided … 1 pays when able
    purpose: str
    amount_fen: int
    months: int
    declared_income_fen: int
    employed_months: int
    queries_3m: int
    worst_24m: int
    open_loans: int
    file_months: int


def make_person(world: World, number: int, on: date) -> Person:
    """Person ``number`` of the world as of the day of application."""
    dice = world.dice("person", number)
    facts = world.facts
    employment = world.pick(dice, "employment")
    work = facts["employment"][employment]
    income = _round_yuan(work["income"] * exp(dice.gauss(0, work["spread"])))
    obligations = _round_yuan(income / 100 * dice.uniform(*facts["obligation_share"]) * (dice.random() < 0.7))
    unwilling = dice.random() < facts["unwilling_share"]
    willing = dice.betavariate(1.2, 3) if unwilling else dice.betavariate(60, 1)
    living = _round_yuan(income / 100 * facts["living_share"])
    bureau = facts["bureau"]
    amount = max(100_000, min(20_000_000, round(income * dice.uniform(*facts["amount_to_income"]) / 50_000) * 50_000))
    months = dice.choice(facts["months_choices"])
    if dice.random() < facts["prudent"]:
        months = next((term for term in facts["months_choices"] if term >= months and 3 * amount <= term * income), 12)
    burden = (obligations + amount / months) / max(1, income)
    stress = max(0.0, burden - facts["bureau"]["burden_from"]) + work["volatility"] * facts["bureau"]["volatility_shows"]
    age = min(59, max(20, int(dice.gauss(34, 8))))
    birth = date(on.year - age, dice.randint(1, 12), dice.randint(1, 28))
    sex = dice.choice(["f", "m"])
    return Person(
        person_id=f"p{number:07d}",
        name=dice.choice("王李张刘陈杨赵黄周吴")
        + dice.choice("伟芳娜敏静强磊洋艳杰涛超霞平刚")
        + dice.choice(["", "华", "英", "军"]),
        id_number=_id_number(dice, birth, sex),
        phone=f"1{dice.choice([3, 5, 8])}{dice.randrange(10**9):09d}",
        email=f"p{number:07d}@borrower.invalid",
        sex=sex,
        birth=birth,
        region=world.pick(dice, "regions"),
        employment=employment,
        usual_income_fen=income,
        volatility=work["volatility"],
        loss_per_month=work["loss_per_month"],
        living_fen=living,
        obligations_fen=obligations,
        willing=willing,
        purpose=world.pick(dice, "purposes"),
        amount_fen=max(
            100_000, min(20_000_000, round(income * dice.uniform(*facts["amount_to_income"]) / 50_000) * 50_000)
        ),
        months=dice.choice(facts["months_choices"]),
        declared_income_fen=_round_yuan(income / 100 * dice.uniform(0.95, 1.35)),
        employed_months=0 if employment == "unemployed" else int(dice.expovariate(1 / 40)),
        queries_3m=_poisson(dice, bureau["enquiries_base"] + bureau["enquiries_stress"] * stress),
        worst_24m=_poisson(
            dice,
            bureau["overdue_base"] + bureau["overdue_unwilling"] * (1 - willing) + bureau["overdue_stress"] * stress,
        ),
        open_loans=_poisson(dice, obligations / max(1, income) * 4),
        file_months=min((age - 18) * 12, int(dice.expovariate(1 / 60)) + 3),
    )


def visible_features(person: Person, on: date) -> dict[str, Any]:
    """What the platform's sources (application, bureau, bank flow, device) bring of a person on a day.

    Names are those of ``profile/features.yaml``: fen, millionths, counts.
    """
    return {
        "age": on.year - person.birth.year - ((on.month, on.day) < (person.birth.month, person.birth.day)),
        "is_student": False,
        "identity_verified": True,
        "on_block_list": False,
        "declared_income_fen": person.declared_income_fen,
        "verified_income_fen": person.usual_income_fen,
        "income_low_fen": int(person.usual_income_fen * max(0.2, 1 - 1.3 * person.volatility)),
        "income_volatility_ppm": round(person.volatility * PPM),
        "income_months": min(24, max(3, person.employed_months)),
        "salary_share_ppm": PPM if person.employment == "salaried" else 0,
        "obligations_fen": person.obligations_fen,
        "lenders_now": person.open_loans,
        "bureau_queries_3m": person.queries_3m,
        "bureau_worst_24m": person.worst_24m,
        "bureau_lenders": person.open_loans,
        "bureau_overdue_fen": 0,
        "device_borrowers": 0,
    }


def applies_on(world: World, number: int, start: date, per_month: int) -> date:
    """The day on which person ``number`` applies when ``per_month`` people come each month from ``start``."""
    month = add_months(start, number // per_month)
    return month.replace(day=1 + world.dice("applies", number).randrange(28))


def _round_yuan(yuan: float) -> int:
    return max(0, round(yuan)) * 100


def _poisson(dice: Random, mean: float) -> int:
    limit, product, count = exp(-max(0.0, mean)), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


def _id_number(dice: Random, birth: date, sex: str) -> str:
    """A made-up resident id number of the unassigned area 999999, with its check digit (GB 11643-1999)."""
    order = dice.randrange(500) * 2 + (sex == "m")
    body = f"999999{birth:%Y%m%d}{order:03d}"
    return body + check_character(body)
