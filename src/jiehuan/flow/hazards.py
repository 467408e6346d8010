"""The hazard in force: a model of ``watch fit`` that the platform keeps, and that the watcher asks beside the signals.

Its files are kept as they are under their own hash, so that every worker has them and a restart changes nothing. It holds from the
moment it was put in force and works on no earlier event. It belongs to one version of the signals: while others are in force it rests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select

from jiehuan.flow.activity import note
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing, upsert
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.watch import Declaration
from jiehuan.watch.hazard import Hazard

log = structlog.get_logger("jiehuan.worker")

IN_FORCE = "watch.hazard"
"""The setting that says which model holds since when; ``watch.hazard/VERSION`` has the files of each that ever did."""

HEARD = timedelta(minutes=1)
"""By when every worker has heard of another model: until then none asks it, so that none is silent about what another would have told."""


@dataclass(frozen=True, slots=True)
class HazardInForce:
    """A kept model, by its ``version`` (a hash of its files), and the moment from which it is asked."""

    version: str
    since: datetime
    model: Hazard = field(compare=False, repr=False)


def hazard_in_force(connection: Connection, declaration: Declaration) -> HazardInForce | None:
    """The model that people put in force last; None when there is none, or when it was fitted on other signals than these."""
    held = standing(connection)
    if held is None:
        return None
    version = str(held["version"])
    if version not in _MODELS:
        found = select(tables.setting.c.value).where(tables.setting.c.key == f"{IN_FORCE}/{version}")
        _MODELS.clear()
        _MODELS[version] = Hazard.read(connection.execute(found).scalar_one(), f"setting {IN_FORCE}/{version}")
    model = _MODELS[version]
    if model.signals != declaration.version:
        if (version, declaration.version) not in _RESTED:
            _RESTED.add((version, declaration.version))
            log.warning(
                "the hazard rests: other signals", hazard=version, fitted=model.signals, signals=declaration.version
            )
        return None
    return HazardInForce(version, datetime.fromisoformat(held["since"]), model)


def standing(connection: Connection) -> dict[str, Any] | None:
    """What is kept of the model in force: version, since, by; None when none is."""
    found = select(tables.setting.c.value).where(tables.setting.c.key == IN_FORCE)
    held = connection.execute(found).scalar_one_or_none()
    return None if held is None or held["version"] is None else dict(held)


def use_hazard(
    connection: Connection,
    model: Hazard,
    declaration: Declaration,
    actor: str,
    at: datetime,
    since: datetime | None = None,
) -> str:
    """Put a model in force from ``since`` on (None: a minute from ``at``); its version. The same again changes nothing.

    ``declaration``: the signals in force. Raises Refused when it was fitted on others, and for who is no active account of role risk
    or admin.
    """
    _must_be_known(connection, actor)
    if model.signals != declaration.version:
        reason = f"was fitted on signals of version {model.signals}, in force are {declaration.version}"
        raise Refused(
            Problem("hazard", "", reason, "fit it on the signals in force", "", "该模型所用的信号版本与现行版本不同")
        )
    texts = model.texts()
    version = derived_id("hz", texts["model.json"], texts["trees.txt"])
    held = standing(connection)
    if held is not None and held["version"] == version and since is None:
        return version
    insert_missing(connection, tables.setting, [{"key": f"{IN_FORCE}/{version}", "value": texts}])
    value = {"version": version, "since": (since or at + HEARD).isoformat(), "by": actor}
    upsert(connection, tables.setting, [{"key": IN_FORCE, "value": value}])
    told = {
        "since": value["since"],
        "signals": model.signals,
        "outcome": model.outcome,
        "before": held and held["version"],
    }
    publish(connection, "hazard.used", version, told)
    note(connection, at, actor, "hazard_used", version, told)
    return version


def stop_hazard(connection: Connection, actor: str, at: datetime) -> str | None:
    """No model is asked any more; the version of the one that was, None when there was none."""
    _must_be_known(connection, actor)
    held = standing(connection)
    if held is None:
        return None
    upsert(
        connection,
        tables.setting,
        [{"key": IN_FORCE, "value": {"version": None, "since": at.isoformat(), "by": actor}}],
    )
    publish(connection, "hazard.stopped", held["version"], {"version": held["version"]})
    note(connection, at, actor, "hazard_stopped", held["version"])
    return str(held["version"])


def _must_be_known(connection: Connection, login: str) -> None:
    found = select(tables.user_account.c.role).where(
        tables.user_account.c.login == login, tables.user_account.c.active.is_(True)
    )
    if connection.execute(found).scalar_one_or_none() not in {"risk", "admin"}:
        mend = "an active account of role risk or admin; `jiehuan user add` makes one"
        raise Refused(Problem("by", login, "may not put a model in force", mend))


_MODELS: dict[str, Hazard] = {}
"""The model that this process read last: models never change."""

_RESTED: set[tuple[str, str]] = set()
"""Of which model and signals the log was told already."""
