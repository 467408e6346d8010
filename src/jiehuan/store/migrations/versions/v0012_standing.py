"""Loan states become what lasts (``loan_standing``) and what is read from it by the book's day (the view ``loan_state``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import op
from sqlalchemy import Connection, text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

AT_ONCE = 1_000


def upgrade() -> None:
    connection = op.get_bind()
    said = (Path(__file__).parent / "v0012_standing.sql").read_text(encoding="utf-8")
    connection.exec_driver_sql(said.replace("%", "%%"))
    let_penalties_run(connection)


def let_penalties_run(connection: Connection) -> None:
    """Give the rows of overdue loans what their penalty grows by; a loan that cannot be folded keeps the penalty it has."""
    from jiehuan.loan import read_event, read_terms, replay
    from jiehuan.units.errors import JiehuanError

    last = ""
    while rows := connection.execute(_OVERDUE, {"after": last, "most": AT_ONCE}).all():
        last = rows[-1].loan_id
        events: dict[str, list[dict[str, Any]]] = {}
        for loan_id, body in connection.execute(_EVENTS, {"loans": [row.loan_id for row in rows]}):
            events.setdefault(loan_id, []).append(body)
        found = []
        for row in rows:
            try:
                happened = [read_event(body, row.loan_id) for body in events.get(row.loan_id, ())]
                running = replay(read_terms(row.terms, row.loan_id), happened, row.as_of, bare=True).running
            except JiehuanError:
                continue
            if running is not None:
                found.append({
                    "loan": row.loan_id, "base": running.base_fen, "days": running.fen_days,
                    "up": running.numerator, "down": running.denominator,
                })  # fmt: skip
        if found:
            connection.execute(_RUN, found)


_OVERDUE = text(
    "SELECT s.loan_id, s.as_of, l.terms FROM loan_standing s JOIN loan l USING (loan_id)"
    " WHERE s.loan_id > :after AND s.overdue_fen > 0 AND s.status NOT IN ('settled', 'sold') ORDER BY s.loan_id LIMIT :most"
)
_EVENTS = text("SELECT loan_id, body FROM loan_event WHERE loan_id = ANY(:loans) ORDER BY seq")
_RUN = text(
    "UPDATE loan_standing SET penalty_base_fen = :base, penalty_fen_days = :days, penalty_numerator = :up,"
    " penalty_denominator = :down WHERE loan_id = :loan"
)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
