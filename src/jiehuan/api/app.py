"""The HTTP application: one router per room behind one guard, errors in one shape, the console at the root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

import jiehuan
from jiehuan.api import (
    activity,
    alerts,
    applications,
    borrowers,
    cases,
    console,
    disposals,
    errors,
    files,
    health,
    imports,
    law,
    lines,
    live,
    loans,
    models,
    overview,
    policies,
    reports,
    session,
    users,
    work,
)
from jiehuan.api.access import guard
from jiehuan.api.rules import rules
from jiehuan.api.shell import Shell
from jiehuan.store.database import Database

MAX_BODY = 1 << 20
"""Bytes of a request that are read; imports of files go by the command line."""

ROUTERS: tuple[APIRouter, ...] = tuple(
    room.router
    for room in (
        session, users, overview, activity, borrowers, applications, loans, live, alerts, lines, work, cases, disposals, reports, models,
        policies, law, files, imports, health,
    )
)  # fmt: skip

DESCRIPTION = """Closed-loop credit risk for unsecured online consumer micro-loans.

Amounts are yuan strings (`"916.80"`), rates decimal strings per year (`"0.180000"`), ids strings, instants ISO 8601 with zone. Errors are
`{"error", "problems": [{"where", "value", "reason", "mend", "citation", "zh"}]}`. Every write takes an `Idempotency-Key` header."""


def create_app(database: Database | None) -> FastAPI:
    """The application over a database. Without one (None) it can only describe itself, for the OpenAPI document."""
    hub = live.Hub(database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()

    app = FastAPI(
        title="jiehuan 借还",
        version=jiehuan.__version__,
        description=DESCRIPTION,
        redoc_url=None,
        responses=errors.RESPONSES,
        generate_unique_id_function=lambda route: route.name,
        max_body_size=MAX_BODY,
        telemetry={"logs": False, "auto_configure": False},
        lifespan=lifespan,
    )
    app.state.database = database
    app.state.hub = hub
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(guard)])
    errors.install(app)
    console.install(app)
    app.add_middleware(Shell)
    _must_be_declared()
    return app


def doors() -> Iterator[str]:
    """``METHOD /path`` of every API route there is."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield from (f"{method} {route.path}" for method in sorted(route.methods or ()))


def _must_be_declared() -> None:
    """A route without declared roles, or roles for no route, is a mistake of ours that must not start."""
    made, declared = set(doors()), set(rules().routes)
    if made != declared:
        raise RuntimeError(
            f"access.yaml and the routes differ: undeclared {sorted(made - declared)}, absent {sorted(declared - made)}"
        )
