"""The audit makes every decision again, and sees one that was tampered with."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text
from tests.flow.conftest import application, at

import jiehuan.flow.audit_checks  # noqa: F401 - adds the check
from jiehuan.flow.apply import apply
from jiehuan.flow.decide import decide
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.learn import learn
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault

ON = date(2026, 1, 12)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("inputs = jsonb_set(inputs::jsonb, '{decided,outcome}', '\"tampered\"')::json", "outcome"),
        ("seen = jsonb_set(seen, '{amount_fen}', '1')", "in seen"),
    ],
)
def test_a_tampered_decision_is_seen(
    lender: Database, vault: Vault, crowd: Crowd, planted: str, told: str
) -> None:
    with lender.begin() as connection:
        learn(connection, at(date(2025, 11, 30)))
        for number in range(3):
            decide(connection, apply(connection, vault, application(crowd, number, ON), at(ON)), at(ON))
    (clean,) = audit(lender, only=["decisions"])
    assert (clean.counted, clean.faults) == (3, 0)
    with lender.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # plants past the table's guard
        first = "(SELECT min(decision_id) FROM decision)"
        connection.execute(text(f"UPDATE decision SET {planted} WHERE decision_id = {first}"))
    (found,) = audit(lender, only=["decisions"])
    assert found.faults == 1 and told in found.problems[0].reason
