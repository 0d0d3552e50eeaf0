"""Whatever arrives: an image, or an Unprocessable whose reason is a code. Nothing else, and the process lives."""

from __future__ import annotations

import re
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import Limits, decode
from tests.pipeline.images.corpus import corpus, odd_images
from tests.pipeline.images.films import compressed, dicom, dicom_dataset, encapsulated, picture, raster

REASON = re.compile(r"[a-z0-9-]+")
LIMITS = Limits(bytes=1 << 20, pixels=1 << 18)
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG_LS, JPEG_2000, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
BASELINE, EXTENDED, LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70"


@cache
def seeds() -> list[bytes]:
    """Good and bad files of every kind, small, so that mutations hit their headers."""
    from imagecodecs import jpeg8_encode

    grey, deep = picture(40, 48), picture(40, 48, bits=12)
    files = [raster(grey, form) for form in ("JPEG", "PNG", "TIFF")]
    files += [raster(grey, "JPEG", progressive=True), raster(deep, "PNG")]
    files += [raster(grey, "TIFF", compression=name) for name in ("tiff_lzw", "packbits", "tiff_jpeg")]
    files += [dicom(grey, syntax) for syntax in ("1.2.840.10008.1.2", BIG_ENDIAN, DEFLATED)]
    files += [dicom(deep, stored=12, WindowCenter="2000", WindowWidth="3000", RescaleSlope="2", RescaleIntercept="-9")]
    for syntax, plugin in ((JPEG_LS, "pyjpegls"), (JPEG_2000, "pylibjpeg"), (RLE, "pydicom")):
        files.append(compressed(dicom_dataset(deep, stored=12), syntax, plugin))
    files.append(encapsulated(dicom_dataset(grey), BASELINE, jpeg8_encode(grey)))
    files.append(encapsulated(dicom_dataset(deep, stored=12), EXTENDED, jpeg8_encode(deep, bitspersample=12)))
    files.append(
        encapsulated(dicom_dataset(deep, stored=12), LOSSLESS, jpeg8_encode(deep, lossless=True, bitspersample=16))
    )
    small = [bad.data for bad in corpus() if len(bad.data) < 20_000]
    return files + small + [odd.data for odd in odd_images() if len(odd.data) < 20_000]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(0, 8))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        what = draw(st.sampled_from(["set", "cut", "insert", "end"]))
        if what == "set" and data:
            data[place] = draw(st.integers(0, 255))
        elif what == "cut":
            del data[place : place + draw(st.integers(1, 64))]
        elif what == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=16))
        else:
            del data[place:]
    return bytes(data)


def survives(data: bytes) -> None:
    reason = ""
    try:
        radiograph = decode(data, limits=LIMITS, smallest_side=16)
    except Unprocessable as refusal:
        reason = refusal.reason
    if reason:
        assert REASON.fullmatch(reason)
    else:
        assert radiograph.pixels.ndim == 2
        assert radiograph.pixels.dtype.itemsize * 8 == radiograph.bits
        assert radiograph.pixels.size <= LIMITS.pixels


@settings(max_examples=600, deadline=None)
@given(damaged())
def test_a_damaged_file_is_read_or_refused(data: bytes) -> None:
    survives(data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", bytes(128) + b"DICM"]), st.binary())
def test_noise_behind_a_signature_is_read_or_refused(signature: bytes, noise: bytes) -> None:
    survives(signature + noise)
