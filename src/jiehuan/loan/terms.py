"""What was agreed: the terms of one loan, and how they are read from the ``loan replay`` document.

Money in fen, rates in ppm a year. A malformed document is an InputError with every fault in it; terms that are readable
but break the law are refused later, by ``lawful.py``, with the article.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jiehuan.law.rule import LENDER_TYPES
from jiehuan.units.days import add_months, parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import MAX_CONTRACT_RATE_PPM, PPM, format_rate, parse_contract_rate, parse_rate

METHODS = ("equal_instalment", "equal_principal", "interest_only", "bullet", "sculpted")
PARTS = ("costs", "penalty", "interest", "principal")
"""What a borrower can owe, in the order in which a repayment is used unless the product says otherwise (Civil Code
561)."""

CALENDARS = ("none", "cn")
MAX_MONTHS = 600
MAX_PRINCIPAL_FEN = 10**12
"""Ten billion yuan: a hundred thousand times the largest lawful micro-loan, and small enough for exact 64-bit
products."""

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2150, 12, 31)
"""The days that the kernel counts: from the epoch of day numbers to where the longest loan still ends before 2201."""

ENFORCEMENT_KINDS = frozenset({"court", "court_fee", "enforcement", "litigation", "notary", "arbitration"})
"""Fees that realise the claim (实现债权的费用): owed to courts and agents, so no part of the price of the loan."""

_REQUIRED = ("lender_type", "principal", "rate", "months", "method", "drawn_on")
_OPTIONAL = (
    "first_due",
    "penalty_uplift",
    "fees",
    "cashflow",
    "calendar",
    "allocation",
    "allocate_by",
    "compound",
    "tolerance",
)


@dataclass(frozen=True, slots=True)
class Fee:
    """A charge that falls due on a day: ``amount_fen`` and what it is for (``service``, ``guarantee``, ``court_fee``
    …)."""

    on: date
    amount_fen: int
    kind: str = "service"


@dataclass(frozen=True, slots=True)
class Plan:
    """How principal is repaid from ``starts_on``: what a drawing and a restructuring have in common.

    ``anchor_day`` is the day of the month of every due date before clipping; ``regular`` says whether the first period
    is a whole month, with interest of a twelfth of the yearly rate. ``cashflow``: fen by month, for ``sculpted`` only.
    """

    rate_ppm: int
    months: int
    method: str
    starts_on: date
    first_due: date
    penalty_uplift_ppm: int = 0
    cashflow: tuple[int, ...] = ()

    @property
    def regular(self) -> bool:
        """Whether the first due date lies one month after the start."""
        return _regular(self.starts_on, self.first_due)

    @property
    def anchor_day(self) -> int:
        """The day of the month on which instalments fall due: the start's own day when the first period is regular."""
        return self.starts_on.day if self.regular else self.first_due.day


@lru_cache(maxsize=4096)
def _regular(starts_on: date, first_due: date) -> bool:
    return first_due == add_months(starts_on, 1)


@dataclass(frozen=True, slots=True)
class Terms:
    """One loan as agreed. ``allocation`` is the order of parts; ``allocate_by`` ``part`` pays each part of all due
    instalments before the next part, ``instalment`` finishes the oldest instalment first. ``tolerance_fen``: an unpaid
    rest up to it makes nobody overdue. ``compound``: penalty on overdue interest too. ``calendar``: whose holidays move
    ``pay_by`` (``cn`` or ``none``).
    """

    lender_type: str
    principal_fen: int
    plan: Plan
    fees: tuple[Fee, ...] = ()
    calendar: str = "cn"
    allocation: tuple[str, ...] = PARTS
    allocate_by: str = "part"
    compound: bool = False
    tolerance_fen: int = 0

    @property
    def drawn_on(self) -> date:
        """The day the money was paid out."""
        return self.plan.starts_on

    @property
    def first_due(self) -> date:
        """The first contractual due date."""
        return self.plan.first_due

    @property
    def rate_ppm(self) -> int:
        """The contract rate, ppm a year."""
        return self.plan.rate_ppm

    @property
    def months(self) -> int:
        """The agreed number of months."""
        return self.plan.months

    @property
    def method(self) -> str:
        """One of ``METHODS``."""
        return self.plan.method

    def as_document(self) -> dict[str, Any]:
        """The ``loan replay`` document without events; ``read_terms`` reads it back to the same terms."""
        document: dict[str, Any] = {
            "lender_type": self.lender_type,
            "principal": format_yuan(self.principal_fen),
            **plan_document(self.plan),
            "drawn_on": self.drawn_on.isoformat(),
        }
        if self.fees:
            document["fees"] = [
                {"on": fee.on.isoformat(), "amount": format_yuan(fee.amount_fen), "kind": fee.kind} for fee in self.fees
            ]
        if self.calendar != default_calendar(self.lender_type):
            document["calendar"] = self.calendar
        if self.allocation != PARTS:
            document["allocation"] = list(self.allocation)
        if self.allocate_by != "part":
            document["allocate_by"] = self.allocate_by
        if self.compound:
            document["compound"] = True
        if self.tolerance_fen:
            document["tolerance"] = format_yuan(self.tolerance_fen)
        return document


