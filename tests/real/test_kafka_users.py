"""The KafkaUsers of charts/kafka on a broker with access rules: each stage can do its work, and no other's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing

import pytest

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.kafka.reader import Reader
from medpattern.pipeline.settings import Authentication, KafkaSettings
from tests.charts.test_shipped_charts import objects, only
from tests.real.servers.kafka.access import allow, new_user
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.names import unique

# Names in the chart -> names of this test.
Names = Mapping[str, str]
Work = Callable[[KafkaSettings, Names], None]
TOPICS = ("xray-images", "xray-results", "xray-dead-letters")
GROUPS = ("risk-assessment", "notification", "dead-letters-recorder")


@pytest.fixture(scope="module")
def names(_kafka_secure: Kafka) -> Names:
    """Topics of this test's own, one record in each, and groups."""
    made = {group: unique(group) for group in GROUPS}
    _kafka_secure.start()
    for topic in TOPICS:
        made[topic] = _kafka_secure.create_topic(unique(topic))
    return made


def login(kafka: Kafka, user: str, names: Names) -> KafkaSettings:
    """A user with the rules that Strimzi would make of the chart's KafkaUser."""
    who = new_user(kafka, unique(user))
    for rule in only(objects("kafka"), "KafkaUser", user)["spec"]["authorization"]["acls"]:
        resource = rule["resource"]
        place = {resource["type"]: names[resource["name"]]}
        allow(kafka, who, operations=" ".join(rule["operations"]), **place)
    assert kafka.authority is not None
    return KafkaSettings(
        bootstrap=kafka.bootstrap,
        authentication=Authentication.SCRAM,
        username=who.principal.removeprefix("User:"),
        password=who.password,
        ca=str(kafka.authority.certificate),
    )


def writes(*topics: str, seconds: float = 20) -> Work:
    def work(settings: KafkaSettings, names: Names) -> None:
        with closing(Producer(settings)) as producer:
            producer.open([names[topic] for topic in topics], seconds=seconds)
            for topic in topics:
                producer.send(names[topic], b"{}", key="k")

    return work


def forgets(topic: str) -> Work:
    def work(settings: KafkaSettings, names: Names) -> None:
        with closing(Producer(settings)) as producer:
            producer.open([names[topic]], seconds=20)
            producer.send_all(names[topic], [("letter", None, ())])

    return work


def watches(topic: str, group: str) -> Work:
    def work(settings: KafkaSettings, names: Names) -> None:
        with closing(Reader(settings, names[topic], names[group])) as reader:
            assert reader.unread(seconds=20) >= 0

    return work


def records(topic: str, group: str) -> Work:
    def work(settings: KafkaSettings, names: Names) -> None:
        with closing(Reader(settings, names[topic], names[group])) as reader:
            reader.read_rest(lambda _records: None, seconds=20)

    return work


def follows(topic: str, group: str) -> Work:
    """Reads the topic as a member of the group, until it has a record."""

    def work(settings: KafkaSettings, names: Names) -> None:
        stop = threading.Event()
        with closing(Reader(settings, names[topic], names[group])) as reader:
            reader.open(seconds=20)
            guard = threading.Timer(60, stop.set)
            guard.start()
            found: list[object] = []

            def handle(some: object) -> None:
                found.append(some)
                stop.set()

            reader.follow(handle, stop)
            guard.cancel()
        assert found, "no record within a minute"

    return work


WORK: list[tuple[str, Work]] = [
    ("xray-rgw", writes("xray-images")),
    ("xray-results", writes("xray-results")),
    ("xray-dead-letters", writes("xray-dead-letters")),
    ("xray-source", follows("xray-images", "risk-assessment")),
    ("xray-notifier", follows("xray-results", "notification")),
    ("xray-backfill", watches("xray-images", "risk-assessment")),
    ("xray-backfill", writes("xray-images")),
    ("xray-replay", records("xray-dead-letters", "dead-letters-recorder")),
    ("xray-replay", writes("xray-dead-letters", "xray-images")),
    ("xray-purge", forgets("xray-dead-letters")),
]
# A topic that a user may not see is like one that is not there yet: the client waits for it.
SHORT = 3.0
NOT_ITS_WORK: list[tuple[str, Work]] = [
    ("xray-backfill", follows("xray-images", "risk-assessment")),
    ("xray-backfill", writes("xray-results", seconds=SHORT)),
    ("xray-notifier", writes("xray-results", seconds=SHORT)),
    ("xray-notifier", follows("xray-results", "risk-assessment")),
    ("xray-replay", writes("xray-results", seconds=SHORT)),
    ("xray-purge", writes("xray-images", seconds=SHORT)),
    ("xray-purge", records("xray-dead-letters", "dead-letters-recorder")),
]


@pytest.mark.parametrize(("user", "work"), WORK)
def test_a_user_can_do_its_work(kafka_secure: Kafka, names: Names, user: str, work: Work) -> None:
    fill(kafka_secure, names)
    work(login(kafka_secure, user, names), names)


@pytest.mark.parametrize(("user", "work"), NOT_ITS_WORK)
def test_a_user_can_do_nothing_else(kafka_secure: Kafka, names: Names, user: str, work: Work) -> None:
    settings = login(kafka_secure, user, names)
    with pytest.raises(Unavailable):
        work(settings, names)


def fill(kafka: Kafka, names: Names) -> None:
    """A fresh record in each topic, by a user that may write them all."""
    who = new_user(kafka, unique("filler"))
    for topic in TOPICS:
        allow(kafka, who, operations="write describe", topic=names[topic])
    assert kafka.authority is not None
    ca = str(kafka.authority.certificate)
    user = who.principal.removeprefix("User:")
    settings = KafkaSettings(kafka.bootstrap, Authentication.SCRAM, user, who.password, ca=ca)
    writes(*TOPICS)(settings, names)
