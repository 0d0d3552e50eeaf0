"""The machine's films: repeatable, complete, openly synthetic, and due when the settings say."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pydicom
import pytest
from PIL import Image

from medpattern.errors import UsageError
from medpattern.pipeline.simulated_mark import METADATA_NAME, verify_mark
from medpattern.pipeline.simulation.machine import (
    Bursts,
    MachineSettings,
    SimulatedImage,
    phantom_image,
    schedule,
    simulate,
)

SMALL = MachineSettings(seed=3, count=60, height=96, width=112, mark_key=bytes(range(32)))


@pytest.fixture(scope="module")
def films() -> list[SimulatedImage]:
    return list(simulate(SMALL))


def dicoms(films: list[SimulatedImage]) -> list[tuple[SimulatedImage, pydicom.Dataset]]:
    return [
        (film, pydicom.dcmread(io.BytesIO(film.data))) for film in films if film.content_type == "application/dicom"
    ]


def test_any_film_can_be_made_again_by_itself(films: list[SimulatedImage]) -> None:
    for number in (0, 17, 59):
        assert phantom_image(SMALL, number) == films[number]


def test_another_seed_makes_other_films_and_other_patients(films: list[SimulatedImage]) -> None:
    other = phantom_image(replace(SMALL, seed=4), 0)
    assert other.data != films[0].data
    assert other.patient != films[0].patient


def test_keys_and_uids_are_unique(films: list[SimulatedImage]) -> None:
    patients = [film.patient for film in films if film.patient]
    uids = {uid for patient in patients for uid in (patient.study_uid, patient.series_uid, patient.sop_uid)}
    assert len({film.key for film in films}) == len(films)
    assert len(uids) == 3 * len(films)


def test_formats_and_truths_are_mixed_as_wished() -> None:
    films = list(
        simulate(replace(SMALL, count=150, pneumonia=0.3, formats={"png": 1.0, "jpeg": 3.0}, height=40, width=40))
    )
    jpegs = sum(film.content_type == "image/jpeg" for film in films)
    ill = sum(film.truth == "pneumonia" for film in films)
    assert 150 * 0.6 < jpegs < 150 * 0.9
    assert 150 * 0.15 < ill < 150 * 0.45
    assert {film.content_type for film in films} == {"image/jpeg", "image/png"}


def test_every_film_opens_in_the_size_asked_for(films: list[SimulatedImage]) -> None:
    for film in films:
        if film.content_type == "application/dicom":
            assert pydicom.dcmread(io.BytesIO(film.data)).pixel_array.shape == (96, 112)
        else:
            with Image.open(io.BytesIO(film.data)) as image:
                assert Image.MIME[image.format or ""] == film.content_type
                assert image.size == (112, 96)


def test_headers_of_dicom_films_agree_with_the_patient_and_call_themselves_synthetic(
    films: list[SimulatedImage],
) -> None:
    for film, header in dicoms(films):
        patient = film.patient
        assert patient is not None
        assert str(header.PatientName) == patient.dicom_name
        assert str(header.PatientName.family_name).endswith("-Synthetic")
        assert header.PatientID.startswith("SYN")
        assert header.SOPInstanceUID.startswith("2.25.")
        assert header.SOPInstanceUID.is_valid
        assert header.BodyPartExamined == "CHEST"
        assert header.Modality in ("DX", "CR")
        assert 1 <= int(header.PatientAge[:3]) / (12 if header.PatientAge[3] == "M" else 1) <= 5
        assert header.TimezoneOffsetFromUTC == f"{patient.acquired:%z}"


# DICOM PS3.3: type 1 (a value is demanded) and type 2 (may be empty) of the modules of CR and DX.
TYPE_1 = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
]
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "SeriesNumber",
    "Manufacturer",
    "InstanceNumber",
    "PatientOrientation",
    "BodyPartExamined",
    "ViewPosition",
]
DX_TYPE_1 = [
    "PresentationIntentType",
    "ImageLaterality",
    "ImageType",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "PresentationLUTShape",
    "LossyImageCompression",
    "BurnedInAnnotation",
    "ImagerPixelSpacing",
    "WindowCenter",
]
DX_TYPE_2 = ["DetectorType", "PositionerType", "AnatomicRegionSequence", "AcquisitionContextSequence"]


def test_dicom_headers_are_complete(films: list[SimulatedImage]) -> None:
    found = dicoms(films)
    assert {header.Modality for _, header in found} == {"DX", "CR"}
    for _, header in found:
        is_dx = header.Modality == "DX"
        demanded = TYPE_1 + (DX_TYPE_1 if is_dx else [])
        assert [name for name in demanded if header.get(name) in (None, "", [])] == []
        assert [name for name in TYPE_2 + (DX_TYPE_2 if is_dx else []) if name not in header] == []


def test_inverted_storage_is_declared_and_shows_the_same_chest(films: list[SimulatedImage]) -> None:
    seen = set()
    for _, header in dicoms(films):
        stored = header.pixel_array.astype(int)
        shown = 2**header.BitsStored - 1 - stored if header.PhotometricInterpretation == "MONOCHROME1" else stored
        assert shown[-30:-15, 40:70].mean() > shown[20:60, :6].mean()
        seen.add((header.PhotometricInterpretation, header.PresentationLUTShape, header.BitsStored))
    assert seen == {
        (photometric, shape, bits)
        for photometric, shape in (("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY"))
        for bits in (8, 12)
    }


def test_jpeg_and_png_headers_hold_the_name_that_has_to_be_stripped(films: list[SimulatedImage]) -> None:
    for film in films:
        if film.content_type == "application/dicom":
            continue
        assert film.patient is not None
        assert b"SYN" in film.data
        with Image.open(io.BytesIO(film.data)) as image:
            held = image.getexif()[0x010E] if film.content_type == "image/jpeg" else image.info["PatientID"]
        assert film.patient.patient_id in held


def test_films_carry_a_mark_that_verifies_and_none_without_a_mark_key(films: list[SimulatedImage]) -> None:
    for film in films:
        mark = film.metadata[METADATA_NAME]
        assert verify_mark(mark, bytes(range(32)), SMALL.bucket, film.key, film.data)
    assert phantom_image(replace(SMALL, mark_key=None), 0).metadata == {}


def test_names_stand_in_keys_and_metadata_only_when_asked(films: list[SimulatedImage]) -> None:
    for film in films:
        assert film.patient is not None
        assert "Synthetic" not in film.key
        assert film.patient.patient_id not in film.key
        named = phantom_image(replace(SMALL, names_in_keys=True), film.number)
        assert film.patient.name in named.key
        assert named.metadata["patient-id"] == film.patient.patient_id
        assert all(value.isascii() for value in named.metadata.values())


def test_settings_do_not_print_the_mark_key() -> None:
    assert "mark_key" not in repr(SMALL)


def test_steady_films_are_due_one_after_another() -> None:
    assert list(schedule(MachineSettings(count=4, rate=2.0))) == [0.0, 0.5, 1.0, 1.5]


def test_a_burst_comes_on_top_of_the_steady_films() -> None:
    due = list(itertools.islice(schedule(MachineSettings(count=None, rate=1.0, bursts=Bursts(3.0, 4))), 20))
    assert due == sorted(due)
    assert [due.count(second) for second in (0.0, 1.0, 3.0, 4.0, 6.0)] == [1, 1, 5, 1, 5]


def test_an_infinite_rate_means_all_at_once() -> None:
    assert list(schedule(MachineSettings(count=3, rate=math.inf, bursts=Bursts(1.0, 2)))) == [0.0, 0.0, 0.0]


def test_ages_lie_in_the_wished_range() -> None:
    for number in range(30):
        film = phantom_image(replace(SMALL, ages=(40.0, 41.0), height=32, width=32), number)
        assert film.patient is not None
        born, taken = film.patient.birth_date, film.patient.acquired.date()
        assert timedelta(days=40 * 365) <= taken - born <= timedelta(days=41 * 366)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pneumonia": 1.1},
        {"rate": 0.0},
        {"count": -1},
        {"formats": {"png": 0.0}},
        {"formats": {"svg": 1.0}},
        {"bursts": Bursts(0.0, 1)},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        MachineSettings(**wrong)  # type: ignore[arg-type]


def test_own_films_are_sent_byte_for_byte_without_a_mark(tmp_path: Path) -> None:
    for name in ("NORMAL/a.png", "PNEUMONIA/b.jpeg", "other/c.dcm"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "notes.txt").write_text("no film")
    films = list(simulate(replace(SMALL, images=tmp_path, count=4)))
    assert [film.truth for film in films] == ["normal", "pneumonia", None, "normal"]
    assert films[0].data == films[3].data == b"NORMAL/a.png"
    assert [film.metadata for film in films] == [{}, {}, {}, {}]
    assert len({film.key for film in films}) == 4


def test_a_folder_without_films_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no images"):
        list(simulate(replace(SMALL, images=tmp_path)))
