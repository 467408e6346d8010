"""Collection contacts against the conduct rules, to the second and to the count."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.law.checks import Contact, check_contact, check_contacts, read_contact, read_contacts
from jiehuan.law.contacts import Tally
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=CHINA)


def call(minutes: int = 0, **change: Any) -> Contact:
    fields: dict[str, Any] = {"contact_id": f"c{minutes}", "debtor_id": "d1", "at": NOON + timedelta(minutes=minutes),
                              "channel": "call", "number": "n1", "answered": False}  # fmt: skip
    return Contact(**{**fields, **change})


def broken(*log: Contact, lender: str = "bank") -> list[tuple[str, str]]:
    return [(found.id, found.where.removeprefix("contact ")) for found in check_contacts(log, lender)]


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("21:59:59", False), ("22:00:00", True), ("23:59:59", True), ("00:00:00", True), ("07:59:59", True), ("08:00:00", False)],
)
@pytest.mark.parametrize("channel", ["call", "sms", "mail", "visit"])
def test_quiet_hours_to_the_second(clock: str, quiet: bool, channel: str) -> None:
    at = datetime.fromisoformat(f"2026-03-02T{clock}+08:00")
    assert broken(call(at=at, channel=channel)) == ([("quiet_hours", "c0")] if quiet else [])


def test_quiet_hours_are_those_of_shanghai_wherever_the_clock_stood() -> None:
    assert broken(call(at=datetime.fromisoformat("2026-03-02T14:00:00+00:00"))) == [("quiet_hours", "c0")]
    assert broken(call(at=datetime.fromisoformat("2026-03-02T23:00:00-05:00"))) == []


def test_a_letter_has_no_hour_and_consent_opens_the_night() -> None:
    night = datetime(2026, 3, 2, 23, 0, tzinfo=CHINA)
    assert broken(call(at=night, channel="letter")) == []
    assert broken(call(at=night, consent=True)) == []
    assert broken(call(at=datetime(2025, 6, 2, 23, 0, tzinfo=CHINA), consent=True)) == [("quiet_hours", "c0")]


def test_quiet_hours_hold_from_the_day_of_the_convention() -> None:
    assert broken(call(at=datetime(2018, 3, 27, 23, 0, tzinfo=CHINA))) == []
    assert broken(call(at=datetime(2018, 3, 28, 23, 0, tzinfo=CHINA))) == [("quiet_hours", "c0")]


def test_three_calls_may_be_answered_in_a_day_and_a_fourth_may_not() -> None:
    answered = [call(n, answered=True, number=f"n{n}") for n in range(4)]
    assert broken(*answered[:3]) == []
    assert broken(*answered) == [("answered_calls_per_day", "c3")]
    assert broken(*answered[:3], call(3, number="n3")) == [], "a fourth that nobody answers is no breach"
    next_day = call(24 * 60, answered=True, number="n3")
    assert broken(*answered[:3], next_day) == []


def test_six_dials_to_a_number_and_not_a_seventh() -> None:
    dials = [call(n) for n in range(7)]
    assert broken(*dials[:6]) == []
    assert broken(*dials) == [("dials_per_number_per_day", "c6")]
    assert broken(*dials[:6], call(6, number="n2")) == [], "another number counts for itself"
    assert broken(*dials[:6], call(6, channel="sms")) == [], "a message is no dial"
    assert broken(*(call(n, number="") for n in range(7))) == [("dials_per_number_per_day", "c6")]


def test_the_dial_limit_binds_from_the_guide_on() -> None:
    early = [call(n, at=datetime(2026, 1, 29, 12, n, tzinfo=CHINA)) for n in range(7)]
    assert broken(*early) == []
    late = [call(n, at=datetime(2026, 1, 30, 12, n, tzinfo=CHINA)) for n in range(7)]
    assert broken(*late) == [("dials_per_number_per_day", "c6")]


def test_the_day_of_a_count_is_the_day_in_shanghai() -> None:
    """Three answered before 16:00 UTC and one after: two days in Shanghai, though one in UTC."""
    start = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    log = [call(n, at=start + timedelta(minutes=n), answered=True, number=str(n)) for n in range(3)]
    assert broken(*log, call(9, at=start + timedelta(hours=13), answered=True, number="9")) == []


def test_a_third_person_only_after_three_failed_tries_and_without_a_word_of_the_debt() -> None:
    third = call(9, third_person=True, number="n9")
    tries = [call(n) for n in range(3)]
    assert broken(*tries, third) == []
    assert broken(*tries[:2], third) == [("third_party_contact", "c9")]
    assert broken(third) == [("third_party_contact", "c9")]
    told = call(9, third_person=True, number="n9", mentioned_debt=True)
    assert broken(*tries, told) == [("third_party_contact", "c9")]
    reached = call(5, answered=True)
    assert broken(*tries, reached, third) == [("third_party_contact", "c9")], "the debtor was reached in between"
    assert broken(*tries, call(9, third_person=True, number="n9", debtor_id="d2")) == [("third_party_contact", "c9")]


def test_what_is_said_never_repeats_the_number() -> None:
    found = check_contacts([call(n, number="13800138000") for n in range(7)], "bank")
    assert found and all("13800138000" not in str(one.as_dict()) for one in found)


def test_a_planned_call_might_be_answered() -> None:
    earlier = [call(n, answered=True, number=f"n{n}") for n in range(3)]
    planned = call(10, answered=None, number="n10")
    assert [one.id for one in check_contact(planned, earlier, "bank")] == ["answered_calls_per_day"]
    assert check_contact(planned, earlier[:2], "bank") == []
    assert check_contact(planned, [call(n, debtor_id="d2", answered=True, number="x") for n in range(3)], "bank") == []
    assert check_contact(call(10, answered=None, channel="sms"), earlier, "bank") == []


def test_the_house_keeps_the_same_manners_outside_mainland_law() -> None:
    (found,) = check_contacts([call(at=datetime(2015, 1, 1, 23, 0, tzinfo=CHINA))], "other")
    assert found.id == "quiet_hours" and found.source == "house"


ROW: dict[str, Any] = {"debtor_id": "d1", "at": "2026-03-02T10:00:00", "channel": "call"}


def test_rows_are_read_in_the_words_logs_use() -> None:
    contact = read_contact({"borrower_id": 7, "at": "2026-03-02T02:00:00Z", "action": "CALL", "status": "answered", "party": "third_person"}, "r")
    assert contact is not None
    assert (contact.debtor_id, contact.answered, contact.third_person, contact.local.hour) == ("7", True, True, 10)
    plan_words = read_contact({**ROW, "person": "third", "mentions_debt": True}, "r")
    assert plan_words is not None and plan_words.third_person and plan_words.mentioned_debt
    assert read_contact(ROW, "r").local.hour == 10  # type: ignore[union-attr]
    assert read_contact({**ROW, "answered": "0", "mentioned_debt": "true"}, "r").mentioned_debt  # type: ignore[union-attr]
    assert read_contact({**ROW, "status": "blocked"}, "r") is None, "what never went out is no contact"
    assert read_contact({**ROW, "at": datetime(2026, 3, 2, 2, tzinfo=CHINA)}, "r").local.hour == 2  # type: ignore[union-attr]


def test_a_bad_row_never_loses_the_good_ones() -> None:
    contacts, problems = read_contacts([ROW, {"at": "x"}, {**ROW, "at": None}, ROW], "log.json")
    assert len(contacts) == 2
    assert [str(one.where) for one in problems] == [
        "log.json row 2, debtor_id", "log.json row 2, at", "log.json row 2, channel", "log.json row 3, at",
    ]  # fmt: skip
    with pytest.raises(InputError):
        read_contact({}, "r")


CONTACTS = st.lists(
    st.builds(
        Contact,
        contact_id=st.uuids().map(str),
        debtor_id=st.sampled_from(["d1", "d2"]),
        at=st.integers(0, 3 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
        channel=st.sampled_from(["call", "call", "sms", "visit", "letter"]),
        number=st.sampled_from(["", "n1", "n2"]),
        answered=st.sampled_from([True, False, None]),
        third_person=st.sampled_from([False, False, False, True]),
        mentioned_debt=st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(CONTACTS)
def test_a_log_of_contacts_each_checked_before_it_was_made_has_no_breach(log: list[Contact]) -> None:
    """The gate and the audit agree: what the gate let through, the audit never blames."""
    made: list[Contact] = []
    for contact in sorted(log, key=lambda one: (one.at, one.contact_id)):
        if not check_contact(contact, made, "bank"):
            made.append(contact)
    assert check_contacts(made, "bank") == []


@settings(max_examples=80, deadline=None)
@given(CONTACTS)
def test_counts_by_hand(log: list[Contact]) -> None:
    """Answered calls above three and dials above six, counted plainly."""
    found = [one.id for one in check_contacts(log, "bank")]
    answered: dict[tuple[str, date], int] = {}
    dials: dict[tuple[str, str, bool, date], int] = {}
    for one in log:
        if one.channel == "call":
            key = (one.debtor_id, one.number, one.third_person and not one.number, one.local.date())
            dials[key] = dials.get(key, 0) + 1
            if one.answered and not one.third_person:
                answered[one.debtor_id, one.local.date()] = answered.get((one.debtor_id, one.local.date()), 0) + 1
    assert found.count("answered_calls_per_day") == sum(max(0, count - 3) for count in answered.values())
    assert found.count("dials_per_number_per_day") == sum(max(0, count - 6) for count in dials.values())
    quiet = sum(one.channel != "letter" and (one.local.hour >= 22 or one.local.hour < 8) for one in log)
    assert found.count("quiet_hours") == quiet


def test_an_unknown_answer_is_neither_a_reach_nor_a_failed_try() -> None:
    tally = Tally()
    tally.add(call(answered=None))
    assert tally.failed_tries == 0 and not tally.answered
