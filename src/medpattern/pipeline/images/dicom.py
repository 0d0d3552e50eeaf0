"""DICOM files (PS3.10) to radiographs. Loaded at the first DICOM only, because pydicom is slow to import."""

from __future__ import annotations

import logging
import re
import warnings
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydicom.config import IGNORE, settings
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import data_element_generator, read_dataset
from pydicom.uid import UID

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.dicom_display import display_table
from medpattern.pipeline.images.dicom_facts import code, dicom_facts, dicom_subject, number
from medpattern.pipeline.images.dicom_pixels import DEFLATED, SYNTAXES, Layout, samples_of
from medpattern.pipeline.images.radiograph import Limits, Radiograph
from medpattern.pipeline.images.raster import check_pixels

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

# pydicom quotes values of the header in warnings and log lines, and a header names a person.
settings.reading_validation_mode = IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pydicom(\..*)?")

AFTER_MARK = 132
ELEMENT_HEADER = 8
UID_TEXT = re.compile(r"[0-9.]{1,64}")

# All that is read; the rest of the header is skipped unparsed.
KEYWORDS = (
    "SpecificCharacterSet", "Modality", "BodyPartExamined", "ViewPosition", "PatientAge", "PatientBirthDate",
    "StudyDate", "BurnedInAnnotation", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime",
    "TimezoneOffsetFromUTC", "PatientID", "IssuerOfPatientID", "SamplesPerPixel", "PhotometricInterpretation",
    "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "PixelData", "RescaleSlope",
    "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence", "LUTDescriptor", "LUTData", "WindowCenter",
    "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
)  # fmt: skip
TAGS = [tag for tag in map(tag_for_keyword, KEYWORDS) if tag is not None]


def decode_dicom(data: bytes, limits: Limits) -> Radiograph:
    """The X-ray in a DICOM file. Raises Unprocessable, and what pydicom and the codecs raise for damaged files."""
    dataset, syntax = _read(data, limits)
    if "PixelData" not in dataset or not dataset.PixelData:
        raise Unprocessable("dicom-without-pixels", f"modality {code(dataset, 'Modality') or 'not stated'}")
    layout = _layout(dataset, syntax)
    check_pixels(layout.columns, layout.rows, limits)
    codes = samples_of(dataset, layout)
    pixels = display_table(dataset, layout, codes)[codes] if layout.grey else codes
    bits: Literal[8, 16] = 16 if pixels.dtype == np.uint16 else 8
    return Radiograph(pixels, bits, dicom_facts(dataset, layout), dicom_subject(dataset))


def _read(data: bytes, limits: Limits) -> tuple[Dataset, str]:
    """The elements of TAGS, and the transfer syntax."""
    stream = _Watched(data)
    stream.seek(AFTER_MARK)
    meta = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_after_group_2)
    syntax = str(meta.get("TransferSyntaxUID", "")).strip("\0 ")
    if syntax not in SYNTAXES:
        named = syntax if UID_TEXT.fullmatch(syntax) else "not a UID" if syntax else "none"
        raise Unprocessable("unsupported-transfer-syntax", named)
    if syntax == DEFLATED:
        stream = _Watched(_inflated(data[stream.tell() :], limits))
    dataset = _elements(stream, SYNTAXES[syntax].implicit, SYNTAXES[syntax].little)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset, syntax


class _Watched(BytesIO):
    """Notices a read that gets less than it asks for: pydicom takes some cut-off elements for the end of the file."""

    cut_off = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        at_an_end = not data and size == ELEMENT_HEADER
        if size is not None and len(data) < size and not at_an_end:
            self.cut_off = True
        return data


def _elements(stream: _Watched, implicit: bool, little: bool) -> Dataset:
    """The elements of TAGS in the rest of `stream`."""
    elements = {}
    try:
        for element in data_element_generator(stream, implicit, little, specific_tags=TAGS):
            elements[element.tag] = element
    except EOFError:
        stream.cut_off = True
    if stream.cut_off or stream.tell() > len(stream.getbuffer()):
        raise Unprocessable("truncated", "the DICOM file ends within an element")
    dataset = Dataset(elements)
    dataset.set_original_encoding(implicit, little, dataset.get("SpecificCharacterSet"))
    return dataset


def _after_group_2(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _inflated(data: bytes, limits: Limits) -> bytes:
    """Raw deflate (PS3.5, A.5), with a bound: pydicom's own reader has none."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = engine.decompress(data, limits.bytes + 1)
    if len(inflated) > limits.bytes:
        raise Unprocessable("too-large", f"the deflated file inflates to more than {limits.bytes} bytes")
    if not engine.eof:
        raise Unprocessable("truncated", "the deflated file ends too early")
    return inflated


def _layout(dataset: Dataset, syntax: str) -> Layout:
    """How the pixels lie, checked. Raises Unprocessable."""
    frames = number(dataset, "NumberOfFrames") or 1
    if frames > 1:
        raise Unprocessable("multi-frame", f"a DICOM object of {int(frames)} frames; send one image in each file")

    def read(keyword: str, default: int) -> int:
        value = number(dataset, keyword)
        return default if value is None else int(value)

    allocated = read("BitsAllocated", 0)
    stored = read("BitsStored", allocated)
    layout = Layout(
        syntax=syntax,
        rows=read("Rows", 0),
        columns=read("Columns", 0),
        samples=read("SamplesPerPixel", 1),
        allocated=allocated,
        stored=stored,
        high=read("HighBit", stored - 1),
        signed=read("PixelRepresentation", 0) == 1,
        planar=read("PlanarConfiguration", 0) == 1,
        photometric=code(dataset, "PhotometricInterpretation") or "MONOCHROME2",
    )
    if fault := layout.fault():
        raise Unprocessable("unsupported-pixels", fault)
    return layout
