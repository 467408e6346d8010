"""Dates of a case: what the court must do by when, what we must do by when, each with the article it comes from.

``deadlines`` reads the case's events and gives every date that follows from them; an event that a deadline was
waiting for marks it done. Days are counted by the Civil Procedure Law: the event's own day does not count, and a last
day that is free moves to the next working day (``jiehuan.units.calendar.court_deadline``). Periods come from the law
book as it stood on the day of the event.

Events (``kind``): ``demand``, ``promise`` (they interrupt limitation); ``filed``, ``docketed``, ``served``,
``public_notice``, ``answered``, ``judged`` (judgment served on us), ``final`` (last day to perform under the judgment),
``performed``, ``enforcement``; ``order_filed``, ``order_accepted``, ``order_served``, ``order_objected``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from jiehuan.law import Rule, law_on
from jiehuan.legal.fees import binding
from jiehuan.legal.limitation import limitation
from jiehuan.units.calendar import court_deadline, known_years
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem

INTERRUPTS = {"demand": "demand", "promise": "promise", "filed": "suit", "order_filed": "suit"}
"""What the case's events are to limitation."""


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One thing that happened in a case: its day and kind."""

    on: date
    kind: str


@dataclass(frozen=True, slots=True)
class Deadline:
    """One date. ``whose``: ours, the court's or the debtor's. ``after``: the event it runs from, on ``since``.

    ``done_on``: when it was met. ``provisional``: the holidays of that year are not known yet, so that it may move.
    """

    kind: str
    due_on: date
    whose: str
    zh: str
    en: str
    citation: str
    after: str
    since: date
    done_on: date | None = None

    @property
    def provisional(self) -> bool:
        """Whether the day may still move, as that year's holidays are not in the data."""
        return self.due_on.year not in known_years()

    def late(self, on: date) -> bool:
        """Whether the day has passed (or was kept too late)."""
        return (self.done_on or on) > self.due_on

    def as_document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind,
            "due_on": self.due_on.isoformat(),
            "whose": self.whose,
            "zh": self.zh,
            "en": self.en,
            "citation": self.citation,
            "after": self.after,
            "since": self.since.isoformat(),
            "done_on": self.done_on.isoformat() if self.done_on else None,
            "provisional": self.provisional,
        }


@dataclass(frozen=True, slots=True)
class _Step:
    """A deadline by rule (``deadlines.yaml``): ``days`` after ``event``, met by one of ``met_by``."""

    kind: str
    event: str
    days: str
    whose: str
    met_by: tuple[str, ...]
    zh: str
    en: str
    only: tuple[str, ...] = ()
    article: tuple[str, ...] = ()


_TEXTS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("deadlines.yaml").read_text(encoding="utf-8"))
_LISTS = ("met_by", "only", "article")
_STEPS = tuple(_Step(**{**row, **{key: tuple(row.get(key, ())) for key in _LISTS}}) for row in _TEXTS["steps"])

EVENTS = frozenset(
    {step.event for step in _STEPS}
    | {kind for step in _STEPS for kind in step.met_by}
    | {"demand", "promise", "final", "enforcement", "withdrawn"}
)


def read_events(documents: Sequence[Mapping[str, Any]], where: str = "events") -> tuple[CaseEvent, ...]:
    """Read a case's events (``on``, ``kind``), in order of day. Raises InputError with every fault."""
    found, problems = [], []
    for n, document in enumerate(documents, 1):
        kind = str(document.get("kind", ""))
        if kind not in EVENTS:
            mend = "use one of " + ", ".join(sorted(EVENTS))
            problems.append(Problem(f"{where} {n}, kind", kind, "not an event of a case", mend))
        try:
            found.append(CaseEvent(parse_date(document.get("on"), f"{where} {n}, on"), kind))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return tuple(sorted(found, key=lambda event: event.on))


def deadlines(
    events: Sequence[CaseEvent], *, last_due: date, lender_type: str, procedure: str = "summary"
) -> tuple[Deadline, ...]:
    """Every date that follows from ``events``, by day; the limitation period first to be looked at, from ``last_due``.

    ``last_due``: the last instalment's due date, or the day the loan was called in. ``procedure``: decides the time to
    judgment, and that small claims know no appeal. Raises Refused where no court law binds (lender type other).
    """
    found = [_limitation(events, last_due, lender_type)]
    for step in _STEPS:
        start = _first(events, step.event)
        if start is None or (step.only and procedure not in step.only):
            continue
        rule = binding(law_on(start, lender_type), "court_days")
        timed = procedure if procedure in _TEXTS["articles"] else "summary"
        length = rule.value[timed if step.days == "procedure" else step.days]
        zh, en = f"{step.zh}（{length}日）", f"{step.en} ({length} days)"
        due_on = court_deadline(start, days=length)
        done_on = _first(events, *step.met_by)
        found.append(
            Deadline(
                step.kind, due_on, step.whose, zh, en, _article(step, timed, start, rule), step.event, start, done_on
            )
        )
    enforce = _enforcement(events, lender_type)
    return tuple(sorted([*found, *enforce], key=lambda deadline: deadline.due_on))


def _article(step: _Step, procedure: str, start: date, rule: Rule) -> str:
    """The very article of the step, where the statute of the book's numbering was in force."""
    statute = _TEXTS["statute"]
    if start < statute["from"]:
        return rule.citation
    zh, en = step.article or _TEXTS["articles"][procedure]
    return f"{statute['zh']}{zh}; {statute['en']}, {en}"


def _limitation(events: Sequence[CaseEvent], last_due: date, lender_type: str) -> Deadline:
    marks = [(event.on, INTERRUPTS[event.kind]) for event in events if event.kind in INTERRUPTS]
    found = limitation(last_due, marks, lender_type)
    years = found.rule.value
    interrupts = law_on(found.runs_from, lender_type).rule("limitation_interruption")
    cited: list[Rule] = [found.rule, *([interrupts] if found.counted and interrupts else [])]
    citation = "; ".join(rule.citation for rule in cited)
    after = found.counted[-1][1] if found.counted else "last_due"
    zh, en = f"诉讼时效届满（{years}年）", f"last day to sue ({years} years)"
    met = _first(events, "filed", "order_filed")
    return Deadline("limitation", found.ends_on, "ours", zh, en, citation, after, found.runs_from, met)


def _enforcement(events: Sequence[CaseEvent], lender_type: str) -> list[Deadline]:
    """From the last day to perform; a payment order not objected to is enforceable after its fifteen days."""
    start, after = _first(events, "final"), "final"
    if start is None and (served := _first(events, "order_served")) and _first(events, "order_objected") is None:
        days = binding(law_on(served, lender_type), "court_days").value["payment_order_objection"]
        start, after = court_deadline(served, days=days), "order_served"
    if start is None:
        return []
    rule = binding(law_on(start, lender_type), "enforcement_years")
    due_on, met = court_deadline(start, years=rule.value), _first(events, "enforcement", "performed")
    zh, en = f"申请执行期限届满（{rule.value}年）", f"last day to apply for enforcement ({rule.value} years)"
    return [Deadline("enforcement", due_on, "ours", zh, en, rule.citation, after, start, met)]


def _first(events: Sequence[CaseEvent], *kinds: str) -> date | None:
    return next((event.on for event in events if event.kind in kinds), None)
