"""What the audit asks of the flows: every decision comes out again from its stored inputs and versions.

Importing this module adds the check; ``jiehuan audit`` does so.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import cast, select
from sqlalchemy.dialects.postgresql import JSONB

import jiehuan.flow.line_checks  # noqa: F401 - adds the checks of credit lines
from jiehuan.flow import review_checks as review_checks
from jiehuan.flow.decide import again
from jiehuan.store import tables
from jiehuan.store.audit import Audit, Finding, Tally, register
from jiehuan.store.audit.tally import finding
from jiehuan.units.errors import JiehuanError, Problem

COMPARED = ("outcome", "limit", "rate", "amount", "months", "method", "pd", "points", "reasons", "offers", "law_checks")


def check_decisions(audit: Audit) -> Iterator[Finding]:
    """Each stored decision against what its stored inputs, model, policy and law give today."""
    tally = Tally()
    decision = tables.decision.c
    looked_at = cast(decision.inputs["decided"]["inputs"]["policy"], JSONB)
    same = decision.seen.is_not_distinct_from(looked_at).label("same")
    for row in audit.connection.execute(select(decision.decision_id, same).order_by(decision.decision_id)).all():
        tally.look(_differs(audit, row.decision_id, row.same))
    yield finding("decisions_again", "决策可由留存的输入和版本重现", "decisions come out again from their inputs", tally)


def _differs(audit: Audit, decision_id: str, same: bool) -> Iterator[Problem]:
    if not same:
        mend = "take it from the inputs: they are what was decided by"
        yield Problem(f"decision {decision_id}", "", "what the policy looked at is told otherwise in seen", mend)
    try:
        stored, today = again(audit.connection, decision_id)
    except JiehuanError as error:
        yield Problem(f"decision {decision_id}", "", f"cannot be made again: {error}", "restore its model, policy and inputs")
        return
    for name in COMPARED:
        if stored.get(name) != today.get(name):
            reason = f"{name} comes out as {str(today.get(name))[:60]}"
            yield Problem(f"decision {decision_id}", str(stored.get(name))[:60], reason, "find what changed: inputs or code")


register("decisions", check_decisions)
