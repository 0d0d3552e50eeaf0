"""What a compressed picture says of its size, read before any decoder sees it.

A DICOM header may say 10 x 10 pixels and the JPEG in it 60,000 x 60,000; a progressive JPEG of a few kilobytes may
hold thousands of scans, each of which costs a pass over the whole image. ITU-T T.81 (JPEG), T.87 (JPEG-LS) and
T.800 (JPEG 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from

# A progressive JPEG has about ten.
MAX_SCANS = 100

START_OF_SCAN = b"\xff\xda"
START_OF_CODESTREAM = b"\xff\x4f\xff\x51"

# SOF0 to SOF15 without the three codes that are no frame headers, and SOF55 of JPEG-LS.
FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}
NO_LENGTH = {0x01, *range(0xD0, 0xD9)}


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size, samples a pixel, and bits a sample."""

    width: int
    height: int
    samples: int
    precision: int


def scans(data: bytes) -> int:
    """How many scans a JPEG has, those of its thumbnail too."""
    return data.count(START_OF_SCAN)


def jpeg_header(data: bytes) -> Codestream | None:
    """The frame header of a JPEG or JPEG-LS stream, None where there is none before the first scan."""
    place = 2
    while place + 10 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in FRAME_MARKERS:
            precision, height, width, samples = unpack_from(">BHHB", data, place + 4)
            return Codestream(width, height, samples, precision)
        if marker == 0xFF or marker in NO_LENGTH:
            place += 1 if marker == 0xFF else 2
        elif marker == START_OF_SCAN[1]:
            return None
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def jpeg2000_header(data: bytes) -> Codestream | None:
    """The SIZ segment of a JPEG 2000 codestream, boxed as JP2 or not; None where there is none."""
    place = data.find(START_OF_CODESTREAM)
    if place < 0 or len(data) < place + 43:
        return None
    right, bottom, left, top = unpack_from(">4I", data, place + 8)
    samples, depth = unpack_from(">HB", data, place + 40)
    return Codestream(right - left, bottom - top, samples, (depth & 0x7F) + 1)
