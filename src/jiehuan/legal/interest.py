"""Interest for delayed performance of a judgment: the doubled part (迟延履行期间加倍部分债务利息).

Fashi [2014] No. 8: unpaid money of the judgment, general interest apart, times the daily rate of the law book times the
days of delay. A payment is first set against the money of the judgment, then against this interest (art. 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from jiehuan.law import law_on
from jiehuan.legal.fees import binding
from jiehuan.units.money import half_up
from jiehuan.units.rates import PPM


def delayed_performance_interest(
    judged_fen: int, due_on: date, payments: Sequence[tuple[date, int]], on: date, lender_type: str
) -> int:
    """The interest run up by ``on``, in fen, rounded once.

    ``judged_fen``: the judgment's money without general interest. ``due_on``: last day of the time it gave to perform;
    delay counts from the next day. ``payments``: (day, fen). Raises Refused where no such law binds.

    >>> delayed_performance_interest(10_000_00, date(2026, 1, 10), [], date(2026, 2, 9), "bank")
    5250
    """
    unpaid, last, exact = judged_fen, due_on, 0
    for day, fen in [*sorted(payments), (on, 0)]:
        until = min(day, on)
        if until > last:
            exact += (
                unpaid
                * (until - last).days
                * binding(law_on(until, lender_type), "delayed_performance_daily_rate").value
            )
            last = until
        if day <= on:
            unpaid = max(0, unpaid - fen)
    return half_up(exact, PPM)
