"""What each column of a table is: a number, a category, a date, or nothing a model should see; and why.

Ids, free text, constants and columns of nothing are left out with a finding. Dates become what can be compared between
applicants and over time (age, days before the application, hour, weekday, day of the month), never the calendar date, which no
later applicant shares. A date after the application is a leak and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from jiehuan.score.dates import date_format_of
from jiehuan.score.findings import Finding, finding
from jiehuan.score.inputs import Input, as_moments
from jiehuan.score.settings import Settings
from jiehuan.score.words import sounds_like

Floats = np.ndarray[Any, np.dtype[np.float64]]

ID_SHARE = 0.5
"""Share of distinct values from which a text column names rows rather than kinds."""

YOUNGEST = 14.0
"""Years: a date whose median lies further before the application than this is a birthday."""

ADULTS_SPREAD = 15.0
"""Years: dates spread wider than this (5th to 95th percentile) are birthdays, where the application's date is not known."""


@dataclass
class Plan:
    """The features to read, and what was noticed on the way. ``borrower`` is a column found to name borrowers, or ''."""

    inputs: list[Input] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    borrower: str = ""

    def note(self, key: str, column: str, figure: float | None = None, **words: Any) -> None:
        """Note something about a column (a key of findings.yaml)."""
        self.findings.append(finding(key, column, figure, **words))


def plan_columns(frame: pl.DataFrame, candidates: Sequence[str], time: str | None, settings: Settings) -> Plan:
    """Look at every candidate column of ``frame`` (labelled rows) and say how it is read. ``time`` is the application's date."""
    plan = Plan()
    moments = time_of(frame, time) if time else None
    for name in candidates:
        column = frame.get_column(name)
        kind = column.dtype
        if column.null_count() == len(column):
            plan.note("empty", name)
        elif kind.is_nested() or kind in (pl.Binary, pl.Object, pl.Time):
            plan.note("not_plain", name, kind=kind)
        elif kind == pl.Duration:
            plan.note("duration", name)
        elif (date_format := date_format_of(column)) is not None:
            _plan_date(plan, frame, name, date_format, time, moments, settings)
        elif kind.is_numeric() or kind == pl.Boolean:
            _plan_number(plan, column)
        else:
            _plan_text(plan, column, settings)
    plan.inputs = _with_own_names(plan.inputs)
    return plan


def _with_own_names(inputs: Sequence[Input]) -> list[Input]:
    """The same inputs; where a column has the name of another's made feature (``day.weekday``), the later one gets a number."""
    found: dict[str, Input] = {}
    for one in sorted(inputs, key=lambda one: one.name != one.column):  # columns keep their names
        name, number = one.name, 2
        while name in found:
            name, number = f"{one.name}_{number}", number + 1
        found[name] = replace(one, name=name)
    by_input = {(one.column, one.reading): one for one in found.values()}
    return [by_input[one.column, one.reading] for one in inputs]


def time_of(frame: pl.DataFrame, time: str) -> Floats:
    """The application's moment of every row: days since 1970 for dates, the number itself for numbers; NaN where missing."""
    column = frame.get_column(time)
    written = date_format_of(column)
    if column.dtype.is_numeric() and written is None:
        found: Floats = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return found
    return _days(as_moments(column, written or ""))


def _plan_number(plan: Plan, column: pl.Series) -> None:
    name, known = column.name, column.drop_nulls()
    if column.dtype.is_float():
        known = known.drop_nans()
    distinct = known.n_unique()
    if distinct <= 1 and (not len(known) or known.null_count() + len(known) == len(column)):
        plan.note("constant", name)
        return
    if column.dtype.is_integer() and len(known) >= 20:
        share = distinct / len(known)
        span = int(known.max() or 0) - int(known.min() or 0)  # type: ignore[arg-type]
        serial = share == 1.0 and (span < 2 * len(known) or known.is_sorted() or known.is_sorted(descending=True))
        if (share > 0.9 and sounds_like(name, "id")) or serial:
            _leave_id(plan, name, share, len(known) - distinct)
            return
        if sounds_like(name, "borrower") and share > 0.05:
            _leave_borrower(plan, name)
            return
    plan.inputs.append(Input(name, name, "number"))


