"""``jiehuan watch``: run the signal engine over events, check a declaration, tabulate its features."""

from __future__ import annotations

from pathlib import Path

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

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
    as_json: bool = JSON_FLAG,
) -> None:
    """Alerts from a stream of events. With --state it can be stopped anywhere and started again; nothing is lost or doubled.

    Example: jiehuan watch run examples/watch/events.csv --out alerts.jsonl --state watch.state
    """
    from jiehuan.watch.load import load_signals
    from jiehuan.watch.run import run_file

    _known_zone(zone)
    with progress("events", None) as advance:
        summary = run_file(
            events, load_signals(signals), out, state=state, dead=dead, zone=zone, every=every, advance=advance
        )
    figures = summary.as_dict()
    letters = dead if dead is not None else out.with_name(out.name + ".dead.jsonl")
    if as_json:
        show_json({**figures, "out": str(out), "dead": str(letters) if summary.refused else None})
        return
    for name in ("by_rule", "memory"):
        figures.pop(name)
    show_facts({**figures, "bytes an account": summary.memory["bytes_per_account"], "written to": out})
    if summary.refused:
        typer.echo(f"{summary.refused} rows refused, each with its reason: {letters}")
    if summary.by_rule:
        show_table("", ("rule", "alerts"), summary.by_rule.most_common())


def _check(
    signals: Path | None = typer.Argument(
        None, metavar="[SIGNALS]", help="The declaration; default the one that ships.", show_default=False
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """Read a declaration and say what it holds, or everything that is wrong with it.

    Example: jiehuan watch check my_signals.yaml
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
    as_json: bool = JSON_FLAG,
) -> None:
    """Every declared feature at every event, as the rules see it at that moment: a table to learn from.

    Example: jiehuan watch features examples/watch/events.csv --out features.parquet
    """
    from jiehuan.watch.load import load_signals
    from jiehuan.watch.run import tabulate_file

    _known_zone(zone)
    rows, refused = tabulate_file(events, load_signals(signals), out, zone=zone)
    facts = {"rows": rows, "refused": refused, "written to": str(out)}
    if as_json:
        show_json(facts)
    else:
        show_facts(facts)


def _known_zone(zone: str | None) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        if zone is not None:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            Problem("--zone", zone or "", "unknown time zone", "write a name such as Asia/Shanghai")
        ) from None
