"""Early warning on real data: the hazard of 30 days past due on a card panel, and defaults of repeat micro-loans.

Run: ``python benchmarks/early_warning.py [FOLDER of the data] [--out FOLDER for pictures]``.

Card panel (monthly delinquency status, half of the accounts of a public subset, about one month in four kept at random): each status is
an event; `watch fit`'s own model is fitted on the engine's features, later months are held out. What is foretold is a *recorded*
30+ dpd, as three of four months are not in the data. Beside it: a logistic regression and the plain rule "late within 90 days".

Repeat micro-loans (SuperLender, 2016-2017): the events of a borrower's earlier loans (drawn, paid early, on time, late, each with its
amount) go through the engine; its features at the moment of the next loan foretell whether that loan goes bad. Beside it: a random
forest on hand-made features of the same earlier loans. Same five folds by borrower, each repeated three times; nothing of the present
loan but its terms, and no earlier loan's dates after the present loan's approval.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from jiehuan.watch import Engine, read_signals
from jiehuan.watch.columns import to_columns
from jiehuan.watch.fit import auc, fit_hazard, person_periods
from jiehuan.watch.landmark import Landmarks, landmarks

START = datetime(2020, 1, 1, tzinfo=UTC)


# Card panel


def panel_signals() -> dict[str, object]:
    features: dict[str, object] = {}
    for window in ("60d", "90d", "180d", "360d", "1800d"):
        for stream in ("late", "paid", "idle", "known"):
            features[f"{stream}_{window}"] = {"of": "count", "stream": stream, "window": window}
    for stream in ("late", "paid", "idle", "known", "overdue_30"):
        features[f"since_{stream}"] = {"of": "since", "stream": stream, "window": "1800d"}
    features["overdues"] = {"of": "count", "stream": "overdue_30", "window": "1800d"}
    features["worst"] = {"of": "max", "stream": "overdue_30", "window": "1800d"}
    features["late_twice"] = {"of": "sequence", "steps": ["late", "late"], "window": "120d"}
    features["paid_then_late"] = {"of": "sequence", "steps": ["paid", "late"], "window": "180d"}
    features["late_share"] = {"value": "late_360d / known_360d"}
    kinds = {name: {} for name in ("paid", "idle", "late", "overdue_30")}
    streams = {"known": ["paid", "idle", "late", "overdue_30"]}
    return {"zone": "UTC", "lateness": "1h", "kinds": kinds, "streams": streams, "features": features}


def panel_events(root: Path) -> pl.DataFrame:
    data = pl.read_parquet(root / "cc_monthly_panel" / "panel.parquet").sort("MONTHS_BALANCE", "ID")
    kind = pl.col("STATUS").replace_strict({"C": "paid", "X": "idle", "0": "late"}, default="overdue_30")
    return data.select(
        pl.format("{} {}", "ID", "MONTHS_BALANCE").alias("event_id"), pl.col("ID").cast(pl.String).alias("account_id"),
        (pl.lit(START) + pl.duration(days=(pl.col("MONTHS_BALANCE") + 61) * 30)).alias("at"), kind.alias("kind"),
        pl.col("STATUS").cast(pl.Int64, strict=False).fill_null(0).mul(100).alias("amount_fen"),
    )  # fmt: skip


def panel_rows(events: pl.DataFrame) -> Landmarks:
    """A landmark at each month that is known of an account that is not overdue."""
    rows, problems = landmarks(events, read_signals(panel_signals()), on=("paid", "idle", "late"))
    assert not problems
    return rows


def panel(root: Path, pictures: Path | None) -> dict[str, object]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    declared = read_signals(panel_signals())
    on = ("paid", "idle", "late")
    rows = panel_rows(panel_events(root))
    fitted = fit_hazard(rows, declared, on=on, daily_budget=3)
    figures = fitted.figures
    cut = int(np.quantile(rows.at, 0.7))
    train = rows.known_by(cut)

    def filled(part: object) -> np.ndarray:
        x = np.nan_to_num(part.features, nan=9e7)  # type: ignore[attr-defined]
        return np.log1p(np.abs(x))

    line, period, came = person_periods(train, 30, 3)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    logistic.fit(np.column_stack([filled(train)[line], period]), came)
    x = filled(fitted.test)
    survival = np.ones(len(x))
    for n in (1, 2, 3):
        survival *= 1 - logistic.predict_proba(np.column_stack([x, np.full(len(x), float(n))]))[:, 1]
    near = fitted.test.happened & (fitted.test.until - fitted.test.at <= 90 * 86_400_000_000)
    known = near | (fitted.test.until - fitted.test.at >= 90 * 86_400_000_000)
    y = near[known].astype(float)
    rule = fitted.test.features[:, rows.names.index("late_90d")]
    told = {
        "90 days, AUC": {
            "watch fit": round(auc(y, fitted.chances[known, 2]), 4),
            "logistic regression, same features": round(auc(y, 1 - survival[known]), 4),
            "rule: late within 90 days (count)": round(auc(y, rule[known]), 4),
        },
        "90 days, Brier": {
            "watch fit": round(float(((fitted.chances[known, 2] - y) ** 2).mean()), 6),
            "logistic regression, same features": round(float(((1 - survival[known] - y) ** 2).mean()), 6),
        },
    }
    if pictures is not None:
        from jiehuan.watch.picture import draw

        draw(fitted, pictures / "hazard.png")
    return {**figures, **told}


# Repeat micro-loans


def lender_events(root: Path) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Events of earlier loans, present loans, and earlier loans as they were known at the present loan's approval."""

    def moment(name: str) -> pl.Expr:
        return pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False).dt.replace_time_zone("UTC")

    loans = pl.read_parquet(root / "superlender" / "loans.parquet").filter(pl.col("good_bad_flag").is_not_null())
    loans = loans.unique("customerid", keep="first", maintain_order=True).with_columns(
        moment("approveddate").alias("now")
    )
    before = pl.read_parquet(root / "superlender" / "previous_loans.parquet").unique(
        "systemloanid", maintain_order=True
    )
    dates = ("approveddate", "closeddate", "firstduedate", "firstrepaiddate")
    before = before.with_columns(moment(name).alias(name) for name in dates)
    before = before.join(loans.select("customerid", "now"), on="customerid").filter(
        pl.col("closeddate") < pl.col("now")
    )
    before = before.with_columns(
        ((pl.col("firstrepaiddate") - pl.col("firstduedate")).dt.total_hours() / 24).alias("days_late"),
        ((pl.col("closeddate") - pl.col("approveddate")).dt.total_hours() / 24).alias("life"),
    ).sort("approveddate")
    fen = (pl.col("loanamount") * 100).cast(pl.Int64)
    repaid = (
        pl.when(pl.col("days_late") > 1)
        .then(pl.lit("paid_late"))
        .when(pl.col("days_late") > -2)
        .then(pl.lit("paid_on_time"))
        .otherwise(pl.lit("paid_early"))
    )
    named = pl.col("systemloanid").cast(pl.String)
    parts = [
        before.select((named + " drawn").alias("event_id"), pl.col("customerid").alias("account_id"), pl.col("approveddate").alias("at"),
                      pl.lit("drawn").alias("kind"), fen.alias("amount_fen")),
        before.select((named + " repaid").alias("event_id"), pl.col("customerid").alias("account_id"), pl.col("firstrepaiddate").alias("at"),
                      repaid.alias("kind"), (pl.col("days_late").abs() * 100).cast(pl.Int64).alias("amount_fen")),
        before.select((named + " closed").alias("event_id"), pl.col("customerid").alias("account_id"), pl.col("closeddate").alias("at"),
                      pl.lit("closed").alias("kind"), (pl.col("life") * 100).clip(0).cast(pl.Int64).alias("amount_fen")),
        loans.select((pl.col("systemloanid").cast(pl.String) + " now").alias("event_id"), pl.col("customerid").alias("account_id"),
                     pl.col("now").alias("at"), pl.lit("asked").alias("kind"), fen.alias("amount_fen")),
    ]  # fmt: skip
    events = pl.concat(parts).filter(pl.col("at").is_not_null()).sort("at", maintain_order=True)
    return events, loans, before


