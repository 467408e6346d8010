"""Drafts of a policy: kept while an analyst works, checked against the law of a day, compared with the policy in force.

A draft may be broken; what is wrong is told beside its nodes. Two people may work on one: who saves an older revision than
is kept is told, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.policies import NAME, policy_in_force
from jiehuan.policy import Policy, diff_policies, mainland_laws
from jiehuan.policy.diff import Difference
from jiehuan.policy.examine import Examined, examine
from jiehuan.store import tables
from jiehuan.units.errors import Conflict, InputError, Problem, Refused
from jiehuan.units.ids import canonical_json, new_id

if TYPE_CHECKING:
    import polars as pl

LARGEST_GRAPH = 900_000
"""Bytes of a graph: the shipped one has forty thousand."""

PAST = 5_000
"""Decisions of the past that a draft is tried on, the newest."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as it is kept. ``revision`` counts its savings from 1."""

    draft_id: str
    name: str
    graph: Mapping[str, Any]
    base_version: str | None
    remark: str
    author: str
    revision: int
    status: str
    created_at: datetime
    updated_at: datetime


def save_draft(
    connection: Connection,
    graph: Mapping[str, Any],
    actor: str,
    at: datetime,
    *,
    draft_id: str | None = None,
    revision: int = 0,
    remark: str = "",
    base_version: str | None = None,
) -> Draft:
    """Keep a new draft, or a further revision of one; ``revision`` is the one that the work began from.

    Raises Refused for a draft that is not open, Conflict when somebody saved a later revision meanwhile.
    """
    size = len(canonical_json(graph))
    if size > LARGEST_GRAPH:
        mend = f"a graph has at most {LARGEST_GRAPH} bytes; split its tables"
        raise InputError(Problem("graph", f"{size} bytes", "too large for a policy", mend))
    drafts = tables.policy_draft
    if draft_id is None:
        made = new_id("pd")
        row = {"draft_id": made, "name": NAME, "status": "open", "revision": 1, "created_at": at}
        changed = {"graph": dict(graph), "remark": remark, "author": actor, "updated_at": at}
        connection.execute(insert(drafts).values(**row, **changed, base_version=base_version))
        note(connection, at, actor, "policy_drafted", made, {"base": base_version})
        return draft_of(connection, made)
    kept = draft_of(connection, draft_id, lock=True)
    if kept.status != "open":
        raise Refused(Problem("draft", draft_id, f"is {kept.status}", "withdraw the proposal, or begin a new draft"))
    if revision != kept.revision:
        reason = f"revision {kept.revision} was saved by {kept.author} meanwhile"
        raise Conflict(Problem("draft", draft_id, reason, "load it again and repeat your change"))
    connection.execute(
        update(drafts)
        .where(drafts.c.draft_id == draft_id)
        .values(
            graph=dict(graph), author=actor, updated_at=at, revision=kept.revision + 1, remark=remark or kept.remark
        )
    )
    note(connection, at, actor, "policy_drafted", draft_id, {"revision": kept.revision + 1})
    return draft_of(connection, draft_id)


def draft_of(connection: Connection, draft_id: str, *, lock: bool = False) -> Draft:
    """A draft by its id. Raises Refused when there is none."""
    asked = select(tables.policy_draft).where(tables.policy_draft.c.draft_id == draft_id)
    row = connection.execute(asked.with_for_update() if lock else asked).mappings().one_or_none()
    if row is None:
        raise Refused(Problem("draft", draft_id, "no such draft", "look at the list of drafts"))
    return Draft(**row)


def discard_draft(connection: Connection, draft_id: str, actor: str, at: datetime) -> Draft:
    """Put an open draft away; it stays readable."""
    kept = draft_of(connection, draft_id, lock=True)
    if kept.status == "proposed":
        raise Refused(Problem("draft", draft_id, "is proposed for release", "withdraw the proposal first"))
    connection.execute(
        update(tables.policy_draft).where(tables.policy_draft.c.draft_id == draft_id).values(status="discarded")
    )
    note(connection, at, actor, "policy_discarded", draft_id)
    return draft_of(connection, draft_id)


def examine_graph(graph: Mapping[str, Any], on: date) -> Examined:
    """What is wrong with a graph under the law of a day for every mainland lender."""
    return examine(graph, NAME, mainland_laws(on))


def difference_on_past(connection: Connection, policy: Policy, at: datetime, most: int = PAST) -> Difference | None:
    """A policy against the one in force on the newest decisions; None when nothing was decided yet.

    Raises InputError when the policy cannot be compiled.
    """
    live = policy_in_force(connection, at)
    book = past_book(connection, (live, policy), most)
    return diff_policies(live, policy, book) if book.height else None


def past_book(connection: Connection, policies: tuple[Policy, ...], most: int = PAST) -> pl.DataFrame:
    """The newest decisions' policy inputs, one row an application, with a column for every input of the policies."""
    import polars as pl

    decision = tables.decision.c
    rows = connection.execute(
        select(decision.application_id, decision.seen)
        .where(decision.seen.is_not(None))
        .order_by(decision.decided_at.desc(), decision.decision_id.desc())
        .limit(most)
    ).all()
    newest: dict[str, Mapping[str, Any]] = {}
    for application_id, values in rows:
        newest.setdefault(application_id, values)
    declared = {name: field for policy in policies for name, field in policy.inputs.items()}
    columns = [pl.Series("application_id", list(newest), dtype=pl.String)]
    for name, field in declared.items():
        whole = pl.Int64 if field.scale == 0 else pl.Float64
        kind = {"number": whole, "boolean": pl.Boolean}.get(field.kind, pl.String)
        columns.append(pl.Series(name, [values.get(name) for values in newest.values()], dtype=kind, strict=False))
    return pl.DataFrame(columns)
