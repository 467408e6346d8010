"""What happened to a loan: events as immutable facts, each with the day it took effect and the day it became known.

Money in fen. Reading checks form; whether an event fits the loan's state is the fold's to say (``kernel.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from jiehuan.loan.terms import FIRST_DAY, LAST_DAY, MAX_PRINCIPAL_FEN, PARTS
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, parse_yuan

KINDS = (
    "repayment",
    "reversal",
    "prepayment",
    "settlement",
    "waiver",
    "restructure",
    "accelerate",
    "writeoff",
    "recovery",
    "refund",
)
MODES = ("shorten", "reduce")
_WITH_AMOUNT = frozenset({"repayment", "prepayment", "waiver", "recovery", "refund"})


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a loan. Only the fields that its kind needs are set.

    ``on``: the day it took effect; ``known_on``: the day the lender knew it (by default the same). ``amount_fen``: None
    where the kind carries no amount; for a ``settlement`` the cash received, when it is known to differ from what the
    loan asked that day. ``of``: the event a reversal undoes. ``mode``: of a prepayment. ``part``: of a waiver.
    ``terms``: the new terms of a restructuring, as a document.
    """

    id: str
    on: date
    kind: str
    known_on: date
    amount_fen: int | None = None
    of: str = ""
    mode: str = ""
    part: str = ""
    source: str = ""
    terms: Mapping[str, Any] | None = None

    def as_document(self) -> dict[str, Any]:
        """The event as in the ``loan replay`` document."""
        document: dict[str, Any] = {"id": self.id, "on": self.on.isoformat(), "kind": self.kind}
        if self.known_on != self.on:
            document["known_on"] = self.known_on.isoformat()
        if self.amount_fen is not None:
            document["amount"] = format_yuan(self.amount_fen)
        for name in ("of", "mode", "part", "source"):
            if getattr(self, name):
                document[name] = getattr(self, name)
        if self.terms is not None:
            document["terms"] = dict(self.terms)
        return document


def read_events(documents: Any, where: str = "events") -> tuple[Event, ...]:
    """Read events in the order given. Raises InputError with all faults: unknown kind, bad day or amount, an id twice.

    >>> read_events([{"id": "e1", "on": "2026-02-28", "kind": "repayment", "amount": "916.80"}])[0].amount_fen
    91680
    """
    if documents is None:
        return ()
    if not isinstance(documents, Sequence) or isinstance(documents, str):
        raise InputError(Problem(where, str(documents)[:80], "not a list", "write events as [{id, on, kind, …}]"))
    faults: list[Problem] = []
    events: list[Event] = []
    seen: set[str] = set()
    for n, document in enumerate(documents, start=1):
        place = f"{where} {n}"
        if not isinstance(document, Mapping):
            faults.append(Problem(place, str(document)[:80], "not an object", "write {id, on, kind, …}"))
            continue
        try:
            event = read_event(document, place)
        except InputError as error:
            faults.extend(error.problems)
            continue
        if event.id in seen:
            faults.append(Problem(f"{place}, id", event.id, "used twice", "give each event its own id"))
        seen.add(event.id)
        events.append(event)
    if faults:
        raise InputError(faults)
    return tuple(events)


def read_event(document: Mapping[str, Any], where: str = "event") -> Event:
    """Read one event. Raises InputError with all its faults, naming ``where`` and the event's id."""
    faults: list[Problem] = []
    raw_id = document.get("id", document.get("event_id"))
    identity = str(raw_id).strip() if isinstance(raw_id, (str, int)) and not isinstance(raw_id, bool) else ""
    if not identity:
        faults.append(Problem(f"{where}, id", str(raw_id or ""), "missing", "give each event its own id"))
    place = f"{where} ({identity})" if identity else where
    kind = document.get("kind")
    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, n=1)
        mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(KINDS)}"
        faults.append(Problem(f"{place}, kind", str(kind)[:80], "unknown event kind", mend, zh="事件类型未知"))
    on = _day(document.get("on", document.get("effective_on")), f"{place}, on", faults)
    raw_known = document.get("known_on")
    known_on = on if raw_known in (None, "") else _day(raw_known, f"{place}, known_on", faults)
    amount = _amount(document, str(kind), place, faults)
    mode, part = str(document.get("mode") or ""), str(document.get("part") or "")
    if kind == "prepayment" and mode not in MODES:
        faults.append(Problem(f"{place}, mode", mode, "not a mode of prepayment", f"use one of {', '.join(MODES)}"))
    if kind == "waiver" and part not in PARTS:
        faults.append(Problem(f"{place}, part", part, "not a part of the debt", f"use one of {', '.join(PARTS)}"))
    of = str(document.get("of") or "")
    if kind == "reversal" and not of:
        faults.append(Problem(f"{place}, of", "", "missing", "name the event that is reversed"))
    terms = document.get("terms")
    if kind == "restructure" and not isinstance(terms, Mapping):
        faults.append(
            Problem(
                f"{place}, terms", str(terms or "")[:80], "missing", "give the new terms as {rate, months, method, …}"
            )
        )
    if faults:
        raise InputError(faults)
    return Event(
        id=identity,
        on=on,
        kind=str(kind),
        known_on=known_on,
        amount_fen=amount,
        of=of if kind == "reversal" else "",
        mode=mode if kind == "prepayment" else "",
        part=part if kind == "waiver" else "",
        source=str(document.get("source") or ""),
        terms=dict(terms) if kind == "restructure" and isinstance(terms, Mapping) else None,
    )


def _amount(document: Mapping[str, Any], kind: str, place: str, faults: list[Problem]) -> int | None:
    needed = kind in _WITH_AMOUNT
    raw, fen = document.get("amount"), document.get("amount_fen")
    if not needed and kind != "settlement":
        return None
    try:
        if raw is None and isinstance(fen, int) and not isinstance(fen, bool):
            amount = parse_yuan(format_yuan(fen), f"{place}, amount_fen", minimum=1)
        elif raw is None and not needed:
            return None
        else:
            amount = parse_yuan(raw if raw is not None else "", f"{place}, amount", minimum=1)
    except InputError as error:
        faults.extend(error.problems)
        return None
    if amount > MAX_PRINCIPAL_FEN:
        faults.append(Problem(f"{place}, amount", format_yuan(amount), "too large", "check the unit (yuan)"))
        return None
    return amount


def _day(value: Any, where: str, faults: list[Problem]) -> date:
    try:
        day = parse_date(value, where)
    except InputError as error:
        faults.extend(error.problems)
        return FIRST_DAY
    if not FIRST_DAY <= day <= LAST_DAY:
        faults.append(Problem(where, str(day), "outside the days this system counts", f"use {FIRST_DAY} to {LAST_DAY}"))
    return day
