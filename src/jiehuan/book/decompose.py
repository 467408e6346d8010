"""Why the NPL ratio moved between two tapes: an exact additive split, loan by loan.

With N the non-performing balance, D the balance on the book, and R = N/D, the change is split by the two-factor Shapley
value (the mean of the two orders of change, Shorrocks 2013)::

    R1 - R0 = (N1 - N0) (1/D0 + 1/D1)/2  -  (D1 - D0) (N0 + N1)/2 / (D0 D1)

Both terms are linear in the flows, so each loan's change of N and D has a share of its own, and shares add up exactly
(rational numbers, rounded only when shown). Each loan falls under one cause:

==================  ================================================================================================
admission           drawn since, already non-performing
growth              drawn since, performing: dilution, not quality; shown apart
deterioration       performing before, non-performing now, by opening bucket (``deterioration M2``)
cure                non-performing before, performing now, not restructured
restructuring       non-performing before, performing now, restructured between the tapes
collection          non-performing on both, its balance changed; or non-performing and then settled
write_off, sale     left the book so
run_off             performing before and now, or settled from performing: balance paid down
redraw              performing before and now: balance went up
appeared, vanished  on one tape only without a reason that the tapes show (drawn before the first; no end status)
returned            off the book before (settled, written off, sold), on it now
mix                 with ``by``: the weights of segments changed (their ratios held at the mean of the two tapes)
==================  ================================================================================================

With ``by``, causes are measured within each segment and weighted by its mean weight; a segment that stands on one
tape only is mix as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import polars as pl

from jiehuan.book.tape import BUCKETS, bucket, follow, non_performing, on_book
from jiehuan.units.errors import InputError, Problem

CAUSES: tuple[str, ...] = (
    "admission", "growth", *(f"deterioration {name}" for name in BUCKETS), "cure", "restructuring", "collection",
    "write_off", "sale", "run_off", "redraw", "returned", "appeared", "vanished", "mix",
)  # fmt: skip
BASES = ("class", "dpd90")

NAMES = {
    "admission": ("准入（新放款即不良）", "Admission (new and already NPL)"),
    "growth": ("增长稀释（新放款扩大分母）", "Growth (dilution by new lending)"),
    "deterioration": ("劣变", "Deterioration"),
    "cure": ("自愈转好", "Cure"),
    "restructuring": ("重组转好", "Restructuring"),
    "collection": ("不良回收", "Collection on NPL"),
    "write_off": ("核销", "Write-off"),
    "sale": ("转让", "Sale"),
    "run_off": ("正常还款（分母减少）", "Run-off (denominator shrinks)"),
    "redraw": ("存量增支", "Redrawn balance"),
    "returned": ("表外转回", "Returned to the book"),
    "appeared": ("数据：无来源出现", "Data: appeared without origin"),
    "vanished": ("数据：无去向消失", "Data: vanished without end"),
    "mix": ("结构变化", "Mix"),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause's share: exact ``effect`` on the ratio, how many loans, and the change of N and D in fen."""

    name: str
    effect: Fraction
    loans: int
    npl_fen: int
    balance_fen: int

    @property
    def zh(self) -> str:
        """The cause's name in Chinese."""
        return self._named(0)

    @property
    def en(self) -> str:
        """The cause's name in English."""
        return self._named(1)

    def _named(self, place: int) -> str:
        stem, _, opening = self.name.partition(" ")
        return f"{NAMES[stem][place]} {opening}".strip()


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The two ratios (exact) and the causes in order, which add up to their difference exactly."""

    basis: str
    by: str
    before: Fraction
    after: Fraction
    causes: tuple[Cause, ...]

    def __post_init__(self) -> None:
        if sum((cause.effect for cause in self.causes), Fraction(0)) != self.after - self.before:
            raise AssertionError("a decomposition must add up exactly")

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ratios and effects as floats."""
        return {
            "basis": self.basis,
            "by": self.by,
            "before": float(self.before),
            "after": float(self.after),
            "change": float(self.after - self.before),
            "causes": [
                {
                    "cause": cause.name, "zh": cause.zh, "en": cause.en, "effect": float(cause.effect),
                    "loans": cause.loans, "npl_fen": cause.npl_fen, "balance_fen": cause.balance_fen,
                }
                for cause in self.causes
            ],
        }  # fmt: skip


