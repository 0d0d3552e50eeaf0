"""How the handling of one event can end other than well; each class is one answer to whoever delivered it.

PipelineError (exit code 3)
├── Unprocessable    no repeat can help: 422, a dead letter with `reason`
├── Unavailable      a dependency is away: 503, the sender holds back
├── Busy             somebody else is at work on this image: 503, a repeat finds the result
└── Superseded       the image is gone or replaced: recorded, 2xx
"""

from __future__ import annotations

from typing import Literal

from medpattern.errors import RemoteError

Dependency = Literal["database", "kafka", "model", "oidc", "s3"]
Replacement = Literal["gone", "replaced"]


class PipelineError(RemoteError):
    """Base of the four; texts never hold a key, a name or a credential."""


class Unprocessable(PipelineError):
    """What was sent can never be processed.

    `reason` is a stable code of a-z, 0-9 and hyphens (docs/pipeline.md lists them); `detail` says more for
    people and holds nothing that identifies a patient: it ends in dead letters and logs.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Unavailable(PipelineError):
    """A dependency does not answer, or answers that it cannot; trying again later may help."""

    def __init__(self, dependency: Dependency, detail: str = "") -> None:
        super().__init__(f"{dependency} is unavailable" + (f": {detail}" if detail else ""))
        self.dependency = dependency
        self.detail = detail


class Busy(PipelineError):
    """Another delivery of the same image is being handled; ask again when it has ended."""


class Superseded(PipelineError):
    """The object version that the event names is not there any more."""

    def __init__(self, how: Replacement) -> None:
        super().__init__(f"the image is {how}")
        self.how: Replacement = how
