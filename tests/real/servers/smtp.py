"""A mail server that keeps what it is given, by aiosmtpd, in this process."""

from __future__ import annotations

import email.policy
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.real.servers.certificates import Certificate
from tests.real.servers.ports import free_port

ACCEPTED = "250 OK"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it came: the envelope's addresses, the user who logged in (or ""), the parsed message."""

    sender: str
    recipients: tuple[str, ...]
    user: str
    encrypted: bool
    message: EmailMessage


@dataclass(slots=True)
class MailServer:
    """Where it listens, what came, and what it answers to the next mails instead of taking them."""

    port: int
    mails: list[Mail] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)  # each refuses one mail, as in "451 try again later"
    users: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook: what the client is told of its mail."""
        if self.refusals:
            return self.refusals.pop(0)
        message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(envelope.original_content or b"")
        user = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else ""
        sender, recipients = envelope.mail_from or "", tuple(envelope.rcpt_tos)
        self.mails.append(Mail(sender, recipients, user, session.ssl is not None, message))
        return ACCEPTED

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, way: str, given: object) -> AuthResult:
        """aiosmtpd's hook: whether the name and password are those of `users`."""
        known = isinstance(given, LoginPassword) and self.users.get(given.login.decode()) == given.password.decode()
        return AuthResult(success=known, handled=False, auth_data=given)


@contextmanager
def receiving_mail(
    *, users: dict[str, str] | None = None, certificate: Certificate | None = None
) -> Iterator[MailServer]:
    """A `MailServer` on a free port. With `users`, only they may send; with `certificate`, it demands STARTTLS."""
    server = MailServer(free_port(), users=users or {})
    controller = Controller(
        server,
        hostname=server.host,
        port=server.port,
        authenticator=server.authenticate,
        auth_required=bool(users),
        auth_require_tls=certificate is not None,
        require_starttls=certificate is not None,
        tls_context=_context(certificate),
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def _context(certificate: Certificate | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
