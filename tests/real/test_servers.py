"""Each real server does what the tests that need it take for granted."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.real.conftest import StartPrometheus
from tests.real.servers.ceph import Ceph
from tests.real.servers.certificates import Authority
from tests.real.servers.kafka.access import allow, new_certificate, new_user
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.kafka.records import read_all, send
from tests.real.servers.listener import Listener
from tests.real.servers.names import unique
from tests.real.servers.postgres import Database, Postgres
from tests.real.servers.processes import until
from tests.real.servers.programs import FailedError
from tests.real.servers.smtp import MailServer, receiving_mail
from tests.real.servers.tmpfs import fill


def numbered(count: int) -> list[tuple[bytes, bytes]]:
    return [(f"key {number}".encode(), f"value {number}".encode()) for number in range(count)]


# Ceph


def test_ceph_keeps_what_is_put_when_radosgw_is_killed(ceph: Ceph, bucket: str) -> None:
    ceph.s3().put_object(Bucket=bucket, Key="ward A/naïve röntgen.png", Body=b"pixels")
    first = ceph.rgw.pid
    ceph.kill_rgw()
    ceph.start_rgw()
    assert ceph.rgw.pid != first
    stored = ceph.s3().get_object(Bucket=bucket, Key="ward A/naïve röntgen.png")
    assert stored["Body"].read() == b"pixels"


def test_ceph_keeps_accounts_apart(ceph: Ceph, bucket: str) -> None:
    from botocore.exceptions import ClientError

    stranger = ceph.new_account(unique("stranger"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ceph.s3(stranger).list_objects_v2(Bucket=bucket)


def test_ceph_pushes_within_the_put_and_once_where_it_is_not_persistent(
    ceph: Ceph, bucket: str, listener: Listener
) -> None:
    ceph.subscribe(bucket, f"{listener.url}/events", persistent=False, suffix=".png")
    ceph.s3().put_object(Bucket=bucket, Key="chest.txt", Body=b"text")
    ceph.s3().put_object(Bucket=bucket, Key="chest.png", Body=b"pixels")
    assert [request.path for request in listener.requests] == ["/events"]
    record = json.loads(listener.requests[0].body)["Records"][0]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == (bucket, "chest.png")
    assert record["eventName"] == "ObjectCreated:Put"


# Kafka


def test_kafka_gives_back_what_it_acknowledged(kafka: Kafka, topic: str) -> None:
    assert send(kafka.client(), topic, numbered(200), headers={"ce_id": b"1"}) == 200
    records = read_all(kafka.client(), topic)
    assert [(record.key, record.value) for record in records] == numbered(200)
    assert records[0].headers == {"ce_id": b"1"}
    assert kafka.end_offsets(topic) == {0: 200}


def test_kafka_acknowledges_nothing_while_it_is_suspended(kafka: Kafka, topic: str) -> None:
    kafka.suspend(1)
    with pytest.raises(FailedError, match="were not acknowledged within 2 s"):
        send(kafka.client(), topic, numbered(1), seconds=2)
    kafka.resume(1)
    assert send(kafka.client(), topic, numbered(1)) == 1


def test_kafka_keeps_what_it_acknowledged_when_killed(kafka: Kafka, topic: str) -> None:
    send(kafka.client(), topic, numbered(50))
    kafka.kill9(1)
    kafka.restart(1)
    assert [record.value for record in read_all(kafka.client(), topic)] == [value for _, value in numbered(50)]


def test_kafka_says_why_it_refuses_a_wrong_password(kafka_secure: Kafka) -> None:
    from confluent_kafka import KafkaError, Producer

    user = new_user(kafka_secure, unique("user"))
    told: list[int] = []
    wrong = {**user.configuration, "sasl.password": f"not {user.password}"}
    producer = Producer({**wrong, "error_cb": lambda error: told.append(error.code())})
    until(lambda: producer.poll(0.1) or told, "an error of the connection")
    assert told[0] == KafkaError._AUTHENTICATION


def test_kafka_refuses_what_no_rule_allows(kafka_secure: Kafka) -> None:
    from confluent_kafka import KafkaError, KafkaException

    topic, other = (kafka_secure.create_topic(unique("topic")) for _ in range(2))
    user = new_user(kafka_secure, unique("user"))
    allow(kafka_secure, user, operations="write describe", topic=topic)
    assert send(user.configuration, topic, numbered(3)) == 3
    with pytest.raises(KafkaException) as refused:
        send(user.configuration, other, numbered(1))
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert kafka_secure.end_offsets(other) == {0: 0}
    with pytest.raises(KafkaException) as refused:
        read_all(user.configuration, topic)
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_kafka_knows_a_client_by_its_certificate(kafka_secure: Kafka) -> None:
    from confluent_kafka import KafkaError, Producer

    topic = kafka_secure.create_topic(unique("topic"))
    known = new_certificate(kafka_secure, unique("client"))
    allow(kafka_secure, known, operations="write read describe", topic=topic)
    send(known.configuration, topic, numbered(5))
    assert len(read_all(known.configuration, topic)) == 5

    told: set[int] = set()
    without = {name: value for name, value in known.configuration.items() if "certificate" not in name}
    del without["ssl.key.location"]
    producer = Producer({**without, "error_cb": lambda error: told.add(error.code())})
    until(lambda: producer.poll(0.1) or KafkaError._SSL in told, "to be told that a certificate is wanted")


def test_three_brokers_lose_nothing_when_the_leader_is_killed(kafka_three: Kafka) -> None:
    topic = kafka_three.create_topic(unique("topic"))
    leader = kafka_three.leader(topic)
    send(kafka_three.client(), topic, numbered(300))
    kafka_three.kill9(leader)
    send(kafka_three.client(), topic, numbered(300))
    assert kafka_three.leader(topic) != leader
    values = [record.value for record in read_all(kafka_three.client(), topic)]
    assert values == [value for _, value in numbered(300)] * 2


def test_two_of_three_brokers_are_needed_for_an_acknowledgement(kafka_three: Kafka) -> None:
    topic = kafka_three.create_topic(unique("topic"))
    send(kafka_three.client(), topic, numbered(1))
    for number in (1, 2):
        kafka_three.suspend(number)
    with pytest.raises(FailedError, match="were not acknowledged within 8 s"):
        send(kafka_three.client(), topic, numbered(1), seconds=8)
    kafka_three.start()
    send(kafka_three.client(), topic, numbered(1))


# PostgreSQL


def test_postgres_keeps_what_was_committed_when_killed(postgres: Postgres, database: Database) -> None:
    postgres.execute("CREATE TABLE results (id text PRIMARY KEY)", database)
    postgres.execute("INSERT INTO results VALUES ('one')", database)
    postgres.kill9()
    assert not postgres.server.alive
    postgres.start()
    assert postgres.execute("SELECT id FROM results", database) == [("one",)]


def test_postgres_lets_the_owner_alone_into_a_database(postgres: Postgres, database: Database) -> None:
    import psycopg

    other = postgres.new_database(unique("db").replace("-", "_"))
    intruder = Database(database.port, database.name, other.role, other.password)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        postgres.execute("SELECT 1", intruder)
    postgres.drop_database(other)


def test_postgres_on_a_full_disk_refuses_and_goes_on_when_there_is_room(
    disk: Callable[[int], Path], tmp_path: Path
) -> None:
    import psycopg

    server = Postgres(disk(64), log=tmp_path / "postgres.log")
    server.start()
    try:
        server.execute("CREATE TABLE images (pixels text)")
        full = fill(server.folder)
        with pytest.raises(psycopg.Error, match=r"No space left on device|could not extend|terminated|closed"):
            server.execute("INSERT INTO images SELECT repeat(md5(random()::text), 20000) FROM generate_series(1, 100)")
        full.unlink()
        server.restart()
        server.execute("INSERT INTO images VALUES ('one')")
        assert server.execute("SELECT pixels FROM images") == [("one",)]
    finally:
        server.stop()


# Prometheus


def test_prometheus_scrapes_records_and_alerts(start_prometheus: StartPrometheus) -> None:
    from prometheus_client import CollectorRegistry, Counter, start_http_server

    from tests.real.servers.ports import free_port

    registry = CollectorRegistry()
    Counter("images", "Images.", registry=registry).inc(7)
    port = free_port()
    exporter, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        alert = {"alert": "Images", "expr": "images_total > 5", "labels": {"severity": "page"}}
        record = {"record": "job:images:sum", "expr": "sum by (job) (images_total)"}
        server = start_prometheus({"exporter": [f"127.0.0.1:{port}"]}, [{"name": "ours", "rules": [record, alert]}])
        until(lambda: server.alerts() == {"Images": "firing"}, "the alert", seconds=60, every=0.2)
        assert server.query("job:images:sum") == {(("__name__", "job:images:sum"), ("job", "exporter")): 7}
        assert server.value("images_total") == 7
        assert server.targets() == {f"http://127.0.0.1:{port}/metrics": "up"}
        assert {rule["health"] for rule in server.rules()} == {"ok"}
    finally:
        exporter.shutdown()
        exporter.server_close()
        thread.join()


def test_prometheus_does_not_start_with_a_rule_that_it_cannot_read(start_prometheus: StartPrometheus) -> None:
    rules = [{"name": "ours", "rules": [{"record": "one", "expr": "sum("}]}]
    with pytest.raises(FailedError, match="unclosed left parenthesis"):
        start_prometheus({}, rules)


# Mail


def mail(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "pattern@example.org", "ward@example.org", subject
    message.set_content("Ein Röntgenbild wartet.")
    return message


def test_the_mail_server_refuses_when_told_and_keeps_what_it_takes(mail_server: MailServer) -> None:
    mail_server.refusals.append("451 try again later")
    with smtplib.SMTP(mail_server.host, mail_server.port, timeout=20) as client:
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            client.send_message(mail("first"))
        client.send_message(mail("second"))
    [kept] = mail_server.mails
    assert (kept.sender, kept.recipients) == ("pattern@example.org", ("ward@example.org",))
    assert kept.message["Subject"] == "second"
    assert kept.message.get_content().strip() == "Ein Röntgenbild wartet."


def test_the_mail_server_can_demand_encryption_and_a_login(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    with receiving_mail(users={"pattern": "secret"}, certificate=authority.issue("mail")) as server:
        with smtplib.SMTP(server.host, server.port, timeout=20) as client:
            with pytest.raises(smtplib.SMTPSenderRefused, match="STARTTLS"):
                client.send_message(mail("in clear"))
            client.starttls(context=trusting)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("pattern", "wrong")
            client.login("pattern", "secret")
            client.send_message(mail("sealed"))
        assert [(kept.message["Subject"], kept.user, kept.encrypted) for kept in server.mails] == [
            ("sealed", "pattern", True)
        ]


# Browser


def test_chromium_runs_a_page(page: Page) -> None:
    page.set_content("<h1 id=title></h1><script>title.textContent = 'Results of ' + (40 + 2) + ' images'</script>")
    assert page.get_by_role("heading").inner_text() == "Results of 42 images"


# Last, for what it waits for has come by now.


def test_ceph_pushes_again_what_was_refused_where_it_is_persistent(ceph: Ceph, bucket: str, listener: Listener) -> None:
    listener.status = 503
    ceph.subscribe(bucket, listener.url)
    ceph.s3().put_object(Bucket=bucket, Key="chest.png", Body=b"pixels")
    # Up to 30 s for the topic to be taken up, 90 s more where an earlier test killed radosgw.
    until(lambda: listener.requests, "the first push", seconds=150)
    listener.status = 200
    refused = len(listener.requests)
    until(lambda: len(listener.requests) > refused, "a push after the refused one", seconds=60)
    ids = {json.loads(request.body)["Records"][0]["eventId"] for request in listener.requests}
    assert len(ids) == 1