def default_calendar(lender_type: str) -> str:
    """Mainland lenders count mainland working days; ``other`` counts none."""
    return "none" if lender_type == "other" else "cn"


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan's part of the document: rate, months, method, first_due, penalty_uplift, cashflow."""
    document: dict[str, Any] = {
        "rate": format_rate(plan.rate_ppm),
        "months": plan.months,
        "method": plan.method,
        "first_due": plan.first_due.isoformat(),
        "penalty_uplift": format_rate(plan.penalty_uplift_ppm),
    }
    if plan.cashflow:
        document["cashflow"] = [format_yuan(flow) for flow in plan.cashflow]
    return document


def read_terms(document: Any, where: str = "loan") -> Terms:
    """Read the terms of a ``loan replay`` document. Raises InputError with all faults, each naming ``where`` and the
    key.

    Unknown keys are left alone (a lender's own columns), but one that looks like a misspelt key of ours is a fault.

    >>> read_terms({"lender_type": "bank", "principal": "10000", "rate": "0.18", "months": 12,
    ...             "method": "equal_instalment", "drawn_on": "2026-01-31"}).first_due
    datetime.date(2026, 2, 28)
    """
    if not isinstance(document, Mapping):
        raise InputError(Problem(where, _shown(document), "not an object", "write the terms as a JSON object"))
    faults: list[Problem] = []
    for key in _REQUIRED:
        if document.get(key) is None:
            faults.append(Problem(f"{where}, {key}", "", "missing", f"give {', '.join(_REQUIRED)}"))
    _note_misspelt(document, (*_REQUIRED, *_OPTIONAL, "events", "loan_id", "principal_fen"), where, faults)

    lender_type = _word(document.get("lender_type"), LENDER_TYPES, f"{where}, lender_type", faults)
    principal = _try(faults, 1, parse_yuan, document.get("principal"), f"{where}, principal", minimum=1)
    if principal > MAX_PRINCIPAL_FEN:
        most = format_yuan(MAX_PRINCIPAL_FEN)
        faults.append(Problem(f"{where}, principal", format_yuan(principal), f"above {most}", "check the unit (yuan)"))
    before = len(faults)
    drawn_on = _day(document.get("drawn_on"), f"{where}, drawn_on", faults)
    if len(faults) > before or document.get("drawn_on") is None:
        document = {**document, "first_due": None}  # it cannot be held against a day that is not there
    plan = _plan(document, drawn_on, where, faults)
    fees = _fees(document.get("fees"), drawn_on, where, faults)
    calendar = document.get("calendar") or default_calendar(lender_type)
    calendar = _word(calendar, CALENDARS, f"{where}, calendar", faults)
    order = document.get("allocation") or PARTS
    if not isinstance(order, Sequence) or isinstance(order, str) or sorted(map(str, order)) != sorted(PARTS):
        faults.append(
            Problem(f"{where}, allocation", _shown(order), "not an order of the parts", f"order {', '.join(PARTS)}")
        )
        order = PARTS
    by = _word(document.get("allocate_by") or "part", ("part", "instalment"), f"{where}, allocate_by", faults)
    compound = document.get("compound") or False
    if not isinstance(compound, bool):
        faults.append(Problem(f"{where}, compound", _shown(compound), "not true or false", "write true or false"))
    tolerance = _try(faults, 0, parse_yuan, _or(document.get("tolerance"), 0), f"{where}, tolerance")
    if faults:
        raise InputError(faults)
    return Terms(lender_type, principal, plan, fees, calendar, tuple(order), by, compound, tolerance)


