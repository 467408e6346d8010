"""A tape's loan row as our terms and events.

Tapes say what a loan cost in one of two ways: a yearly rate, or a total due. A total due is a flat charge: the terms then
have rate 0 and fees on the due dates, equal but for the last, so that principal and charge are exact to the fen and no
penalty runs which the lender never charged. What a tape says of the end (closed on a day, paid on time, unpaid) becomes
repayments on the days and of the amounts that follow from the terms; their source says that the tape implied them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from jiehuan.loan import Schedule, Terms, make_schedule, read_terms
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import format_rate

DAYS_A_MONTH = 30


def terms_of(fields: dict[str, Any], lender_type: str) -> Terms:
    """The terms of a loan row. Raises InputError when the row does not say enough, or contradicts itself."""
    principal, drawn_on = fields["principal"], fields["drawn_on"]
    months = fields.get("months") or max(1, fields.get("term_days", 0) // DAYS_A_MONTH)
    if "months" not in fields and "term_days" not in fields:
        raise InputError(Problem("months", "", "neither months nor term_days is given", "map one of them"))
    document: dict[str, Any] = {
        "lender_type": lender_type,
        "principal": format_yuan(principal),
        "months": months,
        "drawn_on": drawn_on.isoformat(),
        "method": fields.get("method") or ("bullet" if months == 1 else "equal_principal"),
    }
    if "penalty_uplift" in fields:
        document["penalty_uplift"] = str(fields["penalty_uplift"])
    first_due = fields.get("first_due")
    if first_due is None and "term_days" in fields:
        first_due = drawn_on + timedelta(days=min(fields["term_days"], DAYS_A_MONTH))
    if first_due is not None:
        document["first_due"] = first_due.isoformat()
    if "rate" in fields:
        return read_terms(document | {"rate": format_rate(fields["rate"])}, "loan")
    if "total_due" not in fields:
        raise InputError(Problem("rate", "", "neither rate nor total_due is given", "map one of them"))
    charge = fields["total_due"] - principal
    if charge < 0:
        shown = format_yuan(fields["total_due"])
        raise InputError(Problem("total_due", shown, f"less than the principal {format_yuan(principal)}", "check both"))
    flat = read_terms(document | {"rate": "0"}, "loan")
    return read_terms(flat.as_document() | {"fees": _spread(charge, make_schedule(flat))}, "loan") if charge else flat


def implied_events(fields: dict[str, Any], terms: Terms, observed_on: date | None) -> list[dict[str, Any]]:
    """The repayments that a tape implies by ``closed_on`` (with ``first_paid_on``) or by the outcome ``paid_on_time``."""
    lines = make_schedule(terms).instalments
    whole = sum(line.total_fen for line in lines)
    closed = fields.get("closed_on")
    if closed is not None:
        if closed < terms.drawn_on:
            raise InputError(Problem("closed_on", str(closed), "before the loan was drawn", "check both dates"))
        first = fields.get("first_paid_on")
        parts: list[tuple[date, int]] = []
        if first is not None and len(lines) > 1 and terms.drawn_on <= first < closed:
            parts.append((first, lines[0].total_fen))
        parts.append((closed, whole - sum(amount for _, amount in parts)))
    elif fields.get("outcome") == "paid_on_time":
        parts = [(line.due, line.total_fen) for line in lines]
    else:
        return []
    return [
        {
            "id": f"tape-{n}",
            "on": on.isoformat(),
            "kind": "repayment",
            "amount": format_yuan(amount),
            "source": "implied by tape",
        }
        for n, (on, amount) in enumerate(parts, start=1)
        if observed_on is None or on <= observed_on
    ]


def _spread(charge: int, schedule: Schedule) -> list[dict[str, str]]:
    """The charge over the due dates: equal shares, the last takes the remainder."""
    dues = [line.due for line in schedule.instalments]
    share = charge // len(dues)
    amounts = [share] * (len(dues) - 1) + [charge - share * (len(dues) - 1)]
    return [
        {"on": due.isoformat(), "amount": format_yuan(amount), "kind": "flat_charge"}
        for due, amount in zip(dues, amounts, strict=True)
        if amount
    ]
