"""The day's work list: who is contacted, how and when, for the most recovered under capacity and contact rules.

Contact rules are inside the plan, not a filter after it: a call that would be the fourth answered one is never planned, no
contact stands in quiet hours, a complaint or a hardship case stops the clock, a debtor with several accounts is contacted
once. A random share of debtors (the holdout, by a seeded hash of the debtor) is left on the default, so that the effect of the
measures is known. The gap between the plan and the best possible plan is stated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.collect.account import Accounts, read_accounts
from jiehuan.collect.assign import NO_POOL, assign
from jiehuan.collect.capacity import ACTIONS, CONTACTS, Capacity, read_capacity
from jiehuan.collect.response import Responses, expected_uplift, load_responses
from jiehuan.collect.segment import DEFAULT, SegmentParams, segments
from jiehuan.collect.worklist import Plan, Sheet
from jiehuan.law import Law
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Plan", "contact_window", "holdout_arms", "plan"]


def plan(
    accounts: pl.DataFrame | Sequence[Mapping[str, Any]],
    capacity: Capacity | Mapping[str, Any],
    at: datetime,
    seed: int,
    law: Law,
    responses: Responses | None = None,
    segment_params: SegmentParams = DEFAULT,
) -> Plan:
    """The work list as of ``at`` (an instant with a zone) under the law of that day.

    ``accounts``: the **accounts** table (``collect.account``). ``capacity``: a Capacity, or pieces a day such as ``{"sms": 400,
    "call": 60, "holdout": 0.1}``. ``seed`` names the experiment: the same seed keeps each debtor in its arm. Accounts not overdue
    are no part of the plan. Raises InputError for a malformed table or an instant without zone.
    """
    if at.tzinfo is None:
        raise InputError(Problem("at", at.isoformat(), "time zone missing", "write the offset, like +08:00"))
    able = capacity if isinstance(capacity, Capacity) else read_capacity(capacity)
    told = responses if responses is not None else load_responses()
    a = read_accounts(accounts)
    start, stop = contact_window(at, able, law)
    segment = segments(a.ability, a.willingness, segment_params)
    arm = holdout_arms(a.debtor_id, seed, able.holdout)
    all_gain, why = _gains(a, able, told, segment, arm, start, law)
    gain = np.where(arm[:, None], -np.inf, all_gain)
    pool = _pools(a, able)
    uses = np.array([action.uses for action in able.actions], np.int64)
    units = np.array([p.units for p in able.pools], np.int64)
    answer = assign(gain, pool, uses, units)
    intended = _at_prices(all_gain, pool, uses, answer.prices)
    order = _order(gain, answer.choice, a)
    times = _times(answer.choice, order, able, start, stop)
    sheet = Sheet(a, able, told, segment, arm, answer.choice, intended, gain, why, times)
    items = tuple(sheet.item(i) for i in order if a.dpd[i] > 0)
    used = {p.name: (int(answer.used[k]), p.units) for k, p in enumerate(able.pools)}
    prices = {p.name: float(answer.prices[k]) / 100 for k, p in enumerate(able.pools)}
    return Plan(items, round(answer.value), int(np.ceil(answer.bound)), answer.gap, used, prices, a.refused)


def contact_window(at: datetime, capacity: Capacity, law: Law) -> tuple[datetime, datetime]:
    """The next stretch from ``at`` on in which contacts may be made: the lender's hours without the law's quiet hours.

    Raises InputError when nothing is left between the two.
    """
    opens, closes = capacity.hours
    quiet = law.value("quiet_hours")
    if quiet is not None:
        # Quiet hours pass midnight: the day opens when they end and closes when they begin.
        opens, closes = max(opens, time.fromisoformat(quiet["to"])), min(closes, time.fromisoformat(quiet["from"]))
    if opens >= closes:
        raise InputError(
            Problem("capacity, hours", f"{opens} to {closes}", "nothing is left outside quiet hours", "widen the hours")
        )
    local = at.astimezone(CHINA)
    day = local.date() if local.time() < closes else local.date() + timedelta(days=1)
    start = max(local, datetime.combine(day, opens, CHINA))
    return start, datetime.combine(day, closes, CHINA)


def holdout_arms(debtors: Sequence[str], seed: int, share: float) -> NDArray[np.bool_]:
    """Who is held out, by a hash of seed and debtor: the same in every plan of one experiment, whatever else is in it.

    >>> holdout_arms(["d1", "d2"], 7, 0.0).tolist()
    [False, False]
    """
    limit = int(share * 2**64)
    key = str(seed).encode()
    known: dict[str, bool] = {}
    for debtor in debtors:
        if debtor not in known:
            digest = hashlib.blake2b(debtor.encode(), digest_size=8, key=key[:64]).digest()
            known[debtor] = int.from_bytes(digest, "big") < limit
    return np.array([known[debtor] for debtor in debtors], bool).reshape(len(debtors))


def _gains(
    a: Accounts,
    able: Capacity,
    told: Responses,
    segment: NDArray[np.int8],
    arm: NDArray[np.bool_],
    start: datetime,
    law: Law,
) -> tuple[NDArray[np.float64], list[str]]:
    """Net gain in fen of each action at each account, -inf where it may not be taken; and why not, where nothing may."""
    n = len(a)
    uplift = expected_uplift(told, a.dpd, segment)
    gain = np.full((n, len(able.actions)), -np.inf)
    why = np.array([""] * n, dtype=object)
    today = (start.date() - datetime(1970, 1, 1).date()).days  # noqa: DTZ001 - a date only
    # Rest, complaints and calls belong to the person, whichever of the accounts they are noted at.
    last_contact = _by_debtor(a, a.last_contact)
    rested = (last_contact < 0) | (start.timestamp() - last_contact >= able.rest_days * 86_400)
    held = _by_debtor(a, np.array([bool(h) for h in a.hold], np.int64).reshape(n)) > 0
    promised = a.promise_until >= today
    chosen = _one_per_debtor(a)
    free = (a.dpd > 0) & ~held & ~promised & chosen
    for reason, rows in (
        ("rest", ~rested),
        ("other", ~chosen),
        ("promise", promised),
        ("hold", held),
        ("holdout", arm),
        ("current", a.dpd <= 0),
    ):
        why[rows] = reason
    answered, dials = law.value("answered_calls_per_day"), law.value("dials_per_number_per_day")
    silent = np.zeros(n, bool)
    if answered is not None:
        silent |= _by_debtor(a, a.answered_today) >= int(answered)
    if dials is not None:
        silent |= _by_debtor(a, a.dials_today) >= int(dials)
    for k, action in enumerate(able.actions):
        allowed = free & (a.dpd >= action.from_dpd) & (a.overdue_fen >= action.least_fen)
        if action.name in CONTACTS:
            allowed &= rested
        if action.name == "call":
            allowed &= ~silent
        worth = uplift[:, ACTIONS.index(action.name)] * a.overdue_fen - action.cost_fen
        gain[:, k] = np.where(allowed, np.floor(worth), -np.inf)
    nothing = (why == "") & ~(gain > 0).any(axis=1)
    why[nothing & silent] = "calls"
    why[nothing & ~silent] = "small"
    return gain, list(why)


def _by_debtor(a: Accounts, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The highest value among the accounts of each account's debtor."""
    if not len(a):
        return values
    _, person = np.unique(np.array(a.debtor_id), return_inverse=True)
    highest = np.full(person.max() + 1, np.iinfo(np.int64).min)
    np.maximum.at(highest, person, values)
    return highest[person]


