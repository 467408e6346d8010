"""One loan: its terms, its schedule, and the fold of its events into a state.

>>> from datetime import date
>>> terms = read_terms({"lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12,
...                     "method": "equal_instalment", "drawn_on": "2025-12-01"})
>>> make_schedule(terms).total_interest_fen
100161
>>> events = read_events([{"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"}])
>>> replay(terms, events, date(2026, 1, 15)).principal_outstanding_fen
923320
"""

from jiehuan.loan.events import KINDS, Event, read_event, read_events
from jiehuan.loan.replay import replay
from jiehuan.loan.schedule import Instalment, Schedule, make_schedule
from jiehuan.loan.state import AMOUNTS, MOVEMENT_KINDS, LoanState, Movement, Row
from jiehuan.loan.terms import METHODS, PARTS, Fee, Plan, Terms, plain_terms, read_plan, read_terms

__all__ = [
    "AMOUNTS",
    "KINDS",
    "METHODS",
    "MOVEMENT_KINDS",
    "PARTS",
    "Event",
    "Fee",
    "Instalment",
    "LoanState",
    "Movement",
    "Plan",
    "Row",
    "Schedule",
    "Terms",
    "make_schedule",
    "plain_terms",
    "read_event",
    "read_events",
    "read_plan",
    "read_terms",
    "replay",
]
