"""The loan contract with its schedule, and the all-in cost sheet that is shown and confirmed before it.

Both take the same values, a JSON-like mapping:

========================  ======================================================================================
``contract_no``           number of the contract
``signed_on``, ``place``  date and place of signing
``lender_type``           bank, consumer_finance_company, micro_lender or other
``lender``                name, code (unified social credit code), address, phone, signature?
``borrower``              name, id_number, address, phone, email?, signature?
``product``, ``purpose``  names
``terms``                 the terms document of the loan: principal, rate, months, method, drawn_on,
                          penalty_uplift?, fees? (a list of on, amount, kind, to?)
``schedule``              the output of ``schedule``: schedule (n, due, principal, interest, fee?, total?, balance),
                          apr, eff
``disbursement_account``  text, like ``Bank, account 6222…``
``repayment_account``     text; default the same
``court``                 court agreed on; default the court of the borrower's residence
========================  ======================================================================================

What the law fixes (cap of the all-in cost, allocation order, quiet hours, the disclosure duty) is read from the law
book for the date of signing, with its citation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jiehuan.law import Law, Rule, law_on
from jiehuan.legal.reading import Reader, grouped, percent
from jiehuan.legal.typeset import typeset
from jiehuan.legal.words import yuan_in_capitals
from jiehuan.units.money import half_up
from jiehuan.units.rates import PPM

HERE = Path(__file__).parent

METHODS = {
    "equal_instalment": ("等额本息", "equal instalments"),
    "equal_principal": ("等额本金", "equal principal"),
    "interest_only": ("按月付息、到期还本", "interest monthly, principal at the end"),
    "bullet": ("到期一次性还本付息", "one payment at the end"),
    "sculpted": ("按约定现金流还款", "shaped to the agreed cash flow"),
}
FEES = {
    "service": ("服务费", "Service fee"),
    "guarantee": ("担保费", "Guarantee fee"),
    "insurance": ("保险费", "Insurance premium"),
    "membership": ("会员费", "Membership fee"),
    "account": ("账户管理费", "Account fee"),
}
PARTS = {
    "costs": ("实现债权的有关费用", "costs of enforcement"),
    "penalty": ("罚息", "penalty interest"),
    "interest": ("利息", "interest"),
    "principal": ("本金", "principal"),
}


def contract_pdf(values: Mapping[str, Any]) -> bytes:
    """The contract with its repayment schedule, Chinese with English lines. Raises InputError naming every fault."""
    made, signed_on = _prepare(values, "contract")
    return typeset(HERE / "contract.typ", made, signed_on)


def cost_sheet_pdf(values: Mapping[str, Any]) -> bytes:
    """The all-in cost sheet (综合融资成本明示表) of the same values. Raises InputError naming every fault."""
    made, signed_on = _prepare(values, "cost sheet")
    return typeset(HERE / "cost_sheet.typ", made, signed_on)


def _prepare(values: Mapping[str, Any], document: str) -> tuple[dict[str, Any], date]:
    read = Reader(values, document)
    signed_on, drawn_on = read.day("signed_on"), read.day("terms.drawn_on")
    lender_type = read.text("lender_type")
    principal, rate = read.yuan("terms.principal"), read.rate("terms.rate")
    uplift = read.rate("terms.penalty_uplift", 0)
    lender = {name: read.text(f"lender.{name}") for name in ("name", "code", "address", "phone")}
    borrower = {name: read.text(f"borrower.{name}") for name in ("name", "id_number", "address", "phone")}
    schedule, fees = _schedule(read), _fees(read, lender["name"])
    made: dict[str, Any] = {
        "contract_no": read.text("contract_no"),
        "signed_on": signed_on,
        "place": read.text("place", ""),
        "product": read.text("product"),
        "purpose": read.text("purpose", ""),
        "lender": {**lender, "signature": read.text("lender.signature", "")},
        "borrower": {
            **borrower,
            "email": read.text("borrower.email", ""),
            "signature": read.text("borrower.signature", ""),
        },
        "disbursement_account": read.text("disbursement_account", ""),
        "repayment_account": read.text("repayment_account", read.text("disbursement_account", "")),
        "court": read.text("court", ""),
        "months": read.text("terms.months"),
        "method": _named(METHODS, read.one_of("terms.method", METHODS)),
        "apr_percent": percent(half_up(read.rate("schedule.apr"), 100) * 100),
        "eff_percent": percent(half_up(read.rate("schedule.eff"), 100) * 100),
    }
    read.finish()
    interest = sum(row.interest for row in schedule)
    cost = interest + sum(fee.amount for fee in fees)
    made |= {
        "principal": grouped(principal),
        "principal_capitals": yuan_in_capitals(principal),
        "received": grouped(principal - sum(fee.amount for fee in fees if fee.on <= drawn_on)),
        "drawn_on": drawn_on,
        "last_due": schedule[-1].due,
        "rate_percent": percent(rate),
        "penalty": _penalty(rate, uplift) if uplift else None,
        "schedule": [row.shown() for row in schedule],
        "even": len({row.total for row in schedule[:-1]}) <= 1,
        "totals": {
            "principal": grouped(sum(row.principal for row in schedule)),
            "interest": grouped(interest),
            "fee": grouped(sum(row.fee for row in schedule)),
            "total": grouped(sum(row.total for row in schedule)),
        },
        "fees": [fee.shown() for fee in fees],
        "interest_total": grouped(interest),
        "cost_total": grouped(cost),
        "cost_per_10k": grouped(half_up(cost * 1_000_000, principal)) if principal else "0.00",
    }
    return made | _law(law_on(signed_on, lender_type)), signed_on


@dataclass(frozen=True, slots=True)
class _Row:
    n: str
    due: date
    principal: int
    interest: int
    fee: int
    balance: int

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fee

    def shown(self) -> dict[str, Any]:
        money = {name: grouped(getattr(self, name)) for name in ("principal", "interest", "fee", "total", "balance")}
        return {"n": self.n, "due": self.due, **money}


@dataclass(frozen=True, slots=True)
class _Fee:
    kind: str
    on: date
    amount: int
    to: str

    def shown(self) -> dict[str, Any]:
        return {**_named(FEES, self.kind), "on": self.on, "amount": grouped(self.amount), "to": self.to}


def _schedule(read: Reader) -> list[_Row]:
    rows = [
        _Row(
            row.text("n"),
            row.day("due"),
            row.yuan("principal"),
            row.yuan("interest"),
            row.yuan("fee", 0),
            row.yuan("balance", 0),
        )
        for row in read.rows("schedule.schedule")
    ]
    if not rows:
        read.text("schedule.schedule")
    return rows


def _fees(read: Reader, lender: str) -> list[_Fee]:
    return [
        _Fee(row.text("kind", "service"), row.day("on"), row.yuan("amount"), row.text("to", lender))
        for row in read.rows("terms.fees")
    ]


def _named(names: Mapping[str, tuple[str, str]], key: str) -> dict[str, str]:
    zh, en = names.get(key, (key, key))
    return {"zh": zh, "en": en}


def _penalty(rate: int, uplift: int) -> dict[str, str]:
    return {"percent": percent(half_up(rate * (PPM + uplift), PPM)), "uplift_percent": percent(uplift)}


def _law(law: Law) -> dict[str, Any]:
    cap, order = law.rule("cost_cap"), law.rule("allocation_order")
    quiet, disclosure = law.rule("quiet_hours"), law.rule("cost_disclosure")
    return {
        "cap": {"percent": percent(cap.value), **_cited(cap)} if cap else None,
        "allocation": [_named(PARTS, part) for part in (order.value if order else PARTS)],
        "allocation_law": _cited(order) if order else None,
        "quiet": {"from": quiet.value["from"], "to": quiet.value["to"], **_cited(quiet)} if quiet else None,
        "disclosure": _cited(disclosure) if disclosure else None,
    }


def _cited(rule: Rule) -> dict[str, str]:
    return {"law_zh": rule.law_zh, "law_en": rule.law_en}
