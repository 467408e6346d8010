"""The hazard: landmarks as one would count them by hand, chances that come true, the same answer live, in replay and after a stop."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jiehuan.cli.main import main
from jiehuan.units.errors import InputError
from jiehuan.watch import Engine, Event, read_signals
from jiehuan.watch.columns import to_columns
from jiehuan.watch.fit import Fitted, auc, calibration_line, fit_hazard, person_periods
from jiehuan.watch.foretell import foretell
from jiehuan.watch.hazard import Hazard
from jiehuan.watch.landmark import DAY, Landmarks, landmarks
from jiehuan.watch.run import run_file
from jiehuan.watch.worth import raised, worth_of

START = datetime(2025, 1, 1, tzinfo=UTC)
SIGNALS = """
zone: UTC
kinds: {debit_failed: {}, purchase: {}, overdue_30: {}, account_closed: {}}
features:
  failed_30d: {of: count, stream: debit_failed, window: 30d}
  failed_90d: {of: count, stream: debit_failed, window: 90d}
  bought_30d: {of: sum, stream: purchase, window: 30d}
  since_failed: {of: since, stream: debit_failed, window: 180d}
  overdue_before: {of: count, stream: overdue_30, window: 180d}
"""


def history(accounts: int = 500, days: int = 540, seed: int = 4) -> tuple[pl.DataFrame, dict[str, float]]:
    """Each day a third of the accounts, the strained ones, may fail a debit; each failure in the last 30 days makes 30 days past due more
    likely: its chance a day is 0.0004 + 0.004 x failures. Gives the events and the true mean chance of a quiet and of a failing day."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, datetime, str, int]] = []
    for a in range(accounts):
        strained, fails, late_until = a % 3 == 0, [], -1
        begun = int(rng.integers(0, 200))
        stop = int(rng.integers(begun + 150, days + 400))
        for day in range(begun, min(stop, days)):
            at = START + timedelta(days=day, seconds=int(rng.integers(0, 80_000)))
            if rng.random() < 0.25:
                rows.append((f"b{a}.{day}", f"acc{a}", at, "purchase", int(rng.integers(1000, 50_000))))
            if strained and rng.random() < 0.03:
                fails.append(day)
                rows.append((f"f{a}.{day}", f"acc{a}", at, "debit_failed", 90_000))
            recent = sum(1 for f in fails if day - f < 30)
            if day > late_until and rng.random() < 0.0004 + 0.004 * recent:
                late_until = day + 90
                rows.append((f"o{a}.{day}", f"acc{a}", at + timedelta(seconds=60), "overdue_30", 90_000))
        if stop < days:
            rows.append((f"c{a}", f"acc{a}", START + timedelta(days=stop, seconds=86_000), "account_closed", 0))
    rows.sort(key=lambda row: row[2])
    frame = pl.DataFrame(rows, ["event_id", "account_id", "at", "kind", "amount_fen"], orient="row")
    return frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC"))), {"quiet": 0.0004, "one": 0.0044}


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return history()[0]


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signals") / "signals.yaml"
    path.write_text(SIGNALS)
    return path


def declared():  # type: ignore[no-untyped-def]
    import yaml

    return read_signals(yaml.safe_load(SIGNALS))


@pytest.fixture(scope="module")
def rows(events: pl.DataFrame) -> Landmarks:
    made, problems = landmarks(events, declared(), on=("tick", "debit_failed"))
    assert not problems
    return made


@pytest.fixture(scope="module")
def fitted(rows: Landmarks) -> Fitted:
    return fit_hazard(rows, declared(), on=("tick", "debit_failed"), daily_budget=1.0)


