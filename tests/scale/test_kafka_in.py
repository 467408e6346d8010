"""Events from a real broker: each has its effect once, bad ones are parked with their reason, partitions move without loss."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from streams import Tansu, replayed, send, some_events, step_until

from jiehuan.flow.watch import Watcher
from jiehuan.scale.broker import Broker, BrokerAway
from jiehuan.scale.kafka_in import MOST_ODD, KafkaIn
from jiehuan.scale.letters import drop, opened, retry
from jiehuan.scale.message import write_message
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Refused


def consumer(
    database: Database, vault: Vault, broker: Broker, topic: str, owner: str = "one", **more: object
) -> KafkaIn:
    return KafkaIn(database, vault, broker, topic=topic, group=f"g-{topic}", owner=owner, **more)  # type: ignore[arg-type]


def alerts(database: Database) -> Counter[str]:
    """Alerts as others are told of them: a doubled one would be told of twice."""
    with database.connect() as connection:
        kept = set(connection.execute(select(tables.alert.c.alert_id)).scalars())
        told = Counter(
            connection.execute(
                select(tables.outbox.c.payload["alert_id"].astext).where(tables.outbox.c.topic == "alert.raised")
            ).scalars()
        )
    assert set(told) == kept
    return told


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def patient(reader: KafkaIn) -> Callable[[], None]:
    def step() -> None:
        with suppress(BrokerAway):
            reader.step()

    return step


def test_every_event_has_its_effect_once(database: Database, vault: Vault, broker: Broker, topic: str) -> None:
    events = some_events(600)
    send(broker, topic, events)
    reader = consumer(database, vault, broker, topic)
    step_until(reader.step, lambda: count(database, "signal_event") == len(events))
    reader.close()
    wanted = replayed(events)
    assert len(wanted) > 50
    assert alerts(database) == Counter(wanted)
    with database.connect() as connection:
        places = connection.execute(select(tables.stream_place)).all()
    assert sum(row.next_offset for row in places) == sum(row.taken for row in places) == len(events)
    assert all(row.high_offset == row.next_offset for row in places)
    assert reader.metrics.as_dict()["lag"] == 0


def test_the_same_events_sent_again_change_nothing(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    events = some_events(200)
    reader = consumer(database, vault, broker, topic, partitions=range(4))
    send(broker, topic, events)
    send(broker, topic, events)
    step_until(reader.step, lambda: reader.metrics.as_dict()["messages"] == 2 * len(events))
    reader.close()
    assert alerts(database) == Counter(replayed(events))
    assert reader.metrics.as_dict()["events_repeated"] == len(events)
    assert count(database, "dead_letter") == 0


def test_poison_and_other_schemas_are_parked_and_the_stream_goes_on(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    good = some_events(100)
    fine = json.loads(write_message(good[0]))
    bad: dict[str, tuple[bytes, str]] = {
        "not JSON": (b"\xff\xfe{", "not JSON"),
        "no object": (b"[1]", "not an object"),
        "nested": (b"[" * 50_000, "not JSON"),
        "empty": (b"", "empty"),
        "large": (b'{"a":"' + b"x" * 70_000 + b'"}', "too large"),
        "no schema": (json.dumps({**fine, "schema": None}).encode(), "says no schema"),
        "newer schema": (
            json.dumps({**fine, "event_id": "new", "schema": "jiehuan.event/2"}).encode(),
            "not known here",
        ),
        "no zone": (json.dumps({**fine, "event_id": "z", "at": "2026-09-01T08:00:00"}).encode(), "time zone missing"),
        "negative": (json.dumps({**fine, "event_id": "n", "amount_fen": -1}).encode(), "negative amount"),
        "future": (json.dumps({**fine, "event_id": "f", "at": "2199-01-01T00:00:00+08:00"}).encode(), "in the future"),
        "unknown kind": (json.dumps({**fine, "event_id": "k", "kind": "flying"}).encode(), "unknown kind"),
        "NUL": (json.dumps({**fine, "event_id": "a\0b"}).encode(), "not text that can be kept"),
        "half character": (
            json.dumps({**fine, "event_id": "s", "counterparty": "\ud800"}).encode(),
            "not Unicode text",
        ),
        "long": (json.dumps({**fine, "event_id": "l" * 5000}).encode(), "characters long"),
        "same id": (json.dumps({**fine, "amount_fen": fine["amount_fen"] + 1}).encode(), "other content"),
        "too late": (
            json.dumps({**fine, "event_id": "late", "at": "2026-01-01T00:00:00+08:00"}).encode(),
            "later than",
        ),
    }
    mixed: list[object] = list(good[:50])
    mixed += [(good[0].account_id, value) for value, _ in bad.values()]
    mixed += good[50:]
    send(broker, topic, mixed)  # type: ignore[arg-type]
    reader = consumer(database, vault, broker, topic, partitions=range(4))
    step_until(reader.step, lambda: reader.metrics.as_dict()["messages"] == len(mixed))
    reader.close()
    assert alerts(database) == Counter(replayed(good))
    with database.connect() as connection:
        letters = connection.execute(select(tables.dead_letter).order_by(tables.dead_letter.c.offset)).all()
        assert len(letters) == len(bad)
        for letter, (value, reason) in zip(letters, bad.values(), strict=True):
            assert reason in letter.reason
            assert opened(connection, vault, letter.letter_id)[2] == value[:65_536]
        told = connection.execute(
            select(func.count()).select_from(tables.outbox).where(tables.outbox.c.topic == "stream.dead_letter")
        ).scalar_one()
    assert told == len(bad)


def test_a_parked_message_is_retried_or_dropped(database: Database, vault: Vault, broker: Broker, topic: str) -> None:
    event = replace(some_events(1)[0], kind="flying")
    send(broker, topic, [event, ("a", b"nonsense")])
    reader = consumer(database, vault, broker, topic, partitions=range(4))
    step_until(reader.step, lambda: count(database, "dead_letter") == 2)
    reader.close()
    with database.begin() as connection:
        ids = {"kind" in row.reason: row.letter_id for row in connection.execute(select(tables.dead_letter))}
        retry(connection, vault, ids[True])
        with pytest.raises(Refused, match="not JSON"):
            retry(connection, vault, ids[False])
        drop(connection, ids[False])
        with pytest.raises(Refused, match="already dropped"):
            drop(connection, ids[False])
        with pytest.raises(Refused, match="already retried"):
            retry(connection, vault, ids[True])
        assert connection.execute(select(tables.signal_inbox.c.event_id)).scalar_one() == event.event_id


def test_two_consumers_share_the_partitions_and_a_rebalance_loses_nothing(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    events = some_events(900)
    one = consumer(database, vault, broker, topic, "one", session_seconds=2)
    two = consumer(database, vault, broker, topic, "two", session_seconds=2)
    both = [one, two]
    send(broker, topic, events[:300])
    step_until(lambda: [each.step(0.02) for each in both], lambda: bool(one.partitions and two.partitions))
    assert sorted(one.partitions + two.partitions) == [0, 1, 2, 3]
    send(broker, topic, events[300:600])
    step_until(lambda: [each.step(0.02) for each in both], lambda: count(database, "signal_event") == 600)
    assert min(each.metrics.as_dict()["messages"] for each in both) > 0
    two.close()
    send(broker, topic, events[600:])
    step_until(lambda: one.step(0.02), lambda: count(database, "signal_event") == len(events))
    assert one.partitions == [0, 1, 2, 3]
    one.close()
    assert alerts(database) == Counter(replayed(events))


def test_one_who_was_taken_for_dead_can_commit_nothing(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    events = some_events(400)
    zombie = consumer(database, vault, broker, topic, "zombie", partitions=range(4))
    send(broker, topic, events[:200])
    step_until(zombie.step, lambda: count(database, "signal_event") == 200)
    heir = consumer(database, vault, broker, topic, "heir", partitions=range(4))
    step_until(heir.step, lambda: heir.partitions == [0, 1, 2, 3])
    send(broker, topic, events[200:])
    step_until(lambda: zombie.step(0.05), lambda: not zombie.partitions)  # it read them, and was refused
    assert count(database, "signal_event") == 200
    step_until(heir.step, lambda: count(database, "signal_event") == len(events))
    zombie.close()
    heir.close()
    assert alerts(database) == Counter(replayed(events))


def test_the_broker_goes_and_comes_back(database: Database, vault: Vault, own_tansu: Tansu) -> None:
    """The broker's memory is its only storage: what it lost is sent again, as a sender with an outbox of its own does."""
    broker = Broker(own_tansu.servers)
    broker.must_have({"events": 2}, make=True)
    events = some_events(400)
    reader = consumer(database, vault, broker, "events", session_seconds=2)
    send(broker, "events", events[:250])
    step_until(reader.step, lambda: count(database, "signal_event") == 250)
    own_tansu.stop()
    with pytest.raises(BrokerAway):
        step_until(reader.step, lambda: False)
    own_tansu.start()
    Broker(own_tansu.servers).must_have({"events": 2}, make=True)
    send(broker, "events", events)
    step_until(patient(reader), lambda: count(database, "signal_event") == len(events), 60)
    step_until(patient(reader), lambda: reader.metrics.as_dict()["events_repeated"] == 250)
    reader.close()
    assert alerts(database) == Counter(replayed(events))


