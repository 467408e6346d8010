"""No contact outside the rules was made: every contact that went out is judged by the law of its day."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from jiehuan.collect.contact import Contact, check_contacts
from jiehuan.law import law_on
from jiehuan.store.audit.tally import Audit, Finding, Tally, finding
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem

MADE = ("sent", "answered", "unanswered")
"""Statuses of contacts that were made; a blocked or failed one reached nobody. Imported history is not ours to answer for."""


def check_contact_rules(audit: Audit) -> Iterator[Finding]:
    """Quiet hours, calls a day, third persons: by lender type, in order of time."""
    tally = Tally()
    by_lender: dict[str, list[Contact]] = {}
    for row in audit.connection.execute(_CONTACTS, {"made": list(MADE)}):
        detail = row.detail or {}
        by_lender.setdefault(row.lender_type, []).append(
            Contact(
                row.contact_id,
                row.borrower_id,
                row.at,
                row.channel,
                number=str(detail.get("number") or "main"),
                answered=row.status == "answered",
                person=str(detail.get("person") or "debtor"),
                mentions_debt=bool(detail.get("mentions_debt")),
                consent=bool(detail.get("consent")),
            )
        )
    for lender_type, contacts in by_lender.items():
        law = law_on(max(contact.at for contact in contacts).astimezone(CHINA).date(), lender_type)
        tally.look(things=len(contacts))
        for breach in check_contacts(contacts, law):
            where = f"contact {breach.contact_id}"
            at = breach.at.astimezone(CHINA).isoformat()
            tally.look([Problem(where, at, breach.en, "", breach.citation, breach.zh)], things=0)
    yield finding("contact_rules", "没有违规催收触达", "no contact was made outside the rules", tally)


_CONTACTS = text(
    "SELECT c.*, l.lender_type FROM contact c JOIN loan l USING (loan_id)"
    " WHERE c.status = ANY(:made) AND coalesce(c.detail->>'source', '') <> 'import' ORDER BY c.at, c.contact_id"
)
