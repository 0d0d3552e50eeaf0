"""What a DICOM header says of an image: codes, age and times, each None rather than guessed or wrong."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from math import isfinite
from typing import TYPE_CHECKING

from medpattern.pipeline.images.radiograph import ImageFacts, Subject

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from medpattern.pipeline.images.dicom_pixels import Layout

# Code String (PS3.5, 6.2): nothing else may pass, since free text may name somebody.
CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
AGE = re.compile(r"(\d{3})([DWMY])")
DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
TIME = re.compile(r"(\d\d):?(?:(\d\d):?(?:(\d\d)(?:\.(\d{1,6}))?)?)?")
DATE_TIME = re.compile(r"(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)([+-]\d{4})?")
OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")

DAYS_IN_UNIT = {"D": 1.0, "W": 7.0}
OLDEST = 130.0


def dicom_facts(dataset: Dataset, layout: Layout) -> ImageFacts:
    """Facts of the image; never raises."""
    acquired, local = acquisition(dataset)
    return ImageFacts(
        format="dicom",
        width=layout.columns,
        height=layout.rows,
        modality=code(dataset, "Modality"),
        body_part=code(dataset, "BodyPartExamined"),
        view=code(dataset, "ViewPosition"),
        age_years=age_years(dataset),
        photometric=layout.photometric,
        bits_stored=layout.stored,
        acquired=acquired,
        acquired_local=local,
        burned_in={"YES": True, "NO": False}.get(code(dataset, "BurnedInAnnotation") or ""),
        transfer_syntax=layout.syntax,
    )


def dicom_subject(dataset: Dataset) -> Subject:
    """Whom the image shows."""
    return Subject(text(dataset, "PatientID"), text(dataset, "IssuerOfPatientID"))


def text(dataset: Dataset, keyword: str) -> str:
    """The first value as text without padding; empty if it is missing or cannot be read."""
    try:
        value = dataset.get(keyword)
        if not isinstance(value, str) and hasattr(value, "__getitem__"):
            value = value[0] if value else None
        return "" if value is None else str(value).strip(" \0")
    except Exception:  # pydicom converts at the first look, and raises whatever a damaged value makes it trip over
        return ""


def code(dataset: Dataset, keyword: str) -> str | None:
    """A code in upper case, None where the header has none, no valid one, or UNKNOWN."""
    value = text(dataset, keyword).upper()
    return value if CODE.fullmatch(value) and value != "UNKNOWN" else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number, None where there is none."""
    try:
        value = float(text(dataset, keyword))
    except ValueError:
        return None
    return value if isfinite(value) else None


def age_years(dataset: Dataset) -> float | None:
    """PatientAge (`004Y`, `018M`, `012W`, `090D`), else from the dates of birth and of the study."""
    if match := AGE.fullmatch(text(dataset, "PatientAge").upper()):
        count, unit = int(match[1]), match[2]
        years = {"Y": float(count), "M": count / 12}.get(unit, count * DAYS_IN_UNIT.get(unit, 0) / 365.25)
    else:
        born = _date(text(dataset, "PatientBirthDate"))
        seen = _date(text(dataset, "AcquisitionDate")) or _date(text(dataset, "StudyDate"))
        if born is None or seen is None:
            return None
        years = _years_between(born, seen)
    return years if 0 <= years <= OLDEST else None


def acquisition(dataset: Dataset) -> tuple[datetime | None, str | None]:
    """When the image was taken: UTC if the header names the offset, else the local time as ISO 8601 text."""
    if match := DATE_TIME.fullmatch(text(dataset, "AcquisitionDateTime")):
        day, time, offset = match[1], match[2], match[3]
    else:
        day, time, offset = text(dataset, "AcquisitionDate"), text(dataset, "AcquisitionTime"), None
    when = _date(day)
    if when is None:
        return None, None
    clock = TIME.fullmatch(time)
    if clock is None:
        return None, when.isoformat()
    try:
        local = datetime(
            when.year, when.month, when.day, int(clock[1]), int(clock[2] or 0), int(clock[3] or 0),
            int((clock[4] or "0").ljust(6, "0")),
        )  # fmt: skip
    except ValueError:
        return None, when.isoformat()
    zone = _offset(offset or text(dataset, "TimezoneOffsetFromUTC"))
    if zone is None:
        return None, local.isoformat()
    try:
        return local.replace(tzinfo=zone).astimezone(UTC), None
    except OverflowError:
        return None, local.isoformat()


def _offset(value: str) -> timezone | None:
    match = OFFSET.fullmatch(value)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    delta = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-delta if match[1] == "-" else delta)


def _date(value: str) -> date | None:
    match = DATE.fullmatch(value)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def _years_between(born: date, seen: date) -> float:
    """Completed years exactly, and a fraction below 1."""
    years = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    year = born.year + years
    leap_day = (born.month, born.day) == (2, 29)
    birthday = date(year, 3, 1) if leap_day else born.replace(year=year)
    return years + max((seen - birthday).days, 0) / 367