def decompose(
    before: pl.DataFrame, after: pl.DataFrame, *, basis: str = "class", by: str | None = None
) -> Decomposition:
    """Split the change of the NPL ratio from ``before`` to ``after`` (single snapshots, as ``read_tape`` gives them).

    ``basis``: ``class`` (substandard and worse) or ``dpd90`` (over 90 days past due). ``by``: a column such as
    ``region`` or ``product``, to show mix apart. Raises InputError when a tape is empty of balance, ``basis`` or
    ``by`` is unknown, a tape holds several dates, or ``after`` is not later.
    """
    _check(before, after, basis, by)
    flows = _flows(before, after, basis, by)
    segments = _segments(flows)
    total = _Balance(*(sum(getattr(s.balance, name) for s in segments) for name in ("n0", "d0", "n1", "d1")))
    if not total.d0 or not total.d1:
        empty = "the first" if not total.d0 else "the second"
        raise InputError(
            Problem("tape", "", f"{empty} tape has no balance on the book", "give tapes with loans on them")
        )
    tally: dict[str, list[Any]] = {}
    for segment in segments:
        for name, effect in _effects(segment, total).items():
            tally.setdefault(name, [Fraction(0), 0, 0, 0])[0] += effect
    for segment in segments:
        for cause, loans, npl, balance in segment.flows:
            row = tally.setdefault(cause, [Fraction(0), 0, 0, 0])
            row[1:] = [row[1] + loans, row[2] + npl, row[3] + balance]
    causes = tuple(Cause(name, *tally[name]) for name in CAUSES if name in tally)
    ratio0, ratio1 = Fraction(total.n0, total.d0), Fraction(total.n1, total.d1)
    return Decomposition(basis, by or "", ratio0, ratio1, causes)


@dataclass(frozen=True, slots=True)
class _Balance:
    n0: int
    d0: int
    n1: int
    d1: int


@dataclass(frozen=True, slots=True)
class _Segment:
    balance: _Balance
    flows: Sequence[tuple[str, int, int, int]]  # cause, loans, change of N, change of D


def _effects(segment: _Segment, total: _Balance) -> Mapping[str, Fraction]:
    own = segment.balance
    weight0, weight1 = Fraction(own.d0, total.d0), Fraction(own.d1, total.d1)
    if not own.d0 or not own.d1:
        # One-sided: there is no ratio to compare with, so that the whole of it is a change of mix.
        gained = Fraction(own.n1, total.d1) - Fraction(own.n0, total.d0)
        return {"mix": gained} if gained else {}
    rate0, rate1 = Fraction(own.n0, own.d0), Fraction(own.n1, own.d1)
    weight = (weight0 + weight1) / 2
    on_npl = weight * (Fraction(1, own.d0) + Fraction(1, own.d1)) / 2
    on_balance = -weight * Fraction(own.n0 + own.n1, 2 * own.d0 * own.d1)
    effects: dict[str, Fraction] = {}
    for cause, _, npl, balance in segment.flows:
        effects[cause] = effects.get(cause, Fraction(0)) + npl * on_npl + balance * on_balance
    mix = (weight1 - weight0) * (rate0 + rate1) / 2
    if mix:
        effects["mix"] = mix
    return effects


def _segments(flows: pl.DataFrame) -> list[_Segment]:
    found = []
    for (_,), group in flows.group_by("segment", maintain_order=True):
        balance = _Balance(*(int(group[name].sum()) for name in ("n0", "d0", "n1", "d1")))
        rows: Iterable[tuple[str, int, int, int]] = group.select(
            "cause", "loans", pl.col("n1") - pl.col("n0"), pl.col("d1") - pl.col("d0")
        ).iter_rows()
        found.append(_Segment(balance, tuple(rows)))
    return found


