"""Real tables and models fitted once for all tests of the room."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jiehuan.score import Model, fit

TARGET = "default.payment.next.month"


@pytest.fixture(scope="session")
def taiwan(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "taiwan" / "clients.parquet")


@pytest.fixture(scope="session")
def bank(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "bank_marketing" / "contacts.parquet")


@pytest.fixture(scope="session")
def lender(data: Path) -> pl.DataFrame:
    """Loans of a real micro-lender: Good, Bad, and rows whose outcome is not known."""
    return pl.read_parquet(data / "superlender" / "loans.parquet")


@pytest.fixture(scope="session")
def applications() -> pl.DataFrame:
    """Six thousand made-up applications of every column type, with missing values, a special code and a known truth."""
    random = np.random.default_rng(11)
    count = 6_000
    income = random.lognormal(8.5, 0.6, count).round(2)
    age = random.integers(20, 60, count)
    job = random.choice(["clerk", "driver", "teacher", "none"], count, p=[0.4, 0.3, 0.2, 0.1])
    months = random.integers(-1, 60, count)
    months[random.random(count) < 0.15] = -1
    applied = np.datetime64("2025-01-01") + random.integers(0, 360, count).astype("timedelta64[D]")
    born = applied - (age * 365.25 + random.integers(0, 365, count)).astype("timedelta64[D]")
    logit = (
        -1.2
        - 0.5 * (np.log(income) - 8.5)
        - 0.02 * (age - 40)
        + 0.8 * (job == "none")
        - 0.4 * (job == "teacher")
        - 0.01 * months
    )
    bad = random.random(count) < 1 / (1 + np.exp(-logit))
    return pl.DataFrame({
        "application_id": [f"ap{place:06d}" for place in range(count)],
        "borrower_id": [f"bo{place:05d}" for place in random.integers(0, 4_000, count)],
        "income": pl.Series(income).set(pl.Series(random.random(count) < 0.1), None),
        "job": pl.Series(job).set(pl.Series(random.random(count) < 0.05), None),
        "months_known": months,
        "owns": pl.Series(random.random(count) < 0.5),
        "born": pl.Series(born).cast(pl.Date),
        "applied_on": pl.Series(applied).cast(pl.Date),
        "noise": random.normal(size=count),
        "bad": pl.Series(bad),
    })  # fmt: skip


@pytest.fixture(scope="session")
def card(applications: pl.DataFrame) -> Model:
    return fit(applications, "bad", time="applied_on", labels={"income": {"zh": "月收入", "en": "monthly income"}})


@pytest.fixture(scope="session")
def trees(applications: pl.DataFrame) -> Model:
    return fit(applications, "bad", "boosted", time="applied_on", settings={"evaluation": {"folds": 3}})


@pytest.fixture(scope="session")
def taiwan_card(taiwan: pl.DataFrame) -> Model:
    return fit(taiwan, TARGET)
