"""What every client of the brokers has in common: its configuration, and the errors that end it at once.

A wrong password or a missing CA shows up as nothing but a timeout in librdkafka's calls; the reason comes to
`error_cb` alone. So each client has a `Watch`, and looks at it whenever a call did not succeed.
"""

from __future__ import annotations

import logging
from typing import Any

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.settings import Authentication, KafkaSettings

_LOG = logging.getLogger(__name__)
_CURES = {
    "_AUTHENTICATION": "the broker refused the user name or password",
    "_SSL": "TLS failed: wrong or missing CA, client certificate or port",
    "TOPIC_AUTHORIZATION_FAILED": "the user may not use that topic (ACL)",
    "GROUP_AUTHORIZATION_FAILED": "the user may not use that consumer group (ACL)",
    "CLUSTER_AUTHORIZATION_FAILED": "the user may not do that on the cluster (ACL)",
}


class Watch:
    """Remembers the error that no waiting cures; given to a client as `error_cb`."""

    def __init__(self) -> None:
        self.refusal = ""

    def __call__(self, error: Any) -> None:
        self.note(error)

    def note(self, error: Any) -> None:
        """Keeps `error` if it is one that only a person can cure; logs its name otherwise."""
        name = error.name()
        if name in _CURES:
            self.refusal = _CURES[name]
            _LOG.error("kafka refuses", extra={"cause": name, "cure": self.refusal})
        else:
            _LOG.warning("kafka", extra={"cause": name})

    def check(self) -> None:
        """Raises Unavailable with the reason, if the brokers refused this client."""
        if self.refusal:
            raise Unavailable("kafka", self.refusal)


def configuration(settings: KafkaSettings, watch: Watch, **more: Any) -> dict[str, Any]:
    """librdkafka's configuration for these brokers; `more` uses its names with _ for . ."""
    found: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "error_cb": watch,
        "reconnect.backoff.max.ms": 2000,
        "socket.keepalive.enable": True,
        # librdkafka logs addresses and states itself; errors come through the watch.
        "log_level": 3,
    }
    if settings.authentication is not Authentication.NONE:
        found |= {"ssl.ca.location": settings.ca} if settings.ca else {}
    if settings.authentication is Authentication.SCRAM:
        found |= {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}
        found |= {"sasl.username": settings.username, "sasl.password": settings.password}
    if settings.authentication is Authentication.TLS:
        found |= {"security.protocol": "SSL", "ssl.certificate.location": settings.certificate}
        found |= {"ssl.key.location": settings.private_key}
    return found | {name.replace("_", "."): value for name, value in more.items()}


def check_topics(client: Any, watch: Watch, topics: list[str], seconds: float = 15) -> None:
    """Raises Unavailable, with the reason, unless the brokers answer and know `topics`; before `client` reads any."""
    import time

    from confluent_kafka import KafkaException

    deadline = time.monotonic() + seconds
    while True:
        watch.check()
        try:
            known = client.list_topics(timeout=1).topics
        except KafkaException as problem:
            # A consumer, unlike a producer with its thread, tells its errors only when it is polled.
            client.poll(0)
            watch.check()
            if time.monotonic() > deadline:
                raise Unavailable("kafka", f"no answer: {problem.args[0].name()}") from None
            continue
        missing = [topic for topic in topics if topic not in known or known[topic].error is not None]
        if not missing:
            return
        if time.monotonic() > deadline:
            raise Unavailable("kafka", f"no such topic, or not for this user: {', '.join(missing)}")
        time.sleep(0.2)
