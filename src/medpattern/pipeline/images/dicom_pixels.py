"""The pixels of a DICOM object as they are stored: native, run-length encoded, or in a codec's stream.

Every codec is named here; docs/images.md says which library, under which licence, and why no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.codestream import MAX_SCANS, jpeg2000_header, jpeg_header, scans

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

Codec = Literal["native", "rle", "jpeg", "jpeg-ls", "jpeg-2000"]

DEFLATED = "1.2.840.10008.1.2.1.99"
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
# Rec. 601, as Pillow turns colour to grey.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
END_OF_IMAGE = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Syntax:
    """A transfer syntax that is read: its codec and how its data set is written."""

    codec: Codec
    implicit: bool = False
    little: bool = True


SYNTAXES: dict[str, Syntax] = {
    "1.2.840.10008.1.2": Syntax("native", implicit=True),
    "1.2.840.10008.1.2.1": Syntax("native"),
    DEFLATED: Syntax("native"),
    "1.2.840.10008.1.2.2": Syntax("native", little=False),
    "1.2.840.10008.1.2.4.50": Syntax("jpeg"),  # baseline, process 1
    "1.2.840.10008.1.2.4.51": Syntax("jpeg"),  # extended, processes 2 and 4
    "1.2.840.10008.1.2.4.57": Syntax("jpeg"),  # lossless, process 14
    "1.2.840.10008.1.2.4.70": Syntax("jpeg"),  # lossless, process 14, selection value 1
    "1.2.840.10008.1.2.4.80": Syntax("jpeg-ls"),
    "1.2.840.10008.1.2.4.81": Syntax("jpeg-ls"),
    "1.2.840.10008.1.2.4.90": Syntax("jpeg-2000"),
    "1.2.840.10008.1.2.4.91": Syntax("jpeg-2000"),
    "1.2.840.10008.1.2.4.201": Syntax("jpeg-2000"),  # high throughput
    "1.2.840.10008.1.2.4.202": Syntax("jpeg-2000"),
    "1.2.840.10008.1.2.4.203": Syntax("jpeg-2000"),
    "1.2.840.10008.1.2.5": Syntax("rle"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The Image Pixel module (PS3.3, C.7.6.3)."""

    syntax: str
    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool
    photometric: str

    @property
    def grey(self) -> bool:
        return self.photometric in GREY

    def fault(self) -> str:
        """Why these pixels cannot be read; empty if they can."""
        if self.photometric not in (*GREY, *COLOUR, PALETTE):
            return "a photometric interpretation that is not read"
        wanted = 3 if self.photometric in COLOUR else 1
        if self.samples != wanted:
            return f"{self.samples} samples a pixel where {self.photometric} has {wanted}"
        if self.allocated not in (8, 16) or (wanted == 3 and self.allocated != 8):
            return f"{self.allocated} bits allocated to each of {self.samples} sample(s)"
        if not 1 <= self.stored <= self.allocated or not self.stored - 1 <= self.high < self.allocated:
            return f"{self.stored} bits stored below bit {self.high} of {self.allocated}"
        return ""


