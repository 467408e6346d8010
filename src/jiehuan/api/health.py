"""Is the server up, and can it serve: for load balancers and for people."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import text

import jiehuan
from jiehuan.api.access import Store
from jiehuan.api.shapes import Record

router = APIRouter(prefix="/api", tags=["health"])


class Health(Record):
    """``status`` is ok; anything else is an error answer."""

    status: str
    version: str


@router.get("/health")
def get_health() -> Health:
    """The process answers."""
    return Health(status="ok", version=jiehuan.__version__)


@router.get("/ready")
def get_ready(database: Store) -> Health:
    """The process and its database answer; 503 when the database does not."""
    with database.connect() as connection:
        connection.execute(text("SELECT 1"))
    return Health(status="ok", version=jiehuan.__version__)
