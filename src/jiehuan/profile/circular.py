"""Money that goes in circles: it comes in, goes out again in the same amount, and is no income.

Two shapes are looked for. Reciprocal: a counterparty is paid about what it pays, within days, again and again, whatever
the description says. Ring: what one counterparty pays leaves to another within two days, again and again. Amounts match
within a tolerance (fees); each transaction is matched at most once, with the nearest in time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from jiehuan.profile.bank_flow import Transaction
from jiehuan.units.rates import PPM


@dataclass(frozen=True, slots=True)
class Circles:
    """Counterparties that take part in circles, by their keys: reciprocal ones and starts of rings."""

    reciprocal: frozenset[str]
    rings: frozenset[str]


def find_circles(
    transactions: Sequence[Transaction], key: Callable[[Transaction], str], parameters: Mapping[str, int]
) -> Circles:
    """The counterparties whose credits are circular. ``key`` names a transaction's counterparty (empty: unknown)."""
    credits: list[Transaction] = []
    debits: list[Transaction] = []
    paid: dict[str, list[Transaction]] = defaultdict(list)
    for one in transactions:
        party = key(one)
        if party and one.amount_fen > 0:
            credits.append(one)
            paid[party].append(one)
        elif party:
            debits.append(one)
    received: dict[str, list[Transaction]] = {party: [] for party, often in paid.items() if len(often) >= 2}
    if received:
        for one in debits:
            kept = received.get(key(one))
            if kept is not None:
                kept.append(one)
    by_party = {party: (paid[party], back) for party, back in received.items() if len(back) >= 2}
    return Circles(frozenset(_reciprocal(by_party, parameters)), frozenset(_rings(credits, debits, key, parameters)))


def _reciprocal(
    by_party: Mapping[str, tuple[Sequence[Transaction], Sequence[Transaction]]], given: Mapping[str, int]
) -> set[str]:
    """``by_party``: what those paid and received who did both twice or more."""
    found: set[str] = set()
    for party, (paid, received) in by_party.items():
        pairs = _pairs(paid, received, given["match_window_days"], given["match_tolerance_ppm"], either_way=True)
        total = sum(one.amount_fen for one in paid)
        matched = sum(credit.amount_fen for credit, _ in pairs)
        back = min(-sum(one.amount_fen for one in received), total)
        enough = given["circle_share_ppm"] * total
        if (len(pairs) >= 2 and matched * PPM >= enough) or (len(received) >= 3 and back * PPM * 3 >= total * PPM * 2):
            found.add(party)
    return found


def _rings(
    credits: Sequence[Transaction],
    debits: Sequence[Transaction],
    key: Callable[[Transaction], str],
    given: Mapping[str, int],
) -> set[str]:
    pairs = _pairs(credits, debits, given["ring_window_days"], given["match_tolerance_ppm"] // 4, either_way=False)
    between = Counter((key(credit), key(debit)) for credit, debit in pairs if key(credit) != key(debit))
    often = {start for (start, _), count in between.items() if count >= given["ring_pairs"]}
    paid = Counter(key(one) for one in credits)
    through = Counter(start for (start, _), count in between.items() for _ in range(count))
    return {start for start in often if through[start] * 2 >= paid[start]}


def _pairs(
    credits: Sequence[Transaction], debits: Sequence[Transaction], days: int, tolerance_ppm: int, *, either_way: bool
) -> list[tuple[Transaction, Transaction]]:
    """Credits and debits of about one amount within ``days``; ``either_way`` takes a debit before its credit too."""
    order = sorted(debits, key=lambda one: -one.amount_fen)
    amounts = [-one.amount_fen for one in order]
    window = timedelta(days=days)
    free = [True] * len(order)
    pairs: list[tuple[Transaction, Transaction]] = []
    for credit in credits:
        slack = credit.amount_fen * tolerance_ppm // PPM
        low, high = bisect_left(amounts, credit.amount_fen - slack), bisect_right(amounts, credit.amount_fen + slack)
        best, gap = -1, window + timedelta(seconds=1)
        for place in range(low, high):
            apart = order[place].at - credit.at
            if apart < timedelta(0):
                apart = -apart if either_way else window + timedelta(days=1)
            if free[place] and apart < gap:
                best, gap = place, apart
        if best >= 0:
            free[best] = False
            pairs.append((credit, order[best]))
    return pairs
