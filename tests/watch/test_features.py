"""Every aggregate against a plain reading of its definition, on random streams with late, repeated and tied events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import stdev

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiehuan.units.errors import InputError
from jiehuan.watch import Declaration, Engine, Event, read_signals
from jiehuan.watch.columns import to_columns

START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOWS = ("1h", "24h", "7d")
SECONDS = {"1h": 3600, "24h": 86_400, "7d": 604_800}
STREAMS = {
    "outs": {"kinds": ["cash", "pay"]},
    "cash": {"kinds": ["cash"]},
    "night": {"kinds": ["cash", "pay"], "hours": [22, 6]},
    "big": {"kinds": ["pay"], "least": "50.00"},
    "fresh": {"kinds": ["pay", "cash"], "new_counterparty": "2d"},
    "branch": {"kinds": ["cash"], "channels": ["branch"]},
}
AGGREGATES = (
    "count",
    "sum",
    "mean",
    "max",
    "std",
    "distinct",
    "since",
    "last",
    "velocity",
    "rise",
    "fall",
    "slower",
    "faster",
)


@pytest.fixture(scope="module")
def declared() -> Declaration:
    features = {
        f"{of}_{stream}_{window}_{before}": {"of": of, "stream": stream, "window": window, "before": before}
        for of in AGGREGATES
        for stream in STREAMS
        for window in WINDOWS
        for before in ("0s", "12h")
        if stream in {"outs", "fresh"} or (window == "24h" and before == "0s")
    }
    features["order"] = {"of": "sequence", "steps": ["login", "pay", "cash"], "window": "24h"}
    features["ratio"] = {"value": "sum_outs_24h_0s / sum_outs_7d_12h"}
    kinds = {kind: {} for kind in ("cash", "pay", "login")}
    return read_signals(
        {"zone": "Asia/Shanghai", "lateness": "24h", "kinds": kinds, "streams": STREAMS, "features": features}
    )


@dataclass(repr=False)
class Plain:
    """The definition, read slowly: all events of an account in order of time, ties in order of arrival."""

    declared: Declaration
    events: list[Event] = field(default_factory=list)
    clock: datetime = START - timedelta(days=3650)

    def take(self, event: Event) -> dict[str, float] | str:
        if event.kind == "tick":
            if event.at < self.clock:
                return "refused"
            self.clock = event.at
            return self.values(len(self.events), event.at, None)
        same = [e for e in self.events if e.event_id == event.event_id]
        edge = self.clock - timedelta(seconds=self.declared.lateness)
        if event in same:
            return "repeated"
        if any(e.at >= edge or e.at == event.at for e in same):
            return "refused"
        if event.at < edge:
            return "refused"
        place = sum(1 for e in self.events if e.at <= event.at)
        self.events.insert(place, event)
        self.clock = max(self.clock, event.at)
        return self.values(place + 1, event.at, event)

    def values(self, bound: int, now: datetime, own: Event | None) -> dict[str, float]:
        known = self.events[:bound]
        out = {name: self.value(f, known, now, own) for name, f in self.declared.features.items()}
        below = out["sum_outs_7d_12h"]
        out["ratio"] = out["sum_outs_24h_0s"] / below if below else math.nan
        return out

    def value(self, f, known: list[Event], now: datetime, own: Event | None) -> float:
        until = now - timedelta(seconds=f.before)
        since = until - timedelta(seconds=f.window)
        inside = [e for e in known if since < e.at <= until]
        if f.of == "sequence":
            steps = list(f.steps)
            for e in reversed(inside):
                if steps and e.kind == steps[-1]:
                    steps.pop()
            return 0.0 if steps else 1.0
        inside = [e for e in inside if self.member(f.stream, e, known)]
        amounts = [e.amount_fen / 100 for e in inside]
        if f.of == "since":
            others = [e for e in inside if e is not own]
            return (now - others[-1].at).total_seconds() if others else math.nan
        if f.of == "distinct":
            return float(len({e.counterparty for e in inside if e.counterparty}))
        if f.of in {"rise", "fall", "slower", "faster", "changed"}:
            return self.change(f.of, inside, now)
        return {
            "count": lambda: float(len(inside)),
            "sum": lambda: sum(e.amount_fen for e in inside) / 100,
            "mean": lambda: sum(e.amount_fen for e in inside) / 100 / len(inside) if inside else math.nan,
            "max": lambda: max(amounts, default=math.nan),
            "std": lambda: stdev(amounts) if len(amounts) > 1 else math.nan,
            "last": lambda: amounts[-1] if amounts else math.nan,
            "velocity": lambda: len(inside) / (f.window / 3600),
        }[f.of]()

    @staticmethod
    def change(of: str, inside: list[Event], now: datetime) -> float:
        """Page's sum, written plainly: the usual and its deviation come from values already clipped."""
        newest = inside[-256:]
        if of in {"slower", "faster"}:
            pairs = [(math.log1p((b.at - a.at).total_seconds()), b.at) for a, b in pairwise(newest)]
        else:
            pairs = [(math.log1p(e.amount_fen / 100), e.at) for e in newest]
        if len(pairs) < 6:
            return math.nan
        usual, spread = pairs[0][0], 0.0
        for n, (x, _) in enumerate(pairs[1:5], 1):
            spread += (abs(x - usual) - spread) / n
            usual += (x - usual) / (n + 1)
        sums, begun = {1: 0.0, -1: 0.0}, {1: now, -1: now}
        for n, (x, at) in enumerate(pairs[5:], 6):
            scale = max(1.25 * spread, 0.05)
            r = max(-3.0, min(3.0, (x - usual) / scale))
            for sign in sums:
                if sums[sign] == 0:
                    begun[sign] = at
                sums[sign] = max(0.0, sums[sign] + sign * r - 0.5)
            rate = 1 / min(n, 30)
            spread += rate * (scale * abs(r) - spread)
            usual += rate * scale * r
        if of == "changed":
            larger = 1 if sums[1] >= sums[-1] else -1
            return (now - begun[larger]).total_seconds() if sums[larger] else math.nan
        return sums[1] if of in {"rise", "slower"} else sums[-1]

    def member(self, name: str, event: Event, known: list[Event], *, fresh: bool = True) -> bool:
        stream = self.declared.streams[name]
        local = event.at + timedelta(hours=8)
        hour = local.hour + local.minute / 60 + local.second / 3600
        if event.kind not in stream.kinds or event.amount_fen < stream.least_fen:
            return False
        if stream.channels and event.channel not in stream.channels:
            return False
        if stream.hours and not (hour >= stream.hours[0] or hour < stream.hours[1]):
            return False
        if stream.new_counterparty and fresh:
            memory = timedelta(seconds=stream.new_counterparty)
            before = [e for e in known[: known.index(event)] if self.member(name, e, known, fresh=False)]
            return bool(event.counterparty) and not any(
                e.counterparty == event.counterparty and event.at - e.at <= memory for e in before
            )
        return True


