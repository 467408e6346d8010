"""The compiled heart of the signal engine: one step over a run of one account's events, used by live judging and by replay alike.

The step takes up to RUN events of one account: they are put behind its log, then each group is brought forward over all of them in one
tight loop (a column of values for each feature), then each rule is judged over its column. Live judging is a run of one event; replay
orders its rows by account, so that runs are long and all they touch stays in the nearest cache.

Layout. Each account owns one contiguous block of events in the arena, ordered by time; a block doubles when full and gives
back what is older than the horizon. An event is known inside its account by a sequence number that never changes when
blocks move, so links stay valid. A *group* is a (stream, window, before) of the declaration: two sequence numbers (head,
tail) and running aggregates, brought forward only when a rule reads it. So the state is a cache of the event log: putting a
late event in its place means inserting it, resetting the account's groups and reading again.

Count, sum and sums of squares are exact integers; distinct counterparties follow links between events of the same
counterparty, the maximum follows links to the previous greater amount. Each is amortised O(1) per event and group, but for
the maximum (expected logarithmic), sequences and changes (a scan of their window when they are read).

All functions live in this one file on purpose: numba's cache is keyed by file and would not see a change elsewhere. Arrays
are passed one by one and are all int64 or float64, because tuples of arrays tripled the time to compile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

# An event's row in the arena: one cache line, then a link to the previous greater amount per stream with a maximum.
TS, AMOUNT, ID, PARTY, MASK, KIND, PREV, NEXT, GREATER = range(9)
# An account's row: its block and clock, last alert of a model, then latest event per stream with a maximum, last alert per alert group, groups.
START, SIZE, FIRST, END, CLOCK, LISTED, SCORED = range(7)
# A group in an account's row, from its column AT on; what it does not need it does not have (column -1).
HEAD, TAIL, COUNT, TOTAL, DETAIL = range(5)
# A group's row in the declaration.
G_STREAM, G_WINDOW, G_BEFORE, G_AT, G_DISTINCT, G_LAST, G_SQUARE, G_GREATER, G_FEATURES, G_FEATURES_END = range(10)
# A feature's row; aggregates as in declare.AGGREGATES.
F_OF, F_GROUP, F_STEPS, F_LENGTH = range(4)
COUNT_OF, SUM_OF, MEAN_OF, MAX_OF, STD_OF, DISTINCT_OF, SINCE_OF, LAST_OF, VELOCITY_OF, SEQUENCE_OF = range(10)
RISE_OF, FALL_OF, SLOWER_OF, FASTER_OF, CHANGED_OF = range(10, 15)
# A cumulative sum of one's own robust deviations (Page 1954): values before it starts, slack, bounds, memory, the least deviation.
WARM, SLACK, CLIP, MEMORY, LEAST, LONGEST = 5, 0.5, 3.0, 30, 0.05, 256
# Rows of ``raw``, a group's integers at each entry of a run: by aggregate, and the parts of the sum of squares.
HIGH, CROSS, LOW = STD_OF, VELOCITY_OF, SEQUENCE_OF
# A rule's row.
R_START, R_STOP, R_COOLDOWN, R_SEVERITY, R_SPOKE, R_SHOWN, R_SHOWN_END = range(7)
# A kind's row: streams that take it, rules judged at it.
K_MASK, K_RULES, K_RULES_END = range(3)
# A stream's row: hours of the local day in seconds (-1 none), least amount, the stream whose new counterparties it takes.
S_HOUR, S_HOUR_END, S_LEAST, S_BASE, S_MEMORY, S_GREATER, S_LATEST = range(7)
# A row of a batch, in order of arrival; the last column is what became of it.
B_ACCOUNT, B_TS, B_AMOUNT, B_ID, B_PARTY, B_KIND, B_CHANNEL, B_SECOND, B_STATUS = range(9)
TAKEN, LATE, DUPLICATE, CONFLICT, TOO_LATE, FULL = range(6)
# Limits of the declaration, in microseconds.
HORIZON, LATENESS, TICK, LINKED, COLUMNS = range(5)
# Cells of the meta array: arena rows used, slots taken, memo stamp, alerts written, then the first free block of each size.
USED, HASHED, STAMP, ALERTS, FREE = range(5)
# Why a run stopped.
DONE, FLUSH, ROOM, REHASH = range(4)

NONE = -1
FAR = 2**31 - 1
MAX_SEQ = 2**31 - 2**20
RUN = 64  # the most events of one account that one step takes
# An entry of a run: the row of the batch, the time as of which it is judged, what it may see, its own sequence number.
E_ROW, E_NOW, E_BOUND, E_OWN = range(4)
LIMB = 22
LIMB_MASK = (1 << LIMB) - 1
FIRST_SIZE = 2  # a first block holds 4 events
FEW = 32  # events among which a counterparty is looked for one by one; beyond, its newest event is listed in slots

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile on first call and keep the result on disk; where no folder can be written, compile anew in each process.

    Without reference counting (``_nrt``): nothing is allocated here, and counting the arrays handed from call to call, each an
    atomic step, took most of the time.
    """
    return _compile(function, {})


def inlined(function: F) -> F:
    """As ``compiled``, and put in place where it is called: for what runs several times an event."""
    return _compile(function, {"forceinline": True})


def _compile(function: F, more: dict[str, Any]) -> F:
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False, **more}
    try:
        return cast(F, njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(F, njit(**options)(function))


def _asking(_: Any, array: Any, row: Any, column: Any) -> Any:
    make: Any = cgutils  # numba's own tools have no types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        whole = context.make_array(kind)(context, builder, arguments[0])
        cell = make.get_item_pointer(context, builder, kind, whole, arguments[1:])
        known = make.ir.FunctionType(make.ir.VoidType(), [make.voidptr_t, *[make.int32_t] * 3])
        fetch = make.get_or_insert_function(builder.module, known, "llvm.prefetch.p0")
        to_write, near, data = make.int32_t(1), make.int32_t(3), make.int32_t(1)
        builder.call(fetch, [builder.bitcast(cell, make.voidptr_t), to_write, near, data])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


_ask_for: Any = intrinsic(_asking)
"""Ask for the memory of an array's cell, to be written soon; nothing waits for it."""


@inlined
def _mix(account: int, party: int) -> Any:
    x = np.uint64(party) ^ (np.uint64(account) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x7F4A7C15))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64(x ^ (x >> np.uint64(31)))


