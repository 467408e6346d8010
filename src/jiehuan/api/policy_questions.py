"""Questions about a graph as it stands in the editor: what is wrong with it, whom it decides otherwise, what it decides here.

Nothing is kept, so no key is needed.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from jiehuan.api.access import Store
from jiehuan.api.clock import act_day, moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Body, Facts, Id, Record, Stored
from jiehuan.store.tables import application, borrower
from jiehuan.units.errors import InputError, Problem

router = APIRouter(prefix="/api/policies", tags=["policies"])


class GraphIn(Body):
    """A graph as it stands in the editor, and the day whose law binds (default: today)."""

    graph: Facts
    on: date | None = None


class PolicyFinding(Stored):
    """One thing found: ``level`` error (bars the release), warning or info; ``nodes`` are the ids of the nodes it is about."""

    level: str
    code: str
    where: str
    value: str
    reason: str
    mend: str
    citation: str
    zh: str
    nodes: list[str]
    example: dict[str, Any] | None = None


class Checked(Record):
    """What a check found. ``version`` is none when the graph cannot be read."""

    ok: bool
    version: str | None
    on: date
    findings: list[PolicyFinding]


class SideOut(Record):
    """What one policy does with the past book."""

    version: str
    by_outcome: dict[str, int]
    may_be_drawn: str
    expected_loss: str
    mean_rate: str


class DifferenceOut(Stored):
    """Two policies on the newest decisions: who is decided otherwise, by how much, and what it costs.

    ``limit_changes`` counts the changed rows by the change of the limit, in bands of yuan.
    """

    rows: int
    changed: int
    lgd: str
    before: SideOut
    after: SideOut
    expected_loss_change: str
    moves: list[dict[str, Any]]
    limit_changes: list[dict[str, Any]]
    newly_refused_for: list[dict[str, Any]]
    who: list[dict[str, Any]]


class Compared(Record):
    """The comparison with the policy in force; none while nothing was decided yet."""

    live: str
    difference: DifferenceOut | None


class SimulateIn(Body):
    """A graph and what to decide with it: an application by its id, or the policy's own input values."""

    graph: Facts
    application_id: Id | None = None
    values: Facts = Field(default_factory=dict)


class Simulated(Stored):
    """The decision that the graph takes, with the engine's trace by node; nothing is kept.

    ``values`` are the inputs that the policy looked at; ``decision`` is the whole decision document when an application
    was named (offers and law checks included).
    """

    outcome: str
    limit_fen: int | None
    rate_ppm: int | None
    reasons: list[dict[str, Any]]
    values: dict[str, Any]
    outputs: dict[str, Any]
    trace: dict[str, Any]
    performance: str
    decision: dict[str, Any] | None


@router.post("/check")
def check_graph(database: Store, body: GraphIn) -> Checked:
    """Everything found in a graph, errors first, each beside its nodes. A broken graph is an answer too, not an error."""
    from jiehuan.flow.drafts import examine_graph

    with database.connect() as connection:
        on = body.on or act_day(connection)
    found = examine_graph(body.graph, on)
    version = found.policy.version if found.policy else None
    findings = [PolicyFinding(**each) for each in found.as_documents()]
    return Checked(ok=not found.barred, version=version, on=on, findings=findings)


@router.post("/diff")
def diff_graph(database: Store, body: GraphIn) -> Compared:
    """A graph against the policy in force, on the newest decisions."""
    from jiehuan.flow.drafts import difference_on_past
    from jiehuan.flow.policies import policy_in_force
    from jiehuan.policy import load_policy

    policy = load_policy(body.graph, "admission")
    with database.connect() as connection:
        at = moment(connection)
        live = policy_in_force(connection, at).version
        difference = difference_on_past(connection, policy, at)
    return Compared(live=live, difference=DifferenceOut(**difference.as_document()) if difference else None)


@router.post("/simulate")
def simulate_graph(database: Store, body: SimulateIn) -> Simulated:
    """Decide one application, or one set of input values, with a graph on our own engine. Nothing is kept."""
    from jiehuan.flow.decide import champion, document_of
    from jiehuan.flow.evaluate import evaluate
    from jiehuan.policy import load_policy
    from jiehuan.policy.run import simulate

    if (body.application_id is None) == (not body.values):
        mend = "send application_id or values, not both"
        raise InputError(Problem("body", "", "nothing to decide, or two things", mend))
    policy = load_policy(body.graph, "admission")
    decision: dict[str, Any] | None = None
    values = body.values
    if body.application_id is not None:
        with database.connect() as connection:
            asked = select(application, borrower.c.birth_year).join_from(application, borrower)
            row = connection.execute(asked.where(application.c.application_id == body.application_id)).one_or_none()
            if row is None:
                mend = "look in GET /api/applications"
                raise NotFound(Problem("application_id", body.application_id, "no such application", mend))
            document, model = document_of(connection, row), champion(connection)[1]
        decision = evaluate(document, model=model, policy=policy)
        values = decision["inputs"]["policy"]
    return Simulated(**simulate(policy, values), values=dict(values), decision=decision)