def streams_of(accounts: int, least: int, most: int) -> st.SearchStrategy[list[Event]]:
    """Events in any order over twelve days; ids repeat, times tie, amounts repeat."""
    return st.lists(
        st.builds(
            lambda n, account, minutes, kind, amount, party, channel: Event(
                f"e{n}",
                f"acc{account}",
                START + timedelta(minutes=minutes),
                kind,
                0 if kind == "tick" else amount,
                party,
                channel,
            ),
            st.integers(0, 400),
            st.integers(0, accounts - 1),
            st.integers(0, 60 * 24 * 12).flatmap(lambda m: st.sampled_from([m, m - m % 60, m - m % 1440])),
            st.sampled_from(["cash", "pay", "pay", "login", "tick"]),
            st.sampled_from([0, 1, 999, 5000, 5000, 123_456, 10**12]) | st.integers(0, 10**6),
            st.sampled_from(["", "a", "b", "c"]),
            st.sampled_from(["", "branch"]),
        ),
        min_size=least,
        max_size=most,
    )


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=streams_of(1, 50, 90), cut=st.integers(0, 90))
def test_many_events_of_one_account_equal_the_definition_too(
    declared: Declaration, events: list[Event], cut: int
) -> None:
    """Enough of them within the lateness that counterparties are listed, and late ones are put among them."""
    close = [
        Event(e.event_id, e.account_id, START + (e.at - START) / 10, e.kind, e.amount_fen, e.counterparty, e.channel)
        for e in events
    ]
    equal_definition(declared, [e for e in close if e.kind != "tick"], cut)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(events=streams_of(2, 1, 40), in_order=st.booleans(), cut=st.integers(0, 40))
def test_every_feature_equals_its_definition_for_any_arrival(
    declared: Declaration, events: list[Event], in_order: bool, cut: int
) -> None:
    if in_order:
        events = sorted(events, key=lambda e: e.at)
    equal_definition(declared, events, cut)


def equal_definition(declared: Declaration, events: list[Event], cut: int) -> None:
    replayed, live = Engine(declared), Engine(declared)
    plain = {name: Plain(declared) for name in ("acc0", "acc1")}
    names = replayed.feature_names
    rows = [(e.event_id, e.account_id, e.at, e.kind, e.amount_fen, e.counterparty, e.channel) for e in events]
    schema = ["event_id", "account_id", "at", "kind", "amount_fen", "counterparty", "channel"]
    got: list[np.ndarray] = []
    for part in (rows[:cut], rows[cut:]):
        if part:
            columns, problems = to_columns(pl.DataFrame(part, schema=schema, orient="row"), replayed)
            assert not problems
            answer = replayed.replay(columns, features=True)
            assert answer.features is not None
            got += list(answer.features)
    for event, row in zip(events, got, strict=True):
        expected = plain[event.account_id].take(event)
        refused = False
        try:
            live.process(event)
        except InputError:
            refused = True
        assert refused == (expected == "refused")
        if isinstance(expected, str):
            assert np.isnan(row).all()
            continue
        wanted = np.array([expected[name] for name in names])
        wrong = ~np.isclose(row, wanted, rtol=1e-7, atol=1e-4, equal_nan=True)
        # The deviation of amounts of very different size keeps seven digits of the largest.
        assert not wrong.any(), [(names[i], row[i], wanted[i]) for i in np.flatnonzero(wrong)]
    assert live.counts == replayed.counts


