"""``jiehuan worker``: what runs beside the API: day end, events, streams."""

from __future__ import annotations

import os
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG
from jiehuan.units.errors import InputError, Problem


def register(app: typer.Typer) -> None:
    """Add ``worker``."""
    app.command("worker")(worker)


def worker(
    kafka: str = typer.Option("", "--kafka", help="The broker, HOST:PORT[,…]; default: JIEHUAN_KAFKA, else none."),
    events_topic: str = typer.Option("jiehuan.events", help="Topic that events are read from."),
    out_topic: str = typer.Option("jiehuan.messages", help="Topic that the outbox is sent to."),
    dead_topic: str = typer.Option("jiehuan.dead", help="Topic that dead letters are sent to."),
    group: str = typer.Option("jiehuan", help="Consumer group; workers of one group share the partitions."),
    partitions: str = typer.Option("", help="Read these partitions only, like 0-3,7, without a group's balancing."),
    session_seconds: float = typer.Option(
        10.0, min=1, max=300, help="A worker unheard for so long loses its partitions."
    ),
    make_topics: int = typer.Option(0, min=0, max=1000, help="Make missing topics with so many partitions."),
    day_end: bool = typer.Option(True, help="Close the days that are not closed yet."),
    day_end_at: str = typer.Option("00:30", help="When a day may be closed, HH:MM in China."),
    events: bool = typer.Option(True, help="Take events: from the topic, and those that came by HTTP."),
    known_only: bool = typer.Option(False, "--known-only", help="Park events of accounts that are no borrower."),
    respond: bool = typer.Option(True, help="Open cases and review lines as alerts ask."),
    relay: bool = typer.Option(True, help="Send the outbox to the broker."),
    metrics: str = typer.Option("", help="Tell metrics at HOST:PORT in Prometheus' form."),
    once: bool = typer.Option(False, "--once", help="Do what waits, then stop."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Run what the platform does by itself, until Ctrl-C: day ends, signals over events, messages to the broker.

    Any number of workers may run; killed at any point, nothing is lost and nothing has its effect twice.

    Example: jiehuan worker --kafka 127.0.0.1:9092 --make-topics 12
    """
    import json
    import signal
    from contextlib import ExitStack
    from datetime import time
    from importlib import import_module

    from jiehuan.api.logs import set_up_logs
    from jiehuan.scale.metrics import Metrics
    from jiehuan.scale.worker import Part, Worker, own_name, serve_metrics
    from jiehuan.store.database import open_database
    from jiehuan.store.vault import open_vault

    try:
        closing_time = time.fromisoformat(day_end_at)
    except ValueError:
        raise InputError(Problem("--day-end-at", day_end_at, "not a time of day", "write HH:MM, like 00:30")) from None
    fixed = _numbers(partitions)
    servers = kafka or os.environ.get("JIEHUAN_KAFKA", "")

    def say(facts: dict[str, Any], sentence: str) -> None:
        typer.echo(json.dumps(facts, ensure_ascii=False, default=str) if as_json else sentence)

    set_up_logs(verbose=True)
    with ExitStack() as stack:
        broker = None
        if servers:
            from jiehuan.scale.broker import read_broker

            broker = read_broker(servers, os.environ.get("JIEHUAN_KAFKA_CONFIG", ""))
            broker.must_answer()
            wanted = ([events_topic] if events else []) + ([out_topic, dead_topic] if relay else [])
            broker.must_have(dict.fromkeys(wanted, make_topics or 1), make=make_topics > 0)
        database = stack.enter_context(open_database())
        vault = open_vault(database)
        counted = Metrics()
        if metrics:
            stack.callback(serve_metrics(metrics, counted).shutdown)
        parts: list[Part] = []
        if day_end:
            from jiehuan.scale.evening import DayEndTimer

            parts.append(Part("day end", DayEndTimer(database, at=closing_time, metrics=counted).step, 5.0))
        if broker is not None and relay:
            from jiehuan.scale.kafka_out import OutboxRelay

            out = OutboxRelay(database, vault, broker, topic=out_topic, dead_topic=dead_topic, metrics=counted)
            parts.append(Part("relay", out.step, 0.1, out.close))
        if events and broker is not None:
            from jiehuan.scale.kafka_in import KafkaIn
            from jiehuan.scale.kafka_out import InboxRelay

            inbox = InboxRelay(database, broker, topic=events_topic, metrics=counted)
            parts.append(Part("inbox to topic", inbox.step, 0.1, inbox.close))
            reader = KafkaIn(
                database, vault, broker, topic=events_topic, group=group, owner=own_name(), partitions=fixed,
                session_seconds=session_seconds, known_only=known_only, metrics=counted,
            )  # fmt: skip
            parts.append(Part("events", reader.step, 0.0, reader.close, reader.behind))
        elif events:
            from jiehuan.scale.feed import InboxFeed

            parts.append(
                Part(
                    "inbox",
                    InboxFeed(database, vault, owner=own_name(), known_only=known_only, metrics=counted).step,
                    0.1,
                )
            )
        if respond:
            from jiehuan.flow.respond import Responder

            parts.append(Part("alerts to lines and cases", Responder(database).step, 1.0))
        running = Worker(parts, counted)
        if not parts:
            raise InputError(
                Problem("worker", "", "nothing to do", "leave out --no-day-end or --no-events, or name a broker")
            )
        for name in ("numba", "polars", "pyarrow"):  # parts are threads: two that load a large library at once can block each other
            import_module(name)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: running.stop.set())
        names = [part.name for part in parts]
        say({"started": names, "kafka": servers or None}, f"jiehuan works: {', '.join(names)}  (Ctrl-C stops)")
        running.run(once=once)
    say({"stopped": counted.as_dict(), "failed": running.failed}, "jiehuan worker has stopped.")
    if running.failed:
        raise typer.Exit(1)


def _numbers(said: str) -> list[int]:
    """Partition numbers from text like ``0-3,7``. Raises InputError."""
    found: list[int] = []
    for part in filter(None, (piece.strip() for piece in said.split(","))):
        low, _, high = part.partition("-")
        if not low.isdigit() or (high and not high.isdigit()) or (high and int(high) - int(low) > 10_000):
            raise InputError(Problem("--partitions", said[:80], "not partition numbers", "write them like 0-3,7"))
        found.extend(range(int(low), int(high or low) + 1))
    return sorted(set(found))
