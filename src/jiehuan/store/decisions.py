"""One decision in two statements: lock the application and look at all that the decision depends on, keep all that it changes.

``look`` tells the policy and the model in force at that moment, so that a release or a new champion acts on the next decision of
every process. ``keep`` writes decision, status, message and deed in one statement: all of it is there or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import pydantic_core
from sqlalchemy import JSON, Connection, Select, select

from jiehuan.store import tables
from jiehuan.store.act import Deed, Message
from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.rows import to_json
from jiehuan.store.straight import ask, send
from jiehuan.units.errors import Problem, Refused


class Asked(NamedTuple):
    """An application under its lock, with who asks, and what decides.

    ``policy_in_force``: the version of the newest approved release of ``policy`` that is effective on the day; ``champion_id``: the
    model in use; both None before the first. ``has_borrowed``, ``has_line``: whether there is anything more to read of the borrower.
    """

    application_id: str
    borrower_id: str
    lender_type: str
    product: str
    purpose: str
    amount_fen: int
    months: int
    applied_at: datetime
    features: Mapping[str, Any]
    status: str
    birth_year: int | None
    champion_id: str | None
    policy_in_force: str | None
    has_borrowed: bool
    has_line: bool


def look(connection: Connection, application_id: str, day: date, policy: str) -> Asked:
    """Lock an application until the transaction ends and read it. Raises Refused when there is none, Conflict when it stays busy."""
    with waiting_in_vain(connection, application_id):
        row = ask(connection, _LOOK, (policy, policy, day, application_id))
    if row is None:
        raise Refused(Problem("application_id", application_id, "no such application", "check the id"))
    asked = Asked(*row)
    return asked._replace(features=json.loads(row[_FEATURES]))


def version_in_force(connection: Connection, policy: str, day: date) -> str | None:
    """The version of a policy's latest approved release that is effective on a day; None before the first."""
    row = ask(connection, _IN_FORCE, (policy, day))
    return None if row is None else row[0]


def champion_of(connection: Connection, model: str) -> str | None:
    """The id of the model in use; None before the first."""
    row = ask(connection, _CHAMPION, (model,))
    return None if row is None else row[0]


def last_decision(application_id: str, *columns: Any) -> Select[Any]:
    """The query for an application's last decision, whole or some columns of it: no row before the first."""
    return (
        select(*(columns or (tables.decision,)))
        .where(tables.decision.c.application_id == application_id)
        .order_by(tables.decision.c.decided_at.desc(), tables.decision.c.decision_id.desc())
        .limit(1)
    )


def keep(connection: Connection, row: Mapping[str, Any], becomes: str, message: Message, deed: Deed) -> None:
    """Write a decision (a row of table ``decision``), what its application becomes, and what is told of it."""
    values = [_text(row[name]) if name in _JSON else row[name] for name in _COLUMNS]
    told = [message.topic, message.key, to_json(message.payload)]
    noted = [deed.at, deed.actor, deed.verb, deed.subject, to_json(deed.detail)]
    send(connection, _KEEP, [*values, *told, *noted, becomes, row["application_id"]])


def _text(value: Any) -> str:
    """JSON of a decision's parts by the compiled writer: they are long, and hold plain values only."""
    return pydantic_core.to_json(value, inf_nan_mode="constants", fallback=str).decode()


_FEATURES = Asked._fields.index("features")
_CHAMPION = "SELECT model_id FROM model WHERE name = %s AND status = 'champion' ORDER BY fitted_at DESC LIMIT 1"
_IN_FORCE = (
    "SELECT version FROM policy_release WHERE name = %s AND status = 'approved' AND effective_from <= %s"
    " ORDER BY effective_from DESC, decided_at DESC LIMIT 1"
)
_LOOK = f"""
SELECT a.application_id, a.borrower_id, a.lender_type, a.product, a.purpose, a.amount_fen, a.months, a.applied_at, a.features::text,
       a.status, b.birth_year,
       ({_CHAMPION}),
       ({_IN_FORCE}),
       EXISTS (SELECT FROM loan WHERE loan.borrower_id = a.borrower_id),
       EXISTS (SELECT FROM credit_line WHERE credit_line.borrower_id = a.borrower_id)
FROM application a JOIN borrower b ON b.borrower_id = a.borrower_id
WHERE a.application_id = %s FOR UPDATE OF a
"""  # noqa: S608 - the parts are ours
_COLUMNS = tuple(column.name for column in tables.decision.c)
_JSON = frozenset(column.name for column in tables.decision.c if isinstance(column.type, JSON))
_PLACES = ", ".join(f"%s::{column.type.compile()}" if column.name in _JSON else "%s" for column in tables.decision.c)
_KEEP = f"""
WITH kept AS (INSERT INTO decision ({", ".join(_COLUMNS)}) VALUES ({_PLACES})),
     said AS (INSERT INTO outbox (topic, key, payload) VALUES (%s, %s, %s::json)),
     noted AS (INSERT INTO activity (at, actor, verb, subject, detail) VALUES (%s, %s, %s, %s, %s::jsonb))
UPDATE application SET status = %s WHERE application_id = %s
"""  # noqa: S608 - the names are ours
