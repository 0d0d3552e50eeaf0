"""Bad files, made on the fly: what a pipeline at a hospital's edge is sent sooner or later.

    for bad in corpus(): send(bad.data); expect a refusal with bad.reason

Every file is small: what is huge about some of them is what they claim to be.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

from tests.pipeline.images.films import dicom, dicom_dataset, dicom_file, encapsulated, picture, raster

DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
MPEG2 = "1.2.840.10008.1.2.4.100"
RLE = "1.2.840.10008.1.2.5"


@dataclass(frozen=True, slots=True)
class BadImage:
    """A file, and the reason for which decode() must refuse it."""

    name: str
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class OddImage:
    """A file that looks strange and is to be read all the same."""

    name: str
    data: bytes


@cache
def corpus() -> list[BadImage]:
    """Every bad file, the same bytes each time."""
    return [BadImage(*entry) for part in (_nothing, _rasters, _others, _dicoms) for entry in part()]


@cache
def odd_images() -> list[OddImage]:
    """Files that are unusual but good: to be read, whatever they are called and carry."""
    grey, deep = picture(), picture(bits=16)
    exif = Image.Exif()
    exif[0x010E] = "no \udcff text"
    hostile = dicom_dataset(grey, SpecificCharacterSet="ISO_IR 192", BodyPartExamined="CHEST")
    hostile.add_new(0x00100020, "LO", b"\xff\xfe\xc3\x28")
    return [
        OddImage("cmyk.jpg", raster(Image.fromarray(grey).convert("CMYK"), "JPEG")),
        OddImage("16-bit.png", raster(deep, "PNG")),
        OddImage("16-bit.tif", raster(deep, "TIFF")),
        OddImage("palette.png", raster(Image.fromarray(grey).convert("P"), "PNG")),
        OddImage("wrong-extension.png", raster(grey, "JPEG")),
        OddImage("jpeg-and-zip.jpg", raster(grey, "JPEG") + _zip()),
        OddImage("png-and-script.png", raster(grey, "PNG") + b"<script>alert(1)</script>"),
        OddImage("one-bit.tif", raster(Image.fromarray(grey).convert("1"), "TIFF")),
        OddImage("not-utf-8.dcm", dicom_file(hostile)),
        OddImage("damaged-exif.jpg", _with_exif(raster(grey, "JPEG"), b"Exif\0\0MM\0*" + b"\xff" * 40)),
    ]


Entry = tuple[str, bytes, str]


def _nothing() -> Iterator[Entry]:
    yield "empty", b"", "empty"
    yield "zeros", bytes(4096), "empty"
    yield "text", b"this is no image\n" * 9, "unknown-format"
    yield "noise", np.random.default_rng(0).bytes(4096), "unknown-format"


def _rasters() -> Iterator[Entry]:
    grey = picture(300, 400)
    for form in ("JPEG", "PNG", "TIFF"):
        whole = raster(grey, form)
        if form != "TIFF":  # Pillow writes a TIFF's directory last
            yield f"truncated.{form.lower()}", whole[: len(whole) // 2], "truncated"
        yield f"header-only.{form.lower()}", whole[:12], "corrupt"
    yield "huge-header.png", _png_of(30_000, 30_000), "too-many-pixels"
    yield "bomb.png", _png_of(30_000, 30_000, zlib.compress(bytes(30_001 * 400), 9)), "too-many-pixels"
    yield "huge-header.jpg", _jpeg_of(60_000, 60_000), "too-many-pixels"
    yield "huge-header.tif", _tiff_of(30_000, 30_000), "too-many-pixels"
    yield "no-width.png", _png_of(0, 64), "corrupt"
    yield "animated.png", _animated("PNG"), "multi-frame"
    yield "two-pages.tif", _animated("TIFF"), "multi-frame"
    yield "32-bit.tif", raster(picture(bits=16).astype(np.int32), "TIFF"), "unsupported-pixels"
    yield "float.tif", raster(picture().astype(np.float32), "TIFF"), "unsupported-pixels"
    yield "thousand-scans.jpg", _many_scans(), "corrupt"


def _others() -> Iterator[Entry]:
    grey = picture()
    yield "animated.gif", _animated("GIF"), "unknown-format"
    yield "animated.webp", _animated("WEBP"), "unknown-format"
    yield "bitmap.bmp", raster(grey, "BMP"), "unknown-format"
    yield (
        "drawing.svg",
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        ("unknown-format"),
    )
    yield "entities.svg", b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>', "unknown-format"
    yield "archive.zip", _zip(), "unknown-format"
    yield "document.pdf", b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n", "unknown-format"
    yield "gif-and-script.gif", b"GIF89a/*" + bytes(99) + b"*/=1;alert(1)", "unknown-format"
    film = dicom(grey)
    yield "png-in-preamble.dcm", raster(grey, "PNG")[:128] + film[128:], "ambiguous-format"
    yield "tiff-in-preamble.dcm", b"II*\0" + film[4:], "ambiguous-format"
    yield "without-preamble.dcm", film[132:], "unknown-format"


def _dicoms() -> Iterator[Entry]:
    grey = picture()
    film = dicom(grey)
    yield "mark-only.dcm", film[:132], "unsupported-transfer-syntax"
    yield "truncated.dcm", film[:-2000], "truncated"
    yield "fewer-bytes.dcm", dicom(grey, PixelData=grey.tobytes()[:-1000]), "truncated"
    yield "without-pixels.dcm", dicom(grey, PixelData=None), "dicom-without-pixels"
    yield "report.dcm", dicom(grey, PixelData=None, Modality="SR"), "dicom-without-pixels"
    yield "no-pixels-in-it.dcm", dicom(grey, PixelData=b""), "dicom-without-pixels"
    yield "multi-frame.dcm", dicom(np.concatenate([grey, grey]), Rows=90, NumberOfFrames="2"), "multi-frame"
    yield "huge-header.dcm", dicom(grey, Rows=30_000, Columns=30_000), "too-many-pixels"
    yield "no-rows.dcm", dicom(grey, Rows=None), "corrupt"
    yield "32-bit.dcm", dicom(picture().astype(np.uint32)), "unsupported-pixels"
    yield "one-bit.dcm", dicom(grey, BitsAllocated=1, BitsStored=1, HighBit=0), "unsupported-pixels"
    yield "odd-photometric.dcm", dicom(grey, PhotometricInterpretation="HSV"), "unsupported-pixels"
    yield "mpeg.dcm", encapsulated(dicom_dataset(grey), MPEG2, b"\0\0\1\xb3" + bytes(64)), "unsupported-transfer-syntax"
    yield (
        "private-syntax.dcm",
        dicom(grey).replace(b"1.2.840.10008.1.2.1\0", b"1.3.6.1.4.1.999.12\0\0"),
        ("unsupported-transfer-syntax"),
    )
    yield (
        "hostile-syntax.dcm",
        dicom(grey).replace(b"1.2.840.10008.1.2.1\0", b"\n<b>Jane Doe</b>..."),
        ("unsupported-transfer-syntax"),
    )
    small = raster(picture(64, 64), "JPEG")
    yield "other-size-inside.dcm", encapsulated(dicom_dataset(grey), JPEG_BASELINE, small), "corrupt"
    yield "bomb-inside.dcm", encapsulated(dicom_dataset(grey), JPEG_BASELINE, _jpeg_of(60_000, 60_000)), "corrupt"
    yield "nothing-inside.dcm", encapsulated(dicom_dataset(grey), JPEG_BASELINE, b"\0" * 64), "corrupt"
    yield "run-length-bomb.dcm", encapsulated(dicom_dataset(grey), RLE, _run_lengths(9)), "corrupt"
    yield "deflated-bomb.dcm", _deflated_bomb(), "too-large"


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png_of(width: int, height: int, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose frame header says `width` x `height`; its pixels are those of a small one."""
    data = bytearray(raster(picture(64, 64), "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _tiff_of(width: int, height: int) -> bytes:
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    entries += [(278, 4, height), (279, 4, 64)]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + bytes(4)


def _animated(form: str) -> bytes:
    frames = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    return raster(frames[0], form, save_all=True, append_images=frames[1:])


def _many_scans() -> bytes:
    """A progressive JPEG whose last scan is repeated until it has a thousand."""
    data = raster(picture(64, 64), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 1000 + data[-2:]


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.png", bytes(1 << 20))
    return file.getvalue()


def _with_exif(jpeg: bytes, exif: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def _run_lengths(segments: int) -> bytes:
    return struct.pack("<16L", segments, *([64] * 15)) + b"\x81\xff" * 4000


def _deflated_bomb() -> bytes:
    """Zeros for pixels, 70 MB of them in 70 kB."""
    grey = picture()
    return dicom(grey, DEFLATED, PixelData=bytes(70_000_000))
