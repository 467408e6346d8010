"""Every fen that came in or went out is on a loan or in suspense: receipts and statement lines against the journal."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from jiehuan.store.audit.tally import Audit, Finding, Tally, finding
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan


def check_suspense(audit: Audit) -> Iterator[Finding]:
    """What the books hold in suspense is what receipts and outgoing lines say; a booked receipt is one standing event."""
    tally = Tally()
    for row in audit.connection.execute(_HELD):
        problems = []
        if row.held != row.said:
            reason = f"the books hold {format_yuan(int(row.held))} in suspense for it"
            mend = "find the entry that is missing or too many"
            problems.append(Problem(f"{row.kind} {row.id}, {row.status}", format_yuan(int(row.said)), reason, mend))
        tally.look(problems)
    yield finding("suspense", "待认领款项与账一致", "money in suspense agrees with the books", tally)
    booked = Tally()
    for row in audit.connection.execute(_BOOKED):
        place = f"receipt {row.receipt_id}"
        if row.event_id is None or row.found is None:
            booked.look([Problem(place, str(row.event_id), "is booked, but its loan has no such event")])
        elif row.undone:
            booked.look([Problem(place, row.event_id, "is booked by an event that was reversed", "put it in suspense")])
        elif row.said != format_yuan(row.amount_fen):
            booked.look([Problem(place, format_yuan(row.amount_fen), f"its loan's event is over {row.said}")])
        else:
            booked.look()
    yield finding(
        "receipts", "每笔入账收款对应一笔还款", "every booked receipt is one standing event of its loan", booked
    )


_HELD = text(
    "WITH held AS (SELECT held_id, sum(credit_fen - debit_fen) AS fen FROM line"
    "  WHERE held_id IS NOT NULL AND account = 'suspense' GROUP BY held_id),"
    " said AS (SELECT 'receipt' AS kind, receipt_id AS id, status,"
    "   CASE WHEN status = 'suspense' THEN amount_fen ELSE 0 END AS fen FROM receipt"
    "  UNION ALL SELECT 'statement line', line_id, outcome, CASE WHEN outcome = 'suspense' THEN amount_fen ELSE 0 END"
    "   FROM statement_line WHERE amount_fen < 0 AND outcome <> 'refused')"
    " SELECT coalesce(s.kind, 'money') AS kind, coalesce(s.id, h.held_id) AS id, coalesce(s.status, 'unknown') AS status,"
    "  coalesce(s.fen, 0) AS said, coalesce(h.fen, 0) AS held"
    " FROM said s FULL JOIN held h ON h.held_id = s.id ORDER BY 2"
)
_BOOKED = text(
    "SELECT r.receipt_id, r.amount_fen, r.event_id, e.event_id AS found, e.body->>'amount' AS said,"
    " EXISTS (SELECT FROM loan_event u WHERE u.loan_id = r.loan_id AND u.kind = 'reversal' AND u.body->>'of' = r.event_id) AS undone"
    " FROM receipt r LEFT JOIN loan_event e ON e.loan_id = r.loan_id AND e.event_id = r.event_id"
    " WHERE r.status = 'posted' ORDER BY r.receipt_id"
)
