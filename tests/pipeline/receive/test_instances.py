"""What a DICOM file is told to be, and that no bytes at all make the reader fail."""

from __future__ import annotations

import io
import zlib

import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medpattern.pipeline.images.dicom_pixels import SYNTAXES
from medpattern.pipeline.receive.instances import Instance, Reason, Refusal, identify
from tests.pipeline.receive.conftest import DX, STUDY, dicom_file, sop_instance

CT = "1.2.840.10008.5.1.4.1.1.2"
NATIVE = [uid for uid, syntax in SYNTAXES.items() if syntax.codec == "native"]
DEFLATED = "1.2.840.10008.1.2.1.99"


@pytest.mark.parametrize("syntax", NATIVE)
def test_instance_is_named_by_its_uids_in_every_encoding(syntax: str) -> None:
    assert identify(dicom_file(7, syntax=syntax)) == Instance(DX, sop_instance(7), STUDY)


def test_compressed_syntaxes_are_taken_without_reading_a_pixel() -> None:
    file = dicom_file()
    for syntax in SYNTAXES.keys() - set(NATIVE):
        changed = replace_meta(file, TransferSyntaxUID=syntax)
        assert isinstance(identify(changed), Instance), syntax


def replace_meta(file: bytes, **changes: str) -> bytes:
    """`file` with another meta group and the same data set behind it."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    end = file.index(b"\x08\x00\x16\x00")
    for name, value in changes.items():
        setattr(dataset.file_meta, name, value)
    head = io.BytesIO()
    pydicom.filewriter.write_file_meta_info(head, dataset.file_meta)
    return bytes(128) + b"DICM" + head.getvalue() + file[end:]


@pytest.mark.parametrize(
    ("file", "study", "reason"),
    [
        (dicom_file(sop_class=CT), "", Reason.SOP_CLASS_NOT_SUPPORTED),
        (replace_meta(dicom_file(), TransferSyntaxUID="1.2.840.10008.1.2.4.100"), "",
         Reason.TRANSFER_SYNTAX_NOT_SUPPORTED),
        (replace_meta(dicom_file(), MediaStorageSOPInstanceUID="1.2.3"), "", Reason.DOES_NOT_MATCH),
        (dicom_file(), "1.2.3", Reason.DOES_NOT_MATCH),
    ],
    ids=["ct", "mpeg", "another-instance", "another-study"],
)  # fmt: skip
def test_refused_instance_is_named_with_the_reason(file: bytes, study: str, reason: Reason) -> None:
    found = identify(file, study)
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert found.sop_instance == sop_instance()


def test_instance_of_the_demanded_study_is_taken() -> None:
    assert isinstance(identify(dicom_file(), STUDY), Instance)


@pytest.mark.parametrize("file", [b"", b"%PDF-1.7", bytes(128) + b"DICM", dicom_file()[:200], bytes(200)])
def test_file_that_is_no_dicom_is_not_understood(file: bytes) -> None:
    assert identify(file) == Refusal(Reason.NOT_UNDERSTOOD)


@given(st.binary(max_size=400))
@example(b"\x02\x00\x00\x00UL\x04\x00\xff\xff\xff\xff")
@example(b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 40)
def test_no_bytes_make_the_reader_fail(tail: bytes) -> None:
    found = identify(bytes(128) + b"DICM" + tail)
    assert isinstance(found, Instance | Refusal)


@given(st.integers(0, len(dicom_file()) - 1), st.binary(min_size=1, max_size=8))
def test_no_damage_makes_the_reader_fail(at: int, damage: bytes) -> None:
    file = dicom_file()
    assert isinstance(identify(file[:at] + damage + file[at + len(damage) :]), Instance | Refusal)


def test_nested_sequences_end_the_reading_and_not_the_program() -> None:
    item = b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    file = dicom_file()
    deep = file[: file.index(b"\x20\x00\x0d\x00")] + item * 20_000
    assert isinstance(identify(deep), Refusal)


def test_deflated_bomb_is_inflated_no_further_than_its_head() -> None:
    file = dicom_file(syntax=DEFLATED)
    end = file.index(zlib_head(file))
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(256)) + compressor.flush()
    assert identify(file[:end] + bomb) == Refusal(Reason.NOT_UNDERSTOOD, DX, sop_instance())


def zlib_head(file: bytes) -> bytes:
    """The first bytes of the deflated data set, which follows the meta group (PS3.10 7.1: its length is told)."""
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length : 144 + length + 8]


def test_key_is_the_same_for_a_repeat_and_tells_nothing() -> None:
    first, other = Instance(DX, sop_instance(1), STUDY), Instance(DX, sop_instance(2), STUDY)
    assert first.key == Instance(DX, sop_instance(1), "1.2").key
    assert first.key != other.key
    assert sop_instance(1) not in first.key
    assert first.key.startswith("dicom/")
    assert first.key.endswith(".dcm")