@compiled
def _slot(events: Any, accounts: Any, slots: Any, account: int, party: int) -> Any:
    """The slot held by the newest event of (account, counterparty), or the slot to use for it.

    A slot is (mixed key, account << 32 | sequence number), -1 when empty. It is stale when its event is gone; a stale slot
    may be used again, but never emptied, so that searches go on past it.
    """
    tag = _mix(account, party)
    last = slots.shape[0] - 1
    at = tag & last
    spare = NONE
    while True:
        held = slots[at, 1]
        if held < 0:
            return at if spare < 0 else spare
        if slots[at, 0] == tag and held >> 32 == account:
            return at
        if spare < 0:
            owner, seq = held >> 32, held & 0xFFFFFFFF
            if seq >= accounts[owner, END] or seq < accounts[owner, FIRST]:
                spare = at
        at = (at + 1) & last


@compiled
def _list(events: Any, accounts: Any, slots: Any, meta: Any, account: int, seq: int) -> Any:
    """List an event as the newest of its counterparty; the sequence number of the one before, -1 where there is none."""
    first = accounts[account, FIRST]
    base = accounts[account, START] - first
    party = events[base + seq, PARTY]
    at = _slot(events, accounts, slots, account, party)
    tag, held = _mix(account, party), slots[at, 1]
    before = held & 0xFFFFFFFF
    own = held >= 0 and slots[at, 0] == tag and held >> 32 == account
    if held < 0:
        meta[HASHED] += 1
    slots[at, 0] = tag
    slots[at, 1] = (account << 32) | seq
    if own and first <= before < seq and events[base + before, PARTY] == party:
        return before
    return np.int64(NONE)


@compiled
def _link(streams: Any, limits: Any, events: Any, accounts: Any, slots: Any, meta: Any, account: int, seq: int) -> None:
    """Set the links and the new-counterparty bits of the account's newest event."""
    first = accounts[account, FIRST]
    base = accounts[account, START] - first
    row = base + seq
    events[row, PREV] = NONE
    events[row, NEXT] = FAR
    party = events[row, PARTY]
    if party != 0 and limits[LINKED] != 0:
        before = seq - 1
        if accounts[account, LISTED] == 0 and seq - first < FEW:
            while before >= first and events[base + before, PARTY] != party:
                before -= 1
        else:
            if accounts[account, LISTED] == 0:
                accounts[account, LISTED] = 1
                for other in range(first, seq):
                    if events[base + other, PARTY] != 0:
                        _list(events, accounts, slots, meta, account, other)
            before = _list(events, accounts, slots, meta, account, seq)
        if before >= first:
            events[row, PREV] = before
            events[base + before, NEXT] = seq
    for stream in range(streams.shape[0]):
        base_stream = streams[stream, S_BASE]
        if base_stream >= 0:
            events[row, MASK] &= ~(1 << stream)
            if party != 0 and events[row, MASK] >> base_stream & 1:
                j = events[row, PREV]
                while j >= first and not events[base + j, MASK] >> base_stream & 1:
                    j = events[base + j, PREV]
                if j < first or events[row, TS] - events[base + j, TS] > streams[stream, S_MEMORY]:
                    events[row, MASK] |= 1 << stream
    for stream in range(streams.shape[0]):
        column = streams[stream, S_GREATER]
        if column >= 0 and events[row, MASK] >> stream & 1:
            j = accounts[account, streams[stream, S_LATEST]]
            while j >= first and events[base + j, AMOUNT] <= events[row, AMOUNT]:
                j = events[base + j, column]
            events[row, column] = j if j >= first else NONE
            accounts[account, streams[stream, S_LATEST]] = seq


@compiled
def _reset(groups: Any, accounts: Any, account: int) -> None:
    """Forget the account's running aggregates; the next reading folds its events again."""
    for g in range(groups.shape[0]):
        at = groups[g, G_AT]
        accounts[account, at + HEAD] = accounts[account, FIRST]
        accounts[account, at + TAIL] = accounts[account, FIRST]
        accounts[account, at + COUNT] = 0
        accounts[account, at + TOTAL] = 0
        if groups[g, G_DISTINCT] >= 0:
            accounts[account, groups[g, G_DISTINCT]] = 0
        if groups[g, G_LAST] >= 0:
            accounts[account, groups[g, G_LAST]] = NONE
            accounts[account, groups[g, G_LAST] + 1] = NONE
        if groups[g, G_SQUARE] >= 0:
            for part in range(3):
                accounts[account, groups[g, G_SQUARE] + part] = 0


@compiled
def _relink(
    groups: Any, streams: Any, limits: Any, events: Any, accounts: Any, slots: Any, meta: Any, account: int
) -> None:
    """Link all of the account's events anew, after one was put among them."""
    first, end = accounts[account, FIRST], accounts[account, END]
    for stream in range(streams.shape[0]):
        if streams[stream, S_GREATER] >= 0:
            accounts[account, streams[stream, S_LATEST]] = NONE
    # A slot that names a later event than the one being linked counts as stale, so linking in order rebuilds all.
    for seq in range(first, end):
        _link(streams, limits, events, accounts, slots, meta, account, seq)
    _reset(groups, accounts, account)


@compiled
def _leave(groups: Any, events: Any, accounts: Any, account: int, g: int, seq: int, base: int) -> None:
    """Take the event at the tail out of a group, when its row is about to be given back."""
    stream, at, row = groups[g, G_STREAM], groups[g, G_AT], base + seq
    if not events[row, MASK] >> stream & 1:
        return
    amount = events[row, AMOUNT]
    accounts[account, at + COUNT] -= 1
    accounts[account, at + TOTAL] -= amount
    square = groups[g, G_SQUARE]
    if square >= 0:
        high, low = amount >> LIMB, amount & LIMB_MASK
        accounts[account, square] -= high * high
        accounts[account, square + 1] -= high * low
        accounts[account, square + 2] -= low * low
    distinct = groups[g, G_DISTINCT]
    if distinct >= 0 and events[row, PARTY] != 0:
        head = accounts[account, at + HEAD]
        j = events[row, NEXT]
        while j < head and not events[base + j, MASK] >> stream & 1:
            j = events[base + j, NEXT]
        accounts[account, distinct] -= 1 if j >= head else 0


