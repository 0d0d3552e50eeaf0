"""C-STORE and C-ECHO as a modality sees them: a real pynetdicom sender over TCP on 127.0.0.1."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pydicom
import pytest
from pynetdicom import AE

from medpattern.errors import UsageError
from medpattern.pipeline.receive.association import DicomListener
from medpattern.pipeline.receive.deposit import Deposit
from medpattern.pipeline.receive.instances import SOP_CLASSES, Instance, Reason
from medpattern.pipeline.receive.settings import DicomSettings
from tests.pipeline.receive.conftest import DX, EXPLICIT, dicom_file, sop_instance
from tests.pipeline.receive.test_instances import CT

TITLE, CALLING = "PNEUMONIA", "DETECTOR-3"
VERIFICATION = "1.2.840.10008.1.1"


@contextmanager
def listening(deposit: Deposit, most_bytes: int = 1_000_000) -> Iterator[DicomListener]:
    listener = DicomListener(DicomSettings("127.0.0.1", 0, TITLE, (CALLING,), 4), deposit, most_bytes)
    try:
        yield listener
    finally:
        listener.close()


@pytest.fixture
def listener(deposit: Deposit) -> Iterator[DicomListener]:
    with listening(deposit) as found:
        yield found


@contextmanager
def associated(listener: DicomListener, calling: str = CALLING, called: str = TITLE) -> Iterator[Any]:
    entity = AE(ae_title=calling)
    entity.add_requested_context(VERIFICATION)
    for sop_class in (DX, CT):
        entity.add_requested_context(sop_class, [EXPLICIT])
    association = entity.associate("127.0.0.1", listener.port, ae_title=called)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def dataset(file: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(file))


def test_echo_is_answered(listener: DicomListener) -> None:
    with associated(listener) as association:
        assert association.send_c_echo().Status == 0


def test_success_means_that_the_instance_lies_in_the_bucket(
    listener: DicomListener, stored: Callable[[], dict[str, bytes]]
) -> None:
    with associated(listener) as association:
        for number in (1, 2, 1):
            assert association.send_c_store(dataset(dicom_file(number))).Status == 0
            assert Instance(DX, sop_instance(number)).key in stored()
    found = stored()
    assert len(found) == 2
    read = dataset(found[Instance(DX, sop_instance(1)).key])
    assert read.SOPInstanceUID == sop_instance(1)
    assert read.PixelData == dataset(dicom_file(1)).PixelData
    assert read.file_meta.TransferSyntaxUID == EXPLICIT


@pytest.mark.parametrize(("calling", "called"), [("STRANGER", TITLE), (CALLING, "SOMEBODY")])
def test_undeclared_sender_and_wrong_name_get_no_association(
    listener: DicomListener, calling: str, called: str
) -> None:
    with associated(listener, calling, called) as association:
        assert association.is_rejected


def test_store_that_is_away_is_out_of_resources(deposit_away: Deposit) -> None:
    with listening(deposit_away) as listener, associated(listener) as association:
        assert association.send_c_store(dataset(dicom_file())).Status == Reason.OUT_OF_RESOURCES


def test_other_storage_classes_are_not_negotiated(listener: DicomListener) -> None:
    with associated(listener) as association:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
    assert CT not in accepted
    assert accepted & set(SOP_CLASSES) == {DX}


def test_instance_without_a_study_is_not_understood(
    listener: DicomListener, stored: Callable[[], dict[str, bytes]]
) -> None:
    broken = dataset(dicom_file())
    del broken.StudyInstanceUID
    with associated(listener) as association:
        assert association.send_c_store(broken).Status == Reason.NOT_UNDERSTOOD
    assert stored() == {}


def test_instance_beyond_the_bound_is_refused(deposit: Deposit, stored: Callable[[], dict[str, bytes]]) -> None:
    with listening(deposit, most_bytes=200) as listener, associated(listener) as association:
        assert association.send_c_store(dataset(dicom_file())).Status == Reason.PROCESSING_FAILURE
    assert stored() == {}


def test_endless_sender_is_cut_off_and_others_are_served(
    deposit: Deposit, stored: Callable[[], dict[str, bytes]]
) -> None:
    endless = dataset(dicom_file(9))
    endless.PixelData = bytes(4 << 20)
    endless["PixelData"].VR = "OB"
    with listening(deposit, most_bytes=10_000) as listener:
        with associated(listener) as association:
            assert "Status" not in association.send_c_store(endless)
        with associated(listener) as association:
            assert association.send_c_store(dataset(dicom_file(1))).Status == 0
    assert set(stored()) == {Instance(DX, sop_instance(1)).key}


def test_port_that_is_taken_is_told(listener: DicomListener, deposit: Deposit) -> None:
    with pytest.raises(UsageError, match="choose another --dicom-port"):
        DicomListener(DicomSettings("127.0.0.1", listener.port, TITLE, (CALLING,), 4), deposit, 1000)