def lender_signals() -> dict[str, object]:
    features: dict[str, object] = {}
    for stream in ("drawn", "paid_late", "paid_early", "paid_on_time", "closed"):
        for window in ("90d", "720d"):
            features[f"{stream}_{window}"] = {"of": "count", "stream": stream, "window": window}
        features[f"since_{stream}"] = {"of": "since", "stream": stream, "window": "720d"}
    for of in ("mean", "max", "last", "std"):
        features[f"{of}_days_late"] = {"of": of, "stream": "paid_late", "window": "720d"}
        features[f"{of}_life"] = {"of": of, "stream": "closed", "window": "720d"}
        features[f"{of}_drawn"] = {"of": of, "stream": "drawn", "window": "720d"}
    features["days_early"] = {"of": "mean", "stream": "paid_early", "window": "720d"}
    features["last_early"] = {"of": "last", "stream": "paid_early", "window": "720d"}
    features["late_sum"] = {"of": "sum", "stream": "paid_late", "window": "720d"}
    features["late_last_90"] = {"of": "sum", "stream": "paid_late", "window": "90d"}
    for of in ("rise", "fall"):
        features[f"{of}_life"] = {"of": of, "stream": "closed", "window": "720d"}
        features[f"{of}_drawn"] = {"of": of, "stream": "drawn", "window": "720d"}
    features["slower"] = {"of": "slower", "stream": "drawn", "window": "720d"}
    features["faster"] = {"of": "faster", "stream": "drawn", "window": "720d"}
    features["late_then_late"] = {"of": "sequence", "steps": ["paid_late", "paid_late"], "window": "180d"}
    features["late_share"] = {"value": "paid_late_720d / drawn_720d"}
    features["step_up"] = {"value": "amount / last_drawn"}
    kinds = {name: {} for name in ("drawn", "paid_late", "paid_early", "paid_on_time", "closed", "asked")}
    return {"zone": "UTC", "lateness": "1h", "kinds": kinds, "features": features}


