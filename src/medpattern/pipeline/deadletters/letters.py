"""From an event that was given up to its dead letters: one for each image of ours that it names.

A letter seals its own image's record alone. So purging one image purges all that is known of it, and an event
of many records does not grow with its square. What else the event held gets a letter without an image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from medpattern.pipeline.deadletters.cause import Cause, cause_of, original_of
from medpattern.pipeline.deadletters.letter import MOST_ATTEMPTS, DeadLetter, seal_event
from medpattern.pipeline.deadletters.sealing import Seal
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.events.notifications import KeyForm, StoredObject, parse_notification
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.identity import Keys

# The type that a Kafka source gives to a record that is no CloudEvent itself.
RECORD_TYPE = "dev.knative.kafka.event"
REPLAY = "replay"
# How a Kafka source names the record header `replay`; an event that is a CloudEvent itself carries it as it is.
_ROUND_NAMES = (f"kafkaheader{REPLAY}", REPLAY)

Part = tuple[StoredObject | None, bytes]


@dataclass(frozen=True, slots=True)
class LetterMaker:
    """`sources` are the declared buckets: only their images get names."""

    keys: Keys
    sources: frozenset[str]
    seal: Seal
    key_form: KeyForm = KeyForm.AUTO

    def letters_of(self, given_up: CloudEvent, at: datetime) -> tuple[DeadLetter, ...]:
        """The letters, at least one, each id once. `at` is when the event was given up, UTC."""
        cause, event = cause_of(given_up.extensions), original_of(given_up)
        attempts = rounds_of(event.extensions) + 1
        parts = split(event.data, self.sources, self.key_form)
        letters = (self._letter(replace(event, data=data), image, cause, attempts, at) for image, data in parts)
        return tuple({letter.id: letter for letter in letters}.values())

    def _letter(
        self, event: CloudEvent, stored: StoredObject | None, cause: Cause, attempts: int, at: datetime
    ) -> DeadLetter:
        image_id = self.keys.image_id(stored.image) if stored else None
        letter_id = image_id or self._event_id(event)
        sealed, whole = seal_event(event, letter_id, self.seal)
        cause = cause if whole else Cause("event-too-large", "", retryable=False)
        return DeadLetter(
            id=letter_id,
            image_id=image_id,
            image_pseudonym=self.keys.image_pseudonym(stored.image) if stored else None,
            reason=cause.reason,
            detail=cause.detail,
            retryable=cause.retryable,
            attempts=attempts,
            first_at=at,
            last_at=at,
            sealed=sealed,
        )

    def _event_id(self, event: CloudEvent) -> str:
        # A replayed record has a new offset and so a new event id: what is in it tells that it is the same.
        if event.type == RECORD_TYPE:
            return self.keys.event_id("data", hashlib.sha256(event.data).hexdigest())
        return self.keys.event_id(event.source, event.id)


def rounds_of(extensions: Mapping[str, str]) -> int:
    """How often the event was replayed before, as the header of the replay says; 0 to 999."""
    for name in _ROUND_NAMES:
        text = extensions.get(name, "")
        if text.isascii() and text.isdecimal():
            return min(int(text[:9]), MOST_ATTEMPTS - 1)
    return 0


def split(data: bytes, sources: frozenset[str], key_form: KeyForm) -> list[Part]:
    """The parts of an event's data: each image of `sources` with its record alone, then the rest without an image.

    A message of one record stays as it is, byte by byte.
    """
    try:
        parse_notification(data, key_form)
        records = json.loads(data).get("Records", [])
        if len(records) <= 1:
            return [(_image(data, sources, key_form), data)]
        return _split_records(records, data, sources, key_form)
    except (Unprocessable, ValueError, RecursionError):
        return [(None, data)]


def _split_records(records: list[object], data: bytes, sources: frozenset[str], key_form: KeyForm) -> list[Part]:
    named: list[Part] = []
    rest: list[object] = []
    for record in records:
        alone = _message([record])
        stored = _image(alone, sources, key_form)
        if stored:
            named.append((stored, alone))
        elif not parse_notification(alone, key_form).ignored:
            rest.append(record)
    if not named:
        return [(None, data)]
    return [*named, (None, _message(rest))] if rest else named


def _image(data: bytes, sources: frozenset[str], key_form: KeyForm) -> StoredObject | None:
    stored = parse_notification(data, key_form).stored
    return stored[0] if stored and stored[0].bucket in sources else None


def _message(records: list[object]) -> bytes:
    return json.dumps({"Records": records}, separators=(",", ":")).encode()