def test_landmarks_are_what_one_counts_by_hand(events: pl.DataFrame, rows: Landmarks) -> None:
    by_account = {name: part for (name,), part in events.partition_by("account_id", as_dict=True).items()}
    last = int(events["at"].cast(pl.Int64).max())  # type: ignore[arg-type]
    names = {name: place for place, name in enumerate(rows.accounts)}
    for name in ("acc0", "acc3", "acc7", "acc99"):
        part = by_account[name]
        at = part["at"].cast(pl.Int64).to_list()
        kinds = part["kind"].to_list()
        overdue = [t for t, k in zip(at, kinds, strict=True) if k == "overdue_30"]
        closed = [t for t, k in zip(at, kinds, strict=True) if k == "account_closed"]
        end = min([last, *closed])
        wanted = [t for t, k in zip(at, kinds, strict=True) if k == "debit_failed"]
        moment = min(at) + 30 * DAY
        while moment < end:
            wanted.append(moment)
            moment += 30 * DAY
        wanted = sorted(t for t in wanted if t < end and not any(0 <= t - o <= 90 * DAY for o in overdue))
        mine = np.flatnonzero(rows.account == names[name])
        assert rows.at[mine].tolist() == wanted
        for i in mine:
            t = int(rows.at[i])
            following = [o for o in overdue if o > t]
            assert (int(rows.until[i]), bool(rows.happened[i])) == ((following[0], True) if following else (end, False))
            failed = sum(1 for u, k in zip(at, kinds, strict=True) if k == "debit_failed" and t - 30 * DAY < u <= t)
            assert rows.features[i, rows.names.index("failed_30d")] == failed


def test_periods_at_risk_are_those_that_were_seen() -> None:
    at = np.array([0, 0, 0, 0], np.int64)
    until = np.array([10, 45, 45, 95], np.int64) * DAY
    happened = np.array([True, True, False, False])
    rows = Landmarks(("x",), ("a",), np.zeros((4, 1)), np.zeros(4, np.int64), at, until, happened)
    line, period, came = person_periods(rows, 30, 3)
    got = sorted(zip(line.tolist(), period.tolist(), came.tolist(), strict=True))
    # Came in the first; came in the second; seen through the first only; seen through all three.
    assert got == [(0, 1, 1), (1, 1, 0), (1, 2, 1), (2, 1, 0), (3, 1, 0), (3, 2, 0), (3, 3, 0)]
    cut = rows.known_by(30 * DAY)
    assert cut.happened.tolist() == [True, False, False, False]
    assert cut.until.tolist() == [10 * DAY, 30 * DAY, 30 * DAY, 30 * DAY]


def test_chances_come_true_on_later_time_and_tell_the_strained(fitted: Fitted) -> None:
    assert np.all(np.diff(fitted.chances, axis=1) >= 0), "a longer horizon never has a smaller chance"
    for days, judged in fitted.figures["horizons"].items():
        assert judged["auc"] > 0.65, days
        assert judged["mean_chance"] == pytest.approx(judged["rate"], rel=0.3), days
        assert 0.6 < judged["calibration_slope"] < 1.6, days
        assert judged["brier"] < judged["brier_of_the_base_rate"], days
    failed = fitted.test.features[:, fitted.test.names.index("failed_30d")]
    quiet, one = fitted.chances[failed == 0, 0].mean(), fitted.chances[failed == 1, 0].mean()
    # 30 days at 0.0004 a day is 1.2 %; a failure in sight adds 0.4 % a day until it is 30 days old.
    assert 0.005 < quiet < 0.035
    assert one > 2 * quiet
    assert fitted.worth.a_day == pytest.approx(1.0, rel=0.6), "the threshold was set for one alert a day"
    assert fitted.worth.alerts < fitted.worth.without_cooldown
    assert fitted.worth.precision > fitted.figures["horizons"]["90"]["rate"]