@compiled
def _sequence(
    events: Any, accounts: Any, refs: Any, account: int, start: int, length: int, bound: int, since: int, until: int
) -> float:
    """1 when events of the steps' streams stand in this order inside the window; the search is greedy from the latest."""
    first = accounts[account, FIRST]
    base = accounts[account, START] - first
    step = length - 1
    j = bound - 1
    while j >= first and events[base + j, TS] > since:
        if events[base + j, TS] <= until and events[base + j, MASK] >> refs[start + step] & 1:
            step -= 1
            if step < 0:
                return 1.0
        j -= 1
    return 0.0


@compiled
def _change(
    events: Any, accounts: Any, account: int, stream: int, of: int, bound: int, since: int, until: int, now: int
) -> float:
    """How far the stream has moved from the account's own usual, in robust deviations summed up; NaN before six values.

    Values are logs of amounts (rise, fall, changed) or of the gaps between events (slower, faster), oldest first, of the newest
    LONGEST events in the window. The usual is a running mean and mean deviation of values that are clipped, so that one outlier
    neither alarms nor becomes the usual. ``changed``: seconds since the larger excursion began, the estimate of the change point.
    """
    first = accounts[account, FIRST]
    base = accounts[account, START] - first
    j = bound - 1
    found, start = 0, bound
    while j >= first and events[base + j, TS] > since and found < LONGEST:
        if events[base + j, TS] <= until and events[base + j, MASK] >> stream & 1:
            found += 1
            start = j
        j -= 1
    gaps = of in (SLOWER_OF, FASTER_OF)
    n, usual, spread, up, down = 0, 0.0, 0.0, 0.0, 0.0
    up_at, down_at, last = 0, 0, NONE
    for seq in range(start, bound):
        row = base + seq
        if not events[row, MASK] >> stream & 1 or events[row, TS] > until:
            continue
        if gaps:
            before = last
            last = events[row, TS]
            if before == NONE:
                continue
            x = np.log1p((last - before) / 1e6)
        else:
            x = np.log1p(events[row, AMOUNT] / 100.0)
        n += 1
        if n == 1:
            usual = x
        elif n <= WARM:
            spread += (abs(x - usual) - spread) / (n - 1)
            usual += (x - usual) / n
        else:
            scale = max(1.25 * spread, LEAST)
            r = min(CLIP, max(-CLIP, (x - usual) / scale))
            if up == 0.0:
                up_at = events[row, TS]
            if down == 0.0:
                down_at = events[row, TS]
            up = max(0.0, up + r - SLACK)
            down = max(0.0, down - r - SLACK)
            rate = 1.0 / min(n, MEMORY)
            spread += rate * (scale * abs(r) - spread)
            usual += rate * scale * r
    if n <= WARM:
        return np.nan
    if of in (RISE_OF, SLOWER_OF):
        return up
    if of in (FALL_OF, FASTER_OF):
        return down
    if up == 0.0 and down == 0.0:
        return np.nan
    return (now - (up_at if up >= down else down_at)) / 1e6


