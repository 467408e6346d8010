"""Is this draw, or this product, lawful for this lender on this day?

A draw is a document with the keys of ``loan replay`` and, where they are known, facts about borrower and lender.
Amounts are yuan strings, rates and shares decimals. What is not given is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from jiehuan.law.all_in import ENFORCEMENT, Price, all_in, months_after
from jiehuan.law.book import Law
from jiehuan.law.breach import Breach, breach, percent
from jiehuan.law.cost_cap import cost_caps
from jiehuan.law.lenders import check_borrower_total, check_concentration, check_partner_share, check_student
from jiehuan.law.reading import MAX_MONTHS, Reading
from jiehuan.law.rule import LENDER_TYPES, Rule
from jiehuan.units.days import add_months, parse_date
from jiehuan.units.errors import InputError
from jiehuan.units.money import MAX_FEN, format_yuan, parse_yuan
from jiehuan.units.rates import PPM, format_rate

METHODS = ("equal_instalment", "equal_principal", "interest_only", "bullet", "sculpted")
PRINCIPAL_AT_ONCE = frozenset({"bullet", "interest_only"})
PARTS = ("costs", "penalty", "interest", "principal")

_EXACT = 1e-9
"""Rates of return are good to some 1e-12; what differs by less than this is the same rate."""


def check_draw(draw: Mapping[str, Any], law: Law, where: str = "draw") -> list[Breach]:
    """Every rule that this draw would break, in the order: cost, balance, term, penalty, form, people, lender.

    ``draw``: ``principal, rate, months, method, drawn_on`` and, where known, ``first_due, fees [{on, amount, kind}],
    penalty_uplift, allocation, apr, flows`` (fen by month), ``received, borrower_balance`` (owed before this draw),
    ``group_balance, net_assets, student, second_source, partner_share, cost_sheet_confirmed``. ``apr`` and ``flows``
    are what the caller worked out; see ``all_in`` for how the cost is judged. Raises InputError naming every malformed
    value.
    """
    read = Reading(draw, where)
    principal = read.must(read.yuan("principal"), "principal" if "principal_fen" not in draw else "principal_fen")
    rate = read.must(read.rate("rate"), "rate" if "rate_ppm" not in draw else "rate_ppm")
    months = read.must(read.whole("months"), "months")
    method = read.must(read.word("method", METHODS), "method")
    drawn_on = read.day("drawn_on") or law.on
    first_due = read.day("first_due")
    _same_lender(read, law)
    fees = _fees(read, drawn_on)
    stated_apr, flows = read.number("apr"), _flows(read)
    uplift, received = read.rate("penalty_uplift"), read.yuan("received")
    balance, group, net_assets = read.yuan("borrower_balance"), read.yuan("group_balance"), read.yuan("net_assets")
    student, second_source = read.flag("student"), read.flag("second_source")
    share, confirmed = read.rate("partner_share"), read.flag("cost_sheet_confirmed")
    if principal == 0:
        read.fault("principal", "0", "nothing is lent", "write an amount above zero")
    if first_due is not None and first_due <= drawn_on:
        read.fault("first_due", first_due, "not after the drawing", f"usually {add_months(drawn_on, 1)}")
    read.done()
    assert principal is not None and rate is not None and months is not None and method is not None  # noqa: S101

    regular = first_due is None or first_due == add_months(drawn_on, 1)
    first_days = None if regular or first_due is None else (first_due - drawn_on).days
    priced = tuple((months_after(drawn_on, on), fen) for on, fen in fees)
    price = Price(principal, rate, months, method, first_days, priced)
    try:
        cost = all_in(price, stated_apr, flows)
    except InputError as error:
        read.faults.extend(error.problems)
        read.done()
        raise
    upfront = sum(fen for on, fen in fees if on <= drawn_on)
    breaches = [
        *check_cost(cost, law, where),
        *check_borrower_total(balance or 0, law, new_fen=principal, where=where),
        *check_term(months, method, law, where),
        *check_uplift(uplift, law, where),
        *check_received(principal, received if received is not None else principal - upfront, law, where),
        *_check_allocation(draw.get("allocation"), law, where),
        *_check_disclosure(confirmed, law, where),
        *check_student(student, second_source, law, where),
        *check_partner_share(share, law, where),
    ]
    if net_assets is not None:
        breaches += check_concentration((balance or 0) + principal, net_assets, law, group_fen=group, where=where)
    return breaches


def check_product(product: Mapping[str, Any], law: Law, where: str = "product") -> list[Breach]:
    """Every rule that some draw under this product would break: its dearest, largest and longest one.

    ``product``: ``method`` (or ``methods``), ``months`` (a number or a list), ``rate`` (the highest; or ``rates``),
    ``most`` (the largest amount; or ``most_fen``), ``penalty_uplift, allocation, data`` (kinds of data it judges by),
    ``students``, ``upfront_fee`` (share of principal), ``monthly_fee`` (share of principal a month). Raises InputError.
    """
    from jiehuan.law.data import check_data

    read = Reading(product, where)
    methods = _listed(read, "method", "methods")
    terms = [n for n in (_whole(read, value) for value in _listed(read, "months", None)) if n is not None]
    rates = [ppm for ppm in (_rate(read, value) for value in _listed(read, "rate", "rates")) if ppm is not None]
    most, uplift = read.yuan("most"), read.rate("penalty_uplift")
    upfront, monthly = read.rate("upfront_fee") or 0, read.rate("monthly_fee") or 0
    students, confirmed = read.flag("students"), read.flag("cost_sheet_confirmed")
    data = _listed(read, "data", None)
    for kind in data:
        if not isinstance(kind, str):
            read.fault("data", kind, "not a kind of data", "write words, like bank_statement")
    for method in methods:
        if method not in METHODS:
            read.fault("method", method, "unknown", f"use one of {', '.join(METHODS)}")
    _same_lender(read, law)
    read.done()

    breaches: list[Breach] = []
    if rates:
        base = 100_000_000  # the rate of return does not depend on the amount; a million yuan leaves no rounding
        prices = [
            Price(base, max(rates), n, str(method), None, _fee_flows(base, n, upfront, monthly))
            for method in methods or ["equal_instalment"]
            for n in terms or [12]
        ]
        breaches += check_cost(max(all_in(price) for price in prices), law, where)
    if most is not None:
        breaches += check_borrower_total(0, law, new_fen=most, where=where)
    worst: dict[str, Breach] = {}
    for method in methods or ["equal_instalment"]:
        for months in sorted(terms):
            worst |= {found.id: found for found in check_term(months, str(method), law, where)}
    breaches += worst.values()
    breaches += check_uplift(uplift, law, where)
    if upfront:
        breaches += check_received(PPM, PPM - upfront, law, where)
    breaches += _check_allocation(product.get("allocation"), law, where)
    breaches += _check_disclosure(confirmed, law, where)
    breaches += check_student(students, None, law, where)
    breaches += check_data(data, law, where)
    return breaches


def check_cost(cost: float, law: Law, where: str = "draw") -> list[Breach]:
    """The all-in cost a year (a decimal) against the fixed cap and the multiple of the one-year LPR, on their dates."""
    return [found for cap in cost_caps(law) for found in _above_cap(cost, cap.ppm, cap.rule, where)]


def check_term(months: int, method: str, law: Law, where: str = "draw") -> list[Breach]:
    """The number of months against the longest term, and against that of principal repaid at once at the end."""
    breaches = []
    longest, at_once = law.rule("term_max_months"), law.rule("bullet_max_months")
    for rule, binds in ((longest, True), (at_once, method in PRINCIPAL_AT_ONCE)):
        if rule is not None and binds and months > rule.value:
            zh, en = f"期限{months}个月超过{rule.value}个月", f"{months} months are longer than {rule.value}"
            breaches.append(breach(rule, f"{where}, months", str(months), str(rule.value), zh, en))
    return breaches


def check_uplift(uplift_ppm: int | None, law: Law, where: str = "draw") -> list[Breach]:
    """The uplift of the penalty rate against its range. None or 0, no penalty at all, breaks nothing."""
    rule = law.rule("penalty_uplift_range")
    if rule is None or not uplift_ppm or rule.value["low"] <= uplift_ppm <= rule.value["high"]:
        return []
    found, allowed = format_rate(uplift_ppm), f"{format_rate(rule.value['low'])} to {format_rate(rule.value['high'])}"
    shown = percent(uplift_ppm)
    zh, en = f"罚息上浮幅度{shown}不在允许范围", f"the penalty uplift of {shown} is outside the range"
    return [breach(rule, f"{where}, penalty_uplift", found, allowed, zh, en)]


def check_received(principal_fen: int, received_fen: int, law: Law, where: str = "draw") -> list[Breach]:
    """What the borrower received against the principal: nothing may be taken off it in advance."""
    rule = law.rule("no_upfront_interest")
    if rule is None or received_fen >= principal_fen:
        return []
    found, allowed = format_yuan(received_fen), format_yuan(principal_fen)
    zh, en = f"借款人实际收到{found}元，少于本金{allowed}元", f"{found} is received where the principal is {allowed}"
    return [breach(rule, f"{where}, received", found, allowed, zh, en)]


def _above_cap(cost: float, cap_ppm: int, rule: Rule, where: str) -> list[Breach]:
    if cost <= cap_ppm / PPM + _EXACT:
        return []
    # Rounded up, so that what is refused never reads as the cap itself.
    found = format_rate(-int(-cost * PPM // 1)) if cost < 1e6 else "no rate: fees eat up the principal"
    allowed = format_rate(cap_ppm)
    shown, cap = (percent(-int(-cost * PPM // 1)) if cost < 1e6 else "∞"), percent(cap_ppm)
    zh, en = f"综合融资成本年化{shown}超过上限{cap}", f"the all-in cost of {shown} a year is above the cap of {cap}"
    return [breach(rule, f"{where}, rate", found, allowed, zh, en)]


def _check_allocation(order: Any, law: Law, where: str) -> list[Breach]:
    rule = law.rule("allocation_order")
    if order is None or rule is None:
        return []
    parts = [order] if isinstance(order, str) or not isinstance(order, Sequence) else order
    given = [str(part) for part in parts]
    if sorted(given) == sorted(PARTS):
        return []  # another order of the same parts is what the parties agreed
    found, allowed = ", ".join(given), ", ".join(rule.value)
    zh, en = "抵充顺序未包含全部债务部分", "the order of allocation does not name every part of the debt once"
    return [breach(rule, f"{where}, allocation", found, allowed, zh, en)]


def _check_disclosure(confirmed: bool | None, law: Law, where: str) -> list[Breach]:
    rule = law.rule("cost_disclosure")
    if rule is None or confirmed is not False:
        return []
    zh, en = "借款人未确认综合融资成本明示表", "the borrower has not confirmed the all-in cost sheet"
    return [breach(rule, f"{where}, cost_sheet_confirmed", "false", "true", zh, en)]


def _same_lender(read: Reading, law: Law) -> None:
    lender = read.word("lender_type", LENDER_TYPES)
    if lender is not None and lender != law.lender_type:
        read.fault("lender_type", lender, f"the law asked is that of a {law.lender_type}", f"ask the law of a {lender}")


def _fees(read: Reading, drawn_on: date) -> list[tuple[date, int]]:
    """The fees that belong to the price, as (day, fen)."""
    raw = read.document.get("fees")
    if raw is None:
        return []
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        read.fault("fees", raw, "not a list", "write fees as [{on, amount, kind}]")
        return []
    fees = []
    for n, entry in enumerate(raw, start=1):
        place = f"{read.where}, fees {n}"
        try:
            if not isinstance(entry, Mapping):
                read.fault(f"fees {n}", entry, "not an object", "write {on, amount, kind}")
                continue
            on = parse_date(entry.get("on", drawn_on), f"{place}, on")
            fen = parse_yuan(entry.get("amount"), f"{place}, amount")
        except InputError as error:
            read.faults.extend(error.problems)
            continue
        if str(entry.get("kind") or "service") not in ENFORCEMENT:
            fees.append((on, fen))
    return fees


def _flows(read: Reading) -> list[int] | None:
    raw = read.document.get("flows")
    if raw is None:
        return None
    if (
        not isinstance(raw, Sequence)
        or isinstance(raw, str)
        or len(raw) > MAX_MONTHS
        or not all(type(flow) is int and abs(flow) <= MAX_FEN for flow in raw)
    ):
        read.fault("flows", raw, "not a list of fen", "write whole fen by month, received and paid with opposite signs")
        return None
    return list(raw)


def _fee_flows(principal: int, months: int, upfront_ppm: int, monthly_ppm: int) -> tuple[tuple[int, int], ...]:
    flows = [(0, principal * upfront_ppm // PPM)] if upfront_ppm else []
    if monthly_ppm:
        flows += [(n, principal * monthly_ppm // PPM) for n in range(1, months + 1)]
    return tuple(flows)


def _listed(read: Reading, key: str, plural: str | None) -> list[Any]:
    value = read.document.get(key)
    if value is None and plural is not None:
        value = read.document.get(plural)
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _whole(read: Reading, value: Any) -> int | None:
    inner = Reading({"months": value}, read.where)
    number = inner.whole("months")
    read.faults.extend(inner.faults)
    return number


def _rate(read: Reading, value: Any) -> int | None:
    inner = Reading({"rate": value}, read.where)
    ppm = inner.rate("rate")
    read.faults.extend(inner.faults)
    return ppm
