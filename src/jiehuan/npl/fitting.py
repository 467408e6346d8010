"""Recovery curves from a lender's own recoveries, weighed against the priors by how much there is.

Data: one row a loan and month of follow-up: ``loan_id``, ``dpd`` and ``balance_fen`` at the start of follow-up (the same in
all of a loan's rows), ``month`` (1, 2, …) and ``recovered_fen`` in that month; a month without recovery is a row with 0.
Follow-ups of different length are no problem: the curve of month t divides what came in month t by the balance of the
loans that were followed that long (chain ladder). Months that nobody was followed for keep the prior's shape.

Each bucket's curve is Z x own + (1 - Z) x prior, Z = n / (n + credibility_loans) (Bühlmann), month by month with the loans
followed to it. The interval of the ultimate share comes from resampling loans (bootstrap, 10 % and 90 %, seeded),
weighed the same way. Features: the ratio of recovered to expected, shrunk to the prior's factor likewise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from jiehuan.npl.params import Bucket, Params, priors, read_params
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN
from jiehuan.units.text_columns import whole

_NEEDED = ("loan_id", "dpd", "balance_fen", "month", "recovered_fen")
_RESAMPLES = 200

Floats = npt.NDArray[np.float64]


def fit(frame: pl.DataFrame, prior: Params | None = None, *, seed: int = 0) -> dict[str, Any]:
    """A parameters document from own recoveries (see the module for the columns).

    ``prior``: what it is weighed against; default the shipped priors. ``seed``: of the resampling. Columns named like a
    feature of the prior refine that feature. Raises InputError with every fault in the data; ``readable_recoveries`` parts
    the good rows from the faulty ones before.
    """
    base = prior or priors()
    data = _checked(frame, base.horizon)
    rng = np.random.default_rng(seed)
    starts = [bucket.from_dpd for bucket in base.buckets]
    rows = []
    fitted: list[Bucket] = []
    for place, bucket in enumerate(base.buckets):
        until = starts[place + 1] if place + 1 < len(starts) else 10**9
        made = _fit_bucket(data.filter(pl.col("dpd").is_between(bucket.from_dpd, until - 1)), bucket, base, rng)
        fitted.append(made)
        rows.append(
            {
                "from_dpd": made.from_dpd,
                "curve": [round(float(share), 8) for share in made.curve],
                "low": round(made.low, 6),
                "high": round(made.high, 6),
                "cost_share": made.cost_share,
                "loans": made.loans,
                "credibility": round(made.credibility, 6),
            }
        )
    document = {**base.document, "source": "fitted", "grade": "own data", "buckets": rows}
    document |= {
        "note_zh": "由自有回收数据拟合，数据不足处按信度与先验加权",
        "note_en": "fitted on own recoveries, weighed with the priors where data are few",
        "features": _features(data, fitted, base),
    }
    read_params(document)
    return document


def _fit_bucket(data: pl.DataFrame, prior: Bucket, base: Params, rng: np.random.Generator) -> Bucket:
    if data.is_empty():
        return prior
    recovered, followed = _tables(data, base.horizon)
    loans = recovered.shape[0]
    reach = (followed > 0).sum(axis=0)
    weight = reach / (reach + base.credibility_loans)
    shape = np.asarray(prior.curve)
    own = _chain(recovered, followed, shape)
    curve = weight * own + (1 - weight) * shape
    picks = rng.integers(0, loans, (_RESAMPLES, loans))
    ultimates = np.sort([_chain(recovered[pick], followed[pick], shape).sum() for pick in picks])
    z = loans / (loans + base.credibility_loans)
    low = z * ultimates[int(0.1 * _RESAMPLES)] + (1 - z) * prior.low
    high = z * ultimates[int(0.9 * _RESAMPLES)] + (1 - z) * prior.high
    total = float(curve.sum())
    if total > 1:
        curve, total = np.floor(curve / total * 1e8) / 1e8, 1.0  # rounded down, so that it never sums to over 1
    low, high = float(min(low, total)), float(min(1.0, max(high, total)))
    return Bucket(prior.from_dpd, tuple(curve.tolist()), low, high, loans, float(z), prior.cost_share)


def _tables(data: pl.DataFrame, horizon: int) -> tuple[Floats, Floats]:
    """Recovered and followed balance, loan by month."""
    codes = data.select(pl.col("loan_id").rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    month = data["month"].to_numpy() - 1
    recovered = np.zeros((int(codes.max()) + 1, horizon))
    followed = np.zeros_like(recovered)
    recovered[codes, month] = data["recovered_fen"].to_numpy()
    followed[codes, month] = data["balance_fen"].to_numpy()
    return recovered, followed


def _chain(recovered: Floats, followed: Floats, shape: Floats) -> Floats:
    base = followed.sum(axis=0)
    return np.where(base > 0, recovered.sum(axis=0) / np.maximum(base, 1.0), shape)


def _features(data: pl.DataFrame, buckets: list[Bucket], base: Params) -> dict[str, dict[str, str]]:
    starts = [bucket.from_dpd for bucket in buckets]
    place = np.searchsorted(starts, data["dpd"].to_numpy(), side="right") - 1
    curves = np.asarray([bucket.curve for bucket in buckets])
    expected = data["balance_fen"].to_numpy() * curves[place, data["month"].to_numpy() - 1]
    table = data.with_columns(pl.Series("_expected", expected))
    found: dict[str, dict[str, str]] = {}
    for name, factors in base.features.items():
        found[name] = {key: f"{factor:.4f}" for key, factor in factors.items()}
        if name not in data.columns:
            continue
        by = table.group_by(pl.col(name).cast(pl.String).str.to_lowercase().alias("key")).agg(
            pl.col("recovered_fen").sum(), pl.col("_expected").sum(), pl.col("loan_id").n_unique().alias("loans")
        )
        for row in by.drop_nulls("key").to_dicts():
            if row["_expected"] > 0:
                z = row["loans"] / (row["loans"] + base.credibility_loans)
                ratio = row["recovered_fen"] / row["_expected"]
                found[name][row["key"]] = f"{z * ratio + (1 - z) * factors.get(row['key'], 1.0):.4f}"
    return found


def readable_recoveries(frame: pl.DataFrame, where: str = "recoveries") -> tuple[pl.DataFrame, list[Problem]]:
    """The rows that can be fitted on, in known types, and a Problem for each of the others (the first thing wrong with it).

    Of a loan's month that stands twice the first row counts, and a loan is what its first row says. Raises InputError for
    missing columns.
    """
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        mend = f"give {', '.join(_NEEDED)}"
        raise InputError([Problem(where, name, "no such column", mend) for name in missing])
    data = frame.with_columns(pl.col("loan_id").cast(pl.String), *(whole(frame[name]) for name in _NEEDED[1:]))
    data = data.with_row_index("_row")
    bad = pl.DataFrame(schema={"_row": data.schema["_row"], "column": pl.String, "reason": pl.String})
    for column, rule, reason in _RULES:
        good = data.join(bad, on="_row", how="anti")
        found = good.filter(rule.fill_null(value=False)).select(
            "_row", pl.lit(column).alias("column"), pl.lit(reason).alias("reason")
        )
        bad = pl.concat([bad, found])
    problems = [
        Problem(f"{where} row {row + 1}, {column}", _shown(frame[column][row]), reason, "mend or leave out the row")
        for row, column, reason in bad.sort("_row").iter_rows()
    ]
    return data.join(bad, on="_row", how="anti").drop("_row"), problems


def _first(name: str) -> pl.Expr:
    return pl.col(name).first().over("loan_id")


_RULES: tuple[tuple[str, pl.Expr, str], ...] = (
    *((name, pl.col(name).is_null(), "is missing or not a whole number") for name in _NEEDED[1:]),
    ("loan_id", pl.col("loan_id").is_null(), "is missing"),
    ("dpd", ~pl.col("dpd").is_between(0, 40_000), "is not a number of days past due"),
    ("balance_fen", ~pl.col("balance_fen").is_between(1, MAX_FEN), "is not above 0, or absurdly large"),
    ("recovered_fen", pl.col("recovered_fen") < 0, "is negative"),
    ("month", ~pl.col("month").is_between(1, 1200), "is not a month of follow-up, counted from 1"),
    ("dpd", pl.col("dpd") != _first("dpd"), "differs from the loan's first row"),
    ("balance_fen", pl.col("balance_fen") != _first("balance_fen"), "differs from the loan's first row"),
    ("month", ~pl.struct("loan_id", "month").is_first_distinct(), "is there already for the loan"),
    ("recovered_fen", pl.col("recovered_fen") > pl.col("balance_fen"), "is more than the balance"),
)
"""What may be wrong with a row, asked of the rows that are good so far."""


def _shown(value: Any) -> str:
    return "" if value is None else str(value)[:80]


def _checked(frame: pl.DataFrame, horizon: int) -> pl.DataFrame:
    data, problems = readable_recoveries(frame)
    if problems:
        raise InputError(problems)
    kept = data.filter(pl.col("month") <= horizon)
    if kept.is_empty():
        raise InputError(Problem("recoveries", "", "no rows", "give at least one loan's follow-up"))
    return kept