@compiled
def _read_group(
    features: Any,
    groups: Any,
    refs: Any,
    events: Any,
    accounts: Any,
    raw: Any,
    memo: Any,
    stamps: Any,
    stamp: int,
    account: int,
    g: int,
    entry: Any,
    k: int,
) -> None:
    """Bring a group forward over a run and write all of its features as columns of ``memo``; NaN where nothing is known.

    Its window at an entry is (now - before - window, now - before], events below the entry's bound.
    """
    base = accounts[account, START] - accounts[account, FIRST]
    at, stream = groups[g, G_AT], groups[g, G_STREAM]
    distinct, newest, square = groups[g, G_DISTINCT], groups[g, G_LAST], groups[g, G_SQUARE]
    greater = groups[g, G_GREATER]
    head, tail = accounts[account, at + HEAD], accounts[account, at + TAIL]
    count, total = accounts[account, at + COUNT], accounts[account, at + TOTAL]
    parties = accounts[account, distinct] if distinct >= 0 else 0
    last = accounts[account, newest] if newest >= 0 else NONE
    prior = accounts[account, newest + 1] if newest >= 0 else NONE
    high = accounts[account, square] if square >= 0 else 0
    cross = accounts[account, square + 1] if square >= 0 else 0
    low = accounts[account, square + 2] if square >= 0 else 0
    for e in range(k):
        now = entry[e, E_NOW]
        bound = entry[e, E_BOUND]
        until = now - groups[g, G_BEFORE]
        since = until - groups[g, G_WINDOW]
        while tail < head and events[base + tail, TS] <= since:
            row = base + tail
            # No jump on whether the stream takes the event: which does, nobody can guess.
            taken = events[row, MASK] >> stream & 1
            amount = events[row, AMOUNT] * taken
            count -= taken
            total -= amount
            if square >= 0:
                upper, lower = amount >> LIMB, amount & LIMB_MASK
                high -= upper * upper
                cross -= upper * lower
                low -= lower * lower
            if distinct >= 0 and taken != 0 and events[row, PARTY] != 0:
                # A counterparty leaves when no later event of it is in the window.
                j = events[row, NEXT]
                while j < head and not events[base + j, MASK] >> stream & 1:
                    j = events[base + j, NEXT]
                parties -= 1 if j >= head else 0
            tail += 1
        if tail == head:
            while head < bound and events[base + head, TS] <= since:
                head += 1
            tail = head
        while head < bound and events[base + head, TS] <= until:
            row = base + head
            taken = events[row, MASK] >> stream & 1
            amount = events[row, AMOUNT] * taken
            count += taken
            total += amount
            if square >= 0:
                upper, lower = amount >> LIMB, amount & LIMB_MASK
                high += upper * upper
                cross += upper * lower
                low += lower * lower
            if distinct >= 0 and taken != 0 and events[row, PARTY] != 0:
                # It enters when no earlier event of it is in the window.
                j = events[row, PREV]
                while j >= tail and not events[base + j, MASK] >> stream & 1:
                    j = events[base + j, PREV]
                parties += 1 if j < tail else 0
            prior = last if taken != 0 else prior
            last = head if taken != 0 else last
            head += 1
        raw[COUNT_OF, e], raw[SUM_OF, e] = count, total
        if distinct >= 0:
            raw[DISTINCT_OF, e] = parties
        if newest >= 0:
            # The event being judged is not its own past.
            seen = prior if last == entry[e, E_OWN] else last
            raw[SINCE_OF, e] = now - events[base + seen, TS] if seen >= 0 and seen >= tail else NONE
            raw[LAST_OF, e] = events[base + last, AMOUNT] if count > 0 else 0
            if greater >= 0 and count > 0:
                j = last
                while events[base + j, greater] >= tail:
                    j = events[base + j, greater]
                raw[MAX_OF, e] = events[base + j, AMOUNT]
        if square >= 0:
            raw[HIGH, e], raw[CROSS, e], raw[LOW, e] = high, cross, low
    # What the group holds becomes what was declared, a feature at a time, so that each is one plain loop over the run,
    # in whole eights: what stands behind the run is nobody's, and a loop of odd length costs more than it saves.
    whole = (k + 7) & ~7
    for cell in range(groups[g, G_FEATURES], groups[g, G_FEATURES_END]):
        f = refs[cell]
        of = features[f, F_OF]
        stamps[f] = stamp
        if of in (COUNT_OF, DISTINCT_OF):
            for e in range(whole):
                memo[f, e] = raw[of, e] * 1.0
        elif of == SUM_OF:
            for e in range(whole):
                memo[f, e] = raw[SUM_OF, e] / 100.0
        elif of == VELOCITY_OF:
            for e in range(whole):
                memo[f, e] = raw[COUNT_OF, e] * 3.6e9 / groups[g, G_WINDOW]
        elif of == MEAN_OF:
            for e in range(whole):
                memo[f, e] = raw[SUM_OF, e] / 100.0 / raw[COUNT_OF, e] if raw[COUNT_OF, e] > 0 else np.nan
        elif of == SINCE_OF:
            for e in range(whole):
                memo[f, e] = raw[SINCE_OF, e] / 1e6 if raw[SINCE_OF, e] >= 0 else np.nan
        elif of == STD_OF:
            for e in range(whole):
                n = raw[COUNT_OF, e]
                squares = (raw[HIGH, e] * 2.0**LIMB + 2.0 * raw[CROSS, e]) * 2.0**LIMB + raw[LOW, e]
                spread = squares - raw[SUM_OF, e] * (raw[SUM_OF, e] / n)
                # Below the resolution of doubles a spread is none: equal amounts have deviation 0, not rounding noise.
                value = 0.0 if spread <= 1e-14 * squares else np.sqrt(spread / (n - 1)) / 100.0
                memo[f, e] = value if n > 1 else np.nan
        else:
            for e in range(whole):
                memo[f, e] = raw[of, e] / 100.0 if raw[COUNT_OF, e] > 0 else np.nan
    accounts[account, at + HEAD], accounts[account, at + TAIL] = head, tail
    accounts[account, at + COUNT], accounts[account, at + TOTAL] = count, total
    if distinct >= 0:
        accounts[account, distinct] = parties
    if newest >= 0:
        accounts[account, newest], accounts[account, newest + 1] = last, prior
    if square >= 0:
        accounts[account, square], accounts[account, square + 1], accounts[account, square + 2] = high, cross, low


@inlined
def _read(
    features: Any,
    groups: Any,
    refs: Any,
    events: Any,
    accounts: Any,
    raw: Any,
    memo: Any,
    stamps: Any,
    stamp: int,
    account: int,
    f: int,
    entry: Any,
    k: int,
) -> None:
    """See that feature ``f`` has its column for this run; a group is brought forward at most once a run."""
    if stamps[f] == stamp:
        return
    g = features[f, F_GROUP]
    if features[f, F_OF] == SEQUENCE_OF:
        for e in range(k):
            until = entry[e, E_NOW] - groups[g, G_BEFORE]
            memo[f, e] = _sequence(
                events, accounts, refs, account, features[f, F_STEPS], features[f, F_LENGTH], entry[e, E_BOUND],
                until - groups[g, G_WINDOW], until,
            )  # fmt: skip
        stamps[f] = stamp
    elif features[f, F_OF] >= RISE_OF:
        for e in range(k):
            until = entry[e, E_NOW] - groups[g, G_BEFORE]
            memo[f, e] = _change(
                events, accounts, account, groups[g, G_STREAM], features[f, F_OF], entry[e, E_BOUND], until - groups[g, G_WINDOW], until,
                entry[e, E_NOW],
            )  # fmt: skip
        stamps[f] = stamp
    else:
        _read_group(features, groups, refs, events, accounts, raw, memo, stamps, stamp, account, g, entry, k)


