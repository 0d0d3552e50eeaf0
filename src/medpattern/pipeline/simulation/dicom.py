"""A film as a DICOM file: Digital X-Ray or Computed Radiography, uncompressed, every type 1 and 2 attribute.

Sources: DICOM PS3.3 A.26 (DX), A.2 (CR) and the modules they name; PS3.10 7.1 for the file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

    from medpattern.pipeline.simulation.encode import FilmHeader
    from medpattern.pipeline.simulation.patient import Patient

    Film = NDArray[np.uint8] | NDArray[np.uint16]

SOP_CLASSES = {"DX": "1.2.840.10008.5.1.4.1.1.1.1", "CR": "1.2.840.10008.5.1.4.1.1.1"}
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
IMPLEMENTATION_UID = "2.25.302341163908716347125031784551620398411"
# 35 cm across the film.
FILM_WIDTH_MM = 350.0


def encode_dicom(pixels: Film, patient: Patient, header: FilmHeader) -> bytes:
    """One DICOM file with preamble and meta group.

    pixels: (H, W), 0 is black; 16 bits are cut to the 12 a detector gives; MONOCHROME1 stores them inverted.
    """
    import pydicom

    dataset = pydicom.Dataset()
    dataset.file_meta = _file_meta(patient, header)
    for module in (_patient, _study, _series, _image, _acquisition):
        module(dataset, patient, header)
    _pixels(dataset, pixels, header)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _file_meta(patient: Patient, header: FilmHeader) -> FileMetaDataset:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(SOP_CLASSES[header.modality])
    meta.MediaStorageSOPInstanceUID = UID(patient.sop_uid)
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE_ENDIAN)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "MEDPATTERN_SIM"
    return meta


def _patient(dataset: Dataset, patient: Patient, header: FilmHeader) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = patient.dicom_name
    dataset.PatientID = patient.patient_id
    dataset.IssuerOfPatientID = "SYNTHETIC"
    dataset.PatientBirthDate = f"{patient.birth_date:%Y%m%d}"
    dataset.PatientSex = patient.sex
    dataset.PatientAge = patient.dicom_age
    dataset.PatientComments = "Synthetic patient, drawn by a simulator"


def _study(dataset: Dataset, patient: Patient, header: FilmHeader) -> None:
    dataset.StudyInstanceUID = patient.study_uid
    dataset.StudyDate = f"{patient.acquired:%Y%m%d}"
    dataset.StudyTime = f"{patient.acquired:%H%M%S}"
    dataset.ReferringPhysicianName = "Referrer-Synthetic^Nobody"
    dataset.StudyID = "1"
    dataset.AccessionNumber = patient.accession
    dataset.StudyDescription = f"CHEST {header.view}"
    dataset.TimezoneOffsetFromUTC = f"{patient.acquired:%z}"


def _series(dataset: Dataset, patient: Patient, header: FilmHeader) -> None:
    dataset.Modality = header.modality
    dataset.SeriesInstanceUID = patient.series_uid
    dataset.SeriesNumber = "1"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = header.view
    dataset.Manufacturer = "medpattern simulator"
    dataset.InstitutionName = "Synthetic Hospital"
    if header.modality == "CR":
        dataset.Laterality = ""
    else:
        dataset.PresentationIntentType = "FOR PRESENTATION"


def _image(dataset: Dataset, patient: Patient, header: FilmHeader) -> None:
    dataset.SOPClassUID = SOP_CLASSES[header.modality]
    dataset.SOPInstanceUID = patient.sop_uid
    dataset.InstanceNumber = "1"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.PatientOrientation = ["L", "F"]
    for event in ("Content", "Acquisition"):
        setattr(dataset, f"{event}Date", dataset.StudyDate)
        setattr(dataset, f"{event}Time", dataset.StudyTime)
    if header.burned_in is not None:
        dataset.BurnedInAnnotation = "YES" if header.burned_in else "NO"


def _acquisition(dataset: Dataset, patient: Patient, header: FilmHeader) -> None:
    """What the DX modules demand about detector, anatomy and grey scale; most of it CR may hold too."""
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1 if header.photometric == "MONOCHROME1" else 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.PresentationLUTShape = "INVERSE" if header.photometric == "MONOCHROME1" else "IDENTITY"
    dataset.LossyImageCompression = "00"
    dataset.ImageLaterality = "U"
    dataset.DetectorType = "SCINTILLATOR"
    dataset.PositionerType = "NONE"
    dataset.KVP = "65"
    dataset.AnatomicRegionSequence = [_code("43799004", "SCT", "Chest")]
    dataset.AcquisitionContextSequence = []


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    import pydicom

    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _pixels(dataset: Dataset, pixels: Film, header: FilmHeader) -> None:
    """Pixel module and a window over the whole range (PS3.3 C.11.2.1.2)."""
    bits = 8 if pixels.dtype == np.uint8 else 12
    stored = pixels if bits == 8 else (pixels >> 4).astype("<u2")
    if header.photometric == "MONOCHROME1":
        stored = (2**bits - 1 - stored).astype(stored.dtype)
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = header.photometric
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 8 if bits == 8 else 16
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.ImagerPixelSpacing = [f"{FILM_WIDTH_MM / stored.shape[1]:.6f}"] * 2
    dataset.WindowCenter, dataset.WindowWidth = str(2 ** (bits - 1)), str(2**bits)
    data = np.ascontiguousarray(stored).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
