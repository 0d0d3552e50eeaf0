"""Who is told of which result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medpattern.pipeline.events.results import Outcome, ResultNotice


@dataclass(frozen=True, slots=True)
class Policy:
    """`unsure`: staff are told of unsure results too; `simulated`: of images that a simulator made."""

    channels: Sequence[str]
    unsure: bool = False
    simulated: bool = False

    def channels_for(self, notice: ResultNotice) -> tuple[str, ...]:
        """The channels by which staff are told of `notice`; none of what was scored afterwards, or is normal."""
        told = {Outcome.PNEUMONIA: True, Outcome.UNSURE: self.unsure, Outcome.NORMAL: False}
        if not told[notice.outcome] or not notice.notify or (notice.simulated and not self.simulated):
            return ()
        return tuple(self.channels)


def notification_id(notice: ResultNotice, channel: str) -> str:
    """The id of one message by one channel, at most 80 characters; every repeat of it carries the same.

    It is made of the image, not of the result: another model that finds the same tells nobody twice. That an
    image is unsure and that it shows pneumonia are two messages, so that the first cannot swallow the second.
    """
    kind = "" if notice.outcome is Outcome.PNEUMONIA else f"-{notice.outcome.value}"
    return f"{notice.image_id}{kind}-{channel}"
