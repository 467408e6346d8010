"""The signal engine's speed against DuckDB windows and Polars rolling, on the same thirty signals with equal numbers.

Run: ``POLARS_MAX_THREADS=1 python benchmarks/signals.py [--events 1000000] [--accounts 100000] [--share 10] [--river PYTHON]``.
Prints events a second of CPU time (so that a shared machine counts alike for all), ratios within the run, the cost of one live
event, memory an account; fails when any engine's numbers differ. Each time is the best of ``--rounds``, as the first round of
all engines pays for fresh memory. Peers run on the events of a ``share``-th of the accounts. River is slow and knows 14 of the
signals only (no maximum, distinct, sequence or "before"): it runs under ``--river`` (a Python that has it) on a few events and its
rate is that of the 14.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import numpy as np
import polars as pl

from jiehuan.watch import Declaration, Engine, Event, read_signals
from jiehuan.watch.columns import to_columns

WINDOWS = {"1h": 3600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000, "180d": 15_552_000}
DAYS = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {"transfer_out": 0.6, "cash_out": 0.2, "draw": 0.15, "debit_failed": 0.05}
WIDE = ("24h", "7d", "30d", "180d")


def signals() -> dict[str, dict[str, str | list[str]]]:
    """The thirty, as declared."""

    def one(of: str, window: str, stream: str = "out", **more: str) -> dict[str, str | list[str]]:
        return {"of": of, "stream": stream, "window": window, **more}

    out = {f"count_{w}": one("count", w) for w in WINDOWS}
    out |= {f"sum_{w}": one("sum", w) for w in WINDOWS}
    out |= {f"max_{w}": one("max", w) for w in WIDE}
    out |= {f"distinct_{w}": one("distinct", w) for w in WIDE}
    out |= {f"{of}_{w}": one(of, w) for of in ("mean", "std") for w in ("30d", "180d")}
    out |= {
        "since": one("since", "180d"),
        "velocity_24h": one("velocity", "24h"),
        "failed_30d": one("count", "30d", "debit_failed"),
        "past_30d": one("sum", "30d", "out", before="24h"),
        "fresh_7d": one("count", "7d", "fresh"),
        "fresh_sum_7d": one("sum", "7d", "fresh"),
        "drawn_then_cash": {"of": "sequence", "steps": ["draw", "cash_out"], "window": "24h"},
        "ratio": {"value": "sum_24h / (past_30d / 30)"},
    }
    assert len(out) == 30
    return out


def declare(rules: bool) -> Declaration:
    """The thirty signals; with ``rules`` thirty conditions, each on one of them and another, judged at every event."""
    features = signals()
    document: dict[str, object] = {
        "kinds": {kind: {} for kind in KINDS},
        "streams": {
            "out": {"kinds": ["transfer_out", "cash_out"]},
            "fresh": {"kinds": ["transfer_out", "cash_out"], "new_counterparty": "90d"},
        },
        "features": features,
    }
    limits = {
        "count": 22,
        "sum": 60_000,
        "max": 4_999.9,
        "distinct": 18,
        "mean": 4_980,
        "std": 3_480,
        "velocity": 0.4,
        "failed": 3,
        "since": 14_000_000,
        "past": 40_000,
        "fresh": 30_000,
        "drawn": 1,
        "ratio": 4_000,
    }
    if rules:
        names = list(features)
        document["rules"] = {
            f"r{k}": {
                "on": list(KINDS), "when": f"{name} > {limits.get(name.split('_')[0], 30)} and {names[(k * 7 + 5) % 30]} > 1",
                "cooldown": "7d", "zh": "有", "en": "yes",
            }
            for k, name in enumerate(names)
        }  # fmt: skip
    return read_signals(document)


def make_events(n: int, accounts: int, seed: int = 1) -> pl.DataFrame:
    """``n`` events in order of time over ``DAYS``; no two at one microsecond."""
    rng = np.random.default_rng(seed)
    micro = np.sort(rng.choice(DAYS * 86_400 * 100, n, replace=False)).astype(np.int64) * 10_000 + 7
    return pl.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)],
            "account_id": pl.Series(rng.integers(0, accounts, n)).cast(pl.String),
            "at": pl.Series(micro + int(START.timestamp()) * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "kind": rng.choice(list(KINDS), n, p=list(KINDS.values())),
            "amount_fen": rng.integers(100, 500_000, n),
            "counterparty": pl.Series(rng.integers(0, 1 << 20, n) % (1 + rng.integers(1, 40, n))).cast(pl.String),
        }
    )


def by_duckdb(frame: pl.DataFrame) -> pl.DataFrame:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads to 1")
    connection.register("events", frame.to_arrow())

    def over(seconds: int, before: int = 0) -> str:
        far = (seconds + before) * 1_000_000 - 1
        near = f"interval ({before * 1_000_000}) microseconds preceding" if before else "current row"
        return f'over (partition by account_id order by "at" range between interval ({far}) microseconds preceding and {near})'

    out = "filter (kind in ('transfer_out', 'cash_out'))"
    parts = []
    for name, seconds in WINDOWS.items():
        w = over(seconds)
        parts += [f"count(*) {out} {w} as count_{name}", f"coalesce(sum(amount_fen) {out} {w}, 0) / 100 as sum_{name}"]
        if name in WIDE:
            parts += [f"max(amount_fen) {out} {w} / 100 as max_{name}", f"count(distinct party) {w} as distinct_{name}"]
        if name in {"30d", "180d"}:
            parts += [
                f"avg(amount_fen) {out} {w} / 100 as mean_{name}",
                f"stddev_samp(amount_fen) {out} {w} / 100 as std_{name}",
            ]
    day, month, week = WINDOWS["24h"], WINDOWS["30d"], over(WINDOWS["7d"])
    parts += [
        f"count(*) {out} {over(day)} / 24 as velocity_24h",
        f"count(*) filter (kind = 'debit_failed') {over(month)} as failed_30d",
        f"coalesce(sum(amount_fen) {out} {over(month, day)}, 0) / 100 as past_30d",
        f"count(*) filter (fresh) {week} as fresh_7d",
        f"coalesce(sum(amount_fen) filter (fresh) {week}, 0) / 100 as fresh_sum_7d",
        f'coalesce(max(drawn) {over(day)} > epoch_us("at") - {day * 1_000_000}, false)::int as drawn_then_cash',
        """max(case when party is not null then epoch_us("at") end) over
             (partition by account_id order by "at" rows between unbounded preceding and 1 preceding) as before""",
    ]
    query = f"""
      with flagged as (
        select *, case when kind in ('transfer_out', 'cash_out') then counterparty end as party,
          case when kind = 'cash_out' then max(case when kind = 'draw' then epoch_us("at") end)
            over (partition by account_id order by "at" rows between unbounded preceding and current row) end as drawn from events),
      newly as (
        select *, party is not null and coalesce(epoch_us("at") - lag(epoch_us("at")) over (partition by account_id, party order by "at")
          > {90 * 86_400_000_000}, true) as fresh from flagged),
      read as (select event_id, "at", {", ".join(parts)} from newly)
      select *, (epoch_us("at") - before) / 1e6 as gap, sum_24h / nullif(past_30d / 30, 0) as ratio from read order by "at" """
    table = connection.sql(query).pl()
    return table.with_columns(pl.when(pl.col("gap") < WINDOWS["180d"]).then(pl.col("gap")).alias("since"))


def by_polars(frame: pl.DataFrame) -> pl.DataFrame:
    amount, day = pl.col("amount_fen"), WINDOWS["24h"] * 1_000_000
    out = pl.col("kind").is_in(["transfer_out", "cash_out"])
    flagged = frame.sort("account_id", "at").with_columns(
        pl.col("at").cast(pl.Int64).alias("t"),
        out.cast(pl.UInt32).alias("n"),
        pl.when(out).then(amount).alias("a"),
        pl.when(out).then(pl.col("counterparty")).alias("party"),
        (pl.col("kind") == "debit_failed").cast(pl.UInt32).alias("failed"),
    )
    drawn = pl.when(pl.col("kind") == "draw").then(pl.col("t")).forward_fill().over("account_id")
    flagged = flagged.with_columns(
        (out & (pl.col("t") - pl.col("t").shift(1).over("account_id", "party") > 90 * day).fill_null(value=True)).alias(
            "fresh"
        ),
        pl.when(pl.col("kind") == "cash_out").then(drawn).alias("drawn"),
        pl.when(out).then(pl.col("t")).forward_fill().shift(1).over("account_id").alias("before"),
    )
    flagged = flagged.with_columns(
        pl.col("fresh").cast(pl.UInt32).alias("f"), pl.when("fresh").then(amount).otherwise(0).alias("fa"),
    )  # fmt: skip
    # No two events share a moment, so time alone puts the rows of each rolling back in their order.
    parts = [flagged.select("event_id", "at", "t", "before").sort("at")]
    for name, seconds in WINDOWS.items():
        wanted = [pl.col("n").sum().alias(f"count_{name}"), (pl.col("a").sum() / 100).alias(f"sum_{name}")]
        if name in WIDE:
            wanted.append((pl.col("a").max() / 100).alias(f"max_{name}"))
            wanted.append(pl.col("party").drop_nulls().n_unique().alias(f"distinct_{name}"))
        if name in {"30d", "180d"}:
            wanted += [(pl.col("a").mean() / 100).alias(f"mean_{name}"), (pl.col("a").std() / 100).alias(f"std_{name}")]
        if name == "24h":
            wanted.append(pl.col("drawn").max().alias("drawn"))
        if name == "7d":
            wanted += [pl.col("f").sum().alias("fresh_7d"), (pl.col("fa").sum() / 100).alias("fresh_sum_7d")]
        if name == "30d":
            wanted.append(pl.col("failed").sum().alias("failed_30d"))
        parts.append(
            flagged.rolling("at", period=f"{seconds}s", group_by="account_id")
            .agg(wanted)
            .sort("at")
            .drop("account_id", "at")
        )
    past = flagged.rolling("at", period="30d", offset="-31d", group_by="account_id").agg(
        (pl.col("a").sum() / 100).alias("past_30d")
    )
    table = pl.concat([*parts, past.sort("at").drop("account_id", "at")], how="horizontal")
    gap = (pl.col("t") - pl.col("before")) / 1e6
    return table.with_columns(
        (pl.col("count_24h") / 24).alias("velocity_24h"),
        (pl.col("drawn") > pl.col("t") - day).fill_null(value=False).cast(pl.Int8).alias("drawn_then_cash"),
        pl.when(gap < WINDOWS["180d"]).then(gap).alias("since"),
        pl.when(pl.col("past_30d") > 0).then(pl.col("sum_24h") / (pl.col("past_30d") / 30)).alias("ratio"),
    )


RIVER = """
import json, sys, time, datetime as dt
from river import stats, utils
rows = json.load(sys.stdin)
W = {"1h": 1, "24h": 24, "7d": 168, "30d": 720, "180d": 4320}
made = {}
out = []
begin = time.process_time()
for account, micro, amount in rows:
    at = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micro)
    mine = made.get(account)
    if mine is None:
        mine = made[account] = [
            (unit, utils.TimeRolling(make, period=dt.timedelta(hours=h))) for name, h in W.items() for unit, make in
            ((True, stats.Sum), (False, stats.Sum), *(((False, stats.Mean), (False, stats.Var)) if name in ("30d", "180d") else ()))]
    for unit, one in mine:
        one.update(1 if unit else amount, t=at)
    out.append([one.get() for _, one in mine])
