"""What an overdue claim is worth: expected recoveries by month, less their cost, discounted.

    value = balance x factor x sum over months t of curve[t] x (1 - cost share) / (1 + rate)^(t/12)

The interval is that of the mean (parameter uncertainty, 80 %), not of one borrower's outcome, which is all or little. The
parameters are shared by the loans of a pool, so a pool's low is the sum of its loans' lows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jiehuan.npl.params import Params, priors
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN, format_yuan
from jiehuan.units.text_columns import whole

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Valuation:
    """Fen: the expected value and the ends of its interval; ``method`` says on what it rests."""

    balance_fen: int
    value_fen: int
    low_fen: int
    high_fen: int
    method: str

    def as_document(self) -> dict[str, Any]:
        """Plain values, money in yuan."""
        return {
            "balance": format_yuan(self.balance_fen),
            "value": format_yuan(self.value_fen),
            "low": format_yuan(self.low_fen),
            "high": format_yuan(self.high_fen),
            "method": self.method,
        }


def value(
    balance_fen: int, dpd: int, features: Mapping[str, Any] | None = None, params: Params | None = None
) -> Valuation:
    """Value one claim. ``features`` as the parameters name them (contactable, paid_last_90_days, ability, willingness).

    ``params``: default the shipped priors. Raises InputError for a negative balance or dpd.
    """
    if balance_fen < 0 or dpd < 0:
        raise InputError(
            Problem("claim", f"{balance_fen} fen, {dpd} dpd", "is negative", "give amounts and days from 0 up")
        )
    params = params or priors()
    bucket = params.bucket(dpd)
    share = present_share(params, dpd, features)
    ultimate = bucket.ultimate or 1.0
    factor = params.factor(features or {})
    low, high = (
        _share_of(share, min(1.0, end * factor), min(1.0, ultimate * factor)) for end in (bucket.low, bucket.high)
    )
    middle = _fen(balance_fen, share)
    return Valuation(
        balance_fen,
        middle,
        min(middle, _fen(balance_fen, low)),
        max(middle, _fen(balance_fen, high)),
        _method(params, dpd),
    )


def values(frame: pl.DataFrame, params: Params | None = None) -> pl.DataFrame:
    """``value`` for a whole frame: adds ``value_fen, low_fen, high_fen, method``.

    Columns: ``balance_fen`` and ``dpd`` (whole numbers from 0 up), and any feature column. Within a fen of ``value`` row by row.
    Raises InputError for missing columns or bad amounts.
    """
    import polars as pl

    params = params or priors()
    frame, problems = readable(frame)
    if problems:
        raise InputError(problems)
    factor = pl.lit(1.0)
    for name, factors in params.features.items():
        if name in frame.columns:
            key = pl.col(name).cast(pl.String).str.to_lowercase()
            factor = factor * key.replace_strict(factors, default=1.0, return_dtype=pl.Float64).fill_null(1.0)
    starts = [bucket.from_dpd for bucket in params.buckets]
    place = pl.sum_horizontal((pl.col("dpd").cast(pl.Int64) >= first).cast(pl.UInt32) for first in starts[1:])

    def of(numbers: list[float]) -> pl.Expr:
        return place.replace_strict(dict(enumerate(numbers)), return_dtype=pl.Float64)

    ultimate = of([bucket.ultimate for bucket in params.buckets])
    base = of([present_share(params, first) for first in starts])
    share = base * pl.min_horizontal(factor, 1.0 / ultimate)
    expected = pl.min_horizontal(pl.lit(1.0), ultimate * factor)
    balance = pl.col("balance_fen").cast(pl.Int64)

    def fen(part: pl.Expr) -> pl.Expr:
        return (balance * part + 0.5).floor().cast(pl.Int64)

    def end(numbers: list[float]) -> pl.Expr:
        moved = pl.min_horizontal(pl.lit(1.0), of(numbers) * factor) / expected
        return fen(pl.when(expected > 0).then(share * moved).otherwise(0.0))

    low, high = end([bucket.low for bucket in params.buckets]), end([bucket.high for bucket in params.buckets])
    methods = dict(enumerate(_method(params, first) for first in starts))
    return frame.with_columns(
        fen(share).alias("value_fen"),
        pl.min_horizontal(low, fen(share)).alias("low_fen"),
        pl.max_horizontal(high, fen(share)).alias("high_fen"),
        place.replace_strict(methods, return_dtype=pl.String).alias("method"),
    )


def readable(frame: pl.DataFrame, where: str = "accounts") -> tuple[pl.DataFrame, list[Problem]]:
    """The claims whose balance and days can be read, those as whole numbers, and a Problem for each of the others; of a
    ``loan_id`` that stands twice the first counts. Raises InputError for missing columns."""
    import polars as pl

    names = ("balance_fen", "dpd")
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InputError([Problem(where, name, "no such column", "give balance_fen and dpd") for name in missing])
    read = frame.with_columns(whole(frame[name]) for name in names)
    problems: list[Problem] = []
    good = pl.Series([True]).new_from_index(0, frame.height)
    for name in names:
        fits = read[name].is_between(0, MAX_FEN).fill_null(value=False)
        for row in (~fits).arg_true():
            value = "" if frame[name][row] is None else str(frame[name][row])[:80]
            mend = "give whole numbers from 0 up"
            reason = "is missing, negative or not a whole number"
            problems.append(Problem(f"{where} row {row + 1}, {name}", value, reason, mend))
        good &= fits
    if "loan_id" in frame.columns:
        own = frame["loan_id"].is_first_distinct() | frame["loan_id"].is_null()
        for row in (~own).arg_true():
            problems.append(
                Problem(
                    f"{where} row {row + 1}, loan_id",
                    str(frame["loan_id"][row]),
                    "stands here twice",
                    "keep one row a loan",
                )
            )
        good &= own
    return read.filter(good), problems


def present_share(
    params: Params, dpd: int, features: Mapping[str, Any] | None = None, *, uplift: float = 1.0, delay_months: int = 0
) -> float:
    """The discounted net recovery per unit of balance; ``uplift`` multiplies it, ``delay_months`` puts it off.

    However large the factors, no more than the whole balance is ever recovered.
    """
    bucket = params.bucket(dpd)
    factor = params.factor(features or {}) * uplift
    if bucket.ultimate * factor > 1.0:
        factor = 1.0 / bucket.ultimate
    monthly = math.pow(1.0 + params.discount_rate, -1.0 / 12.0)
    gross = sum(share * math.pow(monthly, month + delay_months) for month, share in enumerate(bucket.curve, 1))
    return factor * gross * (1.0 - bucket.cost_share)


def _share_of(share: float, end: float, ultimate: float) -> float:
    """``share`` moved in proportion from the expected ultimate recovery to another one."""
    return share * end / ultimate if ultimate else 0.0


def _fen(balance_fen: int, share: float) -> int:
    return int(balance_fen * share + 0.5)


def _method(params: Params, dpd: int) -> str:
    bucket = params.bucket(dpd)
    basis = "priors" if not bucket.loans else f"fitted on {bucket.loans} loans, credibility {bucket.credibility:.2f}"
    return f"discounted recovery curve from {bucket.from_dpd} dpd ({basis})"