def test_the_watcher_forgets_what_was_not_committed(database: Database) -> None:
    events = some_events(120, accounts=5)
    watcher = Watcher(most_accounts=3)  # a memory that is too small starts anew and fetches what it needs
    for n, event in enumerate(events):
        with database.connect() as connection:
            watcher.take(connection, {0: [event]}, datetime.now(UTC))
            if n % 3 == 0:
                connection.rollback()  # as when a commit fails; the memory is ahead of the database now
                watcher.take(connection, {0: [event]}, datetime.now(UTC))
            connection.commit()
    assert alerts(database) == Counter(replayed(events))


def test_an_event_far_ahead_of_the_clock_is_refused(database: Database) -> None:
    now = datetime.now(UTC)
    ahead = replace(some_events(1)[0], at=now + timedelta(days=2))
    with database.begin() as connection:
        told = Watcher().take(connection, {0: [ahead]}, now)
    assert told.taken == 0 and "in the future" in told.problems[0].reason


REFUSING = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.event_id LIKE :pattern THEN RAISE EXCEPTION 'cursed'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON signal_event FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_a_message_that_the_database_will_not_have_is_found_and_parked(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    events = some_events(200)
    with database.begin() as connection:
        connection.exec_driver_sql(REFUSING.replace(":pattern", "'%-77'").replace("%", "%%"))
    send(broker, topic, events)
    reader = consumer(database, vault, broker, topic, partitions=range(4))
    step_until(reader.step, lambda: count(database, "signal_event") == len(events) - 1)
    reader.close()
    assert alerts(database) == Counter(replayed([event for event in events if not event.event_id.endswith("-77")]))
    with database.connect() as connection:
        assert connection.execute(select(tables.dead_letter.c.reason)).scalars().all() == ["could not be kept"]


def test_when_the_database_will_have_none_of_them_the_consumer_stops(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(REFUSING.replace(":pattern", "'%'").replace("%", "%%"))
    send(broker, topic, some_events(120))
    reader = consumer(database, vault, broker, topic, partitions=range(4))
    with pytest.raises(DBAPIError, match="cursed"):
        step_until(reader.step, lambda: False)
    reader.close()
    assert count(database, "signal_event") == 0 and count(database, "dead_letter") <= MOST_ODD


def test_the_database_cuts_the_connection_and_nothing_is_lost(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    events = some_events(400)
    its_own = open_database(database.home, database.dsn)
    reader = consumer(its_own, vault, broker, topic, partitions=range(4))
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    lost = 0
    for at in range(0, len(events), 40):
        send(broker, topic, events[at : at + 40])
        for n in range(3):
            if n == 1:
                with database.connect() as connection:
                    connection.execute(cut)
            try:
                reader.step(0.1)
            except DBAPIError:
                lost += 1

    def step() -> None:  # the last cut may be met only here, when the broker gave nothing in the steps above
        nonlocal lost
        try:
            reader.step()
        except DBAPIError:
            lost += 1

    step_until(step, lambda: count(database, "signal_event") == len(events))
    reader.close()
    its_own.close()
    assert lost > 0
    assert alerts(database) == Counter(replayed(events))


def test_events_of_strangers_are_parked_when_told_so(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    events = some_events(100, accounts=4)
    with database.begin() as connection:
        connection.execute(tables.borrower.insert(), [{"borrower_id": f"bo_{n}", "region": "浙江"} for n in range(2)])
    send(broker, topic, events)
    reader = consumer(database, vault, broker, topic, partitions=range(4), known_only=True)
    step_until(reader.step, lambda: reader.metrics.as_dict()["messages"] == len(events))
    reader.close()
    ours = [event for event in events if event.account_id in {"bo_0", "bo_1"}]
    assert alerts(database) == Counter(replayed(ours))
    with database.connect() as connection:
        reasons = Counter(connection.execute(select(tables.dead_letter.c.reason)).scalars())
    assert reasons == {"unknown account": len(events) - len(ours)}


def test_topics_that_exist_are_left_alone_and_missing_ones_are_made_only_when_told(broker: Broker, topic: str) -> None:
    broker.must_have({topic: 9}, make=False)
    broker.must_have({topic: 9}, make=True)
    assert len(broker.admin.list_topics(topic, timeout=60).topics[topic].partitions) == 4
    with pytest.raises(Refused, match="does not exist"):
        broker.must_have({f"{topic}-x": 2}, make=False)
    assert broker.topic_id(topic)
