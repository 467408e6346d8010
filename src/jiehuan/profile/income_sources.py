"""Sources of income in a flow: payers that recur, with their pay day, mean and spread per month.

A salary is put into the month its pay day belongs to, so that one paid early before a holiday does not leave a month
empty and fill the next one twice. Months without pay since a source began count as nothing; one month far above the
median is a bonus and counts only up to a bound. The interval is Student's, as months are few.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from statistics import mean, median, stdev
from typing import Any

from jiehuan.profile.bank_flow import Transaction
from jiehuan.units.days import add_months
from jiehuan.units.money import format_yuan, half_up
from jiehuan.units.rates import PPM, format_rate

_NOISE = re.compile(r"[\s*·()（）\[\]【】,，.。\-_/]|\d{3,}")
_COMPANY = re.compile(
    r"公司|集团|厂|店|部|所|院|校|中心|银行|平台|科技|网络|局|社|会|ltd|inc|co\b|llc|payroll", re.IGNORECASE
)
_T90 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782)
_T_LIMIT = 1.645
MONTH_DAYS = 30.4375


@dataclass(frozen=True, slots=True)
class Source:
    """One payer: its kind, mean and spread of a month, half the width of the mean's interval, whether it counts."""

    payer: str
    kind: str
    monthly_fen: int
    spread_fen: int
    half_width_fen: int
    total_fen: int
    bonus_fen: int
    periods: tuple[tuple[str, int], ...]
    pay_day: int | None
    counted: bool
    stopped: bool
    why: str

    def as_document(self) -> dict[str, Any]:
        """The source for JSON, in yuan."""
        return {
            "payer": self.payer,
            "kind": self.kind,
            "monthly": format_yuan(self.monthly_fen),
            "volatility": format_rate(half_up(self.spread_fen * PPM, self.monthly_fen) if self.monthly_fen else 0),
            "bonus": format_yuan(self.bonus_fen),
            "pay_day": self.pay_day,
            "counted": self.counted,
            "why": self.why,
            "periods": {name: format_yuan(fen) for name, fen in self.periods},
        }


def payer_of(one: Transaction) -> str:
    """A counterparty's name without what banks put in and leave out: blanks, masks, long digits. Empty when unknown."""
    return _payer(one.counterparty)


@lru_cache(maxsize=16_384)
def _payer(counterparty: str) -> str:
    return _NOISE.sub("", counterparty).lower()


def find_sources(
    income: Sequence[tuple[Transaction, str]], start: date, end: date, parameters: Mapping[str, int]
) -> list[Source]:
    """Every payer of what may be income, largest first; ``counted`` says whether it is income to count on."""
    groups: dict[tuple[str, str], list[Transaction]] = defaultdict(list)
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for one, name in income:
        labels[payer_of(one)][name] += 1
    for one, name in income:
        party = payer_of(one)
        usual = max(("salary", "pension", "platform"), key=lambda kind: labels[party][kind])
        kind = name or (usual if labels[party][usual] else "")
        groups[party, kind].append(one)
    sources = [_source(party, kind, paid, start, end, parameters) for (party, kind), paid in groups.items()]
    return sorted(sources, key=lambda source: (-source.monthly_fen, source.payer, source.kind))


def _source(
    party: str, kind: str, paid: Sequence[Transaction], start: date, end: date, given: Mapping[str, int]
) -> Source:
    days = [one.at.date() for one in paid]
    months_spanned = (end - min(days)).days / MONTH_DAYS
    often = len(paid) / max(months_spanned, 1.0)
    monthly = kind in {"salary", "pension", ""} and often <= 3.0
    pay_day, on_day = usual_day(days, given["pay_day_tolerance_days"]) if monthly else (1, 0.0)
    periods = _pay_periods(paid, pay_day, end) if monthly else _windows(paid, max(start, min(days)), end, start)
    values = [fen for _, fen in periods]
    filled = sum(1 for value in values if value)
    active = max((n for n, value in enumerate(values, start=1) if value), default=1)
    regular = filled * PPM >= given["regular_share_ppm"] * active and (filled >= 2 or kind in {"salary", "pension"})
    usual = median(values) if len(values) >= 3 else None
    limit = None if not usual else usual * given["bonus_over_median_ppm"] // PPM
    kept = [value if limit is None else min(value, round(limit)) for value in values]
    centre = mean(kept)
    spread = stdev(kept) if len(kept) > 1 else 0.0
    late = timedelta(days=given["stopped_after_days"])
    next_pay = add_months(max(days).replace(day=1), 1, pay_day) if monthly else max(days) + timedelta(days=31)
    stopped = regular and end > next_pay + late
    labelled = kind in {"salary", "pension"}
    if kind == "":
        company = bool(_COMPANY.search(paid[0].counterparty))
        steady = centre > 0 and spread * PPM <= given["steady_cv_ppm"] * centre
        regular = regular and filled >= 3 and on_day * 10 >= 7 and steady and company
        kind = "salary" if regular else "irregular"
    large = centre >= given["least_salary_fen"]
    counted = regular and not stopped and large
    why = _why(kind, counted, stopped, regular, large, filled, len(values))
    return Source(
        paid[0].counterparty or "?",
        kind,
        half_up(round(sum(kept)), len(kept)),
        round(spread),
        _half_width(spread, len(kept), centre, given),
        sum(one.amount_fen for one in paid),
        sum(values) - round(sum(kept)),
        tuple(periods),
        pay_day if monthly and (labelled or counted) else None,
        counted,
        stopped,
        why,
    )


