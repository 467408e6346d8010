"""``jiehuan policy propose | approve | refuse | versions``: the release of a policy by two people, on the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, show_facts, show_json, show_table
from jiehuan.units.errors import Problem, Refused

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BY = typer.Option(..., "--by", metavar="LOGIN", help="Whose act it is: an active account of the platform.")

_PROPOSE = """Propose a policy for release from a day on: it is checked under the law of that day, and its effect on the past
decisions is told. Another person approves it. Exit 1 when anything bars the release.

Example: jiehuan policy propose examples/policy_tighter.json --effective-from 2027-01-01 --by li.lei
"""
_APPROVE = """Release a proposed policy as a second person: neither who proposed it nor who wrote the draft.

Example: jiehuan policy approve rl_01j9x --by han.meimei --reason "seen the effect"
"""
_REFUSE = """Refuse a proposed policy as a second person, with the reason; its draft is open again.

Example: jiehuan policy refuse rl_01j9x --by han.meimei --reason "too tight for autumn"
"""
_VERSIONS = """The releases: which version decides since when, proposed and approved by whom.

Example: jiehuan policy versions --on 2026-09-01
"""


def register(app: typer.Typer) -> None:
    """Nothing at the root: these commands belong to the group of ``cli/policy.py``."""


def add_to(group: typer.Typer) -> None:
    """Add the commands to ``jiehuan policy``."""
    group.command("propose", help=_PROPOSE)(_propose)
    group.command("approve", help=_APPROVE)(_approve)
    group.command("refuse", help=_REFUSE)(_refuse)
    group.command("versions", help=_VERSIONS)(_versions)


def _propose(
    graph: Path = typer.Argument(..., metavar="GRAPH", help="A JDM graph."),
    effective_from: str = typer.Option(..., "--effective-from", help="The first day it decides, YYYY-MM-DD."),
    by: str = _BY,
    remark: str = typer.Option("", "--remark", help="Why."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.api.clock import moment
    from jiehuan.flow.drafts import save_draft
    from jiehuan.flow.policies import version_in_force
    from jiehuan.flow.release import propose
    from jiehuan.policy import load_policy
    from jiehuan.store.database import open_database
    from jiehuan.units.days import parse_date

    day, policy = parse_date(effective_from, "--effective-from"), load_policy(graph)
    with open_database() as database, database.begin() as connection:
        at = moment(connection)
        _must_be_known(connection, by)
        base = version_in_force(connection, at)
        draft = save_draft(connection, policy.document, by, at, remark=remark, base_version=base)
        made = propose(connection, draft.draft_id, day, by, at, remark)
    _tell(made, as_json)
    if not as_json and made["difference"]:
        found = made["difference"]
        typer.echo(
            f"on {found['rows']} past decisions: {found['changed']} change, expected loss {found['expected_loss_change']}"
        )


def _approve(
    release: str = typer.Argument(..., metavar="RELEASE", help="The release's id."),
    by: str = _BY,
    reason: str = typer.Option("", "--reason", help="A word that is kept with it."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.api.clock import moment
    from jiehuan.flow.release import approve
    from jiehuan.store.database import open_database

    with open_database() as database, database.begin() as connection:
        _tell(approve(connection, release, by, moment(connection), reason), as_json)


def _refuse(
    release: str = typer.Argument(..., metavar="RELEASE", help="The release's id."),
    by: str = _BY,
    reason: str = typer.Option(..., "--reason", help="Why; kept with it."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.api.clock import moment
    from jiehuan.flow.release import refuse
    from jiehuan.store.database import open_database

    with open_database() as database, database.begin() as connection:
        _tell(refuse(connection, release, by, moment(connection), reason), as_json)


def _versions(
    on: str | None = typer.Option(None, help="As seen on a day, YYYY-MM-DD; default: now."),
    as_json: bool = JSON_FLAG,
) -> None:
    from datetime import datetime, time

    from jiehuan.api.clock import moment
    from jiehuan.flow.release import releases
    from jiehuan.store.database import open_database
    from jiehuan.units.days import CHINA, parse_date

    with open_database() as database, database.connect() as connection:
        at = datetime.combine(parse_date(on, "--on"), time(12), CHINA) if on else moment(connection)
        found = releases(connection, at)
    if as_json:
        names = ("release_id", "version", "effective_from", "stands", "proposed_by", "decided_by", "remark", "reason")
        show_json({"releases": [{name: one[name] for name in names} for one in found]})
        return
    rows = [
        [
            one["release_id"],
            one["version"],
            one["effective_from"],
            one["stands"],
            one["proposed_by"],
            one["decided_by"] or "-",
        ]
        for one in found
    ]
    show_table("", ["release", "version", "from", "stands", "proposed by", "decided by"], rows)


def _tell(release: dict[str, Any], as_json: bool) -> None:
    names = ("release_id", "version", "effective_from", "status", "proposed_by", "decided_by", "difference")
    facts = {name: release[name] for name in names}
    if as_json:
        show_json(facts)
        return
    show_facts({name: value if value is not None else "-" for name, value in facts.items() if name != "difference"})


def _must_be_known(connection: Connection, login: str) -> None:
    from sqlalchemy import select

    from jiehuan.store.tables import user_account

    account = connection.execute(
        select(user_account.c.role).where(user_account.c.login == login, user_account.c.active.is_(True))
    ).scalar_one_or_none()
    if account not in {"risk", "admin"}:
        mend = "an active account of role risk or admin; `jiehuan user add` makes one"
        raise Refused(Problem("--by", login, "may not propose policies", mend))