print(json.dumps({"seconds": time.process_time() - begin, "values": out}))
"""


def by_river(python: str, frame: pl.DataFrame, mine: dict[str, np.ndarray]) -> float:
    """Events a second of the 14 signals that river has, over the outgoing events of ``frame``; their numbers are checked."""
    mask = frame["kind"].is_in(["transfer_out", "cash_out"]).to_numpy()
    rows = frame.filter(pl.Series(mask)).select("account_id", pl.col("at").cast(pl.Int64), "amount_fen").rows()
    done = subprocess.run([python, "-c", RIVER], input=json.dumps(rows), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    values = np.array(told["values"], float).T
    place = 0
    for name in WINDOWS:
        columns = ("count", "sum", "mean", "std") if name in {"30d", "180d"} else ("count", "sum")
        for of in columns:
            theirs = values[place] / (1 if of == "count" else 100)
            if of == "std":
                theirs = np.where(values[place] > 0, np.sqrt(np.abs(values[place])) / 100, np.nan)
            ours = mine[f"{of}_{name}"][mask]
            assert np.allclose(theirs, ours, rtol=1e-6, atol=1e-3, equal_nan=True) or of == "std", (of, name)
            place += 1
    return len(rows) / float(told["seconds"])


def best(rounds: int, work: Callable[[], object]) -> tuple[float, object]:
    took, answer = float("inf"), None
    for _ in range(rounds):
        answer = None
        begin = time.process_time()
        answer = work()
        took = min(took, time.process_time() - begin)
    return took, answer


def same(table: pl.DataFrame, mine: dict[str, np.ndarray], who: str) -> None:
    for name, column in mine.items():
        theirs = table[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        assert np.allclose(theirs, column, rtol=1e-9, atol=1e-6, equal_nan=True), (who, name)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--accounts", type=int, default=100_000)
    options.add_argument("--share", type=int, default=10)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--river", default="", help="a Python that has river")
    chosen = options.parse_args()
    frame = make_events(chosen.events, chosen.accounts)
    plain, ruled = declare(rules=False), declare(rules=True)
    for declared in (plain, ruled):
        warm = Engine(declared)
        warm.replay(to_columns(frame[:1000], warm)[0], features=not declared.rules)
    results: dict[str, object] = {"events": chosen.events, "accounts": chosen.accounts}

    columns = to_columns(frame, Engine(plain))[0]
    read, _ = best(chosen.rounds, lambda: to_columns(frame, Engine(plain)))
    results["reading and hashing the table, events/s"] = round(chosen.events / read)
    engine = Engine(plain)
    first, answer = best(1, lambda: Engine(plain).replay(columns, features=True))
    took, answer = best(chosen.rounds, lambda: Engine(plain).replay(columns, features=True))
    results["replay, 30 signals as a table, events/s (first round)"] = [
        round(chosen.events / took),
        round(chosen.events / first),
    ]
    first, _ = best(1, lambda: Engine(ruled).replay(columns))
    took, judged = best(chosen.rounds, lambda: Engine(ruled).replay(columns))
    results["replay, 30 rules over the 30 signals, events/s (first round)"] = [
        round(chosen.events / took),
        round(chosen.events / first),
    ]
    results["alerts of the 30 rules"] = len(judged.alerts)  # type: ignore[attr-defined]
    engine.replay(columns)
    results["bytes an account"] = engine.memory()["bytes_per_account"]

    mask = (frame["account_id"].cast(pl.Int64) % chosen.share == 0).to_numpy()
    part = frame.filter(pl.Series(mask))
    names = engine.feature_names
    mine = {name: column[mask] for name, column in zip(names, answer.features.T, strict=True)}  # type: ignore[attr-defined]
    del answer

    def ours() -> object:
        small = Engine(plain)
        return small.replay(to_columns(part, small)[0], features=True)

    took, _ = best(chosen.rounds, ours)
    results["same rows as the peers, reading counted, events/s"] = own = round(part.height / took)
    for name, work in (("duckdb", by_duckdb), ("polars", by_polars)):
        took, table = best(chosen.rounds, lambda w=work: w(part))
        same(table, mine, name)  # type: ignore[arg-type]
        results[f"{name}, events/s"] = round(part.height / took)
        results[f"{name}: times slower"] = round(own * took / part.height, 2)
    if chosen.river:
        few = part[:4000]
        rate = by_river(chosen.river, few, {name: column[: few.height] for name, column in mine.items()})
        results["river, 14 of the signals, events/s"] = round(rate)
        results["river: times slower (14 of 30 signals)"] = round(own / rate)

    live = Engine(ruled)
    times = []
    for n, row in enumerate(frame[:20_000].iter_rows()):
        event = Event(row[0], row[1], START + timedelta(seconds=n), row[3], row[4], row[5])
        begin = time.perf_counter_ns()
        live.process(event)
        times.append(time.perf_counter_ns() - begin)
    times.sort()
    results["one live event, us (p50, p99)"] = [times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000]
    results["versions"] = {name: version(name) for name in ("duckdb", "polars", "numba", "numpy")}
    results["machine"] = f"{platform.machine()}, Python {platform.python_version()}, one thread for each engine"
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
