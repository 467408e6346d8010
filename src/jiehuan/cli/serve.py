"""``jiehuan serve``: the API and the console on one address."""

from __future__ import annotations

import typer

from jiehuan.cli.terminal import JSON_FLAG, show_json


def register(app: typer.Typer) -> None:
    """Add ``serve``."""

    @app.command("serve")
    def serve(
        host: str = typer.Option("127.0.0.1", help="Address to listen on; 0.0.0.0 is every address of this machine."),
        port: int = typer.Option(8000, min=0, max=65535, help="Port to listen on; 0 takes a free one."),
        trust_proxy: str = typer.Option(
            "", help="Address of a reverse proxy in front, whose X-Forwarded-For and X-Forwarded-Proto are believed."
        ),
        workers: int = typer.Option(1, min=1, max=64, help="Processes that serve; one a core is most that helps."),
        verbose: bool = typer.Option(False, "--verbose", help="Log every request, not only warnings."),
        as_json: bool = JSON_FLAG,
    ) -> None:
        """Serve the API and the console until Ctrl-C.

        Example: jiehuan serve --port 8080
        """
        from jiehuan.api.server import address_of, listen

        listener = listen(host, port)  # before the slow things, so that a taken port is said at once

        from jiehuan.api.accounts import how_many
        from jiehuan.api.app import create_app
        from jiehuan.api.logs import set_up_logs
        from jiehuan.api.server import run
        from jiehuan.store.database import open_database

        with listener, open_database() as database:
            set_up_logs(verbose=verbose)
            address = address_of(listener)
            with database.connect() as connection:
                accounts = how_many(connection)

            def started() -> None:
                if as_json:
                    show_json({"address": address, "accounts": accounts})
                    return
                typer.echo(f"jiehuan serves at {address}  (API: {address}/docs; Ctrl-C stops)")
                if not accounts:
                    typer.echo("Nobody can log in yet; in another terminal: jiehuan user add NAME --role admin")

            if workers > 1:
                from jiehuan.api.workers import serve_with

                create_app(database)  # the vault's key is made, or missed, here and once
                serve_with(database, listener, workers, started=started, trust_proxy=trust_proxy, verbose=verbose)
            else:
                run(create_app(database), listener, started=started, trust_proxy=trust_proxy)
        if not as_json:
            typer.echo("jiehuan has stopped.")
