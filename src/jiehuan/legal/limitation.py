"""Until when a claim can be sued for: the limitation period, where it starts, and what starts it anew.

Civil Code 188 (three years), 189 (instalments of one debt: from the last due date), 192 (a promise after expiry gives
the defence up), 195 (demand, promise or suit interrupt). The length before and after a change of law is taken from
the law book: a period still running when a longer one comes into force becomes the longer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from jiehuan.law import Rule, law_on
from jiehuan.legal.fees import binding
from jiehuan.units.calendar import court_deadline


@dataclass(frozen=True, slots=True)
class Limitation:
    """``ends_on``: the last day to sue. ``runs_from``: the due date or the last interruption that counts.

    ``counted``/``ignored``: interruptions (day, kind) that started it anew, and those that came too late or are none
    by law.
    """

    ends_on: date
    runs_from: date
    counted: tuple[tuple[date, str], ...]
    ignored: tuple[tuple[date, str], ...]
    rule: Rule

    def expired(self, on: date) -> bool:
        """Whether the debtor may refuse on that day (Civil Code 192)."""
        return on > self.ends_on


def limitation(last_due: date, interruptions: Sequence[tuple[date, str]], lender_type: str) -> Limitation:
    """The period from ``last_due``, interruptions applied.

    ``last_due``: the last instalment's due date, or the day the loan was called in.
    ``interruptions``: days and kinds (``demand``, ``promise``, ``suit``), in any order. One after the end counts only
    if it is a promise. Raises Refused where no limitation law binds (lender type other).
    """
    runs_from = last_due
    counted: list[tuple[date, str]] = []
    ignored: list[tuple[date, str]] = []
    ends_on, rule = _end(runs_from, lender_type)
    for day, kind in sorted(interruptions):
        kinds = law_on(max(day, last_due), lender_type).value("limitation_interruption") or ()
        if kind not in kinds or day <= last_due or (day > ends_on and kind != "promise"):
            ignored.append((day, kind))
            continue
        counted.append((day, kind))
        runs_from = day
        ends_on, rule = _end(runs_from, lender_type)
    return Limitation(ends_on, runs_from, tuple(counted), tuple(ignored), rule)


def _end(start: date, lender_type: str) -> tuple[date, Rule]:
    rule = binding(law_on(start, lender_type), "limitation_years")
    end = court_deadline(start, years=rule.value)
    then = law_on(end, lender_type).rule("limitation_years")
    if then is not None and then.value > rule.value:
        return court_deadline(start, years=then.value), then
    return end, rule