def lender(root: Path) -> dict[str, object]:
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import average_precision_score
    from sklearn.model_selection import StratifiedKFold

    events, loans, before = lender_events(root)
    engine = Engine(read_signals(lender_signals()))
    columns, problems = to_columns(events, engine)
    answer = engine.replay(columns, features=True)
    assert not problems
    assert answer.features is not None
    asked = pl.DataFrame(dict(zip(engine.feature_names, answer.features.T, strict=True))).with_columns(
        pl.Series("customerid", [columns.accounts[a] for a in columns.account]), pl.Series("kind", events["kind"])
    )
    asked = asked.filter(pl.col("kind") == "asked").drop("kind")
    terms = loans.select("customerid", "loanamount", "totaldue", "termdays", "loannumber")
    ours = terms.join(asked, on="customerid", how="left", maintain_order="left").drop("customerid")
    hand = before.group_by("customerid").agg(
        pl.len().alias("loans"), pl.col("days_late").mean().alias("late_mean"), pl.col("days_late").max().alias("late_max"),
        pl.col("days_late").last().alias("late_last"), (pl.col("days_late") > 0).mean().alias("late_share"), pl.col("life").mean().alias("life_mean"),
        pl.col("loanamount").mean().alias("amount_mean"), pl.col("loanamount").max().alias("amount_max"),
        pl.col("termdays").mean().alias("term_mean"),
    )  # fmt: skip
    theirs = terms.join(hand, on="customerid", how="left", maintain_order="left").drop("customerid")
    y = (loans["good_bad_flag"] == "Bad").to_numpy().astype(int)

    def forest(seed: int) -> object:
        return RandomForestClassifier(500, min_samples_leaf=5, random_state=seed, n_jobs=1)

    def boosted(seed: int) -> object:
        return LGBMClassifier(
            n_estimators=150, learning_rate=0.03, num_leaves=8, min_child_samples=40, colsample_bytree=0.5, subsample=0.8, subsample_freq=1,
            reg_lambda=10, verbose=-1, n_jobs=1, random_state=seed,
        )  # fmt: skip

    class Both:
        """The mean of the two on the engine's features."""

        def __init__(self, seed: int) -> None:
            self.parts = (forest(seed), boosted(seed))

        def fit(self, x: np.ndarray, y: np.ndarray) -> Both:
            for part in self.parts:
                part.fit(x, y)  # type: ignore[attr-defined]
            return self

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return np.mean([part.predict_proba(x) for part in self.parts], axis=0)  # type: ignore[attr-defined]

    told: dict[str, object] = {"loans": len(y), "bad": round(float(y.mean()), 4), "earlier loans": before.height}
    scores: dict[str, list[float]] = {}
    kinds = (("random forest on hand features (baseline)", theirs, forest), ("engine features, random forest", ours, forest),
             ("engine features, boosting", ours, boosted), ("engine features, forest and boosting", ours, Both))  # fmt: skip
    precise: dict[str, list[float]] = {}
    top: dict[str, list[float]] = {}
    for seed in range(3):
        folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y))
        for name, table, make in kinds:
            x = table.fill_nan(None).fill_null(-1).to_numpy().astype(float)
            for learn, judge in folds:
                p = make(seed).fit(x[learn], y[learn]).predict_proba(x[judge])[:, 1]
                scores.setdefault(name, []).append(auc(y[judge].astype(float), p))
                precise.setdefault(name, []).append(float(average_precision_score(y[judge], p)))
                best = np.argsort(-p)[: len(p) // 10]
                top.setdefault(name, []).append(float(y[judge][best].mean()))
    base = np.array(scores[kinds[0][0]])
    for name in scores:
        gain = np.array(scores[name]) - base
        told[name] = {
            "auc": round(float(np.mean(scores[name])), 4), "average_precision": round(float(np.mean(precise[name])), 4),
            "bad in the riskiest tenth": round(float(np.mean(top[name])), 4),
            "auc against baseline, mean and standard error by fold": [
                round(float(gain.mean()), 4), round(float(gain.std(ddof=1) / np.sqrt(len(gain))), 4)
            ],
        }  # fmt: skip
    return told


# Fatigue


def fatigue(root: Path) -> dict[str, object]:
    """Alerts of three rules of a card with and without silence: how many, how many of them right, how many compromised cards they tell of."""
    data = pl.read_parquet(root / "fdh_sim" / "transactions_2018_04_05.parquet").sort("TX_DATETIME", "TRANSACTION_ID")
    events = data.select(
        pl.col("TRANSACTION_ID").cast(pl.String).alias("event_id"), pl.col("CUSTOMER_ID").cast(pl.String).alias("account_id"),
        pl.col("TX_DATETIME").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("at"), pl.lit("pay").alias("kind"),
        (pl.col("TX_AMOUNT") * 100).round().cast(pl.Int64).alias("amount_fen"),
    )  # fmt: skip
    frauds: dict[str, list[datetime]] = {}
    for account, at in events.filter(data["TX_FRAUD"] == 1).select("account_id", "at").iter_rows():
        frauds.setdefault(account, []).append(at)
    told: dict[str, object] = {"cards with fraud": len(frauds)}
    ways = {
        "every time": ("0s", False),
        "each rule silent for 3 days": ("3d", False),
        "one group with severities, 3 days": ("3d", True),
    }
    for name, (cooldown, grouped) in ways.items():
        conditions = {
            "large": ("amount > 220", "critical"), "unusual": ("times >= 5 and amount > 4 * usual", "critical"), "rises": ("rise > 8", "warning"),
        }  # fmt: skip
        features = {
            "usual": {"of": "mean", "stream": "pay", "window": "30d", "before": "24h"},
            "times": {"of": "count", "stream": "pay", "window": "30d", "before": "24h"},
            "rise": {"of": "rise", "stream": "pay", "window": "30d"},
        }
        rules = {
            rule: {
                "on": ["pay"],
                "when": when,
                "severity": severity,
                "cooldown": cooldown,
                "group": "card" if grouped else rule,
                "zh": "有",
                "en": "yes",
            }
            for rule, (when, severity) in conditions.items()
        }
        engine = Engine(
            read_signals({"zone": "UTC", "lateness": "1h", "kinds": {"pay": {}}, "features": features, "rules": rules})
        )
        columns, problems = to_columns(events, engine)
        assert not problems
        alerts = engine.replay(columns).alerts
        right = [any(-7 <= (at - alert.at).days <= 7 for at in frauds.get(alert.account_id, ())) for alert in alerts]
        found = {alert.account_id for alert, good in zip(alerts, right, strict=True) if good}
        told[name] = {
            "alerts": len(alerts), "a day": round(len(alerts) / 61, 1), "card compromised within 7 days": round(float(np.mean(right)), 3),
            "cards with fraud told of": round(len(found) / len(frauds), 3),
            "of one card at most": max(Counter(a.account_id for a in alerts).values()),
        }  # fmt: skip
    return told


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    options.add_argument("--out", type=Path)
    options.add_argument("--only", choices=("panel", "lender", "fatigue"))
    chosen = options.parse_args()
    told = {}
    if chosen.only in (None, "panel"):
        told["card panel"] = panel(chosen.data, chosen.out)
    if chosen.only in (None, "lender"):
        told["repeat micro-loans"] = lender(chosen.data)
    if chosen.only in (None, "fatigue"):
        told["fatigue"] = fatigue(chosen.data)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
