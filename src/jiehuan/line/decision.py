"""What a line review knows of a borrower, and what it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from jiehuan.units.errors import InputError, Problem

SEVERITIES = ("", "info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class LineAccount:
    """What a review knows of a borrower. Amounts in fen, ``rate_ppm`` the present price of new draws.

    ``pd``: probability of 90+ days past due within twelve months. ``alert``: the highest severity open in ``watch``
    ("", info, warning, critical), ``alert_reason`` its words. ``months_clean``: months without a day past due.
    ``income_fen``, ``obligations_fen``: verified income and payments to others a month; None: not known, so no raise.
    ``lines_fen``: limits of the borrower's other lines with this lender.
    """

    borrower_id: str
    limit_fen: int
    rate_ppm: int
    balance_fen: int
    pd: float
    dpd: int = 0
    months_on_book: int = 0
    months_clean: int = 0
    last_limit_change: date | None = None
    last_direction: str = ""
    last_rate_change: date | None = None
    income_fen: int | None = None
    obligations_fen: int = 0
    lines_fen: int = 0
    alert: str = ""
    alert_reason: Mapping[str, str] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """As a row that ``read_account`` takes, for a log that can be decided on again."""
        said = {name: getattr(self, name) for name in self.__slots__}
        dates = {name: value.isoformat() for name, value in said.items() if isinstance(value, date)}
        return {**said, **dates, "alert_reason": dict(self.alert_reason)}


@dataclass(frozen=True, slots=True)
class LineDecision:
    """What a review decided: the new limit from ``limit_from`` on, the new price for draws from ``rate_from`` on; what is drawn stays.

    ``direction``: raise, lower or hold. ``arm``: treated or holdout; ``proposed_limit_fen`` is what the rule wanted whatever the arm,
    ``propensity`` the probability with which this arm was drawn (for off-policy estimates). ``reasons``: {code, zh, en}, the
    deciding one first. ``notify``: the borrower is to be told. ``limit_by_person``, ``rate_by_person``: a person decides
    before it changes.
    """

    borrower_id: str
    on: date
    old_limit_fen: int
    new_limit_fen: int
    proposed_limit_fen: int
    old_rate_ppm: int
    new_rate_ppm: int
    direction: str
    reasons: tuple[Mapping[str, str], ...]
    arm: str
    propensity: float
    profit_before_fen: int
    profit_after_fen: int
    notify: bool
    law_version: str
    params_version: str
    limit_from: date
    rate_from: date
    limit_by_person: bool
    rate_by_person: bool

    def as_row(self) -> dict[str, Any]:
        """Plain values for tables and JSON; reasons still a list."""
        return {
            "borrower_id": self.borrower_id, "on": self.on.isoformat(), "old_limit_fen": self.old_limit_fen,
            "new_limit_fen": self.new_limit_fen, "proposed_limit_fen": self.proposed_limit_fen, "old_rate_ppm": self.old_rate_ppm,
            "new_rate_ppm": self.new_rate_ppm, "direction": self.direction, "reasons": [dict(reason) for reason in self.reasons],
            "arm": self.arm, "propensity": self.propensity, "profit_before_fen": self.profit_before_fen,
            "profit_after_fen": self.profit_after_fen, "notify": self.notify, "law_version": self.law_version,
            "params_version": self.params_version, "limit_from": self.limit_from.isoformat(), "rate_from": self.rate_from.isoformat(),
            "limit_by_person": self.limit_by_person, "rate_by_person": self.rate_by_person,
        }  # fmt: skip


def check_account(a: LineAccount, where: str = "") -> None:
    """Raises InputError when an account makes no sense: negative amounts, no probability, an unknown severity."""
    where = where or f"account {a.borrower_id or '?'}"
    problems = []
    if not a.borrower_id:
        problems.append(Problem(f"{where}, borrower_id", "", "empty", "name the borrower"))
    for name in (
        "limit_fen",
        "balance_fen",
        "rate_ppm",
        "dpd",
        "months_on_book",
        "months_clean",
        "obligations_fen",
        "lines_fen",
    ):
        if getattr(a, name) < 0:
            problems.append(Problem(f"{where}, {name}", str(getattr(a, name)), "negative", "write 0 or more"))
    if not 0.0 <= a.pd <= 1.0:
        problems.append(Problem(f"{where}, pd", str(a.pd), "not a probability", "write a number from 0 to 1"))
    if a.alert not in SEVERITIES:
        problems.append(
            Problem(
                f"{where}, alert",
                a.alert[:80],
                "unknown severity",
                "write info, warning or critical, or leave it empty",
            )
        )
    if problems:
        raise InputError(problems)