@inlined
def _walk(
    code: Any,
    const: Any,
    features: Any,
    groups: Any,
    refs: Any,
    events: Any,
    accounts: Any,
    batch: Any,
    raw: Any,
    memo: Any,
    stamps: Any,
    stack: Any,
    entry: Any,
    chosen: Any,
    stamp: int,
    account: int,
    k: int,
    m: int,
    pc: int,
    stop: int,
) -> None:
    """Run a program over the ``m`` entries in ``chosen``; the answers stand in the first row of ``stack``.

    A step does all entries before the next step is looked at, so that the looking costs little. A missing value makes each
    comparison false.
    """
    top = 0
    while pc < stop:
        op, arg = code[pc, 0], code[pc, 1]
        third = code[pc, 2]
        pc += 1
        if op == 1 or op >= 32:
            _read(features, groups, refs, events, accounts, raw, memo, stamps, stamp, account, arg, entry, k)
            if op == 1:
                for n in range(m):
                    stack[top, n] = memo[arg, chosen[n]]
            else:
                # A feature compared with a number: most of what rules do, in one step.
                y = const[third]
                if op == 43:
                    for n in range(m):
                        stack[top, n] = 1.0 if memo[arg, chosen[n]] >= y else 0.0
                elif op == 42:
                    for n in range(m):
                        stack[top, n] = 1.0 if memo[arg, chosen[n]] > y else 0.0
                elif op == 40:
                    for n in range(m):
                        stack[top, n] = 1.0 if memo[arg, chosen[n]] < y else 0.0
                elif op == 41:
                    for n in range(m):
                        stack[top, n] = 1.0 if memo[arg, chosen[n]] <= y else 0.0
                elif op == 44:
                    for n in range(m):
                        stack[top, n] = 1.0 if memo[arg, chosen[n]] == y else 0.0
                else:
                    for n in range(m):
                        x = memo[arg, chosen[n]]
                        stack[top, n] = 1.0 if x != y and not np.isnan(x) else 0.0
            top += 1
        elif op == 0:
            for n in range(m):
                stack[top, n] = const[arg]
            top += 1
        elif op == 2:
            for n in range(m):
                i = entry[chosen[n], E_ROW]
                stack[top, n] = batch[i, B_AMOUNT] / 100.0 if arg == 0 else batch[i, B_SECOND] / 3600.0
            top += 1
        elif op == 15:
            met = False
            for n in range(m):
                x = stack[top - 1, n]
                met = met or (x != 0.0 and not np.isnan(x))
            if not met:
                for n in range(m):
                    stack[top - 1, n] = 0.0
                pc += arg - 1
        elif op == 16:
            met = True
            for n in range(m):
                x = stack[top - 1, n]
                met = met and x != 0.0 and not np.isnan(x)
            if met:
                for n in range(m):
                    stack[top - 1, n] = 1.0
                pc += arg - 1
        elif op == 7:
            for n in range(m):
                stack[top - 1, n] = -stack[top - 1, n]
        elif op == 14:
            for n in range(m):
                x = stack[top - 1, n]
                stack[top - 1, n] = 1.0 if x == 0.0 or np.isnan(x) else 0.0
        elif op == 19:
            for n in range(m):
                stack[top - 1, n] = abs(stack[top - 1, n])
        elif op == 20:
            for n in range(m):
                stack[top - 1, n] = 0.0 if np.isnan(stack[top - 1, n]) else 1.0
        else:
            top -= 1
            for n in range(m):
                x, y = stack[top - 1, n], stack[top, n]
                unknown = np.isnan(x) or np.isnan(y)
                z = 0.0
                if op == 21:
                    z = y if x != 0.0 and not np.isnan(x) else 0.0
                elif op == 22:
                    z = 1.0 if x != 0.0 and not np.isnan(x) else y
                elif op == 10:
                    z = 1.0 if x > y else 0.0
                elif op == 11:
                    z = 1.0 if x >= y else 0.0
                elif op == 8:
                    z = 1.0 if x < y else 0.0
                elif op == 9:
                    z = 1.0 if x <= y else 0.0
                elif op == 3:
                    z = x + y
                elif op == 4:
                    z = x - y
                elif op == 5:
                    z = x * y
                elif op == 6:
                    z = x / y if y != 0.0 else np.nan
                elif op == 12:
                    z = 1.0 if x == y else 0.0
                elif op == 13:
                    z = 1.0 if x != y and not unknown else 0.0
                else:
                    z = np.nan if unknown else (min(x, y) if op == 17 else max(x, y))
                stack[top - 1, n] = z


@compiled
def _value(
    code: Any,
    const: Any,
    features: Any,
    groups: Any,
    refs: Any,
    events: Any,
    accounts: Any,
    batch: Any,
    raw: Any,
    memo: Any,
    stamps: Any,
    stack: Any,
    entry: Any,
    chosen: Any,
    stamp: int,
    account: int,
    k: int,
    m: int,
    pc: int,
    stop: int,
) -> None:
    """As ``_walk``, called: for the few values that sentences and derived columns need, so that it is compiled once more, not thrice."""
    _walk(
        code, const, features, groups, refs, events, accounts, batch, raw, memo, stamps, stack, entry, chosen, stamp, account, k, m, pc, stop
    )  # fmt: skip


