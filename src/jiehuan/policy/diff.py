"""Two policies on one book of applications: who is decided otherwise, by how much, and what it costs.

Both run over the same rows as columns. Expected loss of a row is what may be drawn (the limit, or the amount asked for
where that is less) times its probability of default times the loss given default; a review counts as approved here, as
nobody knows yet what the person will say, and is shown apart. Amounts are fen, shares ppm.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jiehuan.policy.columns import as_declared
from jiehuan.policy.compiled import compile_policy
from jiehuan.policy.graph import OUTCOMES, Policy
from jiehuan.policy.reasons import explain
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import PPM, format_rate

if TYPE_CHECKING:
    import polars as pl

DEFAULT_LGD_PPM = 600_000
"""Loss given default that is assumed unless told: six tenths, a usual figure for unsecured consumer loans."""

PD_COLUMN = "pd_ppm"


@dataclass(frozen=True)
class Side:
    """What one policy does with the book: rows by outcome, what may be drawn, expected loss, mean price."""

    version: str
    by_outcome: dict[str, int]
    drawn_fen: int
    expected_loss_fen: int
    mean_rate_ppm: int

    def as_document(self) -> dict[str, Any]:
        """The side for JSON."""
        return {
            "version": self.version,
            "by_outcome": self.by_outcome,
            "may_be_drawn": format_yuan(self.drawn_fen),
            "expected_loss": format_yuan(self.expected_loss_fen),
            "mean_rate": format_rate(self.mean_rate_ppm),
        }


@dataclass(frozen=True)
class Difference:
    """The change from policy ``before`` to ``after`` on a book.

    ``moves`` counts rows by old and new outcome; ``changed`` holds the rows that are decided otherwise, largest
    change of limit first; ``new_reasons`` counts the codes on which newly refused rows rest.
    """

    rows: int
    before: Side
    after: Side
    moves: dict[tuple[str, str], int]
    changed: pl.DataFrame
    new_reasons: dict[str, int]
    refused_rows: tuple[Problem, ...]
    lgd_ppm: int

    def as_document(self, most: int = 50) -> dict[str, Any]:
        """The difference for JSON; at most ``most`` changed rows."""
        return {
            "rows": self.rows,
            "changed": self.changed.height,
            "lgd": format_rate(self.lgd_ppm),
            "before": self.before.as_document(),
            "after": self.after.as_document(),
            "expected_loss_change": format_yuan(self.after.expected_loss_fen - self.before.expected_loss_fen),
            "moves": [{"from": old, "to": new, "rows": count} for (old, new), count in self.moves.items()],
            "limit_changes": _bands(self.changed),
            "newly_refused_for": [
                {"code": code, "rows": count, "zh": explain(code, {}).zh, "en": explain(code, {}).en}
                for code, count in self.new_reasons.items()
            ],
            "who": self.changed.head(most).to_dicts(),
            "refused_rows": [problem.as_dict() for problem in self.refused_rows],
        }


def diff_policies(before: Policy, after: Policy, book: pl.DataFrame, lgd_ppm: int = DEFAULT_LGD_PPM) -> Difference:
    """Run both policies over a book. Raises InputError when one cannot be compiled or the book lacks a column."""
    import polars as pl

    if not 0 <= lgd_ppm <= PPM:
        raise InputError(Problem("lgd", str(lgd_ppm), "not a share", "write a decimal from 0 to 1"))
    sides: list[pl.DataFrame] = []
    refused: list[Problem] = []
    for name, policy in (("before", before), ("after", after)):
        table, told = compile_policy(policy).batch(book)
        refused.extend(told.refused)
        sides.append(table.rename({column: f"{column}_{name}" for column in table.columns if column != "row"}))
    joined = sides[0].join(sides[1], on="row", how="inner", maintain_order="left")
    identity = next((column for column in ("application_id", "loan_id", "borrower_id") if column in book.columns), None)
    place = joined.get_column("row").cast(pl.UInt32)
    context = [book.get_column(identity).gather(place)] if identity else []
    for column in ("amount_fen", PD_COLUMN):
        if column in book.columns:
            context.append(as_declared(book.get_column(column), "number")[0].gather(place))
    joined = joined.with_columns(context)
    changed = _changed(joined, identity)
    moves = joined.group_by("outcome_before", "outcome_after").len().sort("outcome_before", "outcome_after")
    newly = joined.filter((pl.col("outcome_after") == "refuse") & (pl.col("outcome_before") != "refuse"))
    codes = newly.get_column("reasons_after").explode().drop_nulls().value_counts(sort=True)
    return Difference(
        joined.height,
        _side(before, joined, "before", lgd_ppm),
        _side(after, joined, "after", lgd_ppm),
        {(old, new): count for old, new, count in moves.iter_rows()},
        changed,
        dict(codes.iter_rows()),
        tuple(dict.fromkeys(refused)),
        lgd_ppm,
    )


_EDGES_YUAN = (-20_000, -5_000, -1_000, 0, 1_000, 5_000, 20_000)
"""Where the bands of changes begin and end."""


def _bands(changed: pl.DataFrame) -> list[dict[str, Any]]:
    """The changed rows counted by the change of their limit: ``from`` (excluded) and ``to`` in yuan, None at the ends."""
    edges = [None, *_EDGES_YUAN, None]
    change = changed.get_column("limit_change_fen")
    told: list[dict[str, Any]] = [{"from": 0, "to": 0, "rows": int((change == 0).sum())}]
    moved = change.filter(change != 0)
    for low, high in pairwise(edges):
        above = moved if low is None else moved.filter(moved > low * 100)
        told.append(
            {"from": low, "to": high, "rows": len(above if high is None else above.filter(above <= high * 100))}
        )
    return told


def _changed(joined: pl.DataFrame, identity: str | None) -> pl.DataFrame:
    """The rows decided otherwise, with both sides and the change of the limit."""
    import polars as pl

    lent = [pl.col(f"limit_fen_{side}").fill_null(0) for side in ("before", "after")]
    different = pl.any_horizontal(
        pl.col(f"{name}_before").ne_missing(pl.col(f"{name}_after")) for name in ("outcome", "limit_fen", "rate_ppm")
    )
    names = [f"{name}_{side}" for name in ("outcome", "limit_fen", "rate_ppm") for side in ("before", "after")]
    kept = [identity] if identity else []
    return (
        joined.filter(different)
        .with_columns((lent[1] - lent[0]).alias("limit_change_fen"))
        .sort(pl.col("limit_change_fen").abs(), descending=True, maintain_order=True)
        .select("row", *kept, *names, "limit_change_fen", "reasons_after")
    )


def _side(policy: Policy, joined: pl.DataFrame, name: str, lgd_ppm: int) -> Side:
    """Totals of one side; without probabilities nothing is lost, and without amounts the whole limit is drawn."""
    import polars as pl

    outcome = pl.col(f"outcome_{name}")
    drawn = pl.col(f"limit_fen_{name}").fill_null(0)
    if "amount_fen" in joined.columns:
        drawn = pl.min_horizontal(drawn, pl.col("amount_fen").cast(pl.Int64, strict=False).fill_null(0))
    risk = pl.col(PD_COLUMN).fill_null(0) if PD_COLUMN in joined.columns else pl.lit(0)
    totals = joined.select(
        drawn=drawn.sum(),
        loss=(drawn.cast(pl.Float64) * risk.cast(pl.Float64) / PPM * (lgd_ppm / PPM)).sum(),
        weighted=(drawn.cast(pl.Float64) * pl.col(f"rate_ppm_{name}").fill_null(0)).sum(),
    ).row(0, named=True)
    counts = dict(joined.group_by(outcome).len().iter_rows())
    mean = round(totals["weighted"] / totals["drawn"]) if totals["drawn"] else 0
    return Side(
        policy.version, {one: counts.get(one, 0) for one in OUTCOMES}, int(totals["drawn"]), round(totals["loss"]), mean
    )
