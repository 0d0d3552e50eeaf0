"""Films as files: PNG, JPEG and DICOM, each with the patient's name in its header, as real ones have it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.pipeline.simulation.patient import Patient

    Film = NDArray[np.uint8] | NDArray[np.uint16]

Format = Literal["png", "jpeg", "dicom"]
FORMATS: tuple[Format, ...] = ("png", "jpeg", "dicom")
CONTENT_TYPES: dict[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "dicom": "application/dicom"}
SUFFIXES: dict[Format, str] = {"png": ".png", "jpeg": ".jpg", "dicom": ".dcm"}
# TIFF and EXIF tag numbers (EXIF 2.32, 4.6.4 and 4.6.5).
IMAGE_DESCRIPTION, ARTIST, DATE_TIME = 0x010E, 0x013B, 0x0132


@dataclass(frozen=True, slots=True)
class FilmHeader:
    """What a header says beside the patient; burned_in: BurnedInAnnotation, None leaves it out."""

    photometric: Literal["MONOCHROME1", "MONOCHROME2"] = "MONOCHROME2"
    modality: Literal["DX", "CR"] = "DX"
    view: Literal["AP", "PA"] = "AP"
    burned_in: bool | None = False


def encode_film(pixels: Film, form: Format, patient: Patient, header: FilmHeader | None = None) -> bytes:
    """The film as one file.

    pixels: (H, W), 0 is black. JPEG is 8 bit (the upper 8 of 16), quality 92; DICOM keeps 12 of 16 bits, as
    detectors do. The same arguments give the same bytes.
    """
    if form == "png":
        return encode_png(pixels, patient)
    if form == "jpeg":
        return encode_jpeg(pixels, patient)
    from medpattern.pipeline.simulation.dicom import encode_dicom

    return encode_dicom(pixels, patient, header or FilmHeader())


def encode_png(pixels: Film, patient: Patient) -> bytes:
    """PNG of 8 or 16 bits with the patient's name and number in text chunks."""
    from PIL import Image, PngImagePlugin

    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("Patient", patient.name)
    texts.add_text("PatientID", patient.patient_id)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=texts)
    return file.getvalue()


def encode_jpeg(pixels: Film, patient: Patient) -> bytes:
    """Grey JPEG with the patient's name, number and time in its EXIF."""
    from PIL import Image

    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = f"{patient.dicom_name} {patient.patient_id}"
    exif[ARTIST] = patient.name
    exif[DATE_TIME] = f"{patient.acquired:%Y:%m:%d %H:%M:%S}"
    flat = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()
