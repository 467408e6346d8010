"""The Kafka broker: its settings, whether it answers, its topics. Any broker that speaks the protocol will do.

``JIEHUAN_KAFKA`` (``HOST:PORT,…``) names it; the file that ``JIEHUAN_KAFKA_CONFIG`` names adds librdkafka properties, one
``name=value`` a line (``security.protocol``, ``sasl.username`` …), so that no secret stands in a command line.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from jiehuan.units.errors import InputError, Problem, Refused

SECONDS = 5.0
"""How long a question to the broker may take."""


class BrokerAway(Exception):  # noqa: N818 - it comes back
    """The broker does not answer at the moment."""


@dataclass
class Broker:
    """A broker by its address, with further librdkafka properties."""

    servers: str
    properties: dict[str, str] = field(default_factory=dict)
    _admin: AdminClient | None = None

    def settings(self, **more: Any) -> dict[str, Any]:
        """The configuration of a client; names with ``_`` for ``.``."""
        own = {name.replace("_", "."): value for name, value in more.items()}
        return {
            "bootstrap.servers": self.servers, "client.id": "jiehuan", "reconnect.backoff.max.ms": 1000, **self.properties, **own,
        }  # fmt: skip

    @property
    def admin(self) -> AdminClient:
        """The client for questions about topics."""
        if self._admin is None:
            self._admin = AdminClient(self.settings(), logger=quiet())
        return self._admin

    def must_answer(self) -> None:
        """Raise InputError with a sentence unless the broker answers."""
        try:
            self.admin.list_topics(timeout=SECONDS)
        except KafkaException as error:
            why = error.args[0].str()
            mend = "check that it runs and is reachable from here, and JIEHUAN_KAFKA or --kafka"
            raise InputError(Problem("kafka", self.servers, f"does not answer: {why}", mend)) from None

    def must_have(self, topics: dict[str, int], *, make: bool) -> None:
        """See that topics exist, making those that are missing with so many partitions when ``make``; else raise Refused."""
        there = self.admin.list_topics(timeout=SECONDS).topics
        missing = [name for name in topics if name not in there]
        if missing and not make:
            mend = "create them, or start with --make-topics"
            raise Refused([Problem("kafka topic", name, "does not exist", mend) for name in missing])
        if not missing:
            return
        for name, done in self.admin.create_topics([NewTopic(name, topics[name]) for name in missing]).items():
            try:
                done.result(timeout=SECONDS)
            except KafkaException as error:
                if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                    raise Refused(Problem("kafka topic", name, f"could not be made: {error.args[0].str()}")) from None

    def topic_id(self, topic: str) -> str:
        """The id that a topic got when it was made; empty where the broker does not tell. Raises BrokerAway."""
        try:
            asked = self.admin.describe_topics(TopicCollection([topic]), request_timeout=SECONDS)
            return str(asked[topic].result(timeout=2 * SECONDS).topic_id or "")
        except KafkaException as error:
            if error.args[0].name() in {"UNSUPPORTED_VERSION", "_UNSUPPORTED_FEATURE"}:
                return ""
            raise BrokerAway(error.args[0].str()) from None
        except TimeoutError:
            raise BrokerAway("no answer in time") from None


def read_broker(servers: str, config: str = "") -> Broker:
    """The broker of the settings. Raises InputError for a file that cannot be read."""
    properties: dict[str, str] = {}
    if config:
        try:
            lines = Path(config).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise InputError(Problem("JIEHUAN_KAFKA_CONFIG", config, "can't be read", "name a text file")) from None
        for number, line in enumerate(lines, start=1):
            name, found, value = line.strip().partition("=")
            if not name or name.startswith("#"):
                continue
            if not found:
                raise InputError(Problem(f"{config} line {number}", "", "no =", "write name=value"))
            properties[name.strip()] = value.strip()
    return Broker(servers, properties)


def quiet() -> logging.Logger:
    """Where librdkafka's own lines go: they are for debugging; what matters is said by us."""
    log = logging.getLogger("librdkafka")
    log.setLevel(logging.CRITICAL)
    return log
