"""Segments, the work list under capacity, contact rules, messages.

``plan`` makes the day's work list with a stated gap to the best possible, ``check_contacts`` finds breaches in a contact log,
``check_next_contact`` is asked before a contact is made, ``render`` writes what it says.
"""

from jiehuan.collect.account import Accounts, read_accounts
from jiehuan.collect.assign import Assignment, assign
from jiehuan.collect.capacity import ACTIONS, Action, Capacity, Pool, load_capacity, read_capacity
from jiehuan.collect.contact import Breach, Contact, check_contacts, check_next_contact, read_contacts
from jiehuan.collect.message import Message, render, template_for, templates
from jiehuan.collect.plan import contact_window, holdout_arms, plan
from jiehuan.collect.response import Responses, load_responses, read_responses
from jiehuan.collect.segment import SEGMENT_WORDS, SEGMENTS, SegmentParams, ability_of, segments, willingness_of
from jiehuan.collect.worklist import Plan, PlanItem

__all__ = [
    "ACTIONS",
    "SEGMENTS",
    "SEGMENT_WORDS",
    "Accounts",
    "Action",
    "Assignment",
    "Breach",
    "Capacity",
    "Contact",
    "Message",
    "Plan",
    "PlanItem",
    "Pool",
    "Responses",
    "SegmentParams",
    "ability_of",
    "assign",
    "check_contacts",
    "check_next_contact",
    "contact_window",
    "holdout_arms",
    "load_capacity",
    "load_responses",
    "plan",
    "read_accounts",
    "read_capacity",
    "read_contacts",
    "read_responses",
    "render",
    "segments",
    "template_for",
    "templates",
    "willingness_of",
]
