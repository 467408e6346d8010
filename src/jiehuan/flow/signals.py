"""Versions of the signals: a person writes one, another approves it with the moment from which it holds; the watcher uses the one in force.

``examine`` says what is wrong in a text and on which line. ``preview`` (``flow.signal_preview``) shows what a text would have raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml
from sqlalchemy import Connection, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import new_id
from jiehuan.watch import DEFAULT_SIGNALS, Declaration, read_signals

SHIPPED = "shipped"
"""The name of the version that comes with the program."""

LONGEST = 200_000
"""Characters of a declaration."""

VERSION = tables.signal_version


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a text of signals: the problem, and the line (from 1) where it stands."""

    problem: Problem
    line: int


def examine(body: str) -> tuple[Declaration | None, list[Fault]]:
    """The declaration in a text, or everything that is wrong with it, each with its line."""
    if len(body) > LONGEST:
        return None, [Fault(Problem("signals", f"{len(body)} characters", "too long", f"write at most {LONGEST:,}"), 1)]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(body, Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        reason = f"malformed YAML: {error.problem or error.context or 'cannot be parsed'}"
        return None, [Fault(Problem(f"line {line}", "", reason, "mend the text there"), line)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, [Fault(Problem("signals", "", f"malformed YAML: {str(error)[:200]}", "mend the text"), 1)]
    try:
        return read_signals(document, "signals"), []
    except InputError as error:
        root = yaml.compose(body, Loader=loader)
        return None, [Fault(problem, _line(root, problem)) for problem in error.problems]


def _line(root: Any, problem: Problem) -> int:
    """The line of a problem: its place is walked as far as the text has it (``signals, rules, debit_failed, when``)."""
    names = [name.strip() for name in problem.where.split(",")][1:]
    node, line = root, 1
    for name in [*names, problem.value]:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == name or (name == "on" and key.value in {"on", "true", "True"}):
                node, line = value, key.start_mark.line + 1
                break
        else:
            break
    return line


def shipped_body() -> str:
    """The text that comes with the program."""
    return DEFAULT_SIGNALS.read_text(encoding="utf-8")


def versions(connection: Connection, at: datetime) -> list[dict[str, Any]]:
    """All versions, newest first, the shipped one last; ``standing``: draft, refused, in_force, waiting (for its moment) or past."""
    rows = [
        dict(row)
        for row in connection.execute(
            select(VERSION).order_by(VERSION.c.created_at.desc(), VERSION.c.version)
        ).mappings()
    ]
    current = version_in_force(connection, at)
    for row in rows:
        waits = row["status"] == "approved" and row["effective_at"] > at
        approved = "in_force" if row["version"] == current else "waiting" if waits else "past"
        row["standing"] = approved if row["status"] == "approved" else row["status"]
    shipped = {
        "version": SHIPPED, "body": shipped_body(), "remark": "", "status": "approved", "author": "jiehuan", "created_at": None,
        "approved_by": None, "approved_at": None, "effective_at": None, "standing": "in_force" if current == SHIPPED else "past",
    }  # fmt: skip
    return [*rows, shipped]


def version_in_force(connection: Connection, at: datetime) -> str:
    """The version whose signals hold at an instant, as ``flow.watch.signals_in_force`` reads them."""
    found = connection.execute(
        select(VERSION.c.version)
        .where(VERSION.c.status == "approved", VERSION.c.effective_at <= at)
        .order_by(VERSION.c.effective_at.desc(), VERSION.c.approved_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found or SHIPPED


def body_of(connection: Connection, version: str) -> str:
    """The text of a version. Raises Refused for an unknown one."""
    if version == SHIPPED:
        return shipped_body()
    found = connection.execute(select(VERSION.c.body).where(VERSION.c.version == version)).scalar_one_or_none()
    if found is None:
        raise Refused(Problem("version", version, "no such version of the signals", "look in the list"))
    return str(found)


def save_signals(connection: Connection, body: str, remark: str, author: str, at: datetime) -> str:
    """Keep a text as a draft that another person may approve; its version. Raises InputError with everything that is wrong in it."""
    declaration, faults = examine(body)
    if declaration is None:
        raise InputError([_placed(fault) for fault in faults])
    version = new_id("sv")
    connection.execute(
        insert(VERSION).values(version=version, body=body, remark=remark, status="draft", author=author, created_at=at)
    )
    note(connection, at, author, "signals_saved", version, {"signals": declaration.version})
    return version


def approve_signals(
    connection: Connection, version: str, effective_at: datetime | None, actor: str, at: datetime
) -> None:
    """A second person lets a draft hold from ``effective_at`` on (None: now). Raises Refused for its author, and for the past."""
    row = _draft(connection, version)
    if row.author == actor:
        raise Refused(Problem("version", version, "was written by the same person", "let another person approve it"))
    if effective_at is not None and effective_at < at:
        raise Refused(Problem("effective_at", effective_at.isoformat(), "is past", "signals don't work backwards"))
    declaration, faults = examine(row.body)
    if declaration is None:
        raise Refused([_placed(fault) for fault in faults])
    since = effective_at or at
    connection.execute(
        update(VERSION)
        .where(VERSION.c.version == version)
        .values(status="approved", approved_by=actor, approved_at=at, effective_at=since)
    )
    publish(connection, "signals.approved", version, {"version": version, "effective_at": since.isoformat()})
    note(connection, at, actor, "signals_approved", version, {"effective_at": since.isoformat()})


def refuse_signals(connection: Connection, version: str, actor: str, at: datetime) -> None:
    """A draft is not to be used; its author may say so too. Raises Refused when it is no draft."""
    _draft(connection, version)
    connection.execute(
        update(VERSION).where(VERSION.c.version == version).values(status="refused", approved_by=actor, approved_at=at)
    )
    note(connection, at, actor, "signals_refused", version)


def _draft(connection: Connection, version: str) -> Any:
    row = connection.execute(select(VERSION).where(VERSION.c.version == version).with_for_update()).one_or_none()
    if row is None:
        raise Refused(Problem("version", version, "no such version of the signals", "look in the list"))
    if row.status != "draft":
        raise Refused(Problem("version", version, f"is {row.status}", "save a new draft"))
    return row


def _placed(fault: Fault) -> Problem:
    problem = fault.problem
    return Problem(f"line {fault.line}, {problem.where}", problem.value, problem.reason, problem.mend)


def names_of(declaration: Declaration) -> dict[str, Sequence[str]]:
    """What a declaration declares, for a list: streams, features and rules by name."""
    return {
        "streams": list(declaration.streams), "features": [*declaration.features, *declaration.derived],
        "rules": [rule.name for rule in declaration.rules],
    }  # fmt: skip
