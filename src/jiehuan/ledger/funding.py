"""Joint loans: who funds which share, and how an amount is shared to the fen.

Shares are of principal, interest and penalty; fees and costs are the servicing lender's own. Shares are taken of
balances, not of single payments, so that each partner's claim is the share of what is owed at any time and ends at
exactly zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiehuan.units.errors import InputError, Problem
from jiehuan.units.rates import PPM, format_rate, parse_rate


@dataclass(frozen=True, slots=True)
class Funding:
    """The partners of a joint loan and their shares in ppm; the rest is the lender's own."""

    partners: tuple[str, ...]
    shares_ppm: tuple[int, ...]

    @property
    def own_ppm(self) -> int:
        """The lender's own share."""
        return PPM - sum(self.shares_ppm)

    def own_of(self, balance_fen: int) -> int:
        """The lender's own share of a balance, half up: it never rises while the balance falls."""
        return (2 * balance_fen * self.own_ppm + PPM) // (2 * PPM)

    def as_document(self) -> list[dict[str, str]]:
        """The ``funding`` of a loan document."""
        return [
            {"partner": partner, "share": format_rate(share)}
            for partner, share in zip(self.partners, self.shares_ppm, strict=True)
        ]


def read_funding(document: Mapping[str, Any], where: str = "loan") -> Funding | None:
    """Read ``funding`` of a loan document: ``[{"partner": "BANK_A", "share": "0.70"}, …]``; None when there is none.

    Raises InputError with all faults: no name, a name twice, a share that is not above 0, shares above 1 in total.
    """
    raw = document.get("funding")
    if raw is None or raw == []:
        return None
    faults: list[Problem] = []
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise InputError(Problem(f"{where}, funding", str(raw)[:80], "not a list", "write [{partner, share}]"))
    partners: list[str] = []
    shares: list[int] = []
    for n, one in enumerate(raw, start=1):
        place = f"{where}, funding {n}"
        if not isinstance(one, Mapping):
            faults.append(Problem(place, str(one)[:80], "not an object", "write {partner, share}"))
            continue
        partner = str(one.get("partner") or "").strip()
        if not partner or ":" in partner or partner in partners:
            reason = "named twice" if partner in partners else "not a name"
            faults.append(
                Problem(f"{place}, partner", partner[:80], reason, "give each partner a short code of its own")
            )
        try:
            share = parse_rate(one.get("share"), f"{place}, share", maximum_ppm=PPM)
            if share == 0:
                faults.append(Problem(f"{place}, share", "0", "not above 0", "leave out a partner without a share"))
            shares.append(share)
        except InputError as error:
            faults.extend(error.problems)
        partners.append(partner)
    if sum(shares) > PPM:
        faults.append(Problem(f"{where}, funding", format_rate(sum(shares)), "shares above 1 in total", "lower them"))
    if faults:
        raise InputError(faults)
    return Funding(tuple(partners), tuple(shares))


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Share an amount by the largest remainder: whole fen that sum to the amount exactly.

    Each part is within one fen of its exact share; ties go to the earlier one. Method of Hamilton.

    >>> apportion(100, [1, 1, 1])
    [34, 33, 33]
    >>> apportion(5, [500_000, 500_000])
    [3, 2]
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"weights must not be negative, nor all zero: {list(weights)}")
    if amount < 0:
        return [-part for part in apportion(-amount, weights)]
    parts = [amount * weight // whole for weight in weights]
    left = amount - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda place: -(amount * weights[place] % whole))
    for place in by_remainder[:left]:
        parts[place] += 1
    return parts
