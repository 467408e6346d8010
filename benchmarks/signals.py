"""The signal engine's speed against DuckDB windows, Polars rolling and a plain Python engine, on the same signals with equal numbers.

Run: ``POLARS_MAX_THREADS=1 python benchmarks/signals.py [--events 1000000] [--accounts 100000] [--share 10]``. Prints events a
second of CPU time (so that a shared machine counts alike for all), ratios within the run, the cost of one live event, memory an
account; fails when any engine's numbers differ. Peers run on the events of a ``share``-th of the accounts.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import numpy as np
import polars as pl

from jiehuan.watch import Declaration, Engine, Event, read_signals
from jiehuan.watch.columns import to_columns

WINDOWS = {"1h": 3600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
START = datetime(2026, 1, 1, tzinfo=UTC)


def make_events(n: int, accounts: int, seed: int = 1) -> pl.DataFrame:
    """``n`` events in order of time over 60 days; no two at one microsecond."""
    rng = np.random.default_rng(seed)
    micro = np.sort(rng.choice(60 * 86_400 * 100, n, replace=False)).astype(np.int64) * 10_000 + 7
    return pl.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)],
            "account_id": pl.Series(rng.integers(0, accounts, n)).cast(pl.String),
            "at": pl.Series(micro + int(START.timestamp()) * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "kind": ["transfer_out"] * n,
            "amount_fen": rng.integers(100, 500_000, n),
            "counterparty": pl.Series(rng.integers(0, 1 << 20, n) % (1 + rng.integers(1, 40, n))).cast(pl.String),
        }
    )


def sixteen() -> Declaration:
    """Count, sum, max and distinct counterparties in four windows; every one is read at every event."""
    features = {
        f"{of}_{w}": {"of": of, "stream": "transfer_out", "window": w}
        for w in WINDOWS
        for of in ("count", "sum", "max", "distinct")
    }
    return read_signals({"kinds": {"transfer_out": {}}, "features": features})


def thirty_rules() -> Declaration:
    """Thirty rules with thirty conditions over those sixteen features, all judged at every event."""
    document = {
        "kinds": {"transfer_out": {}},
        "features": {
            f"{of}_{w}": {"of": of, "stream": "transfer_out", "window": w}
            for w in WINDOWS
            for of in ("count", "sum", "max", "distinct")
        },
        "rules": {},
    }
    names = list(document["features"])
    for k in range(30):
        a, b = names[k % 16], names[(k * 7 + 5) % 16]
        limit = {"count": 40, "sum": 90_000, "max": 4_999, "distinct": 30}[a.split("_")[0]]
        document["rules"][f"r{k}"] = {
            "on": ["transfer_out"],
            "when": f"{a} > {limit} and {b} > 1",
            "cooldown": "7d",
            "zh": "有",
            "en": "yes",
        }
    return read_signals(document)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    begin = time.process_time()
    answer = work()
    return time.process_time() - begin, answer


def by_duckdb(frame: pl.DataFrame, distinct: bool) -> pl.DataFrame:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads to 1")
    connection.register("events", frame.to_arrow())
    parts = []
    for name, seconds in WINDOWS.items():
        length = seconds * 1_000_000 - 1
        over = f'over (partition by account_id order by "at" range between interval ({length}) microseconds preceding and current row)'
        parts += [
            f"count(*) {over} as count_{name}",
            f"sum(amount_fen) {over} as sum_{name}",
            f"max(amount_fen) {over} as max_{name}",
        ]
        parts += [f"count(distinct counterparty) {over} as distinct_{name}"] if distinct else []
    return connection.sql(f'select event_id, {", ".join(parts)} from events order by "at"').pl()


def by_polars(frame: pl.DataFrame, distinct: bool) -> pl.DataFrame:
    ordered = frame.sort("account_id", "at")
    out = frame.select("event_id", "at")
    for name, seconds in WINDOWS.items():
        amount = pl.col("amount_fen")
        wanted = [pl.len().alias(f"count_{name}"), amount.sum().alias(f"sum_{name}"), amount.max().alias(f"max_{name}")]
        wanted += [pl.col("counterparty").n_unique().alias(f"distinct_{name}")] if distinct else []
        windows = ordered.rolling("at", period=f"{seconds}s", group_by="account_id").agg(wanted)
        # No two events share a moment, so time alone puts the rows back in their order.
        out = out.hstack(windows.sort("at").drop("account_id", "at"))
    return out.drop("at")


def by_python(frame: pl.DataFrame) -> list[tuple[int, ...]]:
    """Deques and dictionaries, exact: what one writes first."""
    state: dict[
        tuple[str, str], tuple[deque[tuple[int, int, str]], deque[tuple[int, int]], dict[str, int], list[int]]
    ] = {}
    out = []
    for account, at, amount, party in frame.select(
        "account_id", pl.col("at").cast(pl.Int64), "amount_fen", "counterparty"
    ).iter_rows():
        row: list[int] = []
        for name, seconds in WINDOWS.items():
            inside, top, seen, total = state.setdefault((account, name), (deque(), deque(), {}, [0]))
            edge = at - seconds * 1_000_000
            while inside and inside[0][0] <= edge:
                _, gone, whom = inside.popleft()
                total[0] -= gone
                seen[whom] -= 1
                if not seen[whom]:
                    del seen[whom]
            while top and top[0][0] <= edge:
                top.popleft()
            inside.append((at, amount, party))
            total[0] += amount
            seen[party] = seen.get(party, 0) + 1
            while top and top[-1][1] <= amount:
                top.pop()
            top.append((at, amount))
            row += [len(inside), total[0], top[0][1], len(seen)]
        out.append(tuple(row))
    return out


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--accounts", type=int, default=100_000)
    options.add_argument("--share", type=int, default=10)
    chosen = options.parse_args()
    frame = make_events(chosen.events, chosen.accounts)
    declared = sixteen()
    warm = Engine(declared)
    warm.replay(to_columns(frame[:1000], warm)[0], features=True)

    results: dict[str, object] = {"events": chosen.events, "accounts": chosen.accounts}
    engine = Engine(declared)
    read, (columns, _) = timed(lambda: to_columns(frame, engine))  # type: ignore[misc]
    took, answer = timed(lambda: engine.replay(columns, features=True))
    mine = dict(zip(engine.feature_names, answer.features.T, strict=True))  # type: ignore[attr-defined]
    results["replay, 16 features, events/s"] = round(chosen.events / took)
    results["reading and hashing the table, events/s"] = round(chosen.events / read)
    results["bytes an account"] = engine.memory()["bytes_per_account"]

    rules = Engine(thirty_rules())
    columns_rules, _ = to_columns(frame, rules)
    took_rules, answer = timed(lambda: rules.replay(columns_rules))
    results["replay, 30 rules over 16 features, events/s"] = round(chosen.events / took_rules)
    results["alerts of the 30 rules"] = len(answer.alerts)  # type: ignore[attr-defined]

    mask = (frame["account_id"].cast(pl.Int64) % chosen.share == 0).to_numpy()
    part = frame.filter(pl.Series(mask))
    small = Engine(declared)
    took_part, answer = timed(lambda: small.replay(to_columns(part, small)[0], features=True))
    mine = {name: column[mask] for name, column in mine.items()}
    own = part.height / took_part
    results["replay with reading, same rows as the peers, events/s"] = round(own)
    for name, work in (("duckdb", by_duckdb), ("polars", by_polars)):
        for distinct in (False, True):
            took, table = timed(lambda w=work, d=distinct: w(part, d))
            table = table.with_columns(pl.col("event_id").str.slice(1).cast(pl.Int64).alias("n")).sort("n")  # type: ignore[attr-defined]
            for column in [c for c in table.columns if c not in {"event_id", "n"}]:
                scale = 100 if column.startswith(("sum", "max")) else 1
                assert np.allclose(table[column].cast(pl.Float64).to_numpy() / scale, mine[column]), (
                    name,
                    column,
                )
            label = f"{name}, {16 if distinct else 12} features"
            results[f"{label}, events/s"] = round(part.height / took)
            results[f"{label}: times slower"] = round(own * took / part.height, 2)
    tenth = part[: part.height // 4]
    took, rows = timed(lambda: by_python(tenth))
    theirs = np.array(rows, np.float64).reshape(tenth.height, 4, 4) / np.array([1, 100, 100, 1])
    ours = np.stack(
        [[mine[f"{of}_{w}"][: tenth.height] for of in ("count", "sum", "max", "distinct")] for w in WINDOWS]
    ).transpose(2, 0, 1)
    assert np.allclose(theirs, ours), "python"
    results["plain Python, events/s"] = round(tenth.height / took)
    results["plain Python: times slower"] = round(own * took / tenth.height, 1)

    live = Engine(thirty_rules())
    times = []
    for n, row in enumerate(frame[:20_000].iter_rows()):
        event = Event(row[0], row[1], START + timedelta(seconds=n), row[3], row[4], row[5])
        begin = time.perf_counter_ns()
        live.process(event)
        times.append(time.perf_counter_ns() - begin)
    times.sort()
    results["one live event, us (p50, p99)"] = [times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000]
    results["versions"] = {name: version(name) for name in ("duckdb", "polars", "numba", "numpy")}
    results["machine"] = (
        f"{platform.machine()}, Python {platform.python_version()}, one thread for each engine but Polars"
    )
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
