"""What would these signals have raised? The stored events are replayed under a text and under the signals in force, side by side.

Both begin with empty memories far enough back that every window is full when the shown days begin, and both run the very engine that
runs live. An alert's id follows from account, rule and event, so the two answers, and the verdicts that people gave, meet by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from jiehuan.store import tables
from jiehuan.units.days import CHINA
from jiehuan.watch import Alert, Declaration, Engine

MOST_EVENTS = 400_000
"""Events that one preview replays; of a busier book a part of the accounts stands for all, chosen by a hash."""

SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Side:
    """What one version raised in the days: alerts by day (all days, in order), by rule, and how people judged them."""

    alerts: int
    by_day: dict[date, int]
    by_rule: dict[str, int]
    accounts: int
    confirmed: int
    dismissed: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The two sides, what only one of them raised, and a sample of the new side with its evidence.

    ``share``: the part of accounts that was replayed. ``lost_confirmed``: alerts which people found right and which the new side no longer
    raises; ``lost_dismissed`` those found wrong and gone. ``fresh``: the ids of samples that only the new side raised.
    """

    first: date
    last: date
    events: int
    accounts: int
    share: float
    new: Side
    live: Side
    only_new: int
    only_live: int
    lost_confirmed: int
    lost_dismissed: int
    samples: list[Alert] = field(default_factory=list)
    fresh: frozenset[str] = frozenset()
    unknown_kinds: dict[str, int] = field(default_factory=dict)


def preview(connection: Connection, new: Declaration, live: Declaration, until: datetime, days: int = 30) -> Preview:
    """Replay the last ``days`` up to ``until`` under both declarations."""
    begin = until - timedelta(days=days)
    reach = max(_reach(new), _reach(live))
    share, part = _part(connection, begin - reach, until)
    frame = _events(connection, begin - reach, until, part)
    raised_new, unknown = _replayed(new, frame, begin)
    raised_live, _ = (raised_new, {}) if live.version == new.version else _replayed(live, frame, begin)
    verdicts = _verdicts(connection, begin, until)
    ids_new, ids_live = {alert.alert_id for alert in raised_new}, {alert.alert_id for alert in raised_live}
    lost = ids_live - ids_new
    chosen = sorted(raised_new, key=lambda alert: (alert.alert_id in ids_live, -alert.at.timestamp()))
    return Preview(
        first=_day(begin + timedelta(days=1)), last=_day(until), events=frame.height, accounts=int(frame["account_id"].n_unique()),
        share=share, new=_side(raised_new, begin, until, verdicts), live=_side(raised_live, begin, until, verdicts),
        only_new=len(ids_new - ids_live), only_live=len(lost), lost_confirmed=sum(verdicts.get(one) == "confirmed" for one in lost),
        lost_dismissed=sum(verdicts.get(one) == "dismissed" for one in lost), samples=chosen[:SAMPLES],
        fresh=frozenset(alert.alert_id for alert in chosen[:SAMPLES]) - ids_live, unknown_kinds=unknown,
    )  # fmt: skip


def last_event(connection: Connection, now: datetime) -> datetime:
    """The end of the day of the last event that is not after ``now``; ``now`` while there is none."""
    found = connection.execute(select(func.max(tables.signal_event.c.at)).where(tables.signal_event.c.at <= now)).scalar_one_or_none()
    if found is None:
        return now
    end = datetime.combine(found.astimezone(CHINA).date(), time(23, 59, 59), CHINA)
    return min(now, end)


def _reach(declaration: Declaration) -> timedelta:
    rests = (rule.cooldown for rule in declaration.rules)
    return timedelta(seconds=max(declaration.horizon, *rests, 0) + declaration.lateness)


def _part(connection: Connection, since: datetime, until: datetime) -> tuple[float, int]:
    """The share of accounts that keeps the replay within MOST_EVENTS, and the same as parts of 1024."""
    count = connection.execute(
        select(func.count()).where(tables.signal_event.c.at > since, tables.signal_event.c.at <= until)
    ).scalar_one()
    part = 1024 if count <= MOST_EVENTS else max(1, int(1024 * MOST_EVENTS / count))
    return part / 1024, part


def _events(connection: Connection, since: datetime, until: datetime, part: int) -> Any:
    import polars as pl

    event = tables.signal_event
    names = ("event_id", "account_id", "at", "kind", "amount_fen", "counterparty", "channel")
    wanted = [event.c.at > since, event.c.at <= until]
    if part < 1024:
        wanted.append(func.mod(func.abs(func.hashtext(event.c.account_id)), 1024) < part)
    rows = connection.execute(
        select(*(event.c[name] for name in names)).where(*wanted).order_by(event.c.at, event.c.event_id)
    )
    schema: dict[str, Any] = {**dict.fromkeys(names, pl.String), "at": pl.Datetime("us", "UTC"), "amount_fen": pl.Int64}
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def _replayed(declaration: Declaration, frame: Any, begin: datetime) -> tuple[list[Alert], dict[str, int]]:
    """The alerts after ``begin``, and the kinds of events that the declaration doesn't know, with their counts."""
    from jiehuan.watch.columns import to_columns

    engine = Engine(declaration)
    columns, problems = to_columns(frame, engine)
    unknown = Counter(problem.value for _, problem in problems if problem.where.endswith("kind"))
    return [alert for alert in engine.replay(columns).alerts if alert.at > begin], dict(unknown)


def _verdicts(connection: Connection, begin: datetime, until: datetime) -> dict[str, str]:
    rows = connection.execute(
        select(tables.alert.c.alert_id, tables.alert.c.status).where(
            tables.alert.c.at > begin, tables.alert.c.at <= until, tables.alert.c.status != "open"
        )
    )
    return {row.alert_id: row.status for row in rows}


def _side(raised: Iterable[Alert], begin: datetime, until: datetime, verdicts: Mapping[str, str]) -> Side:
    alerts = list(raised)
    first, last = _day(begin + timedelta(days=1)), _day(until)
    days = {first + timedelta(days=n): 0 for n in range((last - first).days + 1)}
    for alert in alerts:
        day = _day(alert.at)
        days[day] = days.get(day, 0) + 1
    judged = Counter(verdicts.get(alert.alert_id, "") for alert in alerts)
    return Side(
        len(alerts), dict(sorted(days.items())), dict(Counter(alert.rule for alert in alerts).most_common()),
        len({alert.account_id for alert in alerts}), judged["confirmed"], judged["dismissed"],
    )  # fmt: skip


def _day(at: datetime) -> date:
    return at.astimezone(CHINA).date()