def usual_day(days: Sequence[date], tolerance: int) -> tuple[int, float]:
    """The day of the month that most payments are near, and the share of them that are; the month's end wraps round."""
    seen = Counter((day.day, *_lengths(day.year, day.month)) for day in days)
    near, apart = [0] * 31, [0] * 31
    for place, count in seen.items():
        for n, gap in enumerate(_gaps(*place)):
            apart[n] += gap * count
            if gap <= tolerance:
                near[n] += count
    best = max(range(31), key=lambda n: (near[n], -apart[n], -n))
    return best + 1, near[best] / len(days)


@lru_cache(maxsize=4096)
def _lengths(year: int, month: int) -> tuple[int, int, int]:
    """Days of the month before, of this one, and of the next."""
    starts = [add_months(date(year, month, 1), n) for n in range(-1, 3)]
    before, length, after = ((end - start).days for start, end in pairwise(starts))
    return before, length, after


@lru_cache(maxsize=1024)
def _gaps(day: int, before: int, length: int, after: int) -> tuple[int, ...]:
    """Days from a payment to the nearest pay day, in its own month, the one before or the one after, for pay days 1 to 31."""
    return tuple(
        min(
            abs(day - min(pay_day, length)),
            day + before - min(pay_day, before),
            length - day + min(pay_day, after),
        )
        for pay_day in range(1, 32)
    )


def _pay_periods(paid: Sequence[Transaction], pay_day: int, end: date) -> list[tuple[str, int]]:
    """What was paid for each month by its pay day, from the first month paid to the last whose pay day has passed."""
    totals: dict[date, int] = defaultdict(int)
    for one in paid:
        totals[_pay_month(one.at.date(), pay_day)] += one.amount_fen
    month, periods = min(totals), []
    while month in totals or add_months(month, 0, pay_day) + timedelta(days=4) <= end:
        periods.append((month.strftime("%Y-%m"), totals.get(month, 0)))
        month = add_months(month, 1)
    return periods


@lru_cache(maxsize=16_384)
def _pay_month(day: date, pay_day: int) -> date:
    """The month whose pay day is nearest to a payment, as its first day."""
    first = day.replace(day=1)
    return min((add_months(first, n) for n in (-1, 0, 1)), key=lambda m: abs((day - add_months(m, 0, pay_day)).days))


def _windows(paid: Sequence[Transaction], since: date, end: date, start: date) -> list[tuple[str, int]]:
    """What was paid in windows of one month back from the end; a source seen from early on is taken from the start."""
    since = start if (since - start).days <= MONTH_DAYS / 2 else since
    count = max(1, int(((end - since).days + 1) / MONTH_DAYS + 0.15))
    totals = [0] * count
    for one in paid:
        place = int((end - one.at.date()).days / MONTH_DAYS)
        if place < count:
            totals[place] += one.amount_fen
    last = [end - timedelta(days=round(place * MONTH_DAYS)) for place in range(count)]
    return [(f"to {day.isoformat()}", total) for day, total in zip(reversed(last), reversed(totals), strict=True)]


def _half_width(spread: float, count: int, centre: float, given: Mapping[str, int]) -> int:
    """Half the width of the 90 % interval of a mean of few months; one month alone gets a fixed share."""
    if count < 2:
        return round(centre * given["thin_interval_ppm"] / PPM)
    t = _T90[count - 2] if count - 2 < len(_T90) else _T_LIMIT
    return round(t * spread / math.sqrt(count))


def _why(kind: str, counted: bool, stopped: bool, regular: bool, large: bool, filled: int, months: int) -> str:
    if counted:
        return f"{kind}, paid in {filled} of {months} months"
    if stopped:
        return "has stopped"
    if regular and not large:
        return "too small to be counted on"
    return f"does not recur: paid in {filled} of {months} months" if kind != "irregular" else "no recurring payer"


def monthly_seasons(sources: Sequence[Source], start: date, end: date) -> dict[int, int]:
    """The share of a usual month by calendar month, drawn towards one as a year shows little; empty under a year."""
    if (end - start).days < 365:
        return {}
    totals: dict[int, list[int]] = defaultdict(list)
    for month in range(12 * 3):
        day = add_months(end.replace(day=1), -month)
        if day < start:
            break
        name = day.strftime("%Y-%m")
        paid = sum(fen for source in sources for period, fen in source.periods if period == name)
        if paid:
            totals[day.month].append(paid)
    if len(totals) < 12:
        return {}
    usual = mean(mean(values) for values in totals.values())
    weight = {month: len(values) / (len(values) + 1) for month, values in totals.items()}
    return {
        month: round(PPM * (1 + weight[month] * (mean(values) / usual - 1))) for month, values in sorted(totals.items())
    }
