"""Settings of the notification stage."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from medpattern.pipeline.notification.channels import Channel, Mail, MailSettings, Security, Webhook, WebhookSettings
from medpattern.pipeline.notification.policy import Policy
from medpattern.pipeline.settings import Environment, KafkaSettings, read_database_url

MAIL, WEBHOOK = "mail", "webhook"
_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
_HERE = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """All of it; a channel that is None is not used. `attempts`: how often a message is tried until it is dead."""

    kafka: KafkaSettings
    topic: str
    group: str
    database_url: str = field(repr=False)
    results_url: str
    unsure: bool
    simulated: bool
    attempts: int
    mail: MailSettings | None
    webhook: WebhookSettings | None

    @classmethod
    def read(cls, env: Environment) -> NotifySettings:
        """The settings, all problems at once.

        Raises:
            UsageError: something is missing or wrong, or no channel is configured.
        """
        found = cls(
            kafka=KafkaSettings.read(env),
            topic=env.text("MEDPATTERN_RESULTS_TOPIC"),
            group=env.text("MEDPATTERN_NOTIFY_GROUP", "notification"),
            database_url=read_database_url(env),
            results_url=_results_url(env),
            unsure=env.flag("MEDPATTERN_NOTIFY_UNSURE"),
            simulated=env.flag("MEDPATTERN_NOTIFY_SIMULATED"),
            attempts=env.integer("MEDPATTERN_NOTIFY_ATTEMPTS", 100, 1, 10_000),
            mail=_mail(env),
            webhook=_webhook(env),
        )
        if found.mail is None and found.webhook is None:
            env.problem("no channel: set MEDPATTERN_SMTP_HOST, MEDPATTERN_WEBHOOK_URL_FILE or both")
        env.check()
        return found

    def channels(self) -> Mapping[str, Channel]:
        """The configured channels by name."""
        found: dict[str, Channel] = {MAIL: Mail(self.mail)} if self.mail else {}
        return found | ({WEBHOOK: Webhook(self.webhook)} if self.webhook else {})

    def policy(self) -> Policy:
        """Who is told."""
        return Policy(tuple(self.channels()), self.unsure, self.simulated)


def _results_url(env: Environment) -> str:
    url = env.text("MEDPATTERN_RESULTS_URL", "")
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        env.problem("MEDPATTERN_RESULTS_URL is no address: https://HOST is wanted")
    return url


def _mail(env: Environment) -> MailSettings | None:
    host = env.text("MEDPATTERN_SMTP_HOST", "")
    if not host:
        return None
    security = env.choice("MEDPATTERN_SMTP_SECURITY", Security.STARTTLS)
    user = env.secret("MEDPATTERN_SMTP_USER", "")
    if user and security is Security.NONE and host not in _HERE:
        env.problem("MEDPATTERN_SMTP_SECURITY=none would send the password in clear text: starttls or tls is wanted")
    ca = env.file("MEDPATTERN_SMTP_CA", "")
    found = MailSettings(
        host=host,
        port=env.integer("MEDPATTERN_SMTP_PORT", _PORTS[security], 1, 65535),
        security=security,
        sender=env.text("MEDPATTERN_SMTP_FROM"),
        recipients=env.texts("MEDPATTERN_SMTP_TO"),
        user=user,
        password=env.secret("MEDPATTERN_SMTP_PASSWORD", None if user else ""),
        ca=str(ca or ""),
    )
    for address in (found.sender, *found.recipients):
        if "@" not in address or not address.isprintable():
            env.problem("MEDPATTERN_SMTP_FROM and MEDPATTERN_SMTP_TO hold mail addresses, those of TO with commas")
            break
    return found


def _webhook(env: Environment) -> WebhookSettings | None:
    url = env.secret("MEDPATTERN_WEBHOOK_URL", "")
    if not url:
        return None
    # Not repeated in any message: such addresses often hold a token.
    parts = urlsplit(url)
    allowed = env.flag("MEDPATTERN_WEBHOOK_ALLOW_HTTP") or parts.hostname in _HERE
    if parts.scheme not in ("http", "https") or not parts.hostname:
        env.problem("MEDPATTERN_WEBHOOK_URL_FILE holds no address: https://HOST/PATH is wanted")
    elif parts.scheme == "http" and not allowed:
        env.problem("MEDPATTERN_WEBHOOK_URL_FILE: https is wanted, or MEDPATTERN_WEBHOOK_ALLOW_HTTP=true")
    key = env.secret("MEDPATTERN_WEBHOOK_KEY", "").encode()
    if key and not _is_key(key):
        env.problem("MEDPATTERN_WEBHOOK_KEY_FILE holds fewer than 24 bytes, or whsec_ and no base64")
    return WebhookSettings(url, key, str(env.file("MEDPATTERN_WEBHOOK_CA", "") or ""))


def _is_key(key: bytes) -> bool:
    try:
        secret = base64.b64decode(key[6:], validate=True) if key.startswith(b"whsec_") else key
    except (ValueError, binascii.Error):
        return False
    return len(secret) >= 24
