"""Release of a policy by two people: one proposes a checked draft with its effective date, another approves it.

From its effective date on, an approved version decides; what was decided before is reproduced with the version of its own
day. A draft with errors is not proposed, the proposer and the draft's author do not approve, and no policy works
backwards. The database holds the four eyes too (constraint ``four_eyes``).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.drafts import difference_on_past, draft_of, examine_graph
from jiehuan.flow.lender import lender_of
from jiehuan.flow.policies import NAME, version_in_force
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import new_id


def propose(
    connection: Connection, draft_id: str, effective_from: date, actor: str, at: datetime, remark: str = ""
) -> dict[str, Any]:
    """Propose an open draft for release from a day on; the release with its findings and its effect on the past book.

    Raises Refused with every finding that bars the release, when the draft is not open or changes nothing, and for a day
    that is over.
    """
    draft = draft_of(connection, draft_id, lock=True)
    if draft.status != "open":
        raise Refused(Problem("draft", draft_id, f"is {draft.status}", "begin a new draft"))
    _not_backwards(effective_from, at)
    found = examine_graph(draft.graph, effective_from)
    if found.policy is None or found.barred:
        raise Refused([finding.problem for finding in found.errors])
    policy = found.policy
    if version_in_force(connection, at) == policy.version:
        raise Refused(Problem("draft", draft_id, "decides as the policy in force does", "change something first"))
    change = difference_on_past(connection, policy, at)
    release_id = new_id("rl")
    version = {
        "version": policy.version, "name": NAME, "graph": dict(draft.graph), "status": "proposed",
        "effective_from": effective_from, "author": draft.author, "created_at": at,
    }  # fmt: skip
    insert_missing(connection, tables.policy_version, [version])
    connection.execute(
        insert(tables.policy_release).values(
            release_id=release_id, name=NAME, version=policy.version, draft_id=draft_id, effective_from=effective_from,
            remark=remark, findings=found.as_documents(), difference=change.as_document() if change else None,
            status="proposed", proposed_by=actor, proposed_at=at,
        )
    )  # fmt: skip
    _draft_becomes(connection, draft_id, "proposed")
    told = {"version": policy.version, "effective_from": effective_from.isoformat()}
    note(connection, at, actor, "policy_proposed", release_id, told)
    return release_of(connection, release_id)


def approve(connection: Connection, release_id: str, actor: str, at: datetime, reason: str = "") -> dict[str, Any]:
    """Release a proposed version as a second person: it decides from its effective date on.

    Raises Refused for the proposer and the draft's author, for who lacks the right, when the effective date is over, and
    when the check fails under the law as it is known by now.
    """
    release = _proposed(connection, release_id)
    _second_person(connection, release, actor)
    _not_backwards(release["effective_from"], at)
    graph = connection.execute(
        select(tables.policy_version.c.graph).where(tables.policy_version.c.version == release["version"])
    ).scalar_one()
    found = examine_graph(graph, release["effective_from"])
    if found.barred:
        raise Refused([finding.problem for finding in found.errors])
    _decide(connection, release_id, "approved", actor, at, reason)
    connection.execute(
        update(tables.policy_version)
        .where(tables.policy_version.c.version == release["version"])
        .values(status="active", approved_by=actor, effective_from=release["effective_from"])
    )
    _draft_becomes(connection, release["draft_id"], "released")
    told = {"version": release["version"], "effective_from": release["effective_from"].isoformat()}
    publish(connection, "policy.released", release_id, told)
    note(connection, at, actor, "policy_approved", release_id, told)
    return release_of(connection, release_id)


def refuse(connection: Connection, release_id: str, actor: str, at: datetime, reason: str) -> dict[str, Any]:
    """Refuse a proposed version as a second person, with the reason; its draft is open again."""
    release = _proposed(connection, release_id)
    _second_person(connection, release, actor)
    _decide(connection, release_id, "refused", actor, at, reason)
    _back_to_work(connection, release)
    note(connection, at, actor, "policy_refused", release_id, {"version": release["version"]})
    return release_of(connection, release_id)


def withdraw(connection: Connection, release_id: str, actor: str, at: datetime) -> dict[str, Any]:
    """Take a proposal back; its draft is open again."""
    release = _proposed(connection, release_id)
    _decide(connection, release_id, "withdrawn", actor, at, "")
    _back_to_work(connection, release)
    note(connection, at, actor, "policy_withdrawn", release_id, {"version": release["version"]})
    return release_of(connection, release_id)


def release_of(connection: Connection, release_id: str) -> dict[str, Any]:
    """A release by its id, as it is kept. Raises Refused when there is none."""
    row = connection.execute(
        select(tables.policy_release).where(tables.policy_release.c.release_id == release_id)
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise Refused(Problem("release", release_id, "no such release", "look at the list of releases"))
    return dict(row)


def releases(connection: Connection, at: datetime) -> list[dict[str, Any]]:
    """Every release, newest effective date first, with ``in_force`` for the one that decides at an instant.

    ``stands`` is proposed, refused, withdrawn, scheduled (approved for later), in_force or past. Findings and effect are left to
    ``release_of``.
    """
    release = tables.policy_release.c
    rows = connection.execute(
        select(*[column for column in release if column.name not in {"findings", "difference"}])
        .where(release.name == NAME)
        .order_by(release.effective_from.desc(), func.coalesce(release.decided_at, release.proposed_at).desc())
    ).mappings()
    today, told, found = at.astimezone(CHINA).date(), [], False
    for row in rows:
        stands = row["status"]
        if stands == "approved":
            stands = "scheduled" if row["effective_from"] > today else "past" if found else "in_force"
            found = found or stands == "in_force"
        told.append({**row, "stands": stands, "in_force": stands == "in_force"})
    return told


def _proposed(connection: Connection, release_id: str) -> dict[str, Any]:
    row = connection.execute(
        select(tables.policy_release).where(tables.policy_release.c.release_id == release_id).with_for_update()
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise Refused(Problem("release", release_id, "no such release", "look at the list of releases"))
    if row["status"] != "proposed":
        raise Refused(Problem("release", release_id, f"is {row['status']}", "only a proposed one can be decided"))
    return dict(row)


def _second_person(connection: Connection, release: dict[str, Any], actor: str) -> None:
    """Four eyes: neither the proposer nor who wrote the draft, and of a role that the lender lets release policies."""
    author = None if release["draft_id"] is None else draft_of(connection, release["draft_id"]).author
    if actor in {release["proposed_by"], author}:
        raise Refused(
            Problem(
                "release", release["release_id"], f"{actor} proposed or wrote it and may not decide on it alone",
                "ask a colleague with the right to release policies", "", "须由他人复核：提出人和起草人不得审批自己的策略",
            )
        )  # fmt: skip
    account = connection.execute(
        select(tables.user_account.c.role).where(
            tables.user_account.c.login == actor, tables.user_account.c.active.is_(True)
        )
    ).scalar_one_or_none()
    allowed = lender_of(connection)["policy_approvers"]
    if account not in allowed:
        who = f"an active account of role {' or '.join(allowed)}"
        raise Refused(Problem("release", actor, "has not the right to release policies", f"it takes {who}"))


def _not_backwards(effective_from: date, at: datetime) -> None:
    today = at.astimezone(CHINA).date()
    if effective_from < today:
        mend = f"take a day from {today} on: decisions already made keep their policy"
        raise Refused(Problem("effective_from", effective_from.isoformat(), "a policy does not work backwards", mend))


def _decide(connection: Connection, release_id: str, status: str, actor: str, at: datetime, reason: str) -> None:
    connection.execute(
        update(tables.policy_release)
        .where(tables.policy_release.c.release_id == release_id)
        .values(status=status, decided_by=actor, decided_at=at, reason=reason)
    )


def _back_to_work(connection: Connection, release: dict[str, Any]) -> None:
    _draft_becomes(connection, release["draft_id"], "open")
    connection.execute(
        update(tables.policy_version)
        .where(tables.policy_version.c.version == release["version"], tables.policy_version.c.status == "proposed")
        .values(status="draft")
    )


def _draft_becomes(connection: Connection, draft_id: str | None, status: str) -> None:
    if draft_id is not None:
        connection.execute(
            update(tables.policy_draft).where(tables.policy_draft.c.draft_id == draft_id).values(status=status)
        )
