"""TLS of a stage that people reach: its certificate, and the same one renewed.

Whoever renews it (cert-manager, OpenShift) writes both files anew. They are looked at again every minute; connections
that are open keep what they have.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medpattern.errors import UsageError
from medpattern.pipeline.settings import Environment

LOOK_EVERY_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files: the certificate with its chain, and its key."""

    chain: Path
    key: Path

    @classmethod
    def read(cls, env: Environment) -> Certificate | None:
        """MEDPATTERN_TLS_CERTIFICATE and MEDPATTERN_TLS_KEY; None where neither is set."""
        chain, key = env.file("MEDPATTERN_TLS_CERTIFICATE", ""), env.file("MEDPATTERN_TLS_KEY", "")
        if (chain is None) != (key is None):
            env.problem("MEDPATTERN_TLS_CERTIFICATE and MEDPATTERN_TLS_KEY belong together: set both or none")
        return Certificate(chain, key) if chain and key else None

    def context(self) -> ssl.SSLContext:
        """A server's side of TLS 1.2 and later. Raises UsageError where the files are no certificate and its key."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            made.load_cert_chain(self.chain, self.key)
        except (OSError, ssl.SSLError):
            raise UsageError(f"{self.chain} and {self.key} are no certificate and its key in PEM") from None
        return made

    def keep_fresh(self, context: ssl.SSLContext, every: float = LOOK_EVERY_SECONDS) -> Callable[[], None]:
        """Gives `context` what the files hold whenever they change; returns what ends that."""
        ended = threading.Event()

        def look() -> None:
            before = self._stamp()
            while not ended.wait(every):
                if (present := self._stamp()) != before and self._reload(context):
                    before = present

        threading.Thread(target=look, name="certificate", daemon=True).start()
        return ended.set

    def _reload(self, context: ssl.SSLContext) -> bool:
        try:
            # First into another context: half of a pair would spoil the one in use.
            self.context()
            context.load_cert_chain(self.chain, self.key)
        except (OSError, UsageError):
            _LOG.warning("the new certificate cannot be used; the old one stays")
            return False
        _LOG.info("certificate renewed")
        return True

    def _stamp(self) -> tuple[bytes, bytes] | None:
        try:
            return self.chain.read_bytes(), self.key.read_bytes()
        except OSError:
            return None
