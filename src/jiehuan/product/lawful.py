"""What the law leaves room for in an offer: the cap of the all-in cost, the balance per borrower, the longest term."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jiehuan.law import Law, Rule
from jiehuan.law.cost_cap import cost_cap
from jiehuan.loan.schedule import Schedule
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import PPM

_AT_ONCE = ("bullet", "interest_only")


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of law held against one thing: whether it is kept, with the citation."""

    rule: str
    ok: bool
    citation: str
    zh: str
    en: str

    def as_document(self) -> dict[str, Any]:
        """The check for JSON and for the record of a decision."""
        return {"rule": self.rule, "ok": self.ok, "citation": self.citation, "zh": self.zh, "en": self.en}


def balance_room(law: Law, outstanding_fen: int) -> int | None:
    """How much may still be lent to a borrower who owes ``outstanding_fen``; None when no cap binds."""
    cap = law.value("balance_cap")
    return None if cap is None else max(cap - outstanding_fen, 0)


def longest_term(method: str, law: Law) -> Rule | None:
    """The rule with the fewest months that binds a method; None when none does."""
    rules = [law.rule("term_max_months"), law.rule("bullet_max_months") if method in _AT_ONCE else None]
    return min((rule for rule in rules if rule is not None), key=lambda rule: int(rule.value), default=None)


def apr_ppm(schedule: Schedule) -> int:
    """The all-in cost a year of a schedule, to the nearest ppm."""
    return round(schedule.apr * PPM)


def offer_checks(schedule: Schedule, outstanding_fen: int, is_student: bool | None, law: Law) -> list[Check]:
    """The rules an offer is held against: cost, balance, term, students. Rules that do not bind are not listed."""
    return list(_checks(schedule, outstanding_fen, is_student, law))


def _checks(schedule: Schedule, outstanding_fen: int, is_student: bool | None, law: Law) -> Iterator[Check]:
    terms = schedule.terms
    cap = cost_cap(law)
    if cap is not None:
        cost = apr_ppm(schedule)
        yield _said(cap.rule, cost <= cap.ppm, f"{cost / 10_000:.2f}%", f"{cap.ppm / 10_000:.2f}%")
    balance = law.rule("balance_cap")
    if balance is not None:
        total = outstanding_fen + terms.principal_fen
        yield _said(balance, total <= balance.value, format_yuan(total), format_yuan(balance.value))
    term = longest_term(terms.method, law)
    if term is not None:
        yield _said(term, terms.months <= term.value, str(terms.months), str(term.value))
    students = law.rule("student_loans")
    if students is not None:
        ok = not (is_student and not students.value["allowed"])
        yield Check(students.id, ok, students.citation, students.zh, students.en)
    paid_out = law.rule("no_upfront_interest")
    if paid_out is not None:
        yield Check(paid_out.id, schedule.upfront_fee_fen == 0, paid_out.citation, paid_out.zh, paid_out.en)


def _said(rule: Rule, ok: bool, value: str, bound: str) -> Check:
    return Check(rule.id, ok, rule.citation, f"{rule.zh}（{value} / {bound}）", f"{rule.en} ({value} / {bound})")
