"""What a compressed picture says of its size, read before any decoder sees it.

A DICOM header may say 10 x 10 pixels and the JPEG in it 60,000 x 60,000; a progressive JPEG of a few kilobytes may
hold thousands of scans, each of which costs a pass over the whole image. ITU-T T.81 (JPEG), T.87 (JPEG-LS) and
T.800 (JPEG 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A progressive JPEG has about ten.
MAX_SCANS = 100

START_OF_SCAN = b"\xff\xda"
START_OF_CODESTREAM = b"\xff\x4f\xff\x51"

# SOF0 to SOF15 without the three codes that are no frame headers, and SOF55 of JPEG-LS.
FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
NO_LENGTH = {0x01, *range(0xD0, 0xD9)}


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size, samples a pixel, and bits a sample."""

    width: int
    height: int
    samples: int
    precision: int


def scans(data: bytes) -> int:
    """How many scans the decoder of a JPEG may have to go through.

    A sequential JPEG whose first scan holds every component is done after it; only for others are they counted.
    """
    samples = 0
    for marker, place in _segments(data):
        if marker == START_OF_SCAN[1]:
            return 1 if data[place + 4 : place + 5] == bytes([samples]) else data.count(START_OF_SCAN)
        if marker in FRAME_MARKERS and marker not in PROGRESSIVE and place + 10 <= len(data):
            samples = data[place + 9]
    return 0


def jpeg_header(data: bytes) -> Codestream | None:
    """The frame header of a JPEG or JPEG-LS stream, None where there is none before the first scan."""
    for marker, place in _segments(data):
        if marker in FRAME_MARKERS and place + 10 <= len(data):
            precision, height, width, samples = unpack_from(">BHHB", data, place + 4)
            return Codestream(width, height, samples, precision)
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and place of each segment up to the first scan (T.81, B.1.1)."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        yield marker, place
        if marker == START_OF_SCAN[1]:
            return
        place += 2 if marker in NO_LENGTH else 2 + int.from_bytes(data[place + 2 : place + 4], "big")


def jpeg2000_header(data: bytes) -> Codestream | None:
    """The SIZ segment of a JPEG 2000 codestream, boxed as JP2 or not; None where there is none."""
    place = data.find(START_OF_CODESTREAM)
    if place < 0 or len(data) < place + 43:
        return None
    right, bottom, left, top = unpack_from(">4I", data, place + 8)
    samples, depth = unpack_from(">HB", data, place + 40)
    return Codestream(right - left, bottom - top, samples, (depth & 0x7F) + 1)
