"""What happened on the platform's own loans, told to the signals: pay days missed, payments whole and part, draws, contacts, 30 days past due.

Put into the inbox when a day is closed, for a worker to take like any other event; each happening once, whenever it is asked. All carry
the evening of the day on which they became known, so that a day closed late is not lost behind the watermark. An account is a borrower.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, select, text

from jiehuan.store.rows import upsert
from jiehuan.store.tables import setting
from jiehuan.units.days import CHINA

LAST = "watch.own_events"
"""The setting that holds the last day whose happenings were told."""


def put_own_events(connection: Connection, on: date) -> int:
    """Tell what became known after the day told last, up to ``on``, which is closed; how many events. Twice tells nothing again."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": LAST})
    told = connection.execute(select(setting.c.value).where(setting.c.key == LAST)).scalar_one_or_none()
    after = date.fromisoformat(told["on"]) if told is not None else on - timedelta(days=1)
    if after >= on:
        return 0
    evening = datetime.combine(on, time(23), CHINA)
    put = connection.execute(_PUT, {"after": after, "on": on, "at": evening.isoformat()}).rowcount
    upsert(connection, setting, [{"key": LAST, "value": {"on": on.isoformat()}}])
    return int(put)


_HAPPENED = """
    SELECT 'due_missed' AS kind, s.loan_id || ' ' || coalesce(s.next_due::text, 'end') AS what, l.borrower_id AS account, s.overdue_fen AS fen
        FROM loan_state s JOIN loan l USING (loan_id) WHERE s.oldest_due IS NOT NULL AND s.status IN ('active', 'restructured')
    UNION ALL
    SELECT 'overdue_30', s.loan_id || ' ' || s.oldest_due::text, l.borrower_id, s.overdue_fen
        FROM loan_state s JOIN loan l USING (loan_id) WHERE s.oldest_due IS NOT NULL AND s.dpd >= 30 AND s.status IN ('active', 'restructured')
    UNION ALL
    SELECT CASE WHEN e.kind = 'repayment' AND s.overdue_fen > 0 THEN 'partial_payment' ELSE 'repayment' END, e.event_id, l.borrower_id,
           (coalesce(e.body->>'amount', '0')::numeric * 100)::bigint
        FROM loan_event e JOIN loan l USING (loan_id) JOIN loan_state s USING (loan_id)
        WHERE e.known_on > :after AND e.known_on <= :on AND e.kind IN ('repayment', 'prepayment', 'settlement')
          AND NOT EXISTS (SELECT FROM loan_event u WHERE u.loan_id = e.loan_id AND u.kind = 'reversal' AND u.body->>'of' = e.event_id)
    UNION ALL
    SELECT 'draw', l.loan_id, l.borrower_id, l.principal_fen FROM loan l
        WHERE l.drawn_on > :after AND l.drawn_on <= :on
    UNION ALL
    SELECT CASE WHEN c.status = 'answered' THEN 'contact_answered' ELSE 'contact_failed' END, c.contact_id, c.borrower_id, 0 FROM contact c
        WHERE c.channel = 'call' AND c.status IN ('answered', 'unanswered')
          AND (c.at AT TIME ZONE 'Asia/Shanghai')::date > :after AND (c.at AT TIME ZONE 'Asia/Shanghai')::date <= :on
    UNION ALL
    SELECT 'account_closed', l.borrower_id || ' ' || max(s.as_of)::text, l.borrower_id, 0 FROM loan l JOIN loan_state s USING (loan_id)
        GROUP BY l.borrower_id
        HAVING bool_and(s.status IN ('settled', 'sold', 'written_off')) AND max(s.as_of) > :after AND max(s.as_of) <= :on
"""

_PUT = text(
    f"WITH happened AS ({_HAPPENED}), told AS ("  # noqa: S608 - our own text
    " SELECT 'own ' || kind || ' ' || what AS id, kind, account, fen FROM happened)"
    " INSERT INTO signal_inbox (event_id, content, sender)"
    " SELECT id, jsonb_build_object('event_id', id, 'account_id', account, 'at', CAST(:at AS text), 'kind', kind, 'amount_fen', fen), 'day end'"
    " FROM told WHERE NOT EXISTS (SELECT FROM signal_event e WHERE e.event_id = told.id) ORDER BY account, kind, id"
    " ON CONFLICT DO NOTHING"
)
