"""``jiehuan watch``: run the signal engine over events, check a declaration, tabulate its features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from jiehuan.cli.terminal import JSON_FLAG, end_with, progress, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    from datetime import datetime

_EVENTS = typer.Argument(..., metavar="EVENTS", help="Events: Parquet, CSV, JSON or JSON Lines.", show_default=False)
_SIGNALS = typer.Option(
    None, "--signals", help="The declaration (YAML); default the one that ships.", show_default=False
)
_ZONE = typer.Option(
    None, "--zone", help="Read instants without an offset in this zone, like Asia/Shanghai.", show_default=False
)


def register(app: typer.Typer) -> None:
    """Add the ``watch`` commands."""
    group = typer.Typer(
        help="Early warning: signals declared in YAML, judged live and in replay.", no_args_is_help=True
    )
    group.command("run", help=_run.__doc__)(_run)
    group.command("check", help=_check.__doc__)(_check)
    group.command("features", help=_features.__doc__)(_features)
    group.command("fit", help=_fit.__doc__)(_fit)
    group.command("apply", help=_apply.__doc__)(_apply)
    group.command("use", help=_use.__doc__)(_use)
    app.add_typer(group, name="watch")


def _run(
    events: Path = _EVENTS,
    signals: Path | None = _SIGNALS,
    out: Path = typer.Option(..., "--out", help="Where alerts go (.jsonl, .csv, .parquet, .json).", show_default=False),
    state: Path | None = typer.Option(
        None, "--state", help="What the engine remembers; makes the run resumable.", show_default=False
    ),
    dead: Path | None = typer.Option(
        None, "--dead", help="Where refused rows go (JSON Lines); default OUT.dead.jsonl.", show_default=False
    ),
    zone: str | None = _ZONE,
    every: int = typer.Option(500_000, "--every", help="Rows between two saved states.", min=1),
    model: Path | None = typer.Option(
        None, "--model", help="Folder of `watch fit`: alerts where the outcome is likely.", show_default=False
    ),
    accounts: Path | None = typer.Option(
        None, "--accounts", help="A table with account_id: events of other accounts are refused.", show_default=False
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """Alerts from a stream of events. With --state it can be stopped anywhere and started again; nothing is lost or doubled. Exit 1
    when rows were refused: they are in the dead letters, each with its reason, and the others were judged.

    Example: jiehuan watch run examples/watch/events.csv --out alerts.jsonl --state watch.state
    """
    from jiehuan.watch.load import load_signals
    from jiehuan.watch.run import run_file

    _known_zone(zone)
    declared = load_signals(signals)
    hazard = None
    if model is not None:
        from jiehuan.watch.hazard import Hazard

        hazard = Hazard.load(model, declared)
    known = _account_ids(accounts) if accounts is not None else None
    with progress("events", None) as advance:
        summary = run_file(
            events, declared, out, state=state, dead=dead, zone=zone, every=every, model=hazard, known_accounts=known, advance=advance
        )  # fmt: skip
    figures = summary.as_dict()
    letters = dead if dead is not None else out.with_name(out.name + ".dead.jsonl")
    if as_json:
        show_json({**figures, "out": str(out), "dead": str(letters) if summary.refused else None})
        if summary.refused:
            raise typer.Exit(1)
        return
    for name in ("by_rule", "memory"):
        figures.pop(name)
    show_facts({**figures, "bytes an account": summary.memory["bytes_per_account"], "written to": out})
    if summary.by_rule:
        show_table("", ("rule", "alerts"), summary.by_rule.most_common())
    if summary.refused:
        typer.echo(f"{summary.refused} rows refused, each with its reason: {letters}", err=True)
        raise typer.Exit(1)


def _check(
    signals: Path | None = typer.Argument(
        None, metavar="[SIGNALS]", help="The declaration; default the one that ships.", show_default=False
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """Read a declaration and say what it holds, or everything that is wrong with it.

    Example: jiehuan watch check
    """
    from jiehuan.watch.load import load_signals

    declared = load_signals(signals)
    facts = {
        "version": declared.version, "zone": declared.zone, "lateness_hours": declared.lateness / 3600, "kinds": len(declared.kinds),
        "streams": len(declared.streams), "features": len(declared.features), "derived": len(declared.derived),
        "rules": len(declared.rules), "history_days": round(declared.horizon / 86_400, 1),
    }  # fmt: skip
    if as_json:
        rules = [
            {"rule": r.name, "on": r.on, "when": r.when, "severity": r.severity, "zh": r.zh, "en": r.en}
            for r in declared.rules
        ]
        show_json({**facts, "rules": rules, "feature_names": [*declared.features, *declared.derived]})
        return
    show_facts(facts)
    show_table("", ("rule", "severity", "when"), [(r.name, r.severity, r.when) for r in declared.rules])


def _features(
    events: Path = _EVENTS,
    signals: Path | None = _SIGNALS,
    out: Path = typer.Option(..., "--out", help="Where the table goes (.parquet, .csv).", show_default=False),
    zone: str | None = _ZONE,
    threads: int = typer.Option(1, "--threads", help="Spread the accounts over this many threads.", min=1, max=64),
    as_json: bool = JSON_FLAG,
) -> None:
    """Every declared feature at every event, as the rules see it at that moment: a table to learn from. Exit 1 when rows were
    refused.

    Example: jiehuan watch features examples/watch/events.csv --out features.parquet
    """
    from jiehuan.watch.load import load_signals
    from jiehuan.watch.run import tabulate_file

    _known_zone(zone)
    rows, refused = tabulate_file(events, load_signals(signals), out, zone=zone, threads=threads)
    facts = {"rows": rows, "refused": len(refused), "written to": str(out)}
    if as_json:
        show_json(facts | {"problems": [problem.as_dict() for problem in refused]})
    else:
        show_facts(facts)
    end_with(refused, as_json=as_json)


def _fit(
    events: Path = _EVENTS,
    out: Path = typer.Option(..., "--out", help="Folder for model.json, trees.txt, report.json, hazard.png.", show_default=False),
    signals: Path | None = _SIGNALS,
    outcome: str = typer.Option("overdue_30", "--outcome", help="The kind of event that is foretold."),
    end: str = typer.Option("account_closed", "--end", help="The kind that ends an account."),
    on: str = typer.Option(
        "", "--on", metavar="KIND,..",
        help="Kinds at which the model is asked; default: ticks, and the repayment kinds of the signals that ship.", show_default=False,
    ),
    step: int = typer.Option(30, "--step", help="Days between two ticks in an account's life.", min=1),
    exclude: str = typer.Option("", "--exclude", metavar="F,..", help="Features to leave out.", show_default=False),
    budget: float | None = typer.Option(
        None, "--budget", help="Alerts a day that people can read; default one for each thousand accounts.", min=0.01, show_default=False
    ),
    cooldown: int = typer.Option(30, "--cooldown", help="Days in which one account is not alerted twice.", min=0),
    seed: int = typer.Option(20_260_701, "--seed", help="Same events and seed, same model."),
    zone: str | None = _ZONE,
    as_json: bool = JSON_FLAG,
) -> None:  # fmt: skip
    """Learn the chance of 30 days past due within 30, 60 and 90 days from a history of events; judge it on later time. Exit 1 when
    rows were refused.

    Example: jiehuan watch fit history.parquet --out hazard --budget 20
    """
    import json

    from jiehuan.watch.fit import fit_hazard
    from jiehuan.watch.foretell import read_whole
    from jiehuan.watch.landmark import landmarks
    from jiehuan.watch.load import load_signals
    from jiehuan.watch.picture import draw

    _known_zone(zone)
    declared = load_signals(signals)
    asked = [name.strip() for name in on.split(",") if name.strip()]
    if not asked:
        asked = ["tick", *(n for n in ("debit_failed", "partial_payment", "due_missed") if n in declared.kinds)]
    frame, broken = read_whole(events)
    rows, problems = landmarks(frame, declared, on=asked, outcome=outcome, end=end, step_days=step, zone=zone)
    without = [name.strip() for name in exclude.split(",") if name.strip()]
    fitted = fit_hazard(
        rows,
        declared,
        on=asked,
        outcome=outcome,
        exclude=without,
        daily_budget=budget,
        cooldown_days=cooldown,
        seed=seed,
    )
    fitted.model.save(out)
    refused = [problem for _, problem in [*broken, *problems]]
    report = {**fitted.figures, "refused": len(refused)}
    (out / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    draw(fitted, out / "hazard.png")
    if as_json:
        told = {"out": str(out), "warning": fitted.model.warning, "critical": fitted.model.critical}
        show_json({**report, **told, "problems": [problem.as_dict() for problem in refused]})
        end_with(refused, as_json=True)
        return
    worth = fitted.figures["alerts"]
    show_facts(
        {**fitted.figures["rows"], **fitted.figures["cut"], "rows refused": report["refused"], "written to": out}
    )
    horizons = fitted.figures["horizons"].items()
    show_table(
        "later time", ("within days", "outcomes", "AUC", "mean chance", "rate", "calibration slope"),
        [(d, h["outcomes"], h["auc"], h["mean_chance"], h["rate"], h["calibration_slope"]) for d, h in horizons],
    )  # fmt: skip
    show_facts(
        {
            "alerts a day": worth["alerts_a_day"], "precision": worth["precision"], "recall": worth["recall"],
            "days of lead (median)": worth["lead_days"].get("50", "-"), "alerts without the cool-down": worth["alerts_without_cooldown"],
            "alerts": worth["alerts"],
        }
    )  # fmt: skip
    end_with(refused, as_json=False)


def _apply(
    folder: Path = typer.Argument(..., metavar="DIR", help="Folder that `watch fit` wrote.", show_default=False),
    events: Path = _EVENTS,
    at: str = typer.Option(
        ..., "--at", help="The instant, with its offset; later events are not looked at.", show_default=False
    ),
    out: Path = typer.Option(..., "--out", help="Where the table goes (.parquet, .csv, .json).", show_default=False),
    signals: Path | None = _SIGNALS,
    zone: str | None = _ZONE,
    as_json: bool = JSON_FLAG,
) -> None:
    """Each account's chance of 30 days past due as of an instant, highest first, with what raises it. Exit 1 when rows were refused.

    Example: jiehuan watch apply hazard history.parquet --at 2026-11-01T00:00:00+08:00 --out chances.csv
    """
    from jiehuan.units.tables import write_table
    from jiehuan.watch.foretell import foretell, read_whole
    from jiehuan.watch.hazard import Hazard
    from jiehuan.watch.load import load_signals

    _known_zone(zone)
    moment = _instant(at, "--at")
    declared = load_signals(signals)
    hazard = Hazard.load(folder, declared)
    frame, broken = read_whole(events)
    refused = [problem for _, problem in broken]
    table = foretell(frame, declared, hazard, moment, zone=zone, refused=refused)
    write_table(table, out)
    severe = {name: table.filter(table["severity"] == name).height for name in ("critical", "warning")}
    facts = {"accounts": table.height, **severe, "rows refused": len(refused), "written to": str(out)}
    if as_json:
        show_json(facts | {"problems": [problem.as_dict() for problem in refused]})
    else:
        show_facts(facts)
    end_with(refused, as_json=as_json)


def _use(
    folder: Path | None = typer.Argument(
        None,
        metavar="[DIR]",
        help="Folder that `watch fit` wrote; without it, say what is in force.",
        show_default=False,
    ),
    by: str = typer.Option(
        "", "--by", metavar="LOGIN", help="Whose act it is: an active account of role risk or admin."
    ),
    since: str = typer.Option("", "--since", help="The instant from which it is asked; default a minute from now."),
    stop: bool = typer.Option(False, "--stop", help="Ask no model any more."),
    as_json: bool = JSON_FLAG,
) -> None:
    """The hazard that the platform asks beside its signals: put one in force, stop it, or say which one is.

    Workers take it over at run time. It must have been fitted on the signals in force, and rests while others are.

    Example: jiehuan watch use hazard --by li.lei
    """
    from jiehuan.api.clock import moment
    from jiehuan.flow.hazards import standing, stop_hazard, use_hazard
    from jiehuan.flow.watch import judged_by, signals_in_force
    from jiehuan.store.database import open_database
    from jiehuan.watch.hazard import Hazard

    if stop and (folder is not None or since):
        raise InputError(Problem("--stop", "", "stops what is in force", "name no folder and no instant with it"))
    start = _instant(since, "--since") if since else None
    model = Hazard.load(folder) if folder is not None else None
    with open_database() as database, database.begin() as connection:
        at = moment(connection)
        if model is not None:
            use_hazard(connection, model, signals_in_force(connection, at), by, at, start)
        elif stop:
            stop_hazard(connection, by, at)
        held, asked = standing(connection), judged_by(connection, at)[1]
    facts = {"version": None, "since": None, "by": None, **(held or {}), "asked": asked is not None}
    if as_json:
        show_json(facts)
    elif held is None:
        typer.echo("no hazard is in force")
    else:
        show_facts(facts if asked is not None else {**facts, "asked": "no: it was fitted on other signals"})


def _instant(text: str, where: str) -> datetime:
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(Problem(where, text, "not an instant", "write 2026-11-01T00:00:00+08:00")) from None
    if moment.tzinfo is None:
        raise InputError(Problem(where, text, "time zone missing", "write the offset, like +08:00"))
    return moment


def _account_ids(path: Path) -> list[str]:
    import polars as pl

    from jiehuan.units.tables import read_table

    table = read_table(path)
    if "account_id" not in table.columns:
        mend = f"the columns are {', '.join(table.columns)[:200]}"
        raise InputError(Problem(f"{path}, account_id", "", "missing column", mend))
    return list(table["account_id"].cast(pl.String).drop_nulls())


def _known_zone(zone: str | None) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        if zone is not None:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            Problem("--zone", zone or "", "unknown time zone", "write a name such as Asia/Shanghai")
        ) from None
