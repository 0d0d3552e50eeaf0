"""An object store (moto, over HTTP) with an empty source bucket, and DICOM files of synthetic patients."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from medpattern.pipeline.receive.deposit import Deposit
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.store.objects import ObjectStore

BUCKET = "xray-sources"
STUDY = "1.2.826.0.1.3680043.10.99.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"


def dicom_file(
    number: int = 1, *, sop_class: str = DX, syntax: str = EXPLICIT, study: str = STUDY, **meta: Any
) -> bytes:
    """A small DX instance of a synthetic patient; `meta` overrides elements of its file meta group."""
    dataset = pydicom.Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"{STUDY}.2.{number}"
    dataset.PatientName = "Testperson^Wilhelmina"
    dataset.PatientID = "SYN-1"
    dataset.StudyInstanceUID = study
    dataset.Rows, dataset.Columns = 4, 4
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.SamplesPerPixel, dataset.PixelRepresentation = 7, 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(range(16))
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    for name, value in meta.items():
        setattr(dataset.file_meta, name, value)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def sop_instance(number: int = 1) -> str:
    """The SOPInstanceUID of `dicom_file(number)`."""
    return f"{STUDY}.2.{number}"


def settings_for(endpoint: str) -> StoreSettings:
    return StoreSettings(endpoint, "us-east-1", (BUCKET,), "", "", "access", "secret")


@pytest.fixture
def s3(moto_client: Any) -> Iterator[Any]:
    client = moto_client
    client.create_bucket(Bucket=BUCKET)
    yield client
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def stored(s3: Any) -> Callable[[], dict[str, bytes]]:
    """What lies in the bucket, by key."""

    def read() -> dict[str, bytes]:
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
        return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    return read


@pytest.fixture
def deposit(moto: str, s3: Any) -> Deposit:
    return Deposit(ObjectStore(settings_for(moto)), BUCKET)


@pytest.fixture
def deposit_away() -> Deposit:
    """A deposit whose object store is away: nothing listens on port 9 of this machine."""
    return Deposit(ObjectStore(settings_for("http://127.0.0.1:9")), BUCKET)
