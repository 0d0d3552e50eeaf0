"""The real servers as fixtures.

Servers start at the first test that asks and serve all tests of the session (of the worker, under xdist); whatever an
earlier test killed or suspended runs again when the next one begins. Buckets, topics and databases are each test's own.

With MEDPATTERN_REQUIRE_REAL=1 (`make test-real`, .ci/run) a server that cannot be had is a failure, and so is every
skip. Without it the tests of that server are skipped.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page

from tests.missing import hooks
from tests.real.servers.ceph import Ceph
from tests.real.servers.certificates import Authority
from tests.real.servers.chromium import running_browser
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.keycloak import Keycloak
from tests.real.servers.listener import Listener, listening_for_posts
from tests.real.servers.names import unique, unique_identifier
from tests.real.servers.postgres import Database, Postgres
from tests.real.servers.prometheus import Prometheus
from tests.real.servers.smtp import MailServer, receiving_mail
from tests.real.servers.tmpfs import small_disk

pytest_runtest_setup, pytest_runtest_call, pytest_runtest_makereport = hooks(
    required=os.environ.get("MEDPATTERN_REQUIRE_REAL") == "1"
)


@pytest.fixture(scope="session")
def _ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    cluster = Ceph(tmp_path_factory.mktemp("ceph"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.discard()


@pytest.fixture
def ceph(_ceph: Ceph) -> Ceph:
    """Ceph's S3 gateway with one user, up."""
    _ceph.rgw.resume()
    _ceph.start_rgw()
    return _ceph


@pytest.fixture
def new_bucket(ceph: Ceph) -> Iterator[Callable[[], str]]:
    """Makes buckets; they are empty again after the test."""
    made: list[str] = []

    def make() -> str:
        name = unique("bucket")
        ceph.s3().create_bucket(Bucket=name)
        made.append(name)
        return name

    yield make
    ceph.start_rgw()
    for name in made:
        ceph.empty(name)


@pytest.fixture
def bucket(new_bucket: Callable[[], str]) -> str:
    """The name of an empty bucket."""
    return new_bucket()


@pytest.fixture(scope="session")
def _kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    yield from _running(Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def _kafka_secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    folder = tmp_path_factory.mktemp("kafka-secure")
    yield from _running(Kafka(folder, authority=Authority(folder / "authority")))


@pytest.fixture(scope="session")
def _kafka_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    yield from _running(Kafka(tmp_path_factory.mktemp("kafka-three"), brokers=3))


def _running(kafka: Kafka) -> Iterator[Kafka]:
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.discard()


@pytest.fixture
def kafka(_kafka: Kafka) -> Kafka:
    """One broker, no encryption, no access control, up."""
    _kafka.start()
    return _kafka


@pytest.fixture
def kafka_secure(_kafka_secure: Kafka) -> Kafka:
    """One broker with TLS, SCRAM, certificates and access rules, up."""
    _kafka_secure.start()
    return _kafka_secure


@pytest.fixture
def kafka_three(_kafka_three: Kafka) -> Kafka:
    """Three brokers, three copies, two needed for an acknowledgement; all up and in step."""
    _kafka_three.start()
    return _kafka_three


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """The name of an empty topic of one partition on `kafka`."""
    return kafka.create_topic(unique("topic"))


@pytest.fixture(scope="session")
def _postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    # Not below pytest's folder: nobody but its owner may enter that, and PostgreSQL runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="medpattern-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        server = Postgres(folder / "postgres", log=tmp_path_factory.mktemp("postgres") / "postgres.log")
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres(_postgres: Postgres) -> Postgres:
    """A PostgreSQL server, up."""
    _postgres.server.resume()
    if not _postgres.server.alive:
        _postgres.start()
    return _postgres


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    """An empty database with its owner."""
    made = postgres.new_database(unique_identifier("db"))
    yield made
    if postgres.server.alive:
        postgres.drop_database(made)


class StartPrometheus(Protocol):
    """Starts a Prometheus that scrapes `jobs` (name: addresses) and evaluates `rules` (groups of a rule file)."""

    def __call__(self, jobs: Mapping[str, Sequence[str]], rules: Sequence[Mapping[str, Any]] = ()) -> Prometheus: ...


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[StartPrometheus]:
    """Starts servers that end with the test."""
    started: list[Prometheus] = []

    def start(jobs: Mapping[str, Sequence[str]], rules: Sequence[Mapping[str, Any]] = ()) -> Prometheus:
        server = Prometheus(tmp_path / f"prometheus-{len(started)}", jobs, rules=rules)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Keeps what is posted to it."""
    with listening_for_posts() as made:
        yield made


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """Keeps the mails that it is sent, without login and encryption."""
    with receiving_mail() as server:
        yield server


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """An OpenID provider with the realm `ward`, up. It takes 15 s and more, so there is one."""
    made = Keycloak(tmp_path_factory.mktemp("keycloak"))
    try:
        made.start()
        yield made
    finally:
        made.server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium. Not for the whole session: while it is open, no test in this process can run an asyncio loop."""
    with running_browser() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page with cookies and storage of its own."""
    context = browser.new_context()
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def disk() -> Iterator[Callable[[int], Path]]:
    """Makes file systems of some megabytes that any user may write to; they are gone after the test."""
    with tempfile.TemporaryDirectory(prefix="medpattern-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with ExitStack() as mounted:
            yield lambda megabytes: mounted.enter_context(small_disk(folder / unique("disk"), megabytes))