@compiled
def _judge(
    code: Any,
    const: Any,
    features: Any,
    groups: Any,
    rules: Any,
    kinds: Any,
    derived: Any,
    refs: Any,
    judged: Any,
    events: Any,
    accounts: Any,
    meta: Any,
    batch: Any,
    row: Any,
    alerts: Any,
    seen: Any,
    table: Any,
    raw: Any,
    memo: Any,
    stamps: Any,
    stack: Any,
    entry: Any,
    chosen: Any,
    met: Any,
    marks: Any,
    account: int,
    k: int,
    mark: int,
    again: bool,
) -> None:
    """Judge a run of ``k`` entries of one account: the rules of their kinds, what the sentences of new alerts show, and the rows of the
    feature table. Conditions are columns; who speaks is then settled entry by entry, because silence depends on what spoke before.
    """
    meta[STAMP] += 1
    stamp = meta[STAMP]
    single: Any = np.int64(1)  # not a literal, for which another version would be compiled
    any_met = rules.shape[0]  # the row of ``met`` that says whether any rule is met at an entry
    for e in range(k):
        kind = batch[entry[e, E_ROW], B_KIND]
        for cell in range(kinds[kind, K_RULES], kinds[kind, K_RULES_END]):
            r = refs[cell]
            if marks[r] == stamp:
                continue
            marks[r] = stamp
            m = 0
            for other in range(e, k):
                if judged[r, batch[entry[other, E_ROW], B_KIND]] != 0:
                    chosen[m] = other
                    m += 1
            _walk(
                code, const, features, groups, refs, events, accounts, batch, raw, memo, stamps, stack, entry, chosen, stamp, account, k, m,
                rules[r, R_START], rules[r, R_STOP],
            )  # fmt: skip
            for n in range(m):
                if stack[0, n] != 0.0 and not np.isnan(stack[0, n]):
                    met[r, chosen[n]] = stamp
                    met[any_met, chosen[n]] = stamp
    for e in range(k):
        if met[any_met, e] != stamp:
            continue
        i, now = entry[e, E_ROW], entry[e, E_NOW]
        kind = batch[i, B_KIND]
        before = meta[ALERTS]
        for cell in range(kinds[kind, K_RULES], kinds[kind, K_RULES_END]):
            r = refs[cell]
            if met[r, e] != stamp:
                continue
            # The time * 4 + severity of the group's last alert. A higher severity breaks the silence; a late event is
            # silenced by an alert on either side of it.
            spoke = accounts[account, rules[r, R_SPOKE]]
            if spoke >= 0 and rules[r, R_SEVERITY] <= (spoke & 3) and abs(now - (spoke >> 2)) < rules[r, R_COOLDOWN]:
                continue
            raised = False
            if again:
                for a in range(mark, meta[ALERTS]):
                    raised = raised or alerts[a, 1] == r
            if raised:
                continue
            a = meta[ALERTS]
            meta[ALERTS] = a + 1
            alerts[a, 0], alerts[a, 1], alerts[a, 2] = i, r, now
            if spoke < 0 or now >= (spoke >> 2):
                accounts[account, rules[r, R_SPOKE]] = (now << 2) | rules[r, R_SEVERITY]
        chosen[0] = e
        for a in range(before, meta[ALERTS]):
            r = alerts[a, 1]
            for cell in range(rules[r, R_SHOWN], rules[r, R_SHOWN_END]):
                f = refs[cell]
                _value(
                    code, const, features, groups, refs, events, accounts, batch, raw, memo, stamps, stack, entry, chosen, stamp, account, k,
                    single, derived[f, 0], derived[f, 1],
                )  # fmt: skip
                seen[a, f] = stack[0, 0]
    if table.shape[0] == 0 or again:
        return
    windowed = features.shape[0]
    for f in range(windowed):
        _read(features, groups, refs, events, accounts, raw, memo, stamps, stamp, account, f, entry, k)
    for e in range(k):
        place = row[entry[e, E_ROW]]
        chosen[e] = e
        for f in range(windowed):
            table[place, f] = memo[f, e]
    for f in range(windowed, table.shape[1]):
        _value(
            code, const, features, groups, refs, events, accounts, batch, raw, memo, stamps, stack, entry, chosen, stamp, account, k, k,
            derived[f, 0], derived[f, 1],
        )  # fmt: skip
        for e in range(k):
            table[row[entry[e, E_ROW]], f] = stack[0, e]


@compiled
def _make_room(groups: Any, limits: Any, events: Any, accounts: Any, meta: Any, account: int, more: int) -> bool:
    """See that the account's block takes ``more`` events: drop what is past the horizon, and move to a larger block where that does
    not leave as much room as is kept. False when the arena must grow first; nothing is changed then."""
    start, size = accounts[account, START], accounts[account, SIZE]
    first, end = accounts[account, FIRST], accounts[account, END]
    room = 1 << size if start >= 0 else 0
    if end - first + more <= room:
        return True
    dead = 0
    while dead < end - first and events[start + dead, TS] <= accounts[account, CLOCK] - limits[HORIZON]:
        dead += 1
    alive = end - first - dead
    wanted = FIRST_SIZE
    while (1 << wanted) < alive + max(more, alive):
        wanted += 1
    target = start
    if start < 0 or wanted > size:
        target = meta[FREE + wanted]
        if target >= 0:
            meta[FREE + wanted] = events[target, 0]
        elif meta[USED] + (1 << wanted) <= events.shape[0]:
            target = meta[USED]
            meta[USED] += 1 << wanted
        else:
            return False
        accounts[account, SIZE] = wanted
    kept = first + dead
    if dead > 0:
        for g in range(groups.shape[0]):
            at = groups[g, G_AT]
            while accounts[account, at + TAIL] < min(kept, accounts[account, at + HEAD]):
                _leave(groups, events, accounts, account, g, accounts[account, at + TAIL], start - first)
                accounts[account, at + TAIL] += 1
            accounts[account, at + TAIL] = max(kept, accounts[account, at + TAIL])
            accounts[account, at + HEAD] = max(kept, accounts[account, at + HEAD])
    for n in range(end - kept):
        for column in range(events.shape[1]):
            events[target + n, column] = events[start + dead + n, column]
    accounts[account, START] = target
    accounts[account, FIRST] = kept
    if target != start and start >= 0:
        events[start, 0] = meta[FREE + size]
        meta[FREE + size] = start
    return True


@inlined
def _same(events: Any, row: int, batch: Any, i: int) -> Any:
    return (
        events[row, TS] == batch[i, B_TS]
        and events[row, AMOUNT] == batch[i, B_AMOUNT]
        and events[row, PARTY] == batch[i, B_PARTY]
        and events[row, KIND] == (batch[i, B_CHANNEL] << 32 | batch[i, B_KIND])
    )


@inlined
def _known(limits: Any, events: Any, accounts: Any, batch: Any, i: int) -> int:
    """Whether a row may be taken: TAKEN, DUPLICATE, CONFLICT or TOO_LATE."""
    account, ts = batch[i, B_ACCOUNT], batch[i, B_TS]
    first, end = accounts[account, FIRST], accounts[account, END]
    edge = accounts[account, CLOCK] - limits[LATENESS]
    base = accounts[account, START] - first
    conflict = False
    # An id that comes again inside the lateness; beyond it, at the very time of the row.
    seq = end - 1
    while seq >= first and events[base + seq, TS] >= edge:
        if events[base + seq, ID] == batch[i, B_ID]:
            if _same(events, base + seq, batch, i):
                return DUPLICATE
            conflict = True
        seq -= 1
    if ts < edge:
        low, high = first, seq + 1
        while low < high:
            middle = (low + high) // 2
            if events[base + middle, TS] < ts:
                low = middle + 1
            else:
                high = middle
        while low < end and events[base + low, TS] == ts:
            if events[base + low, ID] == batch[i, B_ID]:
                if _same(events, base + low, batch, i):
                    return DUPLICATE
                conflict = True
            low += 1
    if conflict:
        return CONFLICT
    return TAKEN if ts >= edge else TOO_LATE


