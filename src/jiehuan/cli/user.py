"""``jiehuan user add``: accounts of the people who work with the platform."""

from __future__ import annotations

import sys

import typer

from jiehuan.cli.terminal import JSON_FLAG, show_facts, show_json


def register(app: typer.Typer) -> None:
    """Add ``user`` and its commands."""
    group = typer.Typer(help="Accounts of the lender's people.", no_args_is_help=True)

    @group.command("add")
    def add(
        login: str = typer.Argument(help="Name to log in with: a-z, 0-9, . _ @ -"),
        role: str = typer.Option(..., "--role", help="risk, collector, legal, auditor or admin."),
        name: str = typer.Option("", "--name", help="Name to show (default: the login)."),
        stdin: bool = typer.Option(False, "--password-stdin", help="Read the password from standard input."),
        generate: bool = typer.Option(False, "--generate", help="Make a password and print it, once."),
        as_json: bool = JSON_FLAG,
    ) -> None:
        """Add an account. On a terminal the password is asked for; elsewhere one is made and printed once.

        Example: jiehuan user add li.lei --role collector --generate
        """
        from datetime import UTC, datetime

        from jiehuan.api.accounts import add_account, make_password
        from jiehuan.store.database import open_database

        made = None
        if stdin:
            password = sys.stdin.readline().rstrip("\r\n")
        elif generate or not sys.stdin.isatty():
            password = made = make_password()
        else:
            password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        with open_database() as database, database.begin() as connection:
            user_id = add_account(connection, datetime.now(UTC), login, role, password, name)
        facts = {"user_id": user_id, "login": login, "role": role}
        if made is not None:
            facts["password"] = made
        show_json(facts) if as_json else show_facts(facts)
        if made is not None and not as_json:
            typer.echo("This password is shown once; change it at the first login.")

    app.add_typer(group, name="user")