def plain_terms(
    lender_type: str,
    principal_fen: int,
    rate_ppm: int,
    months: int,
    method: str,
    drawn_on: date,
    *,
    first_due: date | None = None,
    cashflow: tuple[int, ...] = (),
    where: str = "loan",
) -> Terms:
    """Terms without fees from what was read already: what ``read_terms`` makes of the same document, refused as it refuses it."""
    due = first_due or add_months(drawn_on, 1)
    flows = cashflow if method == "sculpted" else ()
    fits = (
        0 < principal_fen <= MAX_PRINCIPAL_FEN
        and 0 <= rate_ppm <= MAX_CONTRACT_RATE_PPM
        and 1 <= months <= MAX_MONTHS
        and method in METHODS
        and lender_type in LENDER_TYPES
        and FIRST_DAY <= drawn_on < due <= min(add_months(drawn_on, 12), LAST_DAY)
        and (method != "sculpted" or (len(flows) == months and min(flows) >= 0 and 0 < max(flows) <= MAX_PRINCIPAL_FEN))
    )
    if fits:
        plan = Plan(rate_ppm, months, method, drawn_on, due, 0, flows)
        return Terms(lender_type, principal_fen, plan, (), default_calendar(lender_type))
    document: dict[str, Any] = {
        "lender_type": lender_type,
        "principal": format_yuan(principal_fen),
        "rate": format_rate(rate_ppm),
        "months": months,
        "method": method,
        "drawn_on": drawn_on.isoformat(),
        "first_due": due.isoformat(),
    }
    if flows:
        document["cashflow"] = [format_yuan(flow) for flow in flows]
    return read_terms(document, where)


def read_plan(document: Any, starts_on: date, old: Plan, where: str) -> Plan:
    """Read the new plan of a restructuring: what it does not state (rate, months, method, uplift) stays as in ``old``.

    The first due date is one month after the restructuring unless stated. Raises InputError with all faults.
    """
    if not isinstance(document, Mapping):
        raise InputError(Problem(where, _shown(document), "not an object", "write terms as {rate, months, method, …}"))
    faults: list[Problem] = []
    _note_misspelt(document, (*_REQUIRED, *_OPTIONAL), where, faults)
    stated = {**plan_document(old), "first_due": None, "cashflow": None} | {
        k: v for k, v in document.items() if v is not None
    }
    if not document.get("first_due"):
        stated["first_due"] = None
    plan = _plan(stated, starts_on, where, faults)
    if faults:
        raise InputError(faults)
    return plan


def with_principal(terms: Terms, principal_fen: int) -> Terms:
    """The same terms for another amount."""
    return replace(terms, principal_fen=principal_fen)


def _plan(document: Mapping[str, Any], starts_on: date, where: str, faults: list[Problem]) -> Plan:
    rate = _try(faults, 0, parse_contract_rate, document.get("rate"), f"{where}, rate")
    months = _months(document.get("months"), f"{where}, months", faults)
    method = _word(document.get("method"), METHODS, f"{where}, method", faults)
    default = add_months(starts_on, 1)
    before = len(faults)
    first_due = _day(_or(document.get("first_due"), default), f"{where}, first_due", faults)
    if len(faults) > before:
        first_due = default
    elif first_due <= starts_on or first_due > add_months(starts_on, 12):
        reason = (
            "not after the day the money was drawn" if first_due <= starts_on else "more than a year after the drawing"
        )
        faults.append(Problem(f"{where}, first_due", str(first_due), reason, f"usually {default}"))
        first_due = default
    uplift = _try(
        faults, 0, parse_rate, _or(document.get("penalty_uplift"), 0), f"{where}, penalty_uplift", maximum_ppm=10 * PPM
    )
    flows = _cashflow(document.get("cashflow"), method, months, where, faults)
    return Plan(rate, months, method, starts_on, first_due, uplift, flows)


