"""A Spark session for the jobs of this room: local when nothing else is said, the cluster's under ``spark-submit``.

Locally it listens on the loopback only, shows no web page and says only errors. One task uses one core: the compiled kernels
and Polars are told so, as Spark itself runs a task a core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jiehuan.units.errors import InputError, JiehuanError, Problem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_CORE = {"NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""What a Python worker of Spark is told: its task has one core."""


def spark_session(app: str, master: str = "", settings: Mapping[str, str] | None = None) -> SparkSession:
    """The session. ``master``: as Spark writes it (``local[4]``, ``spark://…``); under ``spark-submit`` what that says.

    Raises InputError where Spark or Java is missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        mend = "pip install 'jiehuan[spark]'"
        raise InputError(Problem("pyspark", "", "is not installed", mend)) from None
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted and shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        mend = "install a Java runtime 17 or newer (Debian: apt-get install default-jre-headless), or set JAVA_HOME"
        raise InputError(Problem("java", "", "is not on PATH; Spark runs on it", mend))
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    builder = SparkSession.builder.appName(app)
    if master or not submitted:
        builder = builder.master(master or "local[*]")
    if (master or "local").startswith("local") and not submitted:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        local = {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
        }
        for name, value in local.items():
            builder = builder.config(name, value)
    for name, value in ONE_CORE.items():
        builder = builder.config(f"spark.executorEnv.{name}", value)
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "100000")
    builder = builder.config("spark.sql.session.timeZone", "Asia/Shanghai")
    for name, value in (settings or {}).items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    return session


def parser(described: str) -> argparse.ArgumentParser:
    """An argument parser with what every job takes."""
    words = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--master", default="", help="where to run, like local[4] or spark://host:7077")
    words.add_argument("--json", action="store_true", dest="as_json", help="print JSON for machines")
    return words


def run_job(job: Callable[[], Mapping[str, Any]], *, as_json: bool) -> int:
    """Run a job and say what it came to; the exit code: 0 done, 1 refused, 2 wrong usage or unreadable input."""
    try:
        told = job()
    except JiehuanError as error:
        if as_json:
            print(json.dumps({"error": type(error).__name__, "problems": [p.as_dict() for p in error.problems]}))  # noqa: T201
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    if as_json:
        print(json.dumps(told, ensure_ascii=False, default=str))  # noqa: T201
    else:
        for name, value in told.items():
            print(f"{name}: {value}")  # noqa: T201
    return 1 if told.get("refused") else 0


def read_parquet(session: SparkSession, path: str, what: str) -> Any:
    """A DataFrame of Parquet files. Raises InputError when there are none that can be read."""
    from pyspark.errors import AnalysisException

    try:
        return session.read.parquet(path)
    except AnalysisException as error:
        reason = "no such file or folder" if "PATH_NOT_FOUND" in str(error) else "can't be read as Parquet"
        raise InputError(Problem(what, path, reason, "name a Parquet file or a folder of them")) from None
