"""Every error that medpattern raises on purpose.

    MedpatternError                 exit code
    ├── UsageError                      2      a flag, a name or a folder that does not fit
    ├── InputError                      2      findings in values files, charts or facts
    │   └── ChartSourceError            2      a chart source that breaks a law of its language
    ├── HelmError                       2      Helm refused an ordinary chart
    ├── DataDeletionError               2      a render would delete objects that hold data
    ├── PromotionError                  1      a ring's turn has not come
    └── RemoteError                     3      git, a cluster or a registry did not answer
        └── RefusalError                3      a cluster's API server answered that it will not

Whatever else escapes is a defect of medpattern and shows its traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medpattern.findings import Finding


class MedpatternError(Exception):
    """Base of all errors; `exit_code` is what the command line ends with."""

    exit_code = 2


class UsageError(MedpatternError):
    """The command was called with something that cannot work; the text says what to do."""


class InputError(MedpatternError):
    """The inputs have findings; `findings` holds all of them, never just the first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} finding(s)")
        self.findings = tuple(findings)


class ChartSourceError(InputError):
    """A chart source cannot be rendered; carries the findings with template file and line."""


class HelmError(MedpatternError):
    """Helm refused a chart; the text is Helm's own message."""


class DataDeletionError(MedpatternError):
    """The render would delete objects that hold data; `objects` names them as CLUSTER/KIND/NAME."""

    def __init__(self, objects: Sequence[str]) -> None:
        super().__init__("refusing to delete objects that hold data: " + ", ".join(objects))
        self.objects = tuple(objects)


class PromotionError(MedpatternError):
    """A model is to go to a ring whose turn has not come; the text says which clusters are before it."""

    exit_code = 1


class RemoteError(MedpatternError):
    """Something outside this machine's files failed."""

    exit_code = 3


class RefusalError(RemoteError):
    """A cluster's API server refused a request: `status` is HTTP's, `reason` Kubernetes' word, such as "Conflict"."""

    def __init__(self, text: str, status: int, reason: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
