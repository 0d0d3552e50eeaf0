"""One stored image, from its event to its published result; the order is what makes the contract hold.

    lease ─> fetch ─> score the original pixels ─> de-identify ─> store the images
          ─> one transaction: result + unpublished event ─> publish the event ─> note that ─> done

Whatever fails leaves nothing half done: the images have fixed keys, the result one key, and a redelivery that
finds the result publishes what is not yet published and scores nothing again.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from medpattern.pipeline.clock import now, seconds_between
from medpattern.pipeline.database.standing import Known, Lease, Standing
from medpattern.pipeline.events.results import Publication, Result, event_from_data
from medpattern.pipeline.failures import Superseded, Unavailable
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.service import steps
from medpattern.pipeline.service.drift import Drift
from medpattern.pipeline.service.steps import step
from medpattern.pipeline.simulated_mark import METADATA_NAME, verify_mark

if TYPE_CHECKING:
    from medpattern.pipeline.database.results import Results
    from medpattern.pipeline.events.cloudevents import CloudEvent
    from medpattern.pipeline.events.notifications import StoredObject
    from medpattern.pipeline.service.publication import Publisher
    from medpattern.pipeline.service.scoring import Assessed, Scorer
    from medpattern.pipeline.service.settings import Simulation
    from medpattern.pipeline.store.objects import Fetched, ObjectStore

_LOG = logging.getLogger(__name__)


class Ending(StrEnum):
    """How one delivery ended well."""

    SCORED = "scored"
    KNOWN = "known"
    PURGED = "purged"
    SUPERSEDED = "superseded"


class Edges(Protocol):
    """The three dependencies; each raises Unavailable while it is away."""

    @property
    def store(self) -> ObjectStore:
        """The object store."""
        ...

    @property
    def results(self) -> Results:
        """The tables of results."""
        ...

    def publish(self, event: CloudEvent) -> None:
        """Sends the event of a result; returns once it is safe."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of how an image came: when, by whose hands, and whether staff may be told."""

    received: datetime
    holder: str
    backfill: bool = False
    notify: bool = True


@dataclass(frozen=True, slots=True)
class Handler:
    """The parts of the service that one image passes through. Safe to share between threads."""

    keys: Keys
    edges: Edges
    scorer: Scorer
    publisher: Publisher
    simulation: Simulation
    drift: Drift = field(default_factory=Drift)

    def handle(self, stored: StoredObject, delivery: Delivery) -> Ending:
        """Brings `stored` to its one result.

        Raises:
            Unprocessable: no repeat can help.
            Unavailable: a dependency is away.
            Busy: another delivery of the image is being handled.
        """
        result_id = self.keys.result_id(stored.image, self.scorer.model_sha256)
        with step("begin"):
            standing = self.edges.results.begin(result_id, self.keys.image_id(stored.image), delivery.holder)
        if isinstance(standing, Known):
            return self._finish(result_id, standing)
        try:
            return self._score(stored, delivery, standing)
        except Superseded as gone:
            pseudonym = self.keys.image_pseudonym(stored.image)
            self.edges.results.supersede(standing, pseudonym, gone.how, stored.stored)
            return Ending.SUPERSEDED
        except BaseException:
            # If this fails too, the lease runs out by itself.
            with suppress(Unavailable):
                self.edges.results.release(standing)
            raise

    def _finish(self, result_id: str, known: Known) -> Ending:
        if known.standing is Standing.RESULT:
            if known.unpublished is not None:
                self._publish(result_id, known.unpublished, None)
            return Ending.KNOWN
        return Ending.PURGED if known.standing is Standing.PURGED else Ending.SUPERSEDED

    def _score(self, stored: StoredObject, delivery: Delivery, lease: Lease) -> Ending:
        with step("fetch"):
            fetched = self.edges.store.fetch(stored, self.scorer.limits.bytes)
        simulated = self._is_simulated(stored, fetched)
        assessed = self.scorer.assess(fetched.data, simulated=simulated)
        scored = now()
        result = self._result(stored, delivery, lease, assessed, simulated, scored)
        result = self.publisher.publish(result, assessed.radiograph)
        event = result.event()
        with step("commit"):
            new = self.edges.results.commit(result, lease, event.data.decode())
        if not new:
            return Ending.KNOWN
        _count(result)
        if not (result.simulated or result.backfill):
            self.drift.count({**assessed.statistics, **_answer(result)})
        # What was stored long ago is late by no fault of the pipeline's.
        self._publish(lease.result_id, event.data.decode(), None if delivery.backfill else stored.stored)
        return Ending.SCORED

    def _is_simulated(self, stored: StoredObject, fetched: Fetched) -> bool:
        if not self.simulation.allowed or stored.bucket not in self.simulation.buckets:
            return False
        mark = fetched.metadata.get(METADATA_NAME, "")
        return verify_mark(mark, self.simulation.key, stored.bucket, stored.key, fetched.data)

    def _result(
        self,
        stored: StoredObject,
        delivery: Delivery,
        lease: Lease,
        assessed: Assessed,
        simulated: bool,
        scored: datetime,
    ) -> Result:
        radiograph, assessment = assessed.radiograph, assessed.assessment
        facts, card = radiograph.facts, self.scorer.card
        return Result(
            result_id=lease.result_id,
            image_id=lease.image_id,
            image_pseudonym=self.keys.image_pseudonym(stored.image),
            patient_pseudonym=self.keys.patient_pseudonym(radiograph.subject.patient_id, radiograph.subject.issuer),
            source_bucket=stored.bucket,
            outcome=assessment.outcome,
            reason=assessment.reason,
            risk=assessment.risk,
            score=assessment.score,
            gate=assessment.gate,
            operating_point=assessment.operating_point,
            model_name=card.name,
            model_version=card.version,
            model_sha256=self.scorer.model_sha256,
            stand_in=card.stand_in,
            simulated=simulated,
            backfill=delivery.backfill,
            notify=delivery.notify,
            publication=Publication.QUARANTINED,
            publication_reason="",
            processed_key=None,
            anonymised_key=None,
            image_format=facts.format,
            image_width=facts.width,
            image_height=facts.height,
            acquired_at=facts.acquired,
            acquired_local=facts.acquired_local,
            stored_at=stored.stored,
            received_at=delivery.received,
            scored_at=scored,
        )

    def _publish(self, result_id: str, data: str, stored: datetime | None) -> None:
        with step("event"):
            self.edges.publish(event_from_data(data))
        with step("mark"):
            self.edges.results.published([result_id])
        if stored is not None:
            seconds, skewed = seconds_between(stored, now())
            steps.LATENCY.observe(seconds)
            steps.SKEW.inc(skewed)


def _count(result: Result) -> None:
    steps.RESULTS.labels(result.outcome, result.publication, str(result.simulated).lower()).inc()
    if result.risk is not None:
        steps.RISK.observe(result.risk)
    if result.gate is not None:
        steps.GATE.observe(result.gate)


def _answer(result: Result) -> dict[str, float | None]:
    """What the model said, as statistics: of a picture that the gate refuses the score means nothing."""
    return {"score": None if result.risk is None else result.score, "gate": result.gate}
