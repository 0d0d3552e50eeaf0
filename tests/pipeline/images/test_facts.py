"""What is read of a DICOM header beside its pixels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from medpattern.pipeline.images import ImageFacts, Radiograph, decode
from tests.pipeline.images.films import dicom, picture, raster

GREY = picture(16, 20)


def read(**elements: Any) -> Radiograph:
    return decode(dicom(GREY, **elements))


def facts(**elements: Any) -> ImageFacts:
    return read(**elements).facts


@pytest.mark.parametrize(
    ("age", "years"),
    [("004Y", 4), ("018M", 1.5), ("012M", 1), ("012W", 84 / 365.25), ("090D", 90 / 365.25), ("4Y", None)]
)  # fmt: skip
def test_the_age_string(age: str, years: float | None) -> None:
    assert facts(PatientAge=age).age_years == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("born", "seen", "completed"),
    [
        ("20200305", "20260304", 5),
        ("20200305", "20260305", 6),
        ("20200229", "20210228", 0),
        ("20200229", "20210301", 1),
        ("20250101", "20250101", 0),
    ],
)
def test_the_age_from_two_dates_counts_birthdays(born: str, seen: str, completed: int) -> None:
    years = facts(PatientBirthDate=born, StudyDate=seen).age_years
    assert years is not None
    assert int(years) == completed


def test_the_age_string_goes_before_the_dates_and_the_acquisition_before_the_study() -> None:
    assert facts(PatientAge="002Y", PatientBirthDate="20000101", StudyDate="20260101").age_years == 2
    years = facts(PatientBirthDate="20200101", AcquisitionDate="20220101", StudyDate="20260101").age_years
    assert years == 2


@pytest.mark.parametrize(
    "elements",
    [{}, {"PatientBirthDate": "20200101"}, {"PatientBirthDate": "20260101", "StudyDate": "20200101"},
     {"PatientBirthDate": "17000101", "StudyDate": "20200101"}, {"PatientBirthDate": "2020", "StudyDate": "20210101"}],
)  # fmt: skip
def test_an_age_is_never_guessed(elements: dict[str, str]) -> None:
    assert facts(**elements).age_years is None


def test_codes_are_upper_case_and_unknown_is_none() -> None:
    found = facts(Modality="dx", BodyPartExamined="chest", ViewPosition="ap ")
    assert (found.modality, found.body_part, found.view) == ("DX", "CHEST", "AP")
    found = facts(Modality="UNKNOWN", BodyPartExamined="Unknown", ViewPosition="")
    assert (found.modality, found.body_part, found.view) == (None, None, None)


def test_free_text_in_a_code_is_dropped() -> None:
    assert facts(BodyPartExamined="Jane Doe's chest, 4y").body_part is None


@pytest.mark.parametrize(("value", "found"), [("YES", True), ("NO", False), ("", None), ("MAYBE", None)])
def test_the_burned_in_annotation(value: str, found: bool | None) -> None:
    assert facts(BurnedInAnnotation=value).burned_in is found


def test_with_an_offset_the_time_is_utc() -> None:
    found = facts(AcquisitionDate="20260305", AcquisitionTime="013000.25", TimezoneOffsetFromUTC="+0200")
    assert found.acquired == datetime(2026, 3, 4, 23, 30, 0, 250_000, UTC)
    assert found.acquired_local is None


def test_the_offset_within_the_time_goes_before_the_one_of_the_file() -> None:
    found = facts(AcquisitionDateTime="20260305013000-0330", TimezoneOffsetFromUTC="+0200")
    assert found.acquired == datetime(2026, 3, 5, 5, 0, tzinfo=UTC)


def test_without_an_offset_the_time_stays_local_text() -> None:
    found = facts(AcquisitionDate="20260305", AcquisitionTime="0130")
    assert (found.acquired, found.acquired_local) == (None, "2026-03-05T01:30:00")
    assert facts(AcquisitionDate="20260305").acquired_local == "2026-03-05"
    assert facts(AcquisitionDateTime="20260305013000.5").acquired_local == "2026-03-05T01:30:00.500000"


@pytest.mark.parametrize(
    "elements",
    [{}, {"AcquisitionTime": "013000"}, {"AcquisitionDate": "20261399"}, {"AcquisitionDateTime": "soon"}],
)
def test_a_time_that_is_none_is_left_out(elements: dict[str, str]) -> None:
    found = facts(**elements)
    assert (found.acquired, found.acquired_local) == (None, None)


def test_an_impossible_offset_leaves_local_text() -> None:
    found = facts(AcquisitionDate="20260305", AcquisitionTime="013000", TimezoneOffsetFromUTC="+9900")
    assert (found.acquired, found.acquired_local) == (None, "2026-03-05T01:30:00")


def test_the_subject_is_read_and_shown_nowhere() -> None:
    radiograph = read(PatientID=" 4711 ", IssuerOfPatientID="Clinic", PatientName="Doe^Jane")
    assert (radiograph.subject.patient_id, radiograph.subject.issuer) == ("4711", "Clinic")
    assert "4711" not in repr(radiograph.subject)
    assert "4711" not in repr(radiograph.facts)
    assert "Doe" not in repr(radiograph)


def test_no_subject_is_false() -> None:
    assert not read(PatientID=None).subject
    assert not decode(raster(GREY, "PNG")).subject