def samples_of(dataset: Dataset, layout: Layout) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(rows, columns): the stored codes of a grey image, in the lowest `stored` bits; 8-bit luma of a colour one."""
    codec = SYNTAXES[layout.syntax].codec
    if codec == "native":
        samples = _native(dataset, layout)
    else:
        frame = _frame(dataset.PixelData)
        samples = _run_lengths(frame, layout) if codec == "rle" else _from_stream(frame, codec, layout)
    if layout.grey:
        return _codes(samples[..., 0], layout, shift=codec in ("native", "rle"))
    return _luma(dataset, samples, layout, codec)


def _native(dataset: Dataset, layout: Layout) -> NDArray[Any]:
    """(rows, columns, samples)"""
    data = dataset.PixelData
    width = layout.allocated // 8
    count = layout.rows * layout.columns * layout.samples
    if layout.photometric == "YBR_FULL_422":
        raise Unprocessable("unsupported-pixels", "uncompressed YBR_FULL_422")
    if len(data) < count * width:
        raise Unprocessable("truncated", f"{len(data)} bytes of pixels, {count * width} are declared")
    little = SYNTAXES[layout.syntax].little
    if not little and width == 1 and dataset["PixelData"].VR == "OW":
        # PS3.5, 8.1.1: bytes written as words are swapped in pairs.
        data = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap().tobytes()
    samples = np.frombuffer(data, np.dtype(f"{'<' if little else '>'}u{width}"), count)
    if layout.planar:
        return np.moveaxis(samples.reshape(layout.samples, layout.rows, layout.columns), 0, -1)
    return samples.reshape(layout.rows, layout.columns, layout.samples)


def _frame(data: bytes) -> bytes:
    try:
        return get_frame(data, 0, number_of_frames=1)
    except Exception:  # pydicom raises several kinds for fragments that are cut off or misplaced
        raise Unprocessable("truncated", "the compressed pixels end too early") from None


def _run_lengths(frame: bytes, layout: Layout) -> NDArray[Any]:
    """RLE Lossless (PS3.5, annex G): byte planes, most significant first, each a PackBits stream."""
    from PIL import Image

    count, *offsets = unpack_from("<16L", frame)
    width = layout.allocated // 8
    if count != layout.samples * width:
        raise Unprocessable("corrupt", f"{count} run-length segments for {layout.samples} sample(s) of {width} byte(s)")
    ends = [*offsets[1:count], len(frame)]
    planes = np.empty((layout.samples, width, layout.rows * layout.columns), np.uint8)
    size = (layout.rows * layout.columns, 1)
    for index, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        try:
            plane = Image.frombytes("L", size, frame[start:end], "packbits", "L")
        except ValueError:
            raise Unprocessable("truncated", "a run-length segment ends too early") from None
        planes[index // width, index % width] = np.asarray(plane)[0]
    samples = planes[:, 0] if width == 1 else planes[:, 0].astype(np.uint16) << 8 | planes[:, 1]
    return samples.T.reshape(layout.rows, layout.columns, layout.samples)


def _from_stream(frame: bytes, codec: Codec, layout: Layout) -> NDArray[Any]:
    """(rows, columns, samples), or one sample where the codec makes grey of colour by itself."""
    header = jpeg2000_header(frame) if codec == "jpeg-2000" else jpeg_header(frame)
    if header is None:
        raise Unprocessable("corrupt", f"the compressed pixels hold no {codec.upper()} header")
    stated = (layout.columns, layout.rows, layout.samples)
    if (header.width, header.height, header.samples) != stated or header.precision > layout.allocated:
        raise Unprocessable(
            "corrupt",
            f"the compressed pixels are {header.width} x {header.height} x {header.samples} of {header.precision} "
            f"bits, the DICOM header says {layout.columns} x {layout.rows} x {layout.samples} of {layout.allocated}",
        )
    samples = _decoded(frame, codec, layout)
    if samples.shape[:2] != (layout.rows, layout.columns) or samples.dtype.kind not in "iu":
        raise Unprocessable("corrupt", "the compressed pixels decode to another shape")
    return samples if samples.ndim == 3 else samples[..., np.newaxis]


def _decoded(frame: bytes, codec: Codec, layout: Layout) -> NDArray[Any]:
    import imagecodecs

    if codec == "jpeg-ls":
        # Without an end marker CharLS searches for seconds; a second one harms nothing.
        return np.asarray(imagecodecs.jpegls_decode(frame + END_OF_IMAGE))
    if codec == "jpeg-2000":
        return np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=1))
    if scans(frame) > MAX_SCANS:
        raise Unprocessable("corrupt", f"the JPEG has more than {MAX_SCANS} scans")
    if layout.samples == 1:
        return np.asarray(imagecodecs.jpeg8_decode(frame))
    colours = "RGB" if layout.photometric == "RGB" else "YCBCR"
    return np.asarray(imagecodecs.jpeg8_decode(frame, colorspace=colours, outcolorspace="GRAYSCALE"))


def _codes(samples: NDArray[Any], layout: Layout, *, shift: bool) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The bit patterns of `stored` bits, right-aligned, whatever lay above or below them."""
    kind: type[np.uint8 | np.uint16] = np.uint8 if samples.dtype.itemsize == 1 else np.uint16
    codes: NDArray[Any] = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("="), copy=False)).view(kind)
    if shift and layout.high + 1 > layout.stored:
        codes = codes >> (layout.high + 1 - layout.stored)
    if layout.stored < 8 * codes.dtype.itemsize:
        codes = codes & kind((1 << layout.stored) - 1)
    return codes


def _luma(dataset: Dataset, samples: NDArray[Any], layout: Layout, codec: Codec) -> NDArray[np.uint8]:
    """(rows, columns) of 8 bits."""
    if layout.photometric == PALETTE:
        samples = apply_color_lut(samples[..., 0], dataset)
        samples = samples >> 8 * (samples.dtype.itemsize - 1)
    elif samples.shape[-1] == 1 or layout.photometric.startswith("YBR_FULL"):
        return np.ascontiguousarray(samples[..., 0]).view(np.uint8)
    luma: NDArray[np.uint8] = np.rint(samples[..., :3].astype(np.float32) @ LUMA).astype(np.uint8)
    return luma
