"""From a received file to an object in the source bucket; success is told only once the store has it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import Counter, Histogram

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.receive.instances import Instance, Reason, Refusal, identify
from medpattern.pipeline.receive.multipart import DICOM
from medpattern.pipeline.store.objects import ObjectStore

INSTANCES = Counter("medpattern_received_instances_total", "Instances by protocol and end.", ["protocol", "end"])
BYTES = Counter("medpattern_received_bytes_total", "Bytes of the instances that were stored.", ["protocol"])
SECONDS = Histogram("medpattern_receive_put_seconds", "Time that the object store took for one instance.")


class Protocol(StrEnum):
    """How an instance came."""

    STOW = "stow-rs"
    C_STORE = "c-store"


@dataclass(frozen=True, slots=True)
class Deposit:
    """Puts instances into one bucket. Safe to share between threads."""

    store: ObjectStore
    bucket: str

    def put(self, data: bytes, protocol: Protocol, study: str = "") -> Instance | Refusal:
        """Stores the DICOM file `data` under its instance's key, over an earlier copy of the same instance.

        Raises:
            Unavailable: the store is away; the sender has to send it again.
        """
        found = identify(data, study)
        if isinstance(found, Refusal):
            return refused(found, protocol)
        began = time.monotonic()
        try:
            self.store.put(self.bucket, found.key, data, DICOM)
        except Unavailable:
            INSTANCES.labels(protocol, "given-back").inc()
            raise
        SECONDS.observe(time.monotonic() - began)
        INSTANCES.labels(protocol, "stored").inc()
        BYTES.labels(protocol).inc(len(data))
        return found


def refused(refusal: Refusal, protocol: Protocol) -> Refusal:
    """`refusal`, counted."""
    INSTANCES.labels(protocol, f"refused-{Reason(refusal.reason):04X}").inc()
    return refusal
