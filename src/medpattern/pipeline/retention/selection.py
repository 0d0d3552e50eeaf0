"""What is to be purged: which images, and which classes of data of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from medpattern.pipeline.settings import Environment


class DataClass(StrEnum):
    """A class of data with a retention of its own."""

    SOURCE = "source"
    PROCESSED = "processed"
    ANONYMISED = "anonymised"
    RESULTS = "results"
    DEAD_LETTERS = "dead-letters"


ALL = frozenset(DataClass)


@dataclass(frozen=True, slots=True)
class Selection:
    """Exactly one of `before`, `image` and `patient` says which images: stored before, or of that pseudonym."""

    classes: frozenset[DataClass]
    before: datetime | None = None
    image: str = ""
    patient: str = ""

    @property
    def detail(self) -> str:
        """The classes in a fixed order, for the audit."""
        return ",".join(kind.value for kind in DataClass if kind in self.classes)

    def has(self, kind: DataClass) -> bool:
        """Whether data of that class go."""
        return kind in self.classes


def read_retention(env: Environment) -> dict[DataClass, int]:
    """Days by class: MEDPATTERN_RETENTION_<CLASS>_DAYS; 0, the default, keeps for ever."""
    names = {kind: f"MEDPATTERN_RETENTION_{kind.name}_DAYS" for kind in DataClass}
    return {kind: env.integer(name, 0, 0, 36_500) for kind, name in names.items()}


def retention_selections(days: Mapping[DataClass, int], moment: datetime) -> list[Selection]:
    """One selection for the classes that share an age, the greatest age first; classes of 0 days have none."""
    ages = sorted({age for age in days.values() if age}, reverse=True)
    return [
        Selection(frozenset(kind for kind in days if days[kind] == age), before=moment - timedelta(days=age))
        for age in ages
    ]