def test_the_worth_of_alerts_by_hand() -> None:
    days = np.array([0, 20, 40, 0, 0, 10]) * DAY
    account = np.array([0, 0, 0, 1, 2, 3])
    until = np.array([60, 60, 60, 200, 80, 300]) * DAY
    happened = np.array([True, True, True, False, True, False])
    rows = Landmarks(
        ("x",), ("a", "b", "c", "d"), np.zeros((6, 1)), account, days.astype(np.int64), until.astype(np.int64), happened
    )
    chance = np.array([0.3, 0.6, 0.3, 0.4, 0.1, 0.9])
    assert raised(rows, chance, 0.2, 30).tolist() == [0, 3, 5, 2], "20 days after the first is within the cool-down"
    assert raised(rows, chance, 0.2, 30, 0.5).tolist() == [0, 3, 5, 1], "a graver one breaks it, and starts it anew"
    assert raised(rows, chance, 0.2, 0).tolist() == [0, 3, 5, 1, 2]
    model = Hazard(("x",), "", 1.0, 0.0, "v", warning=0.2, critical=0.5)
    worth = worth_of(model, rows, np.stack([chance / 3, chance / 2, chance], axis=1), 1.0)
    assert (worth.alerts, worth.without_cooldown, worth.critical, worth.outcomes) == (4, 5, 2, 2)
    assert worth.precision == 0.5, "two of four were followed by the outcome within 90 days"
    later = rows.pick(np.array([0, 3, 4]))
    assert worth_of(model, later, np.full((3, 3), 0.3), 1.0).precision == pytest.approx(2 / 3)
    assert worth.recall == 0.5
    assert worth.lead_days.tolist() == [60.0]


def test_rates_do_not_rise_where_sight_ends() -> None:
    """A tenth comes within 90 days, evenly; half of the landmarks are seen for less. Counting what is known alone says more."""
    from jiehuan.watch.fit import _judge

    rng = np.random.default_rng(8)
    n = 40_000
    comes = np.where(rng.random(n) < 0.1, rng.uniform(0, 90, n), 1000) * DAY
    sight = np.where(rng.random(n) < 0.5, rng.uniform(0, 90, n), 400) * DAY
    happened = comes < sight
    until = np.minimum(comes, sight).astype(np.int64)
    rows = Landmarks(("x",), ("a",), np.zeros((n, 1)), np.arange(n), np.zeros(n, np.int64), until, happened)
    chances = np.tile(np.array([0.1 / 3, 0.2 / 3, 0.1]), (n, 1)) * rng.uniform(0.999, 1.001, (n, 1))
    judged = _judge(rows, chances, 30, 0.034)
    assert [one["rate"] for one in judged] == pytest.approx([0.1 / 3, 0.2 / 3, 0.1], rel=0.06)
    known = happened | (until >= 90 * DAY)
    assert happened[known].mean() > 0.12, "the plain share of what is known"


def test_a_line_is_found_again() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(-1, 2, 60_000)
    y = (rng.random(60_000) < 1 / (1 + np.exp(-(0.7 * logits - 0.4)))).astype(float)
    assert calibration_line(y, logits) == pytest.approx((0.7, -0.4), abs=0.04)
    assert calibration_line(y, -logits)[0] == 0.05, "never turns the order round"
    assert auc(np.array([0, 1, 0, 1.0]), np.array([1, 2, 2, 3.0])) == 0.875
    assert np.isnan(auc(np.zeros(3), np.ones(3)))


def test_live_replay_and_resumption_raise_the_same_alerts(
    fitted: Fitted, events: pl.DataFrame, signals: Path, tmp_path: Path
) -> None:
    part = events[:5000]
    live = Engine(declared(), fitted.model)
    one_by_one = [
        alert
        for row in part.iter_rows(named=True)
        for alert in live.process(Event(row["event_id"], row["account_id"], row["at"], row["kind"], row["amount_fen"]))
    ]
    assert {alert.rule for alert in one_by_one} == {"overdue_likely"}
    assert {alert.severity for alert in one_by_one} == {"warning", "critical"}
    whole = Engine(declared(), fitted.model)
    answer = whole.replay(to_columns(part, whole)[0])
    assert [a.as_row() for a in answer.alerts] == [a.as_row() for a in one_by_one]
    assert whole.counts == live.counts
    first = Engine(declared(), fitted.model)
    half = first.replay(to_columns(part[:2500], first)[0]).alerts
    first.save(tmp_path / "state")
    second = Engine.load(tmp_path / "state", declared(), fitted.model)
    rest = second.replay(to_columns(part[2500:], second)[0]).alerts
    assert half + rest == one_by_one
    spoken: dict[str, list[datetime]] = {}
    for alert in one_by_one:
        if alert.severity == "critical":
            spoken.setdefault(alert.account_id, []).append(alert.at)
    for moments in spoken.values():
        assert all(b - a >= timedelta(days=30) for a, b in pairwise(moments))
    said = one_by_one[0].evidence
    assert "90 天内逾期达 30 天的概率" in said["zh"]
    assert "within 90 days" in said["en"]
    assert float(said["values"]["chance_90d"]) >= fitted.model.warning - 1e-4


