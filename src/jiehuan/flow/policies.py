"""Which policy decides on a day: the latest approved release whose effective date has come; and a policy by its version.

Versions never change, so each process reads one once. Before anything was released, the shipped policy is, by the first
decision that needs one.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, select

from jiehuan.policy import Policy, default_policy, load_policy
from jiehuan.store import decisions, tables
from jiehuan.store.rows import insert_missing
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id

NAME = "admission"
MAKER, RELEASER = "jiehuan", "release of the platform"
"""Whose names stand on the shipped policy: two, as on every release."""


def policy_in_force(connection: Connection, at: datetime) -> Policy:
    """The policy that decides at an instant; before any was released, the shipped one, released that day."""
    version = version_in_force(connection, at)
    if version is not None:
        return policy_version(connection, version)
    shipped = default_policy()
    row = {
        "version": shipped.version, "name": NAME, "graph": dict(shipped.document), "status": "active",
        "effective_from": at.astimezone(CHINA).date(), "author": MAKER, "approved_by": RELEASER,
    }  # fmt: skip
    release = {
        "release_id": derived_id("rl", NAME, shipped.version), "name": NAME, "version": shipped.version,
        "effective_from": row["effective_from"], "findings": [], "status": "approved", "proposed_by": MAKER,
        "proposed_at": at, "decided_by": RELEASER, "decided_at": at,
    }  # fmt: skip
    insert_missing(connection, tables.policy_version, [row])
    insert_missing(connection, tables.policy_release, [release])
    return shipped


def version_in_force(connection: Connection, at: datetime) -> str | None:
    """The version of the latest approved release that is effective at an instant; None before the first."""
    return decisions.version_in_force(connection, NAME, day_of(at))


def day_of(at: datetime) -> date:
    """The day by which a release is in force: China's, from midnight on."""
    return at.astimezone(CHINA).date()


def policy_version(connection: Connection, version: str) -> Policy:
    """A policy by its version (the hash of its content). Raises Refused when it is not stored here."""
    if version not in _READ:
        shipped = default_policy()
        if shipped.version == version:
            return shipped
        graph = connection.execute(
            select(tables.policy_version.c.graph).where(tables.policy_version.c.version == version)
        ).scalar_one_or_none()
        if graph is None:
            raise Refused(Problem("policy version", version, "is not stored here", "release it again"))
        if len(_READ) >= 32:
            _READ.clear()
        _READ[version] = load_policy(graph, NAME)
    return _READ[version]


_READ: dict[str, Policy] = {}
