"""The whole stage: a result in the topic becomes a mail and a webhook, whatever was away for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from medpattern.errors import UsageError
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import notifications
from medpattern.pipeline.events.results import Outcome
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.notification import notifier, outgoing, run
from medpattern.pipeline.notification.channels import MailSettings, Security, WebhookSettings
from medpattern.pipeline.notification.settings import NotifySettings
from medpattern.pipeline.settings import Environment, KafkaSettings
from tests.pipeline.notification.notices import event, notice
from tests.pipeline.waiting import eventually
from tests.real.servers.listener import Listener, listening_for_posts
from tests.real.servers.smtp import MailServer, receiving_mail

TOPIC = "results"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with receiving_mail() as made:
        yield made


@pytest.fixture
def webhook() -> Iterator[Listener]:
    with listening_for_posts() as made:
        yield made


@pytest.fixture
def kafka() -> Iterator[KafkaSettings]:
    with closing(EmbeddedBroker({TOPIC: 2})) as broker:
        yield KafkaSettings(broker.bootstrap)


@pytest.fixture
def settings(tmp_path: Path, kafka: KafkaSettings, mail: MailServer, webhook: Listener) -> NotifySettings:
    url = f"sqlite:///{tmp_path / 'results.sqlite'}"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    by_mail = MailSettings(mail.host, mail.port, Security.NONE, "xray@example.org", ("ward@example.org",))
    by_webhook = WebhookSettings(webhook.url)
    return NotifySettings(kafka, TOPIC, "notification", url, "https://results.example.org", False, False, 3,
                          by_mail, by_webhook)  # fmt: skip


@pytest.fixture
def start(settings: NotifySettings) -> Iterator[Callable[[], Callable[[], None]]]:
    """Starts a stage in a thread; what it returns stops it."""
    stages: list[tuple[threading.Event, threading.Thread]] = []

    def begin() -> Callable[[], None]:
        stop = threading.Event()
        thread = threading.Thread(target=run.notify, args=(settings, stop))
        thread.start()
        stages.append((stop, thread))

        def end() -> None:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

        return end

    yield begin
    for stop, thread in stages:
        stop.set()
        thread.join(30)


def send(kafka: KafkaSettings, *data: bytes) -> None:
    with closing(Producer(kafka)) as producer:
        producer.send_all(TOPIC, [(None, one, ()) for one in data])


def states(settings: NotifySettings) -> list[Any]:
    engine = open_engine(settings.database_url)
    with engine.begin() as connection:
        found = list(
            connection.execute(select(notifications.c.channel, notifications.c.state, notifications.c.problem))
        )
    engine.dispose()
    return sorted(tuple(row) for row in found)


def test_staff_are_told_by_both_ways(
    settings: NotifySettings, start: Callable[[], Any], mail: MailServer, webhook: Listener
) -> None:
    start()
    send(settings.kafka, event("a"), event("b", outcome=Outcome.NORMAL), event("c", outcome=Outcome.UNSURE))
    eventually(lambda: mail.mails and webhook.requests)
    eventually(lambda: states(settings) == [("mail", "sent", ""), ("webhook", "sent", "")])
    assert mail.mails[0].message["Message-ID"] == f"<{notice('a').image_id}-mail@example.org>"
    assert webhook.requests[0].headers["idempotency-key"] == f"{notice('a').image_id}-webhook"


def test_a_repeated_event_and_a_restart_tell_nobody_twice(
    settings: NotifySettings, start: Callable[[], Any], mail: MailServer
) -> None:
    end = start()
    send(settings.kafka, event("a"), event("a"))
    eventually(lambda: len(mail.mails) == 1)
    end()
    start()
    send(settings.kafka, event("a"), event("z"))
    eventually(lambda: len(mail.mails) == 2)
    assert len({sent.message["Message-ID"] for sent in mail.mails}) == 2


def test_one_way_out_that_is_closed_does_not_hold_up_the_other(
    settings: NotifySettings,
    start: Callable[[], Any],
    mail: MailServer,
    webhook: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "_FIRST_PAUSE", 0.05)
    webhook.status = 503
    start()
    send(settings.kafka, event("a"))
    eventually(lambda: states(settings) == [("mail", "sent", ""), ("webhook", "dead", "http-503")])
    assert len(mail.mails) == 1
    assert len(webhook.requests) == settings.attempts
    assert len({request.headers["idempotency-key"] for request in webhook.requests}) == 1
    webhook.status = 200
    assert run.retry_dead(settings) == 1
    eventually(lambda: ("webhook", "sent", "") in states(settings))


def test_an_unreadable_record_holds_up_nothing(
    settings: NotifySettings, start: Callable[[], Any], mail: MailServer
) -> None:
    send(settings.kafka, b"\xff", b"{}", b'{"resultId": "' + b"9" * 400 + b'"}', event("a"))
    start()
    eventually(lambda: len(mail.mails) == 1)


def test_metrics_say_what_waits(settings: NotifySettings) -> None:
    from prometheus_client import REGISTRY

    engine = open_engine(settings.database_url)
    table = outgoing.Outgoing(engine)
    found = notice("a")
    message = notifier.message_of(found, "")
    table.record([outgoing.Notification("one", found.result_id, "mail", message)])
    notifier.count(table)
    assert REGISTRY.get_sample_value("medpattern_notifications", {"state": "pending"}) == 1
    assert REGISTRY.get_sample_value("medpattern_notifications", {"state": "dead"}) == 0
    oldest = REGISTRY.get_sample_value("medpattern_notification_oldest_pending_seconds")
    assert oldest is not None
    assert 0 <= oldest < 60
    engine.dispose()


def test_without_tables_it_says_what_to_do(tmp_path: Path, settings: NotifySettings) -> None:
    import dataclasses

    empty = dataclasses.replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with pytest.raises(Unavailable, match="medpattern migrate"):
        run.notify(empty, threading.Event())


def variables(tmp_path: Path, **more: str) -> dict[str, str]:
    secrets = {
        "url": "sqlite:///x",
        "hook": "https://hooks.example.org/secret-token",
        "password": "pass-word",
        "user": "u",
    }
    for name, text in secrets.items():
        (tmp_path / name).write_text(text)
    return {
        "MEDPATTERN_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "MEDPATTERN_RESULTS_TOPIC": "results",
        "MEDPATTERN_DATABASE_URL_FILE": str(tmp_path / "url"),
    } | more


def mail_variables(tmp_path: Path, **more: str) -> dict[str, str]:
    return variables(
        tmp_path,
        **{
            "MEDPATTERN_SMTP_HOST": "mail.example.org",
            "MEDPATTERN_SMTP_FROM": "xray@example.org",
            "MEDPATTERN_SMTP_TO": "ward@example.org, radiology@example.org",
        }
        | more,
    )


def test_mail_is_encrypted_unless_it_is_said(tmp_path: Path) -> None:
    found = NotifySettings.read(Environment(mail_variables(tmp_path))).mail
    assert found is not None
    assert (found.security, found.port) == (Security.STARTTLS, 587)
    assert found.recipients == ("ward@example.org", "radiology@example.org")
    login = {
        "MEDPATTERN_SMTP_USER_FILE": str(tmp_path / "user"),
        "MEDPATTERN_SMTP_PASSWORD_FILE": str(tmp_path / "password"),
    }
    plain = mail_variables(tmp_path, MEDPATTERN_SMTP_SECURITY="none", **login)
    with pytest.raises(UsageError, match="clear text"):
        NotifySettings.read(Environment(plain))
    assert NotifySettings.read(Environment(plain | {"MEDPATTERN_SMTP_HOST": "127.0.0.1"})).mail is not None


def test_a_webhook_is_https_unless_it_stays_here(tmp_path: Path) -> None:
    def read(url: str, **more: str) -> NotifySettings:
        given = variables(tmp_path, MEDPATTERN_WEBHOOK_URL_FILE=str(tmp_path / "hook"), **more)
        (tmp_path / "hook").write_text(url)
        return NotifySettings.read(Environment(given))

    for url in ("https://hooks.example.org/secret-token", "http://127.0.0.1:1/x", "http://localhost/x"):
        assert read(url).webhook is not None
    assert read("http://hooks.example.org", MEDPATTERN_WEBHOOK_ALLOW_HTTP="true").webhook is not None
    for url in ("http://hooks.example.org/secret-token", "ftp://hooks.example.org/secret-token", "secret-token"):
        with pytest.raises(UsageError, match="WEBHOOK_URL_FILE") as refused:
            read(url)
        assert "secret-token" not in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no channel"):
        NotifySettings.read(Environment(variables(tmp_path)))
    (tmp_path / "short").write_text("short")
    wrong = mail_variables(
        tmp_path,
        MEDPATTERN_SMTP_TO="ward",
        MEDPATTERN_RESULTS_URL="results.example.org",
        MEDPATTERN_NOTIFY_UNSURE="maybe",
        MEDPATTERN_WEBHOOK_URL_FILE=str(tmp_path / "hook"),
        MEDPATTERN_WEBHOOK_KEY_FILE=str(tmp_path / "short"),
    )
    with pytest.raises(UsageError) as refused:
        NotifySettings.read(Environment(wrong))
    for name in ("SMTP_TO", "RESULTS_URL", "NOTIFY_UNSURE", "WEBHOOK_KEY_FILE"):
        assert f"MEDPATTERN_{name}" in str(refused.value)
