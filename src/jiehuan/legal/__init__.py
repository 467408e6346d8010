"""Cases: procedure, fees, deadlines, limitation, pleadings and evidence bundles; and the documents of a loan.

``case(document)`` works a case out; ``pack(case)`` gives its files. Law values come from the law book by date and lender.
"""

from jiehuan.legal.case import Case, Evidence, case
from jiehuan.legal.claim import Claim, claim_of
from jiehuan.legal.deadlines import CaseEvent, Deadline, deadlines, read_events
from jiehuan.legal.fees import PROCEDURES, CourtFee, court_fee
from jiehuan.legal.interest import delayed_performance_interest
from jiehuan.legal.limitation import Limitation, limitation
from jiehuan.legal.pack import pack
from jiehuan.legal.procedure import Road, chosen, roads
from jiehuan.legal.typeset import Lettering, lettering

__all__ = [
    "PROCEDURES",
    "Case",
    "CaseEvent",
    "Claim",
    "CourtFee",
    "Deadline",
    "Evidence",
    "Lettering",
    "Limitation",
    "Road",
    "case",
    "chosen",
    "claim_of",
    "court_fee",
    "deadlines",
    "delayed_performance_interest",
    "lettering",
    "limitation",
    "pack",
    "read_events",
    "roads",
]