def _cashflow(value: Any, method: str, months: int, where: str, faults: list[Problem]) -> tuple[int, ...]:
    place = f"{where}, cashflow"
    if method != "sculpted":
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        faults.append(
            Problem(place, _shown(value), "missing", "a sculpted loan needs one cash flow a month, as a list of yuan")
        )
        return (1,) * months
    flows = tuple(_try(faults, 0, parse_yuan, flow, f"{place} month {n}") for n, flow in enumerate(value, start=1))
    if len(flows) != months:
        faults.append(
            Problem(place, f"{len(flows)} flows", f"not one for each of {months} months", "give one flow a month")
        )
    elif not any(flows):
        faults.append(Problem(place, "", "no cash flow to repay from", "give at least one month a flow above zero"))
    elif max(flows) > MAX_PRINCIPAL_FEN:
        faults.append(Problem(place, format_yuan(max(flows)), "too large", "check the unit (yuan)"))
    return flows


def _fees(value: Any, drawn_on: date, where: str, faults: list[Problem]) -> tuple[Fee, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        faults.append(Problem(f"{where}, fees", _shown(value), "not a list", "write fees as [{on, amount, kind}]"))
        return ()
    fees = []
    for n, raw in enumerate(value, start=1):
        place = f"{where}, fees {n}"
        if not isinstance(raw, Mapping):
            faults.append(Problem(place, _shown(raw), "not an object", "write {on, amount, kind}"))
            continue
        on = _day(raw.get("on"), f"{place}, on", faults)
        amount = _try(faults, 1, parse_yuan, raw.get("amount"), f"{place}, amount", minimum=1)
        if amount > MAX_PRINCIPAL_FEN:
            faults.append(Problem(f"{place}, amount", format_yuan(amount), "too large", "check the unit (yuan)"))
        if on < drawn_on:
            faults.append(Problem(f"{place}, on", str(on), "before the drawing", f"use {drawn_on} or later"))
        fees.append(Fee(on, amount, str(raw.get("kind") or "service")))
    return tuple(sorted(fees, key=lambda fee: fee.on))


def _months(value: Any, where: str, faults: list[Problem]) -> int:
    number = value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        number = int(value.strip()[:6])
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_MONTHS:
        if value is not None:
            faults.append(
                Problem(where, _shown(value), "not a number of months", f"use a whole number from 1 to {MAX_MONTHS}")
            )
        return 1
    return number


def _day(value: Any, where: str, faults: list[Problem]) -> date:
    if value is None:
        return FIRST_DAY
    day: date = _try(faults, FIRST_DAY, parse_date, value, where)
    if not FIRST_DAY <= day <= LAST_DAY:
        faults.append(Problem(where, str(day), "outside the days this system counts", f"use {FIRST_DAY} to {LAST_DAY}"))
        return FIRST_DAY
    return day


def _word(value: Any, allowed: tuple[str, ...], where: str, faults: list[Problem]) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    if value is not None:
        near = get_close_matches(str(value), allowed, n=1)
        mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(allowed)}"
        faults.append(Problem(where, _shown(value), "unknown", mend))
    return allowed[0]


def _try(faults: list[Problem], fallback: Any, read: Any, value: Any, where: str, **options: Any) -> Any:
    """Read one value; a fault is collected and the fallback stands in, so that all faults are found in one pass."""
    if value is None:
        return fallback
    try:
        return read(value, where, **options)
    except InputError as error:
        faults.extend(error.problems)
        return fallback


def _note_misspelt(document: Mapping[str, Any], known: tuple[str, ...], where: str, faults: list[Problem]) -> None:
    for key in document:
        if key not in known:
            near = get_close_matches(str(key), known, n=1, cutoff=0.85)
            if near and near[0] not in document:
                faults.append(Problem(where, _shown(key), "an unknown key", f"did you mean {near[0]}?"))


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _shown(value: object) -> str:
    return str(value)[:80]