@inlined
def _mask(kinds: Any, channels: Any, streams: Any, batch: Any, i: int) -> Any:
    """The streams that take a row, one bit each."""
    mask = kinds[batch[i, B_KIND], K_MASK] & channels[batch[i, B_CHANNEL]]
    for stream in range(streams.shape[0]):
        if mask >> stream & 1:
            inside = batch[i, B_AMOUNT] >= streams[stream, S_LEAST]
            start, stop = streams[stream, S_HOUR], streams[stream, S_HOUR_END]
            if start >= 0:
                second = batch[i, B_SECOND]
                day = start <= stop
                inside = inside and (
                    (day and start <= second < stop) or (not day and (second >= start or second < stop))
                )
            if not inside:
                mask &= ~(1 << stream)
    return mask


@inlined
def _put(kinds: Any, channels: Any, streams: Any, events: Any, batch: Any, i: int, place: int) -> None:
    """Write a row of the batch into the arena."""
    events[place, TS] = batch[i, B_TS]
    events[place, AMOUNT] = batch[i, B_AMOUNT]
    events[place, ID] = batch[i, B_ID]
    events[place, PARTY] = batch[i, B_PARTY]
    events[place, KIND] = batch[i, B_CHANNEL] << 32 | batch[i, B_KIND]
    events[place, MASK] = _mask(kinds, channels, streams, batch, i)


@compiled
def run(
    code: Any,
    const: Any,
    features: Any,
    groups: Any,
    rules: Any,
    kinds: Any,
    streams: Any,
    channels: Any,
    derived: Any,
    refs: Any,
    judged: Any,
    limits: Any,
    events: Any,
    accounts: Any,
    slots: Any,
    meta: Any,
    batch: Any,
    row: Any,
    alerts: Any,
    seen: Any,
    table: Any,
    raw: Any,
    memo: Any,
    stamps: Any,
    stack: Any,
    entry: Any,
    chosen: Any,
    met: Any,
    marks: Any,
    begin: int,
) -> tuple[int, int]:
    """Take rows of the batch from ``begin`` on, in order of arrival.

    Returns the next row and why it stopped: DONE, FLUSH (alerts must be taken away), ROOM (the arena must double) or REHASH
    (the slots must double). A row is taken whole or not at all.
    """
    rows = batch.shape[0]
    i = begin
    while i < rows:
        account = batch[i, B_ACCOUNT]
        most = min(RUN, (alerts.shape[0] - meta[ALERTS]) // (2 * rules.shape[0] + 1))
        if most < 1:
            return i, FLUSH
        stop = i + 1
        while stop < rows and stop - i < most and batch[stop, B_ACCOUNT] == account:
            stop += 1
        if not _make_room(groups, limits, events, accounts, meta, account, stop - i):
            return i, ROOM
        base = accounts[account, START] - accounts[account, FIRST]
        k = 0
        late, crowded = False, False
        while i < stop:
            ts, kind = batch[i, B_TS], batch[i, B_KIND]
            seq = accounts[account, END]
            if kind == limits[TICK]:
                if ts < accounts[account, CLOCK]:
                    batch[i, B_STATUS] = TOO_LATE
                    i += 1
                    continue
                entry[k, E_BOUND], entry[k, E_OWN] = seq, NONE
            else:
                known = _known(limits, events, accounts, batch, i)
                if known != TAKEN or seq >= MAX_SEQ:
                    batch[i, B_STATUS] = known if known != TAKEN else FULL
                    i += 1
                    continue
                crowded = meta[HASHED] * 10 >= slots.shape[0] * 6
                late = ts < accounts[account, CLOCK]
                if crowded or late:
                    break
                _put(kinds, channels, streams, events, batch, i, base + seq)
                accounts[account, END] = seq + 1
                _link(streams, limits, events, accounts, slots, meta, account, seq)
                entry[k, E_BOUND], entry[k, E_OWN] = seq + 1, seq
            batch[i, B_STATUS] = TAKEN
            accounts[account, CLOCK] = ts
            entry[k, E_ROW], entry[k, E_NOW] = i, ts
            if table.shape[0] > 0:
                # Rows of the table lie apart, as the accounts' events do; by the time they are written they are near.
                for cell in range(0, table.shape[1], 8):
                    _ask_for(table, row[i], cell)
            k += 1
            i += 1
        turns = 0
        if k == 0 and late and not crowded:
            # A late event is judged at its own time, and once more at the account's newest time: a late third failed debit
            # completes what its own time could not. Groups only move forward from the one to the other.
            ts, end = batch[i, B_TS], accounts[account, END]
            seq = end
            while seq > accounts[account, FIRST] and events[base + seq - 1, TS] > ts:
                seq -= 1
            for later in range(end, seq, -1):
                for column in range(events.shape[1]):
                    events[base + later, column] = events[base + later - 1, column]
            _put(kinds, channels, streams, events, batch, i, base + seq)
            accounts[account, END] = end + 1
            if seq == end:
                _link(streams, limits, events, accounts, slots, meta, account, seq)
                _reset(groups, accounts, account)
            else:
                _relink(groups, streams, limits, events, accounts, slots, meta, account)
            batch[i, B_STATUS] = LATE
            entry[0, E_ROW], entry[0, E_NOW], entry[0, E_BOUND], entry[0, E_OWN] = i, ts, seq + 1, seq
            k, turns = 1, 1
            i += 1
        mark = meta[ALERTS]
        for turn in range(turns + 1 if k > 0 else 0):
            if turn == 1:
                entry[0, E_NOW], entry[0, E_BOUND] = accounts[account, CLOCK], accounts[account, END]
                entry[0, E_OWN] = NONE
            _judge(
                code, const, features, groups, rules, kinds, derived, refs, judged, events, accounts, meta, batch, row, alerts, seen, table,
                raw, memo, stamps, stack, entry, chosen, met, marks, account, k, mark, turn == 1,
            )  # fmt: skip
        if crowded:
            return i, REHASH
    return rows, DONE


@compiled
def arrange(
    accounts: Any,
    ts: Any,
    amount: Any,
    ids: Any,
    party: Any,
    kind: Any,
    channel: Any,
    second: Any,
    start: Any,
    batch: Any,
    row: Any,
) -> None:
    """Fill a batch with rows ordered by account, each account's in order of arrival; ``row`` says where each came from.

    Accounts never look at each other, so the answers are those of the order of arrival; but an account's memory is fetched once
    for all of its rows. ``start``: zeros, one more than accounts.
    """
    count = start.shape[0] - 1
    for i in range(accounts.shape[0]):
        start[accounts[i] + 1] += 1
    for account in range(count):
        start[account + 1] += start[account]
    for i in range(accounts.shape[0]):
        place = start[accounts[i]]
        start[accounts[i]] = place + 1
        row[place] = i
        batch[place, B_ACCOUNT] = accounts[i]
        batch[place, B_TS] = ts[i]
        batch[place, B_AMOUNT] = amount[i]
        batch[place, B_ID] = ids[i]
        batch[place, B_PARTY] = party[i]
        batch[place, B_KIND] = kind[i]
        batch[place, B_CHANNEL] = channel[i]
        batch[place, B_SECOND] = second[i]
        batch[place, B_STATUS] = 0


@compiled
def rehash(events: Any, accounts: Any, slots: Any, meta: Any) -> None:
    """Fill empty slots from the events that are still kept."""
    last = slots.shape[0] - 1
    meta[HASHED] = 0
    for account in range(accounts.shape[0]):
        if accounts[account, LISTED] == 0:
            continue
        first = accounts[account, FIRST]
        base = accounts[account, START] - first
        for seq in range(first, accounts[account, END]):
            party = events[base + seq, PARTY]
            # The newest event of a counterparty is the one with no next.
            if party == 0 or events[base + seq, NEXT] != FAR:
                continue
            mixed = _mix(account, party)
            at = mixed & last
            while slots[at, 1] >= 0:
                at = (at + 1) & last
            slots[at, 0] = mixed
            slots[at, 1] = (account << 32) | seq
            meta[HASHED] += 1


@compiled
def hash_texts(data: Any, offsets: Any, out: Any) -> None:
    """A 64-bit hash of each text (bytes ``data[offsets[i]:offsets[i + 1]]``); the empty text is 0."""
    for i in range(offsets.shape[0] - 1):
        x = np.uint64(0xCBF29CE484222325)
        for at in range(offsets[i], offsets[i + 1]):
            x = (x ^ np.uint64(data[at])) * np.uint64(0x100000001B3)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
        if offsets[i] == offsets[i + 1]:
            out[i] = 0
        else:
            out[i] = np.int64(x) if x != np.uint64(0) else 1


@inlined
def _eight(data: Any, at: int) -> Any:
    """Eight bytes as one number; the compiler makes one load of it."""
    low = np.uint64(data[at]) | np.uint64(data[at + 1]) << np.uint64(8) | np.uint64(data[at + 2]) << np.uint64(16)
    low |= np.uint64(data[at + 3]) << np.uint64(24) | np.uint64(data[at + 4]) << np.uint64(32)
    low |= np.uint64(data[at + 5]) << np.uint64(40) | np.uint64(data[at + 6]) << np.uint64(48)
    return low | np.uint64(data[at + 7]) << np.uint64(56)


@inlined
def _bytes(data: Any, at: int, count: int, end: int) -> Any:
    """The first ``count`` bytes from ``at``, at most eight, as one number; without a jump but at the end of the strip."""
    word = np.uint64(0)
    if at + 8 <= end:
        word = _eight(data, at)
    else:
        for n in range(end - at):
            word |= np.uint64(data[at + n]) << np.uint64(8 * n)
    wanted = min(max(count, 0), 8)
    return word & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * wanted) if wanted > 0 else np.uint64(0))