def _flows(before: pl.DataFrame, after: pl.DataFrame, basis: str, by: str | None) -> pl.DataFrame:
    """Per segment and cause: loans, and N and D on both tapes."""
    start = before["as_of"].max()
    old, new = _side(before, basis, by, "0"), _side(after, basis, by, "1")
    loans = old.join(new, on="loan_id", how="full", coalesce=True).with_columns(
        pl.col("n0", "d0", "n1", "d1").fill_null(0),
        # A loan that changed segment leaves one and enters another: its old side stays where it was.
        pl.coalesce("segment0", "segment1").alias("segment"),
    )
    loans = loans.with_columns(_cause(start).alias("cause"))
    moved = pl.col("segment0") != pl.col("segment1")
    stayed = loans.filter(~moved.fill_null(False))
    left = loans.filter(moved).with_columns(n1=pl.lit(0, pl.Int64), d1=pl.lit(0, pl.Int64), segment="segment0")
    entered = loans.filter(moved).with_columns(n0=pl.lit(0, pl.Int64), d0=pl.lit(0, pl.Int64), segment="segment1")
    counted = pl.concat(
        [frame.with_columns(pl.lit(count).alias("loans")) for frame, count in ((stayed, 1), (left, 1), (entered, 0))]
    )
    return counted.group_by("segment", "cause", maintain_order=True).agg(pl.col("loans", "n0", "d0", "n1", "d1").sum())


def _side(tape: pl.DataFrame, basis: str, by: str | None, which: str) -> pl.DataFrame:
    npl = non_performing() if basis == "class" else bucket() == BUCKETS[-1]
    balance = pl.when(on_book()).then(pl.col("outstanding_fen")).otherwise(0)
    segment = pl.col(by).cast(pl.String).fill_null("") if by else pl.lit("")
    return tape.select(
        "loan_id",
        segment.alias(f"segment{which}"),
        pl.when(npl).then(balance).otherwise(0).alias(f"n{which}"),
        balance.alias(f"d{which}"),
        (on_book() & npl).alias(f"npl{which}"),
        on_book().alias(f"on{which}"),
        pl.col("status").alias(f"status{which}"),
        bucket().alias(f"bucket{which}"),
        pl.col("drawn_on").alias(f"drawn{which}"),
    )


def _cause(start: Any) -> pl.Expr:
    on0, on1 = pl.col("on0").fill_null(False), pl.col("on1").fill_null(False)
    npl0, npl1 = pl.col("npl0").fill_null(False), pl.col("npl1").fill_null(False)
    was_here, is_here = pl.col("status0").is_not_null(), pl.col("status1").is_not_null()
    status = pl.col("status1")
    restructured = (status == "restructured") & (pl.col("status0") != "restructured")
    return (
        pl.when(on1 & ~was_here & (pl.col("drawn1") <= start)).then(pl.lit("appeared"))
        .when(on1 & ~was_here & npl1).then(pl.lit("admission"))
        .when(on1 & ~was_here).then(pl.lit("growth"))
        .when(on1 & ~on0).then(pl.lit("returned"))
        .when(on0 & ~is_here).then(pl.lit("vanished"))
        .when(on0 & (status == "written_off")).then(pl.lit("write_off"))
        .when(on0 & (status == "sold")).then(pl.lit("sale"))
        .when(on0 & npl0 & (npl1 | ~on1)).then(pl.lit("collection"))
        .when(on0 & npl0 & restructured).then(pl.lit("restructuring"))
        .when(on0 & npl0).then(pl.lit("cure"))
        .when(on0 & npl1).then(pl.lit("deterioration ") + pl.col("bucket0"))
        .when(on0 & on1 & (pl.col("d1") > pl.col("d0"))).then(pl.lit("redraw"))
        .otherwise(pl.lit("run_off"))
    )  # fmt: skip


def _check(before: pl.DataFrame, after: pl.DataFrame, basis: str, by: str | None) -> None:
    if basis not in BASES:
        raise InputError(Problem("basis", basis, "not a basis of the NPL ratio", f"use one of {', '.join(BASES)}"))
    for name, tape in (("the first tape", before), ("the second tape", after)):
        if by and by not in tape.columns:
            raise InputError(Problem(name, by, "has no such column", "use one of " + ", ".join(sorted(tape.columns))))
    follow(before, after)
