"""Many applicants' features at once, over Polars frames: the same declarations as one profile, with equal values.

``application_frame`` computes the form's features as column expressions; ``copied_frame`` takes what a source's report gives
by its declared fields; ``flow_frame`` verifies the income of each application's own bank flow, as it was known at its moment
(flow by flow, by the very function of a single profile); own history is ``batch.history_frame``. ``profile_frame`` joins them.
Ages are whole years, moments are China's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jiehuan.profile.bank_flow import read_flow
from jiehuan.profile.batch import history_frame
from jiehuan.profile.declare import Feature, declared_features
from jiehuan.profile.history import moment_of
from jiehuan.profile.income import income_features, verify_income
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.rates import PPM

if TYPE_CHECKING:
    import polars as pl

_CHINA = "Asia/Shanghai"
_KINDS = {"integer": "Int64", "number": "Float64", "boolean": "Boolean", "string": "String"}


def profile_frame(
    applications: pl.DataFrame,
    *,
    loans: pl.DataFrame | None = None,
    flows: pl.DataFrame | None = None,
    reports: Mapping[str, pl.DataFrame] | None = None,
) -> tuple[pl.DataFrame, list[Problem]]:
    """Every declared feature of every application (null where nothing is known), and the flows that could not be read.

    ``applications``: ``application_id, borrower_id, at`` and the form's columns (see ``application_frame``). ``loans``: earlier
    loans as ``history_frame`` takes them. ``flows``: transactions with ``application_id``. ``reports``: by source (bureau,
    device), a frame with ``application_id`` and the source's fields. Raises InputError when a needed column is missing.
    """
    import polars as pl

    declared = declared_features()
    made = application_frame(applications)
    problems: list[Problem] = []
    if loans is not None:
        history = history_frame(applications, loans, declared.of_source("history"))
        made = made.join(history, on="application_id", how="left", maintain_order="left")
    if flows is not None:
        verified, problems = flow_frame(applications, flows)
        made = made.join(verified, on="application_id", how="left", maintain_order="left")
    for source, report in (reports or {}).items():
        taken = copied_frame(report, declared.of_source(source))
        made = made.join(taken, on="application_id", how="left", maintain_order="left")
    absent = [
        pl.lit(None, dtype=_type(feature)).alias(name)
        for name, feature in declared.features.items()
        if name not in made.columns
    ]
    return made.with_columns(absent).select("application_id", *declared.features), problems


def application_frame(applications: pl.DataFrame) -> pl.DataFrame:
    """The form's features: ``at`` (instant or date), ``amount_fen``, ``months`` and, where known, ``declared_income_fen``,
    ``birth_date`` or ``birth_year``, ``is_student``, ``identity_verified``, ``on_block_list``.
    """
    import polars as pl

    missing = [name for name in ("application_id", "at", "amount_fen", "months") if name not in applications.columns]
    if missing:
        raise InputError([Problem("applications, column", name, "is missing", "add it") for name in missing])
    moment = _moment(applications)
    income = _column(applications, "declared_income_fen", pl.Int64)
    amount = pl.col("amount_fen").cast(pl.Int64)
    share = (2 * amount * PPM + income) // (2 * income)
    born = _column(applications, "birth_date", pl.Date)
    before = (moment.dt.month() < born.dt.month()) | (
        (moment.dt.month() == born.dt.month()) & (moment.dt.day() < born.dt.day())
    )
    age = moment.dt.year() - born.dt.year() - before.cast(pl.Int32)
    by_year = moment.dt.year() - _column(applications, "birth_year", pl.Int32)
    return applications.select(
        "application_id",
        amount.alias("amount_fen"),
        pl.col("months").cast(pl.Int64),
        pl.coalesce(age, by_year).cast(pl.Int64).alias("age"),
        *(
            _column(applications, name, pl.Boolean).alias(name)
            for name in ("is_student", "identity_verified", "on_block_list")
        ),
        income.alias("declared_income_fen"),
        moment.dt.hour().cast(pl.Int64).alias("apply_hour"),
        moment.dt.weekday().cast(pl.Int64).alias("apply_weekday"),
        pl.when((income > 0) & (amount > 0)).then(share).alias("amount_to_income_ppm"),
    )


def copied_frame(report: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """A source's features taken from its columns by their declared ``field``; absent columns are left out."""
    import polars as pl

    if "application_id" not in report.columns:
        raise InputError(Problem("report, column", "application_id", "is missing", "add it"))
    taken = [feature for feature in features if feature.field in report.columns]
    return report.select("application_id", *(pl.col(one.field).cast(_type(one)).alias(one.name) for one in taken))


def flow_frame(applications: pl.DataFrame, flows: pl.DataFrame) -> tuple[pl.DataFrame, list[Problem]]:
    """The bank flow's features of each application that has one, and why some could not be read.

    Rows of ``flows``: ``application_id`` and a transaction's columns (``bank_flow``). Each application sees its own rows
    from before its moment; ``holder`` of the applications names the account's owner.
    """
    import polars as pl

    facts = {row["application_id"]: row for row in applications.to_dicts()}
    features = declared_features().of_source("bank_flow")
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for (application_id,), part in flows.group_by("application_id", maintain_order=True):
        known = facts.get(application_id)
        if known is None:
            continue
        try:
            transactions = part.drop("application_id").to_dicts()
            flow = read_flow(transactions, f"{application_id}, bank_flow").before(moment_of(known["at"]))
            report = verify_income(flow, known.get("declared_income_fen"), str(known.get("holder") or ""))
        except InputError as error:
            problems.extend(error.problems)
            continue
        found = income_features(report)
        rows.append({"application_id": application_id, **{one.name: found.get(one.field) for one in features}})
    schema = {"application_id": pl.String, **{one.name: _type(one) for one in features}}
    return pl.DataFrame(rows, schema=schema), problems


def _moment(frame: pl.DataFrame) -> pl.Expr:
    """``at`` on China's clock, without zone."""
    import polars as pl

    kind = frame.schema["at"]
    if kind == pl.Date:
        return pl.col("at").cast(pl.Datetime("us"))
    if isinstance(kind, pl.Datetime):
        return pl.col("at").dt.convert_time_zone(_CHINA).dt.replace_time_zone(None) if kind.time_zone else pl.col("at")
    raise InputError(
        Problem("applications, column at", str(kind), "not dates or instants", "parse it to Date or Datetime")
    )


def _column(frame: pl.DataFrame, name: str, kind: Any) -> pl.Expr:
    import polars as pl

    return pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind)


def _type(feature: Feature) -> Any:
    import polars as pl

    return getattr(pl, _KINDS[feature.kind])
