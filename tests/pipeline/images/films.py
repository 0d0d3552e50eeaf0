"""Films made for the tests: a picture with flat, smooth and noisy parts, as files of every kind that is read."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.pixels.utils import compress
from pydicom.uid import UID, ExplicitVRLittleEndian

EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"


def picture(height: int = 90, width: int = 121, bits: int = 8, seed: int = 0) -> NDArray[Any]:
    """(height, width) that uses the whole range of `bits`."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = (np.sin(x / width * 9) + np.cos(y / height * 7) + 2) / 4
    smooth += np.random.default_rng(seed).normal(0, 0.02, smooth.shape)
    smooth[: height // 6, : width // 3] = 0
    smooth[-height // 6 :, -width // 3 :] = 1
    return np.rint(np.clip(smooth, 0, 1) * ((1 << bits) - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def raster(pixels: NDArray[Any] | Image.Image, form: str, **options: Any) -> bytes:
    """`pixels` as Pillow writes them in the format `form`."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def dicom_dataset(pixels: NDArray[Any], *, stored: int | None = None, **elements: Any) -> Dataset:
    """A data set of `pixels`, (H, W) or (H, W, 3); `elements` by keyword replace or, if None, leave out its own."""
    allocated = 8 * pixels.dtype.itemsize
    dataset = Dataset()
    dataset.SOPClassUID = DX_FOR_PRESENTATION
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality = "DX"
    dataset.PatientID = "TEST-0001"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    dataset.BitsAllocated = allocated
    dataset.BitsStored = stored or allocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    for keyword, value in elements.items():
        if value is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return dataset


def dicom_file(dataset: Dataset, syntax: str = EXPLICIT) -> bytes:
    """The data set, with a preamble and file meta information, written in `syntax` (native or already encoded)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", DX_FOR_PRESENTATION)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def dicom(pixels: NDArray[Any], syntax: str = EXPLICIT, *, stored: int | None = None, **elements: Any) -> bytes:
    """`pixels` as an uncompressed DICOM file; in big endian, words are swapped here, since pydicom swaps none."""
    if syntax == BIG_ENDIAN and pixels.dtype.itemsize == 2:
        elements = {"PixelData": pixels.byteswap().tobytes()} | elements
    return dicom_file(dicom_dataset(pixels, stored=stored, **elements), syntax)


def compressed(dataset: Dataset, syntax: str, plugin: str) -> bytes:
    """`dataset` compressed by pydicom with the encoder `plugin`: none of these encoders is a decoder of ours."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    compress(dataset, syntax, encoding_plugin=plugin, generate_instance_uid=False)
    return dicom_file(dataset, syntax)


def encapsulated(dataset: Dataset, syntax: str, stream: bytes) -> bytes:
    """`dataset` with the codec's `stream` as its only frame."""
    from pydicom.encaps import encapsulate

    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dicom_file(dataset, syntax)
