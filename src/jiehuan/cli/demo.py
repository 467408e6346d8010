"""``jiehuan demo``: the whole loop on a small lender, told as a story; then the console."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_json
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    from jiehuan.store.database import Database

ROLES = ("risk", "collector", "legal", "auditor", "admin")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    months: int = typer.Option(4, "--months", min=1, max=24, help="How many months of business to live through."),
    no_serve: bool = typer.Option(False, "--no-serve", help="Tell the story and write the report, but serve no console."),
    port: int = typer.Option(8000, "--port", min=0, max=65535, help="Where the console is served."),
    out: Path | None = typer.Option(None, "--out", help="Folder for the report (default: JIEHUAN_HOME, else ./var)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """The whole loop on a simulated lender: import, decide, lend, watch, collect, litigate, dispose, report, learn.

    Example: jiehuan demo --months 4 --no-serve
    """
    with ExitStack() as stack:
        listener = None
        if not no_serve:
            from jiehuan.api.server import listen

            listener = stack.enter_context(listen("127.0.0.1", port))  # a taken port is said before the work, not after
        from jiehuan.flow.demo.house import open_demo_database
        from jiehuan.store.database import home_folder

        folder = out or home_folder()
        _may_write(folder)
        database = stack.enter_context(open_demo_database())
        told = _live(database, months, folder)
        password = _accounts(database)
        if as_json:
            show_json({**told, "accounts": list(ROLES), "password": password})
        else:
            _print(told)
            if listener is None:
                typer.echo("  The console later: jiehuan serve")
                typer.echo(f"  Sign in as {', '.join(ROLES)}; password for each: {password}")
        if listener is not None:
            _serve(database, listener, password)


def _live(database: Database, months: int, folder: Path) -> dict[str, Any]:
    """Run the demo; the story, figures and files as plain values."""
    from jiehuan.flow.demo.mail_server import mail_server
    from jiehuan.flow.demo.people import SEED, Crowd
    from jiehuan.flow.demo.run import Demo, run_demo
    from jiehuan.flow.demo.story import story
    from jiehuan.flow.gateway import Mailer
    from jiehuan.flow.importing import import_tape, load_mapping
    from jiehuan.store.vault import open_vault
    from jiehuan.twin.world import load_world

    tape = _tape_folder()
    with mail_server(database.home / "demo-mail") as inbox, progress("importing the history", 1200 + months) as advance:
        said: list[str] = []
        imported = import_tape(database, load_mapping(tape.parent.parent / "mappings" / "example.yaml"), tape, advance)
        mailer = Mailer(inbox.host, inbox.port, "service@lender.invalid")
        run = Demo(database, open_vault(database), Crowd(load_world(SEED)), mailer, said.append)
        ran = run_demo(run, months, lambda end: advance(1, description=f"living through {end:%Y-%m}"))
        mailer.close()
        with database.connect() as connection:
            chapters = story(connection, run, imported.as_document(), ran)
            files = _write_report(connection, ran["report"], folder, ran["on"].isoformat())
    return {
        "chapters": [{"title": title, "sentences": sentences} for title, sentences in chapters],
        "said": said,
        "counts": run.counts,
        "mails": len(inbox.files),
        "files": files,
        "totals": ran["report"]["figures"]["totals"],
        "on": ran["on"].isoformat(),
    }


def _tape_folder() -> Path:
    """The example tape that ships beside the package (in a checkout and in the sdist)."""
    folder = Path(__file__).resolve().parents[3] / "examples" / "tape"
    if not folder.is_dir():
        raise InputError(Problem(str(folder), "", "the example tape is not here", "run the demo from a checkout of the project"))
    return folder


def _write_report(connection: Any, made: dict[str, Any], folder: Path, on: str) -> dict[str, str]:
    from jiehuan.store.files import get_file

    paths = {}
    for kind in ("pdf", "html"):
        path = folder / f"jiehuan-report-{on}.{kind}"
        path.write_bytes(get_file(connection, made[f"{kind}_file"]).content)
        paths[kind] = str(path)
    return paths


def _accounts(database: Database) -> str:
    """One account a role, all with one password made for this demo."""
    from jiehuan.api.accounts import add_account, make_password

    password = make_password()
    with database.begin() as connection:
        for role in ROLES:
            add_account(connection, datetime.now(UTC), role, role, password, name=f"Demo {role}")
    return password


def _print(told: dict[str, Any]) -> None:
    for chapter in told["chapters"]:
        typer.secho(f"\n{chapter['title']}", bold=True)
        for sentence in chapter["sentences"]:
            typer.echo(f"  {sentence}")
    typer.echo(f"\n  {told['mails']} mails were really sent to a test server on this machine.")
    typer.echo(f"  Report: {told['files']['pdf']} and {told['files']['html']}")


def _serve(database: Database, listener: Any, password: str) -> None:
    from jiehuan.api.app import create_app
    from jiehuan.api.logs import set_up_logs
    from jiehuan.api.server import address_of, run

    set_up_logs(verbose=False)
    address = address_of(listener)

    def started() -> None:
        typer.secho(f"\nThe console is at {address}  (Ctrl-C stops)", bold=True)
        typer.echo(f"  Sign in as {', '.join(ROLES)}; password for each: {password}")

    run(create_app(database), listener, started=started)
    typer.echo("jiehuan has stopped.")


def _may_write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".jiehuan-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        mend = "name a folder you may write to with --out, or set JIEHUAN_HOME"
        raise InputError(Problem(str(folder), "", f"cannot be written: {error.strerror}", mend)) from None
