"""Synthetic patients: every family name ends in 'Synthetic' and every number begins with SYN."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

# Some with letters beyond ASCII, a space or an apostrophe, as names in real keys and headers have them.
FAMILY_NAMES = (
    "Abernathy", "Bäcker", "Castellanos", "Dąbrowski", "Eriksen", "Fairweather", "Goldwasser", "Hernández",
    "Ivanova", "Jørgensen", "Kowalczyk", "Lindqvist", "Mac Alister", "Nakamura", "O'Hanlon", "Papadakis",
    "Quintero", "Rosenbaum", "Szymański", "Thistlewood", "Underhill", "Vandenberg", "Wolffsohn", "Yilmaz",
)  # fmt: skip
GIVEN_NAMES = ("Alma", "Bruno", "Clara", "Dario", "Edda", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Kira", "Leo")
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Patient:
    """One invented patient and the study that was taken of them.

    age_years: at the study; acquired: local time of the modality with its UTC offset.
    """

    family_name: str
    given_name: str
    patient_id: str
    birth_date: date
    age_years: float
    sex: Literal["F", "M", "O"]
    accession: str
    acquired: datetime
    study_uid: str
    series_uid: str
    sop_uid: str

    @property
    def name(self) -> str:
        """'Family Given', as a person would write it."""
        return f"{self.family_name} {self.given_name}"

    @property
    def dicom_name(self) -> str:
        """'Family^Given', the form of a DICOM person name."""
        return f"{self.family_name}^{self.given_name}"

    @property
    def dicom_age(self) -> str:
        """DICOM age string: days below four weeks, months below two years, else years."""
        days = (self.acquired.date() - self.birth_date).days
        if days < 28:
            return f"{days:03d}D"
        months = int(days / DAYS_A_YEAR * 12)
        return f"{months:03d}M" if months < 24 else f"{int(days / DAYS_A_YEAR):03d}Y"


def draw_patient(rng: np.random.Generator, acquired: datetime, ages: tuple[float, float] = (1.0, 5.0)) -> Patient:
    """A patient whose age at `acquired` (aware) lies between the two `ages` in years.

    UIDs stand under 2.25 (DICOM PS3.5 B.2: a UUID as a decimal number).
    """
    age = float(rng.uniform(*ages))
    born = acquired.date() - timedelta(days=round(age * DAYS_A_YEAR))
    return Patient(
        family_name=f"{FAMILY_NAMES[int(rng.integers(len(FAMILY_NAMES)))]}-Synthetic",
        given_name=GIVEN_NAMES[int(rng.integers(len(GIVEN_NAMES)))],
        patient_id=f"SYN{int(rng.integers(10**8)):08d}",
        birth_date=born,
        age_years=age,
        sex=("F", "M", "O")[int(rng.choice(3, p=[0.49, 0.49, 0.02]))],
        accession=f"SYNA{int(rng.integers(10**9)):09d}",
        acquired=acquired,
        study_uid=_uid(rng),
        series_uid=_uid(rng),
        sop_uid=_uid(rng),
    )


def _uid(rng: np.random.Generator) -> str:
    return f"2.25.{uuid.UUID(bytes=rng.bytes(16), version=4).int}"
