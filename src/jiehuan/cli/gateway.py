"""``jiehuan gateway``: which payment gateways may tell of payments."""

from __future__ import annotations

import typer

from jiehuan.cli.terminal import JSON_FLAG, show_facts, show_json


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Payment gateways that may send signed messages.", no_args_is_help=True)

    @group.command("add")
    def add(
        name: str = typer.Argument(..., help="The gateway's name, as in the address it calls."),
        as_json: bool = JSON_FLAG,
    ) -> None:
        """Make a gateway known, or give it a new secret beside its old ones; the secret is shown this once.

        Example: jiehuan gateway add unionpay
        """
        from jiehuan.flow.gateway_events import add_gateway
        from jiehuan.store.database import home_folder

        path, secret = add_gateway(home_folder(), name)
        facts = {"gateway": name, "address": f"/api/gateway/{name}/payments", "file": str(path), "secret": secret}
        show_json(facts) if as_json else show_facts(facts)

    app.add_typer(group, name="gateway")
