"""Whole decisions through HTTP, open loop: requests are sent at their times whether or not earlier ones have been answered.

    python benchmarks/decide_http.py [--rate 200] [--seconds 30] [--workers 2] [--flow 150]

The server is ``jiehuan serve`` in processes of its own on the embedded PostgreSQL (fsync on); the requests come from another
process, and each latency counts from the moment at which the request should have been sent (so a stalled server is not
flattered). Each request decides another application: profile with income verified from a bank flow of ``--flow`` rows, bureau
and device, a fitted scorecard, the policy in force, law, affordability, offers, and one transaction with decision, outbox,
activity and idempotency key. ``cpu_ms`` is processor time of server, PostgreSQL and load generator for one decision. Some answers are
held against what ``jiehuan decide FILE`` says of the same input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import deque
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import polars as pl
import uvloop
from sqlalchemy import select, text

from jiehuan.api.accounts import add_account
from jiehuan.flow.apply import apply
from jiehuan.score import fit
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.rows import insert_missing
from jiehuan.store.vault import open_vault
from jiehuan.units.days import CHINA

LOGIN, PASSWORD = "analyst", "a long sentence for the benchmark"
AT = datetime(2026, 9, 1, 10, tzinfo=CHINA)
WARM = 200
CONNECTIONS = 32
SAMPLE = 8


def bank_flow(chance: random.Random, rows: int) -> list[dict[str, Any]]:
    """A salaried person's account: pay on the tenth, rent, an instalment, and daily life."""
    pay, last = chance.randrange(5_000, 15_000), AT.date() - timedelta(days=1)
    days = max(rows // 25, 1) * 30
    flow: list[dict[str, Any]] = []
    for n in range(days, 0, -1):
        on = last - timedelta(days=n)
        if on.day == 10:
            flow.append(
                {
                    "date": on.isoformat(),
                    "amount": f"{pay}.00",
                    "counterparty": "杭州某科技有限公司",
                    "description": "工资",
                }
            )
        if on.day == 12:
            flow.append(
                {"date": on.isoformat(), "amount": f"-{pay // 4}.00", "counterparty": "房东", "description": "房租"}
            )
        if on.day == 20:
            flow.append(
                {"date": on.isoformat(), "amount": "-420.00", "counterparty": "某消费金融公司", "description": "还款"}
            )
    while len(flow) < rows:
        on = last - timedelta(days=chance.randrange(days))
        where, amount = (
            chance.choice(("超市", "地铁", "餐馆", "网购")),
            f"-{chance.randrange(5, 90)}.{chance.randrange(10)}0",
        )
        flow.append({"date": on.isoformat(), "amount": amount, "counterparty": where, "description": "消费"})
    return sorted(flow[:rows], key=lambda row: str(row["date"]))


def application(n: int, rows: int) -> dict[str, Any]:
    """The application of person ``n``, always the same."""
    chance = random.Random(n)
    features = {
        "declared_income_fen": chance.randrange(400_000, 1_600_000), "identity_verified": True, "is_student": False,
        "on_block_list": False, "pay_day": 10, "bank_flow": bank_flow(chance, rows), "device": {"device_borrowers": chance.randrange(2)},
        "bureau": {
            "bureau_overdue_fen": chance.choice((0, 0, 0, 0, 30_000)), "bureau_worst_24m": chance.randrange(3),
            "bureau_queries_3m": chance.randrange(8), "bureau_lenders": chance.randrange(4),
        },
    }  # fmt: skip
    borrower = {
        "borrower_id": f"bo-{n}",
        "region": "浙江",
        "birth_date": date(1975 + n % 25, 1 + n % 12, 5).isoformat(),
        "sex": "female",
    }
    return {
        "application_id": f"ap-{n}", "lender_type": "micro_lender", "product": "instalment", "purpose": "appliance",
        "amount": f"{chance.randrange(20, 300)}00.00", "months": chance.choice((3, 6, 12)), "features": features, "borrower": borrower,
    }  # fmt: skip


def admission_model() -> dict[str, Any]:
    """A scorecard on six fields, fitted on made-up people."""
    chance = np.random.default_rng(7)
    n = 4_000
    income, queries, worst = chance.integers(300_000, 1_600_000, n), chance.integers(0, 9, n), chance.integers(0, 4, n)
    age, lenders, amount = chance.integers(20, 60, n), chance.integers(0, 5, n), chance.integers(100_000, 3_000_000, n)
    risk = -3 + 0.25 * queries + 0.4 * worst + 0.2 * lenders - income / 800_000 + amount / 2_000_000
    frame = pl.DataFrame({
        "verified_income_fen": income, "bureau_queries_3m": queries, "bureau_worst_24m": worst, "age": age, "lenders_now": lenders,
        "amount_fen": amount, "bad": (chance.random(n) < 1 / (1 + np.exp(-risk))).astype(int),
    })  # fmt: skip
    model = fit(frame, "bad", kind="scorecard")
    return {
        "model_id": "mo-1", "name": "admission", "kind": "scorecard", "fitted_at": AT - timedelta(days=30), "status": "champion",
        "metrics": {}, "body": model.as_document(), "note": "",
    }  # fmt: skip


def fill(database: Database, count: int, rows: int) -> None:
    vault = open_vault(database)
    with database.begin() as connection:
        add_account(connection, datetime.now(UTC), LOGIN, "risk", PASSWORD, LOGIN)
        insert_missing(connection, tables.model, [admission_model()])
        for n in range(count):
            apply(connection, vault, application(n, rows), AT)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


class Line(asyncio.Protocol):
    """One kept-open connection: a request is written, its answer completes the future."""

    def __init__(self) -> None:
        self.parts = bytearray()
        self.wanted = 0
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the writing end."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect an answer: its head says how long it is."""
        self.parts += data
        if not self.wanted:
            end = self.parts.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.parts[:end]).lower()
            self.wanted = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.parts) >= self.wanted and self.answer is not None:
            whole, self.parts, self.wanted = bytes(self.parts), bytearray(), 0
            self.answer.set_result((int(whole[9:12]), whole.split(b"\r\n\r\n", 1)[1]))

    def connection_lost(self, error: Exception | None) -> None:
        """An answer that will not come is status 0."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((0, b""))


def load(url: str, token: str, first: int, rate: float, seconds: float, answer: Any) -> None:
    """The load: each request goes out at its time on the connection that was free longest; latencies in ms, by that time."""
    host = urlsplit(url).netloc
    address, port = host.split(":")
    count = int(rate * seconds)
    requests = [
        f"POST /api/applications/ap-{n}/decide HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: bench-{n:08d}\r\nContent-Length: 0\r\n\r\n".encode()
        for n in range(first, first + count)
    ]

    async def run() -> None:
        loop = asyncio.get_running_loop()
        free: deque[Line] = deque()
        told: list[float] = []
        statuses: dict[int, int] = {}
        sample: dict[int, bytes] = {}

        async def open_one() -> Line:
            return (await loop.create_connection(Line, address, int(port)))[1]

        for _ in range(CONNECTIONS):
            free.append(await open_one())

        async def one(n: int, due: float) -> None:
            line = free.popleft() if free else await open_one()
            line.answer = loop.create_future()
            line.transport.write(requests[n])
            status, body = await line.answer
            told.append((time.perf_counter() - due) * 1000)
            statuses[status] = statuses.get(status, 0) + 1
            if status:
                free.append(line)
            if n % (count // SAMPLE or 1) == 0:
                sample[first + n] = body

        own = time.process_time()
        start, running = time.perf_counter() + 0.2, set()
        for n in range(count):
            due = start + n / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(one(n, due))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        took = time.perf_counter() - start
        answer.put((told, statuses, sample, took, time.process_time() - own))

    uvloop.run(run())


def same_as_file(database: Database, folder: Path, sample: dict[int, bytes]) -> int:
    """How many sampled answers say what ``jiehuan decide FILE`` says of the stored input; AssertionError for one that does not."""
    with database.connect() as connection:
        model = folder / "model"
        model.mkdir()
        body = connection.execute(select(tables.model.c.body)).scalar_one()
        (model / "model.json").write_text(json.dumps(body))
        for n, answered in sample.items():
            found = connection.execute(
                select(tables.decision.c.inputs).where(tables.decision.c.application_id == f"ap-{n}")
            )
            path = folder / f"{n}.json"
            path.write_text(json.dumps(found.scalar_one()["document"], ensure_ascii=False), encoding="utf-8")
            command = [sys.executable, "-m", "jiehuan", "decide", str(path), "--model", str(model), "--json"]
            done = subprocess.run(command, capture_output=True, check=False, text=True)
            assert done.returncode in (0, 1), done.stderr  # 1: the application is refused
            from_file = json.loads(done.stdout)
            over_http = json.loads(answered)
            for name in ("outcome", "limit", "rate", "months", "method", "points", "pd", "law_checks", "offers"):
                assert over_http[name] == from_file[name], (n, name, over_http[name], from_file[name])
    return len(sample)


def processor_seconds(root: int) -> float:
    """Processor time of a process and all below it, those that have ended too, from /proc."""
    parents: dict[int, tuple[int, float, float]] = {}
    tick = os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            own, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
            parents[int(entry.name)] = (int(fields[1]), own / tick, reaped / tick)
    total, wanted = 0.0, {root}
    while wanted:
        found = {pid for pid, (parent, _, _) in parents.items() if parent in wanted}
        total += sum(sum(parents[pid][1:]) for pid in wanted if pid in parents)
        wanted = found
    return total


def postgres_seconds(home: Path) -> float:
    """Processor time of the embedded server's processes, those that have ended too."""
    found = list(home.rglob("postmaster.pid"))
    return processor_seconds(int(found[0].read_text().splitlines()[0])) if found else 0.0


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--rate", type=float, default=200)
    told.add_argument("--seconds", type=float, default=30)
    told.add_argument("--workers", type=int, default=2)
    told.add_argument("--flow", type=int, default=150, help="Rows of each bank flow.")
    given = told.parse_args()
    count = int(given.rate * given.seconds)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder)) as database:
        fill(database, WARM * given.workers + count, given.flow)
        command = [sys.executable, "-m", "jiehuan", "serve", "--port", "0", "--json", "--workers", str(given.workers)]
        env = {**os.environ, "JIEHUAN_HOME": folder, "PYTHONUNBUFFERED": "1"}
        env.pop("JIEHUAN_DSN", None)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server:
            assert server.stdout
            said = ""
            while "}" not in said:
                said += server.stdout.readline()
            url = json.loads(said)["address"]
            time.sleep(1.0)  # the other workers
            token = httpx.post(f"{url}/api/session", json={"login": LOGIN, "password": PASSWORD}).json()["token"]
            answer = context.Queue()
            for first, rate, seconds in ((count, 40.0, WARM * given.workers / 40), (0, given.rate, given.seconds)):
                before = processor_seconds(server.pid), postgres_seconds(Path(folder))
                sender = context.Process(target=load, args=(url, token, first, rate, seconds, answer))
                sender.start()
                latencies, statuses, sample, took, own = answer.get()
                sender.join()
                after = processor_seconds(server.pid), postgres_seconds(Path(folder))
            server.terminate()
        with database.connect() as connection:
            size = "pg_size_pretty(avg(pg_column_size(inputs))::bigint)"
            asked = f"SELECT count(*), count(*) FILTER (WHERE outcome = 'approve'), {size} FROM decision"
            kept = connection.execute(text(asked)).one()
        checked = same_as_file(database, Path(folder), sample)
    spent = [round((b - a) / count * 1000, 2) for a, b in zip(before, after, strict=True)]
    cuts = np.percentile(latencies, [50, 95, 99, 99.9, 100]).round(1).tolist()
    print(json.dumps({
        "rate": given.rate, "seconds": given.seconds, "workers": given.workers, "flow_rows": given.flow, "statuses": statuses,
        "answered_per_second": round(len(latencies) / took, 1), "ms": dict(zip(("p50", "p95", "p99", "p99.9", "most"), cuts, strict=True)),
        "within_100_ms": round(float(np.mean(np.array(latencies) <= 100)), 4),
        "cpu_ms": dict(zip(("server", "postgres", "client"), (*spent, round(own / count * 1000, 2)), strict=True)),
        "answers_checked": checked,
        "decisions_kept": kept[0], "approved": kept[1], "inputs_size": kept[2], "load_average": [round(one, 1) for one in os.getloadavg()],
        "python": platform.python_version(), "cores": os.cpu_count(), "uvicorn": version("uvicorn"), "fastapi": version("fastapi"),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