def test_the_commands_fit_apply_and_run(
    events: pl.DataFrame, signals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "history.parquet", tmp_path / "model"
    events.write_parquet(data)
    with pytest.raises(SystemExit) as stop:
        main(["watch", "fit", str(data), "--signals", str(signals), "--out", str(out), "--budget", "1", "--json"])
    assert not stop.value.code
    told = json.loads(capsys.readouterr().out)
    assert set(told["horizons"]) == {"30", "60", "90"}
    assert (out / "hazard.png").read_bytes()[:4] == b"\x89PNG"
    for name in ("model.json", "trees.txt", "report.json"):
        (out / name).read_text(encoding="utf-8")
    # Chances as of an instant do not look at what came later.
    at = datetime(2025, 12, 1, tzinfo=UTC)
    model = Hazard.load(out, declared())
    told_then = foretell(events.filter(pl.col("at") <= at), declared(), model, at)
    assert foretell(events, declared(), model, at).equals(told_then)
    table = tmp_path / "chances.parquet"
    words = [
        "watch",
        "apply",
        str(out),
        str(data),
        "--at",
        at.isoformat(),
        "--signals",
        str(signals),
        "--out",
        str(table),
        "--json",
    ]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert not stop.value.code
    written = pl.read_parquet(table)
    assert written.equals(told_then)
    assert written["chance_90d"].is_sorted(descending=True)
    assert (written["chance_30d"] <= written["chance_60d"]).all()
    # The run writes the model's alerts, and stopped halfway it writes the same.
    summary = run_file(data, declared(), tmp_path / "alerts.jsonl", model=model)
    assert summary.by_rule["overdue_likely"] == summary.alerts > 10
    events[:7000].write_parquet(tmp_path / "grown.parquet")
    for upto in (7000, events.height):
        events[:upto].write_parquet(tmp_path / "grown.parquet")
        run_file(
            tmp_path / "grown.parquet", declared(), tmp_path / "grown.jsonl", state=tmp_path / "state", model=model
        )
    assert (tmp_path / "grown.jsonl").read_bytes() == (tmp_path / "alerts.jsonl").read_bytes()


def test_same_seed_same_model_and_what_cannot_be_fitted_is_refused(
    rows: Landmarks, fitted: Fitted, events: pl.DataFrame
) -> None:
    again = fit_hazard(rows, declared(), on=("tick", "debit_failed"), daily_budget=1.0)
    assert again.model.trees == fitted.model.trees
    with pytest.raises(InputError, match="outcomes in the"):
        fit_hazard(rows.pick(np.arange(300)), declared())
    with pytest.raises(InputError, match="no feature of that name"):
        fit_hazard(rows, declared(), exclude=["failed_31d"])
    with pytest.raises(InputError, match="not a declared kind"):
        landmarks(events, declared(), outcome="default")
    with pytest.raises(InputError, match="never happens"):
        landmarks(events.filter(pl.col("kind") != "overdue_30"), declared())


def test_a_model_that_is_none_damaged_or_of_other_signals_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    fitted.model.save(tmp_path / "m")
    loaded = Hazard.load(tmp_path / "m", declared())
    assert np.array_equal(loaded.chances(fitted.test.features), fitted.chances)
    with pytest.raises(InputError, match="fitted on signals of version"):
        Hazard.load(tmp_path / "m", Engine().declaration)
    with pytest.raises(InputError, match="can't be read"):
        Hazard.load(tmp_path / "absent")
    document = json.loads((tmp_path / "m" / "model.json").read_text())
    for change in ({"format": "other"}, {"features": ["a"]}, {"odd": 1}):
        (tmp_path / "m" / "model.json").write_text(json.dumps({**document, **change}))
        with pytest.raises(InputError, match="not a model"):
            Hazard.load(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text(json.dumps(document))
    (tmp_path / "m" / "trees.txt").write_text("tree\nnot really")
    with pytest.raises(InputError):
        Hazard.load(tmp_path / "m")
