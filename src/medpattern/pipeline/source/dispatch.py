"""The threads that deliver: each takes a job, posts it, and says what follows."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from medpattern.pipeline.source import metrics
from medpattern.pipeline.source.board import Board, Job
from medpattern.pipeline.source.delivery import Sink
from medpattern.pipeline.source.policy import Answer, Progress, Silence, Verdict, follow
from medpattern.pipeline.source.records import dead_letter, request_headers
from medpattern.pipeline.source.settings import DeliveryPolicy

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Where jobs come from and where they go."""

    board: Board
    sink: Sink
    dead_letters: Sink
    policy: DeliveryPolicy
    namespace: str

    def start(self, threads: int) -> None:
        """Starts the threads; they end with the board."""
        for number in range(threads):
            threading.Thread(target=self._run, name=f"delivery-{number}", daemon=True).start()

    def _run(self) -> None:
        while (job := self.board.next_job()) is not None:
            try:
                answer = self._post(job)
            except Exception:
                # A defect here must not end the thread, which would hold its partition for ever.
                _LOG.exception("not foreseen")
                answer = Answer(silence=Silence.NONSENSE)
            self._settle(job, answer)

    def _post(self, job: Job) -> Answer:
        target = self.sink if job.progress.dead is None else self.dead_letters
        return target.post(job.headers, job.event.data)

    def _settle(self, job: Job, answer: Answer) -> None:
        step = follow(job.progress, answer, self.policy)
        if step.verdict is Verdict.DONE:
            (metrics.DELIVERED if step.progress.dead is None else metrics.DEAD_LETTERED).inc()
        elif step.verdict is Verdict.RETRY:
            metrics.RETRIED.inc()
        elif step.verdict is Verdict.DEAD:
            self._bury(job, step.progress)
        self.board.settle(job, step)

    def _bury(self, job: Job, progress: Progress) -> None:
        last = progress.dead or Answer()
        place = {"partition": job.lane.partition, "offset": job.offset}
        _LOG.warning("to the dead letters", extra=place | {"status": last.status, "attempts": progress.tries})
        event = dead_letter(job.event, self.sink.target.url, progress.tries, last.status, last.body)
        job.headers = request_headers(event, self.namespace)
