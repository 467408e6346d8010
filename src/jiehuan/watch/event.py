"""One thing that happened on an account, as the signal engine takes it, and one alert, as it gives it.

The file format is **events**: ``event_id, account_id, at, kind, amount_fen, counterparty, channel``. A row that can't be
read is a Problem with its column and its mend; it goes to the dead letters and the stream goes on. Money is fen, instants
carry a zone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jiehuan.units.errors import InputError, Problem

TICK = "tick"
"""The kind of an event that only says what time it is on an account: rules are judged, nothing is counted."""

MAX_AMOUNT_FEN = 10**13
"""A hundred billion yuan: above it an amount is a mistake, and sums of squares would not stay exact in 64 bits."""

REQUIRED = ("event_id", "account_id", "at", "kind")
OPTIONAL = ("amount_fen", "counterparty", "channel")
"""The columns of the **events** format."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1980, 2200


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``at`` must carry a time zone; ``amount_fen`` is never negative: the direction is in the kind."""

    event_id: str
    account_id: str
    at: datetime
    kind: str
    amount_fen: int = 0
    counterparty: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, with the evidence a person reads.

    ``evidence`` holds ``zh``, ``en`` (sentences), ``values`` (the numbers which the rule saw, as text with units) and
    ``event`` (kind, amount, time). ``alert_id`` is derived from account, rule and event: the same alert has the same id
    in every replay.
    """

    alert_id: str
    account_id: str
    at: datetime
    rule: str
    severity: str
    evidence: Mapping[str, Any]
    event_id: str

    def as_row(self) -> dict[str, Any]:
        """The alert as a row of the **alerts** format, evidence still an object."""
        return {
            "alert_id": self.alert_id,
            "account_id": self.account_id,
            "at": self.at.isoformat(),
            "rule": self.rule,
            "severity": self.severity,
            "evidence": dict(self.evidence),
            "event_id": self.event_id,
        }


def microseconds(at: datetime) -> int:
    """The instant as whole microseconds since 1970 in UTC. ``at`` must carry a zone.

    >>> microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    gap = at - _EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def check_event(event: Event, where: str = "event") -> Problem | None:
    """What is wrong with an event before any rule sees it, or None."""
    if not event.event_id:
        return Problem(f"{where}, event_id", "", "empty", "give each event an id of its own")
    for name in ("event_id", "account_id", "counterparty"):
        text = getattr(event, name)
        if not isinstance(text, str) or any("\ud800" <= letter <= "\udfff" for letter in text):
            return Problem(f"{where}, {name}", ascii(text)[:80], "not Unicode text", "write whole characters")
    if not event.account_id:
        return Problem(f"{where}, account_id", "", "empty", "name the account")
    if event.at.tzinfo is None:
        return Problem(f"{where}, at", event.at.isoformat(), "time zone missing", "write the offset, like +08:00")
    if not _FIRST_YEAR <= event.at.year <= _LAST_YEAR:
        return Problem(
            f"{where}, at", event.at.isoformat(), "outside 1980 to 2200", "check the year and the unit of time"
        )
    if isinstance(event.amount_fen, bool) or not isinstance(event.amount_fen, int):
        return Problem(
            f"{where}, amount_fen", str(event.amount_fen)[:80], "not a whole number of fen", "write fen, like 12000"
        )
    if event.amount_fen < 0:
        mend = "write the size of the amount; the kind tells its direction"
        return Problem(f"{where}, amount_fen", str(event.amount_fen), "negative amount", mend)
    if event.amount_fen > MAX_AMOUNT_FEN:
        return Problem(
            f"{where}, amount_fen", str(event.amount_fen), "larger than any amount kept here", "check the unit (fen)"
        )
    return None


def renamed(names: Collection[str], where: str) -> Problem | None:
    """The optional column that seems to have another name in a changed schema, or None. Left alone it would count as nothing.

    >>> renamed(["event_id", "account_id", "at", "kind", "amount"], "row 1").mend
    'call it amount_fen'
    """
    others = [name for name in names if name not in REQUIRED and name not in OPTIONAL]
    if not others:
        return None
    import difflib

    for name in OPTIONAL:
        near = difflib.get_close_matches(name, others, 1, 0.7) if name not in names else []
        if near:
            reason = f"looks like {name}, which is missing: the schema changed"
            return Problem(f"{where}, {near[0]}", near[0], reason, f"call it {name}")
    return None


def read_event(row: Mapping[str, Any], where: str = "event") -> Event:
    """An event from a row of the **events** format. Raises InputError with the first thing that is wrong.

    >>> read_event({"event_id": "e1", "account_id": "a1", "at": "2026-11-24T21:05:00+08:00", "kind": "tick"}).kind
    'tick'
    """
    if not isinstance(row, Mapping):
        raise InputError(
            Problem(where, str(row)[:80], "not an event", "write an object with event_id, account_id, at, kind")
        )
    missing = next((name for name in REQUIRED if row.get(name) in (None, "")), None)
    if missing:
        raise InputError(Problem(f"{where}, {missing}", "", "missing", f"add the column {missing}"))
    changed = renamed(row.keys(), where)
    if changed:
        raise InputError(changed)
    at = row["at"]
    if not isinstance(at, datetime):
        try:
            at = datetime.fromisoformat(str(at))
        except ValueError:
            mend = "write 2026-11-24T21:05:00+08:00"
            raise InputError(Problem(f"{where}, at", str(at)[:80], "not an instant", mend)) from None
    event = Event(
        event_id=str(row["event_id"]),
        account_id=str(row["account_id"]),
        at=at,
        kind=str(row["kind"]),
        amount_fen=_whole(row.get("amount_fen"), where),
        counterparty=str(row.get("counterparty") or ""),
        channel=str(row.get("channel") or ""),
    )
    problem = check_event(event, where)
    if problem:
        raise InputError(problem)
    return event


def _whole(value: object, where: str) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isdigit() and value.isascii():
        return int(value)
    mend = "write whole fen, like 12000"
    raise InputError(Problem(f"{where}, amount_fen", str(value)[:80], "not a whole number of fen", mend))