def _one_per_debtor(a: Accounts) -> NDArray[np.bool_]:
    """The one account of each debtor that a contact is about: the most overdue in money among those with no hold."""
    best: dict[str, int] = {}
    for i, debtor in enumerate(a.debtor_id):
        other = best.get(debtor)
        if a.dpd[i] > 0 and (other is None or a.overdue_fen[i] > a.overdue_fen[other]):
            best[debtor] = i
    chosen = np.zeros(len(a), bool)
    chosen[list(best.values())] = True
    return chosen


def _pools(a: Accounts, able: Capacity) -> NDArray[np.int64]:
    """The pool that serves each account's actions: the first named one for its language and region."""
    index = {p.name: k for k, p in enumerate(able.pools)}
    out = np.full((len(a), len(able.actions)), NO_POOL, np.int64)
    language, region = np.array(a.language, dtype=object), np.array(a.region, dtype=object)
    for k, action in enumerate(able.actions):
        for name in reversed(action.pools):
            p = able.pools[index[name]]
            fits = np.ones(len(a), bool)
            if p.languages:
                fits &= np.isin(language, p.languages)
            if p.regions:
                fits &= np.isin(region, p.regions)
            out[fits, k] = index[name]
    return out


def _order(gain: NDArray[np.float64], choice: NDArray[np.int64], a: Accounts) -> list[int]:
    worth = np.where(choice >= 0, gain[np.arange(len(choice)), choice], -1.0)
    return [int(i) for i in np.lexsort((np.array(a.account_id, dtype=object).astype(str), -a.overdue_fen, -worth))]


def _times(
    choice: NDArray[np.int64], order: Sequence[int], able: Capacity, start: datetime, stop: datetime
) -> dict[int, datetime]:
    """A moment for each contact, spread over the window so that agents work evenly, the best first."""
    times: dict[int, datetime] = {}
    for k in range(len(able.actions)):
        taken = [i for i in order if choice[i] == k]
        for rank, i in enumerate(taken):
            moment = start + (stop - start) * (rank / len(taken))
            times[i] = moment.replace(microsecond=0)
    return times


def _at_prices(
    gain: NDArray[np.float64], pool: NDArray[np.int64], uses: NDArray[np.int64], prices: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Each account's best action at the final prices, -1 where none is worth its price."""
    if not gain.size:
        return np.full(len(gain), -1, np.int64)
    worth = gain - np.where(pool >= 0, prices[pool], 0.0) * uses
    best = worth.argmax(axis=1)
    return np.where(worth[np.arange(len(gain)), best] > 0, best, -1)
