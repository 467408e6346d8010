"""What the law says to a draw, a product, a contact, a lender's limits or a kind of data: lists of breaches.

>>> from datetime import date
>>> from jiehuan.law import law_on
>>> draw = {"principal": "10000", "rate": "0.36", "months": 12, "method": "equal_instalment"}
>>> [found.id for found in check_draw(draw, law_on(date(2026, 1, 5), "bank"))]
['cost_cap']
"""

from jiehuan.law.breach import Breach
from jiehuan.law.contacts import Contact, check_contact, check_contacts, read_contact, read_contacts
from jiehuan.law.data import check_data
from jiehuan.law.draws import check_cost, check_draw, check_product, check_received, check_term, check_uplift
from jiehuan.law.lenders import (
    check_borrower_total,
    check_concentration,
    check_leverage,
    check_partner_share,
    check_student,
)

__all__ = [
    "Breach", "Contact", "check_borrower_total", "check_concentration", "check_contact", "check_contacts",
    "check_cost", "check_data", "check_draw", "check_leverage", "check_partner_share", "check_product",
    "check_received", "check_student", "check_term", "check_uplift", "read_contact", "read_contacts",
]  # fmt: skip