def _plan_text(plan: Plan, column: pl.Series, settings: Settings) -> None:
    name = column.name
    known = column.cast(pl.String).drop_nulls()
    distinct = known.n_unique()
    share = distinct / len(known)
    if distinct <= 1 and not column.null_count():
        plan.note("constant", name)
        return
    if distinct > 20 and sounds_like(name, "borrower"):
        _leave_borrower(plan, name, len(known) - distinct if share > 0.9 else 0)
        return
    if distinct > 20 and (share > ID_SHARE or (share > 0.1 and sounds_like(name, "id"))):
        _leave_id(plan, name, share, len(known) - distinct, len(known) / len(column))
        return
    if distinct > 50 and known.head(1000).cast(pl.Float64, strict=False).null_count() <= 20:
        plan.note("text_numbers", name)
        return
    if distinct > settings.binning.max_categories:
        plan.note("categories", name, distinct, count=distinct, most=settings.binning.max_categories)
    plan.inputs.append(Input(name, name, "category"))


def _plan_date(
    plan: Plan,
    frame: pl.DataFrame,
    name: str,
    date_format: str,
    time: str | None,
    moments: Floats | None,
    settings: Settings,
) -> None:
    column = as_moments(frame.get_column(name), date_format)
    days = _days(column)
    known = ~np.isnan(days)
    whole = bool((column.drop_nulls().dt.truncate("1d") == column.drop_nulls()).all())
    against_format = date_format_of(frame.get_column(time)) if time is not None else None
    if time is not None and moments is not None and against_format is not None:
        gap = moments - days
        seen = ~np.isnan(gap)
        if not seen.any():
            plan.note("time_apart", name)
            return
        late = float((gap[seen] < (-1.0 if whole else -1e-9)).mean())
        if late > settings.leaks.late_share:
            plan.note("after_application", name, late, time=time, late=late)
            return
        if sounds_like(name, "birthday") or np.median(gap[seen]) > YOUNGEST * 365.25:
            plan.inputs.append(Input(f"{name}.years_before", name, "years_before", date_format, time, against_format))
            return
        if np.nanmax(gap) - np.nanmin(gap) > 1e-9:
            plan.inputs.append(Input(f"{name}.days_before", name, "days_before", date_format, time, against_format))
    else:
        if (
            sounds_like(name, "birthday")
            or np.quantile(days[known], 0.95) - np.quantile(days[known], 0.05) > ADULTS_SPREAD * 365.25
        ):
            latest = _latest_day(frame)
            reference = f"{latest}T00:00:00"
            plan.inputs.append(Input(f"{name}.years_before", name, "years_before", date_format, reference=reference))
            plan.note("birthday", name, latest=latest)
            return
        plan.note("date_parts", name)
    if not whole:
        plan.inputs.append(Input(f"{name}.hour", name, "hour", date_format))
    plan.inputs += [
        Input(f"{name}.weekday", name, "weekday", date_format),
        Input(f"{name}.month_day", name, "month_day", date_format),
    ]


def _latest_day(frame: pl.DataFrame) -> str:
    latest = []
    for column in frame.get_columns():
        if (date_format := date_format_of(column)) is not None:
            latest.append(str(as_moments(column, date_format).max())[:10])
    return max(latest)


def _leave_id(plan: Plan, name: str, share: float, repeated: int, known_share: float | None = None) -> None:
    plan.note("id", name, share, share=share)
    if known_share is not None and 0.02 < known_share < 0.98:
        plan.inputs.append(Input(f"{name}.known", name, "known"))
    if repeated and sounds_like(name, "id"):
        plan.note("repeated_id", name, repeated, count=repeated)


def _leave_borrower(plan: Plan, name: str, repeated: int = 0) -> None:
    plan.note("borrower", name)
    plan.borrower = plan.borrower or name
    if repeated:
        plan.note("repeated_borrower", name, repeated, count=repeated)


def _days(moments: pl.Series) -> Floats:
    found: Floats = (moments.dt.epoch("us").cast(pl.Float64) / 86_400e6).fill_null(float("nan")).to_numpy()
    return found
