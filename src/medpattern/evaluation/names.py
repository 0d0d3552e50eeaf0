"""What the file names of the original data set say: the patient, and the kind of pneumonia."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medpattern.evaluation.film import Subtype

IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")

# Kermany, Zhang, Goldbaum 2018 (doi 10.17632/rscbjbr9sj.2); a few names carry one number more.
_SUFFIX = r"\.(?:jpeg|jpg|png)"
_NORMAL = re.compile(rf"((?:NORMAL2-)?IM-[0-9]+)(?:-[0-9]+){{1,2}}{_SUFFIX}", re.ASCII)
_PNEUMONIA = re.compile(rf"(person[0-9]+)_(bacteria|virus)(?:_[0-9]+){{1,2}}{_SUFFIX}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NameParts:
    """`patient` groups films: `person7` whether bacteria or virus, `IM-0115`, `NORMAL2-IM-0383`."""

    patient: str
    subtype: Subtype

    @property
    def pneumonia(self) -> bool:
        """Whether the name is that of a film with pneumonia."""
        return self.subtype != "normal"


def parse_name(name: str) -> NameParts | None:
    """What a file name (no folder) says; None if it is none of the original data set's.

    >>> parse_name("person1_bacteria_2.jpeg")
    NameParts(patient='person1', subtype='bacteria')
    >>> parse_name("NORMAL2-IM-0383-0001.jpeg")
    NameParts(patient='NORMAL2-IM-0383', subtype='normal')
    """
    if match := _NORMAL.fullmatch(name):
        return NameParts(match[1], "normal")
    if match := _PNEUMONIA.fullmatch(name):
        return NameParts(match[1], "virus" if match[2] == "virus" else "bacteria")
    return None
