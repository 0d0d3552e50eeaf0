"""The ways out: mail and webhook. Each sends one message once, or says in a word why not.

What a server answers is not repeated anywhere: it may quote an address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from typing import Any, Protocol

from medpattern.pipeline.clock import now, parse_time
from medpattern.pipeline.notification.message import Message


class NotSent(Exception):  # noqa: N818  (it names what happened)
    """The message did not get through; `problem` is a code of a-z, 0-9 and hyphens."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Channel(Protocol):
    """One way out."""

    def send(self, notification_id: str, message: Message) -> str:
        """Sends it; returns "" or the code of something that a person should see to.

        Raises:
            NotSent: it was not taken.
        """
        ...


class Security(StrEnum):
    """How the connection to the mail server is secured."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The mail server. `ca` "" means the system's; `user` "" means no login."""

    host: str
    port: int
    security: Security
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    seconds: float = 10


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail by SMTP: one message to all recipients."""

    settings: MailSettings

    def send(self, notification_id: str, message: Message) -> str:
        """As Channel.send. Some recipients refused: it counts as sent, since the others would get each repeat."""
        try:
            server = self._connection()
            try:
                refused = server.send_message(_mail(self.settings, notification_id, message))
            finally:
                # Not QUIT's answer decides whether the message was taken.
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()
        except smtplib.SMTPResponseException as problem:
            raise NotSent(f"smtp-{problem.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused:
            raise NotSent("recipients-refused") from None
        except ssl.SSLError:
            raise NotSent("tls-failed") from None
        except smtplib.SMTPNotSupportedError:
            raise NotSent("not-supported") from None
        except TimeoutError:
            raise NotSent("timeout") from None
        except (OSError, smtplib.SMTPException):
            raise NotSent("no-connection") from None
        return "recipient-refused" if refused else ""

    def _connection(self) -> smtplib.SMTP:
        settings = self.settings
        where: dict[str, Any] = {"host": settings.host, "port": settings.port, "timeout": settings.seconds}
        trusted = ssl.create_default_context(cafile=settings.ca or None)
        if settings.security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(**where, context=trusted)
        else:
            server = smtplib.SMTP(**where)
        try:
            if settings.security is Security.STARTTLS:
                server.starttls(context=trusted)
            if settings.user:
                server.login(settings.user, settings.password)
        except BaseException:
            server.close()
            raise
        return server


def _mail(settings: MailSettings, notification_id: str, message: Message) -> EmailMessage:
    mail = EmailMessage()
    mail["Message-ID"] = f"<{notification_id}@{settings.sender.rpartition('@')[2].strip('>') or 'medpattern'}>"
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.recipients)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(parse_time(message.scored) or now())
    # Nobody's holiday notice is to answer (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text())
    return mail


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where to POST. `key` "" means no signature; `ca` "" means the public CAs."""

    url: str = field(repr=False)
    key: bytes = field(default=b"", repr=False)
    ca: str = ""
    seconds: float = 10


class Webhook:
    """One POST of JSON, signed as https://www.standardwebhooks.com says; any 2xx is an arrival."""

    def __init__(self, settings: WebhookSettings) -> None:
        import urllib3

        self._settings = settings
        # A redirect would carry the message, and its signature, to somebody else.
        self._pool = urllib3.PoolManager(
            retries=False, timeout=settings.seconds, ca_certs=settings.ca or None, cert_reqs="CERT_REQUIRED"
        )

    def send(self, notification_id: str, message: Message) -> str:
        """As Channel.send."""
        from urllib3 import exceptions

        body = json.dumps({"id": notification_id} | message.value(), separators=(",", ":")).encode()
        headers = signed_headers(notification_id, body, self._settings.key, int(time.time()))
        try:
            answer = self._pool.request(
                "POST", self._settings.url, body=body, headers=headers, redirect=False, preload_content=False
            )
            answer.close()
        except exceptions.SSLError:
            raise NotSent("tls-failed") from None
        except exceptions.NewConnectionError:
            # A kind of timeout to urllib3, however quick the refusal was.
            raise NotSent("no-connection") from None
        except exceptions.TimeoutError:
            raise NotSent("timeout") from None
        except (exceptions.HTTPError, OSError):
            raise NotSent("no-connection") from None
        if not 200 <= answer.status < 300:
            raise NotSent(f"http-{answer.status}")
        return ""


def signed_headers(notification_id: str, body: bytes, key: bytes, seconds: int) -> Mapping[str, str]:
    """The headers of a webhook at `seconds` since 1970: HMAC-SHA256 over "id.seconds.body", in base64.

    `key` may be written `whsec_` and base64, as such keys often are; "" makes no signature.
    """
    found = {
        "Content-Type": "application/json",
        "Idempotency-Key": notification_id,
        "Webhook-Id": notification_id,
        "Webhook-Timestamp": str(seconds),
    }
    if key:
        secret = base64.b64decode(key[6:]) if key.startswith(b"whsec_") else key
        code = hmac.new(secret, f"{notification_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
        found["Webhook-Signature"] = "v1," + base64.b64encode(code).decode()
    return found
