"""The broker of the tests, with topics of each test's own; ``streams`` can be imported by its name."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from streams import Tansu

from jiehuan.scale.broker import Broker
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault, open_vault

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs the tests of Spark, so that it starts once; one those of the broker."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.xdist_group("spark" if "spark" in item.path.name else "broker"))


@pytest.fixture(scope="session")
def tansu() -> Iterator[Tansu]:
    """The broker that all tests share; each has topics of its own."""
    server = Tansu()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_tansu() -> Iterator[Tansu]:
    """A broker that the test may stop."""
    server = Tansu()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lasting_tansu(tmp_path: Path) -> Iterator[Tansu]:
    """A broker that the test may kill, and that comes back with its log."""
    server = Tansu(tmp_path / "log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(tansu: Tansu) -> Broker:
    return Broker(tansu.servers)


@pytest.fixture
def topic(broker: Broker) -> str:
    """A topic of the test's own, four partitions."""
    name = f"events-{uuid4().hex[:8]}"
    broker.must_have({name: 4}, make=True)
    return name


@pytest.fixture
def vault(database: Database) -> Vault:
    return open_vault(database)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One local session, two tasks at once; it takes some seconds to start."""
    if shutil.which("java") is None:
        missing = "no java on PATH; on Debian: apt-get install default-jre-headless"
        if "java" in os.environ.get("JIEHUAN_REQUIRE", "").split():
            pytest.fail(f"java is required here but absent: {missing}")
        pytest.skip(f"java is absent: {missing}")
    from jiehuan.scale.spark_session import spark_session

    session = spark_session(
        "jiehuan tests",
        "local[2]",
        {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2", "spark.default.parallelism": "2"},
    )
    yield session
    session.stop()