def test_replay_matches_duckdb_windows(declared: Declaration) -> None:
    import duckdb

    rng = np.random.default_rng(11)
    n = 30_000
    minutes = np.sort(rng.choice(60 * 24 * 20 * 10, n, replace=False)) * 6.0  # seconds, no two alike
    frame = pl.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)],
            "account_id": [f"acc{a}" for a in rng.integers(0, 150, n)],
            "at": pl.Series((minutes * 1e6).astype(np.int64) + int(START.timestamp()) * 1_000_000).cast(
                pl.Datetime("us", "UTC")
            ),
            "kind": rng.choice(["cash", "pay", "login"], n),
            "amount_fen": rng.integers(0, 1_000_000, n),
            "counterparty": [f"c{c}" for c in rng.integers(0, 12, n)],
        }
    )
    engine = Engine(declared)
    columns, problems = to_columns(frame, engine)
    answer = engine.replay(columns, features=True)
    assert not problems
    assert answer.taken == n
    assert answer.features is not None
    mine = dict(zip(engine.feature_names, answer.features.T, strict=True))
    outs = "kind in ('cash','pay')"
    for window in WINDOWS:
        # DuckDB's frame is closed at both ends, ours open at the far one: a microsecond less.
        length = SECONDS[window] * 1_000_000 - 1
        over = f'(partition by account_id order by "at" range between interval ({length}) microseconds preceding and current row)'
        theirs = duckdb.sql(
            f"""select event_id,
                count(*) filter ({outs}) over {over} as count,
                coalesce(sum(amount_fen) filter ({outs}) over {over}, 0) / 100 as sum,
                max(amount_fen) filter ({outs}) over {over} / 100 as max,
                avg(amount_fen) filter ({outs}) over {over} / 100 as mean,
                stddev_samp(amount_fen) filter ({outs}) over {over} / 100 as std,
                count(distinct case when {outs} then counterparty end) over {over} as distinct
            from frame order by cast(substr(event_id, 2) as int)"""
        ).pl()
        for of in ("count", "sum", "max", "mean", "std", "distinct"):
            expected = theirs[of].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            assert np.allclose(mine[f"{of}_outs_{window}_0s"], expected, rtol=1e-9, atol=1e-6, equal_nan=True), (
                of,
                window,
            )


def test_a_change_of_level_is_found_with_its_beginning_and_an_outlier_is_not() -> None:
    declared = read_signals(
        {
            "kinds": {"pay": {}},
            "features": {of: {"of": of, "stream": "pay", "window": "180d"} for of in ("rise", "fall", "slower", "faster", "changed")},
        }
    )  # fmt: skip
    rng = np.random.default_rng(3)
    plain = Plain(declared)

    def last(amounts: list[float], gaps: list[float]) -> dict[str, float]:
        engine = Engine(declared)
        moments = [START + timedelta(hours=float(h)) for h in np.cumsum(gaps)]
        rows = [(f"e{i}", "a", at, "pay", int(v * 100)) for i, (at, v) in enumerate(zip(moments, amounts, strict=True))]
        frame = pl.DataFrame(rows, ["event_id", "account_id", "at", "kind", "amount_fen"], orient="row")
        features = engine.replay(to_columns(frame, engine)[0], features=True).features
        assert features is not None
        events = [Event(*row) for row in rows]
        for n in (8, len(rows)):
            for place, name in enumerate(engine.feature_names):
                wanted = plain.change(name, events[:n], events[n - 1].at)
                assert features[n - 1, place] == pytest.approx(wanted, nan_ok=True), (name, n)
        return dict(zip(engine.feature_names, features[-1], strict=True))

    usual = list(100 * np.exp(rng.normal(0, 0.2, 40)))
    daily = [24.0] * 40
    calm = last(usual, daily)
    assert max(calm["rise"], calm["fall"]) < 5
    one_large = last([*usual, 90_000.0], [*daily, 24.0])
    assert one_large["rise"] < 5, "one outlier is not a change"
    higher = last([*usual, *(200 * np.exp(rng.normal(0, 0.2, 8)))], [*daily, *[24.0] * 8])
    assert higher["rise"] > 8
    assert higher["changed"] == pytest.approx(7 * 86_400, abs=3 * 86_400), "the change began seven days ago"
    rarer = last([*usual, *usual[:8]], [*daily, *[72.0] * 8])
    assert rarer["slower"] > 8 > rarer["faster"]