@inlined
def _stir(x: Any) -> Any:
    x = x * np.uint64(0xBF58476D1CE4E5B9)
    return x ^ (x >> np.uint64(32))


@compiled
def code_texts(
    data: Any, offsets: Any, slots: Any, codes: Any, firsts: Any, keys: Any, begin: int, count: int
) -> tuple[int, int]:
    """Number equal texts alike from text ``begin`` on, in order of first sight; ``firsts``: where each number was first seen.

    ``keys`` int64[n, 4] holds of each number its first sixteen bytes, hash and length, so that equal texts are told without
    going back to the strip unless they are longer. ``slots`` is int32, all -1, a power of two; ``count`` numbers are known from
    before. Returns the next text and how many numbers there are; it stops early when half of the slots are taken.
    """
    last = slots.shape[0] - 1
    texts = offsets.shape[0] - 1
    end = offsets[texts]
    for known in range(count):
        at = keys[known, 2] & last
        while slots[at] >= 0:
            at = (at + 1) & last
        slots[at] = known
    for i in range(begin, texts):
        start = offsets[i]
        length = offsets[i + 1] - start
        first, second = _bytes(data, start, length, end), _bytes(data, start + 8, length - 8, end)
        x = _stir(first ^ np.uint64(length) * np.uint64(0x9E3779B97F4A7C15)) ^ second
        n = 16
        while n < length:
            x = _stir(x) ^ _bytes(data, start + n, length - n, end)
            n += 8
        key = np.int64(_stir(x))
        at = key & last
        while True:
            held = slots[at]
            if held < 0:
                if 2 * count >= last:
                    return i, count
                slots[at] = count
                firsts[count] = i
                codes[i] = count
                keys[count, 0], keys[count, 1], keys[count, 2], keys[count, 3] = first, second, key, length
                count += 1
                break
            same = keys[held, 2] == key and keys[held, 3] == length
            same = same and keys[held, 0] == np.int64(first) and keys[held, 1] == np.int64(second)
            if same and length > 16:
                other = offsets[firsts[held]]
                n = 16
                while same and n < length:
                    same = data[other + n] == data[start + n]
                    n += 1
            if same:
                codes[i] = held
                break
            at = (at + 1) & last
    return texts, count
