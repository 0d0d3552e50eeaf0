"""Mail and webhook against real servers of this process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from medpattern.pipeline.notification.channels import (
    Mail,
    MailSettings,
    NotSent,
    Security,
    Webhook,
    WebhookSettings,
    signed_headers,
)
from medpattern.pipeline.notification.message import message_of
from tests.pipeline.notification.notices import notice
from tests.pipeline.samples import SCORED
from tests.real.servers.certificates import Authority
from tests.real.servers.listener import Listener, listening_for_posts
from tests.real.servers.smtp import MailServer, receiving_mail

MESSAGE = message_of(notice(), "https://results.example.org")
KEY = b"a key of the tests that signs webhooks"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with receiving_mail() as made:
        yield made


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening_for_posts() as made:
        yield made


def settings(port: int, security: Security = Security.NONE, **more: str) -> MailSettings:
    recipients = ("ward@example.org", "radiology@example.org")
    return MailSettings("127.0.0.1", port, security, "X-ray <xray@example.org>", recipients, **more, seconds=5)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_mail_arrives(server: MailServer) -> None:
    assert Mail(settings(server.port)).send("id-1", MESSAGE) == ""
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("xray@example.org", ("ward@example.org", "radiology@example.org"))
    assert mail.message["Subject"] == MESSAGE.subject
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail.message["Date"]) == SCORED.replace(microsecond=0)
    assert mail.message.get_content().replace("\r\n", "\n") == MESSAGE.text()


def test_a_repeat_carries_the_same_message_id(server: MailServer) -> None:
    for _ in range(2):
        Mail(settings(server.port)).send("id-1", MESSAGE)
    Mail(settings(server.port)).send("id-2", MESSAGE)
    assert [mail.message["Message-ID"] for mail in server.mails] == ["<id-1@example.org>"] * 2 + ["<id-2@example.org>"]


def test_login_goes_over_starttls_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    user = {"xray": "a password"}
    with receiving_mail(users=user, certificate=authority.issue("mail")) as server:
        secure = settings(
            server.port, Security.STARTTLS, user="xray", password="a password", ca=str(authority.certificate)
        )
        assert Mail(secure).send("id", MESSAGE) == ""
        assert (server.mails[0].user, server.mails[0].encrypted) == ("xray", True)
        for wrong, problem in (
            (replace(secure, password="another"), "smtp-535"),
            (replace(secure, ca=""), "tls-failed"),
            (replace(secure, security=Security.NONE, user=""), "smtp-530"),
        ):
            with pytest.raises(NotSent) as refused:
                Mail(wrong).send("id", MESSAGE)
            assert refused.value.problem == problem
        assert len(server.mails) == 1


def test_a_server_without_tls_gets_nothing(server: MailServer) -> None:
    with pytest.raises(NotSent, match="not-supported"):
        Mail(settings(server.port, Security.STARTTLS)).send("id", MESSAGE)
    assert server.mails == []


def test_what_the_mail_server_says_is_not_repeated(server: MailServer) -> None:
    server.refusals.append("451 4.3.0 jane.doe@example.org is on holiday")
    with pytest.raises(NotSent) as refused:
        Mail(settings(server.port)).send("id", MESSAGE)
    assert str(refused.value) == "smtp-451"
    assert refused.value.__suppress_context__


def test_no_mail_server_is_a_problem_with_a_name() -> None:
    with pytest.raises(NotSent, match="no-connection"):
        Mail(settings(free_port())).send("id", MESSAGE)


def test_a_webhook_arrives(listener: Listener) -> None:
    Webhook(WebhookSettings(f"{listener.url}/hook?room=7", KEY)).send("id-1", MESSAGE)
    (request,) = listener.requests
    assert request.path == "/hook?room=7"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == request.headers["webhook-id"] == "id-1"
    body = json.loads(request.body)
    assert body == json.loads(json.dumps(MESSAGE.value())) | {"id": "id-1"}


def test_its_signature_is_checked_as_the_standard_says(listener: Listener) -> None:
    Webhook(WebhookSettings(listener.url, KEY)).send("id-1", MESSAGE)
    (request,) = listener.requests
    signed = b".".join([b"id-1", request.headers["webhook-timestamp"].encode(), request.body])
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"


def test_the_published_example_of_the_standard() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py
    key = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', key, 1614265330)
    assert headers["Webhook-Signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_without_a_key_there_is_no_signature(listener: Listener) -> None:
    Webhook(WebhookSettings(listener.url)).send("id-1", MESSAGE)
    assert "webhook-signature" not in listener.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_whatever_is_no_2xx_is_no_arrival(listener: Listener, status: int) -> None:
    listener.status = status
    with pytest.raises(NotSent, match=f"http-{status}"):
        Webhook(WebhookSettings(listener.url)).send("id", MESSAGE)
    assert len(listener.requests) == 1


def test_nobody_there_is_a_problem_with_a_name() -> None:
    with pytest.raises(NotSent, match="no-connection"):
        Webhook(WebhookSettings(f"http://127.0.0.1:{free_port()}/secret-token")).send("id", MESSAGE)


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(NotSent, match="timeout"):
            Webhook(WebhookSettings(f"http://127.0.0.1:{port}", seconds=0.2)).send("id", MESSAGE)
        with pytest.raises(NotSent, match=r"timeout|no-connection"):
            Mail(replace(settings(port), seconds=0.2)).send("id", MESSAGE)


def test_addresses_and_keys_stay_out_of_reprs() -> None:
    shown = repr(WebhookSettings("https://example.org/secret-token", KEY)) + repr(
        settings(1, user="u", password="pass-word")
    )
    assert "secret-token" not in shown
    assert "pass-word" not in shown
    assert KEY.decode() not in shown
