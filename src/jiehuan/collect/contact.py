"""Contact rules for those who collect: what was broken in a log, and what would be broken by the next contact.

The rules and their counting are the law's own (``law.contacts``): quiet hours, answered calls, dials and third persons, each
contact judged by the law of its own day in China.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jiehuan.law import Law
from jiehuan.law.breach import Breach as LawBreach
from jiehuan.law.contacts import Contact as LawContact
from jiehuan.law.contacts import check_contact, read_contact
from jiehuan.law.contacts import check_contacts as check_log
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact made or about to be made. ``channel``: call, sms, mail, letter or visit; ``number`` any stable token of what
    was dialled; ``answered`` None where it is not known; ``person`` debtor or third; ``consent`` to be contacted at that hour."""

    contact_id: str
    debtor_id: str
    at: datetime
    channel: str
    number: str = ""
    answered: bool | None = None
    person: str = "debtor"
    mentions_debt: bool = False
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """A contact that broke a rule: which, what was found, and the law in both languages."""

    contact_id: str
    debtor_id: str
    at: datetime
    rule: str
    citation: str
    zh: str
    en: str

    def as_row(self) -> dict[str, str]:
        """Plain strings, for tables and JSON."""
        return {
            "contact_id": self.contact_id, "debtor_id": self.debtor_id, "at": self.at.isoformat(), "rule": self.rule,
            "citation": self.citation, "zh": self.zh, "en": self.en,
        }  # fmt: skip


def check_contacts(log: pl.DataFrame | Iterable[Mapping[str, Any] | Contact], law: Law) -> list[Breach]:
    """Every breach in a log of contacts that were made, in order of time; ``law`` names the lender.

    Raises InputError with each row that can't be read; ``read_contacts`` tells good rows from bad.
    """
    rows = log.iter_rows(named=True) if hasattr(log, "iter_rows") else log
    contacts, problems = read_contacts(rows)
    if problems:
        raise InputError(problems)
    placed = [replace(_lawful(contact), contact_id=f"{place:09}") for place, contact in enumerate(contacts)]
    found = check_log(placed, law.lender_type)  # by place: a log may name two contacts alike
    return [_breach(breach, contacts[int(breach.where.removeprefix("contact "))]) for breach in found]


def check_next_contact(contact: Contact, earlier: Iterable[Contact], law: Law) -> list[Breach]:
    """What would be broken by making this contact, given those made before. A sender asks this before it sends.

    A call counts as answered until it is known not to be.
    """
    before = sorted((other for other in earlier if other.at <= contact.at), key=lambda other: other.at)
    found = check_contact(_lawful(contact), [_lawful(other) for other in before], law.lender_type)
    return [_breach(breach, contact) for breach in found]


def read_contacts(
    log: Iterable[Mapping[str, Any] | Contact], where: str = "contacts"
) -> tuple[list[Contact], list[Problem]]:
    """Contacts from rows (columns as ``law.contacts.read_contacts`` says), and a Problem for each that can't be read.

    Rows that were never made (blocked, failed) are left out.
    """
    contacts: list[Contact] = []
    problems: list[Problem] = []
    for place, row in enumerate(log, 1):
        if isinstance(row, Contact):
            contacts.append(row)
            continue
        try:
            read = read_contact(row, f"{where} row {place}", place)
        except InputError as error:
            problems.extend(error.problems)
            continue
        if read is not None:
            person = "third" if read.third_person else "debtor"
            contacts.append(
                Contact(
                    read.contact_id, read.debtor_id, read.at, read.channel, read.number, read.answered, person,
                    read.mentioned_debt, read.consent,
                )
            )  # fmt: skip
    return contacts, problems


def _lawful(contact: Contact) -> LawContact:
    return LawContact(
        contact.contact_id, contact.debtor_id, contact.at, contact.channel, contact.number, contact.answered,
        contact.person == "third", contact.mentions_debt, contact.consent,
    )  # fmt: skip


def _breach(breach: LawBreach, contact: Contact) -> Breach:
    return Breach(contact.contact_id, contact.debtor_id, contact.at, breach.id, breach.citation, breach.zh, breach.en)
