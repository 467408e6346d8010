"""``jiehuan stream``: how far streams are read, and messages that could not be taken."""

from __future__ import annotations

import typer

from jiehuan.cli.terminal import JSON_FLAG, show_json, show_table


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Streams of events: places, lag, and dead letters.", no_args_is_help=True)
    group.command("status", help=_status.__doc__)(_status)
    group.command("letters", help=_letters.__doc__)(_letters)
    group.command("retry", help=_retry.__doc__)(_retry)
    group.command("drop", help=_drop.__doc__)(_drop)
    app.add_typer(group, name="stream")


def _status(as_json: bool = JSON_FLAG) -> None:
    """How far each partition is read, who reads it, and how many messages wait.

    Example: jiehuan stream status
    """
    from sqlalchemy import func, select

    from jiehuan.store.database import open_database
    from jiehuan.store.tables import dead_letter, signal_inbox, stream_place

    with open_database() as database, database.connect() as connection:
        places = connection.execute(
            select(stream_place).order_by(stream_place.c.consumer, stream_place.c.topic, stream_place.c.partition)
        ).all()
        waiting = connection.execute(select(func.count()).select_from(signal_inbox)).scalar_one()
        parked = connection.execute(
            select(func.count()).select_from(dead_letter).where(dead_letter.c.status == "parked")
        ).scalar_one()
    rows = [
        {
            "consumer": row.consumer, "topic": row.topic, "partition": row.partition, "next_offset": max(0, row.next_offset),
            "lag": max(0, row.high_offset - max(0, row.next_offset)), "taken": row.taken, "owner": row.owner, "epoch": row.epoch,
            "updated_at": row.updated_at.isoformat(timespec="seconds"),
        }
        for row in places
    ]  # fmt: skip
    if as_json:
        show_json({"partitions": rows, "inbox": waiting, "parked": parked})
        return
    show_table("", list(rows[0]) if rows else ["consumer", "topic", "partition"], [list(row.values()) for row in rows])
    typer.echo(f"{waiting} events wait in the inbox; {parked} messages are parked (jiehuan stream letters)")


def _letters(
    status: str = typer.Option("parked", help="parked, retried, dropped or all."),
    limit: int = typer.Option(100, min=1, max=10_000, help="How many, the newest first."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Messages that could not be taken, with their place and reason. What they hold stays sealed.

    Example: jiehuan stream letters
    """
    from sqlalchemy import select

    from jiehuan.store.database import open_database
    from jiehuan.store.tables import dead_letter
    from jiehuan.units.errors import InputError, Problem

    if status not in {"parked", "retried", "dropped", "all"}:
        raise InputError(Problem("--status", status[:80], "not a status", "write parked, retried, dropped or all"))
    names = ("letter_id", "place", "reason", "mend", "status", "parked_at")
    wanted = select(*(dead_letter.c[name] for name in names)).order_by(dead_letter.c.parked_at.desc()).limit(limit)
    if status != "all":
        wanted = wanted.where(dead_letter.c.status == status)
    with open_database() as database, database.connect() as connection:
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
    if as_json:
        show_json(rows)
    else:
        shown = ("letter_id", "place", "reason", "status")
        show_table("", shown, [[row[name] for name in shown] for row in rows])


_IDS = typer.Argument(
    None, metavar="[LETTER]...", help="Letters by their ids; none: all that are parked.", show_default=False
)


def _retry(letters: list[str] | None = _IDS, as_json: bool = JSON_FLAG) -> None:
    """Take parked messages once more, after what was wrong is mended (a new schema version, a kind now declared).

    Example: jiehuan stream retry
    """
    from sqlalchemy import select

    from jiehuan.scale.letters import retry
    from jiehuan.store.database import open_database
    from jiehuan.store.tables import dead_letter
    from jiehuan.store.vault import open_vault
    from jiehuan.units.errors import Refused

    done: list[str] = []
    left: dict[str, str] = {}
    with open_database() as database:
        vault = open_vault(database)
        with database.connect() as connection:
            parked = select(dead_letter.c.letter_id).where(dead_letter.c.status == "parked")
            wanted = letters or list(connection.execute(parked.order_by(dead_letter.c.parked_at)).scalars())
        for letter_id in wanted:
            try:
                with database.begin() as connection:
                    retry(connection, vault, letter_id)
                done.append(letter_id)
            except Refused as error:
                left[letter_id] = str(error)
    if as_json:
        show_json({"retried": done, "left": left})
    else:
        typer.echo(f"{len(done)} go to the inbox, from where a worker takes them; {len(left)} stay")
        for letter_id, why in left.items():
            typer.echo(f"{letter_id}: {why}", err=True)
    if left:
        raise typer.Exit(1)


def _drop(
    letters: list[str] = typer.Argument(..., metavar="LETTER...", help="Letters by their ids.", show_default=False),
    as_json: bool = JSON_FLAG,
) -> None:
    """Say that parked messages are not wanted. They stay in the table, as dropped.

    Example: jiehuan stream drop dl_0123
    """
    from jiehuan.scale.letters import drop
    from jiehuan.store.database import open_database

    with open_database() as database, database.begin() as connection:
        for letter_id in letters:
            drop(connection, letter_id)
    if as_json:
        show_json({"dropped": letters})
    else:
        typer.echo(f"{len(letters)} dropped")
