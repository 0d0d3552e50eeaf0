"""Kafka sources that lose events."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.reading import deepest, map_at
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

_SOURCES = frozenset({("sources.knative.dev", "KafkaSource")})
_DELIVERY: KeyPath = ("spec", "delivery")


def no_dead_letters(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """KafkaSources that commit the offset of an event that nobody took, and forget it."""
    sink = map_at(manifest.data, *_DELIVERY, "deadLetterSink")
    if not sink.get("ref") and not sink.get("uri"):
        message = "no dead letter sink: after the last try the event is gone, and its image has no result"
        path = deepest(manifest.data, (*_DELIVERY, "deadLetterSink"))
        yield Breach(path, message, "set delivery.deadLetterSink.ref")


def no_retries(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """KafkaSources that try once. Without `delivery` it is 10 times; a `delivery` without `retry` means none."""
    delivery = map_at(manifest.data, *_DELIVERY)
    retry = delivery.get("retry")
    if delivery and (retry is None or retry is False or (isinstance(retry, int) and retry <= 0)):
        told = "retry is left out, which means none" if retry is None else f"retry is {retry}"
        path = deepest(manifest.data, (*_DELIVERY, "retry"))
        yield Breach(path, f"{told}: one refusal of the service, as while it starts, ends an event", "set retry")


RULES = (
    Rule("no-dead-letters", no_dead_letters, _SOURCES),
    Rule("no-retries", no_retries, _SOURCES),
)
