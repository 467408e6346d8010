"""How a decision is kept: in two statements, whole or not at all, and again from what was kept."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests.flow.conftest import application, at
from tests.flow.test_release import ON

from jiehuan.flow.apply import apply
from jiehuan.flow.decide import again, decide
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.policies import policy_in_force
from jiehuan.store import straight, tables
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Refused


class Died(Exception):  # noqa: N818 - no error of ours
    """The process ends here."""


def test_a_decision_is_looked_at_once_and_kept_at_once(lender: Database, vault: Vault, crowd: Crowd) -> None:
    said: list[str] = []
    with lender.begin() as connection:
        policy_in_force(connection, at(ON))
        asked = [apply(connection, vault, application(crowd, number, ON), at(ON)) for number in range(8)]
        decide(connection, asked[0], at(ON))  # reads policy and model, which never change
        for application_id in asked[1:]:
            said.clear()
            straight.before.append(lambda _connection, statement: said.append(statement.split()[0]))
            try:
                made = decide(connection, application_id, at(ON))
            finally:
                straight.before.pop()
            by_people = ["SELECT", "SELECT", "INSERT"] if made["outcome"] == "review" else []
            assert said == ["SELECT", "WITH", *by_people]
            stored, today = again(connection, made["decision_id"])
            assert stored == today


@pytest.mark.parametrize("last", ["SELECT", "WITH"])
def test_a_decision_that_is_cut_leaves_nothing(lender: Database, vault: Vault, crowd: Crowd, last: str) -> None:
    with lender.begin() as connection:
        application_id = apply(connection, vault, application(crowd, 1, ON), at(ON))

    def cut(_connection: object, statement: str) -> None:
        if statement.split()[0] == last:
            raise Died

    straight.before.append(cut)
    try:
        with pytest.raises(Died), lender.begin() as connection:
            decide(connection, application_id, at(ON))
    finally:
        straight.before.pop()
    mine = tables.decision.c.application_id == application_id
    with lender.connect() as connection:
        assert connection.execute(select(tables.decision).where(mine)).all() == []
        told = select(tables.outbox).where(
            tables.outbox.c.topic == "application.decided", tables.outbox.c.key == application_id
        )
        assert connection.execute(told).all() == []
    with lender.begin() as connection:
        decide(connection, application_id, at(ON))


def test_none_such(lender: Database) -> None:
    with pytest.raises(Refused, match="no such application"), lender.begin() as connection:
        decide(connection, "ap-none", at(ON))
