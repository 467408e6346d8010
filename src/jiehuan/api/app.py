"""The HTTP application: one router per room behind one guard, errors in one shape, the console at the root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

import jiehuan
from jiehuan.api import (
    activity,
    alert_cases,
    alerts,
    application_acts,
    applications,
    audit,
    borrowers,
    cases,
    console,
    disposals,
    docs_page,
    errors,
    events,
    files,
    gateway,
    health,
    imports,
    intake,
    law,
    line_queue,
    lines,
    live,
    loan_acts,
    loans,
    model_watch,
    models,
    money,
    overview,
    policies,
    policy_drafts,
    policy_questions,
    policy_releases,
    reports,
    reviews,
    session,
    signals,
    timeline,
    users,
    work,
)
from jiehuan.api.access import guard
from jiehuan.api.rules import PUBLIC, rules
from jiehuan.api.shell import Shell
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault, open_vault

OPEN: tuple[APIRouter, ...] = (health.router, session.door, gateway.router, events.signed)
"""Without a login."""

GUARDED: tuple[APIRouter, ...] = tuple(
    room.router
    for room in (
        application_acts, session, users, overview, activity, borrowers, applications, intake, reviews, loans, loan_acts, money, live,
        alerts, alert_cases, signals, events, lines, line_queue, timeline, work, cases, disposals,
        reports, models, model_watch, policies, law, files, imports,
        audit, policy_drafts, policy_questions, policy_releases,
    )
)  # fmt: skip
"""Behind the guard. Routes are looked through in order, so the busiest stand first."""

DESCRIPTION = """Closed-loop credit risk for unsecured online consumer micro-loans.

Amounts are yuan strings (`"916.80"`), rates decimal strings per year (`"0.180000"`), ids strings, instants ISO 8601
with zone. Errors are `{"error", "problems": [{"where", "value", "reason", "mend", "citation", "zh"}]}`. Every write
takes an `Idempotency-Key` header."""


def create_app(database: Database) -> FastAPI:
    """The application over a migrated database. Raises InputError when the vault's key is missing or does not fit."""
    return _assemble(database, open_vault(database))


def describe() -> dict[str, Any]:
    """The OpenAPI document, which needs no database."""
    return _assemble(None, None).openapi()


def _assemble(database: Database | None, vault: Vault | None) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.hub.close()

    app = FastAPI(
        title="jiehuan 借还",
        version=jiehuan.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses=errors.RESPONSES,
        generate_unique_id_function=lambda route: route.name,
        telemetry={"logs": False, "auto_configure": False},
        lifespan=lifespan,
    )
    app.state.database, app.state.vault = database, vault
    if database is not None:
        app.state.hub = live.Hub(database)
    for router in OPEN:
        app.include_router(router)
    for router in GUARDED:
        app.include_router(router, dependencies=[Depends(guard)])
    errors.install(app)
    docs_page.install(app)
    console.install(app)
    app.add_middleware(Shell)
    _must_be_declared()
    return app


def doors(routers: Iterable[APIRouter]) -> set[str]:
    """``METHOD /path`` of every route of these routers."""
    routes = (route for router in routers for route in router.routes if isinstance(route, APIRoute))
    return {f"{method} {route.path}" for route in routes for method in route.methods or ()}


def _must_be_declared() -> None:
    """A route without declared roles, roles for no route, an open door not declared public: it must not start."""
    declared = rules().routes
    public = {door for door, roles in declared.items() if roles == PUBLIC}
    wrong = doors(OPEN) ^ public | doors(GUARDED) ^ (set(declared) - public)
    if wrong:
        raise RuntimeError(f"access.yaml and the routes differ: {', '.join(sorted(wrong))}")
