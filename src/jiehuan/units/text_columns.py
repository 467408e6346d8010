"""What type a column of text is, told from every value, so that nothing a person wrote is lost.

``Int64`` when each value is how that whole number is written (no leading zeros or plus sign, within 64 bits),
``Boolean`` for true/false, ``Date`` for YYYY-MM-DD, ``Datetime`` for ISO instants (UTC when all carry an offset),
``Float64`` for other finite decimals of at most 15 digits; ``String`` for the rest: zero-padded ids, card numbers,
mixed columns. Null fits all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

ORDER = ("int", "bool", "date", "instant_utc", "instant", "float")
"""Tried in this order; a column fits the first that all its values fit."""

DATES = ("date", "instant_utc", "instant")
"""Those that a JSON text may be: JSON says itself what a number is."""

_PADDED = r"^-?0\d|^\+|^-?\.?$|[^0-9.eE+-]"
_LONG = r"^[-+]?\d[\d.]{15,}"
_ZONED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$"
_NAIVE = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?$"


def fitting(frame: pl.DataFrame, candidates: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Of each column's candidate types, those that all its values in this frame of text fit."""
    left: dict[str, tuple[str, ...]] = {}
    for name, kinds in candidates.items():
        column = frame.get_column(name).drop_nulls()
        # A first value that does not fit rules a type out without a pass over the column.
        probe = column.head(1)
        left[name] = tuple(kind for kind in kinds if column.is_empty() or (_fits(probe, kind) and _fits(column, kind)))
    return left


def start(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """All types for each column, before any row was seen."""
    return dict.fromkeys(names, ORDER)


def typed(frame: pl.DataFrame, kinds: dict[str, tuple[str, ...]], seen: set[str]) -> pl.DataFrame:
    """The frame with each column in the first type it fits; columns null throughout (not ``seen``) stay text."""
    import polars as pl

    return frame.with_columns(
        [_cast(pl.col(name), kinds[name][0]) for name in frame.columns if kinds[name] and name in seen]
    )


def _fits(column: pl.Series, kind: str) -> bool:
    import polars as pl

    if kind == "int":
        return bool((column.cast(pl.Int64, strict=False).cast(pl.String) == column).fill_null(False).all())
    if kind == "bool":
        return bool(column.str.to_lowercase().is_in(["true", "false"]).all())
    if kind == "float":
        if column.str.contains(_PADDED).any() or column.str.contains(_LONG).any():
            return False
        return bool(column.cast(pl.Float64, strict=False).is_finite().fill_null(False).all())
    if kind == "date":
        if not (column.str.len_bytes() == 10).all():
            return False
        return column.str.to_date("%Y-%m-%d", strict=False).null_count() == 0
    if not column.str.contains(_ZONED if kind == "instant_utc" else _NAIVE).all():
        return False
    return _cast_series(column, kind).null_count() == 0


def _cast_series(column: pl.Series, kind: str) -> pl.Series:
    import polars as pl

    return pl.select(_cast(pl.lit(column), kind, strict=False)).to_series()


def _cast(column: pl.Expr, kind: str, *, strict: bool = True) -> pl.Expr:
    import polars as pl

    if kind == "int":
        return column.cast(pl.Int64)
    if kind == "float":
        return column.cast(pl.Float64)
    if kind == "bool":
        return column.str.to_lowercase() == "true"
    if kind == "date":
        return column.str.to_date("%Y-%m-%d")
    plain = column.str.replace("T", " ", literal=True)
    if kind == "instant":
        return plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=strict)
    zoned = plain.str.replace(r"Z$", "+00:00").str.replace(r"^(.{16})([+-])", "$1:00$2")
    return zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=strict)


def whole(column: pl.Series) -> pl.Series:
    """A column of any type as whole numbers (Int64): null where a cell is empty or writes none.

    ``12``, ``12.0`` and ``"12"`` are 12; ``12.5``, NaN, true, a date or a list are no whole numbers.

    >>> import polars as pl
    >>> whole(pl.Series(["12", "12.0", "1.5", "x", None])).to_list()
    [12, 12, None, None, None]
    """
    import polars as pl

    if column.dtype == pl.String:
        text = column.str.strip_chars().str.replace(r"^(-?\d+)\.0+$", "$1")
        return pl.select(pl.when(text.str.contains(r"^-?\d+$")).then(text)).to_series().cast(pl.Int64, strict=False)
    if not column.dtype.is_numeric():
        return pl.Series(column.name, [None] * len(column), pl.Int64)
    if column.dtype.is_integer():
        return column.cast(pl.Int64, strict=False)
    number = column.cast(pl.Float64, strict=False)
    exact = (number == number.floor()) & (number.abs() < 2.0**63)
    return pl.select(pl.when(exact).then(column)).to_series().cast(pl.Int64, strict=False).alias(column.name)
