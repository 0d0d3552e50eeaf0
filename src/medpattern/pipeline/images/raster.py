"""JPEG, PNG and TIFF, through Pillow's three readers and no other of its many."""

from __future__ import annotations

import logging
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import ImageChops
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.codestream import MAX_SCANS, scans
from medpattern.pipeline.images.radiograph import ImageFacts, Limits, Radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# Pillow writes chunks and tags, a patient's name among them, to its debug log, and complains of damaged EXIF.
logging.getLogger("PIL").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", module=r"PIL(\..*)?")

RasterFormat = Literal["jpeg", "png", "tiff"]

EXIF_ORIENTATION = 0x0112
TIFF_BITS = 258
TIFF_PHOTOMETRIC = 262
WHITE_IS_ZERO = 0

# EXIF 2.32, table 6: what has to be done to see the image upright.
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
TURNED = {Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90}


def decode_raster(data: bytes, kind: RasterFormat, limits: Limits, smallest_side: int | None) -> Radiograph:
    """The X-ray in a JPEG, PNG or TIFF file. Raises Unprocessable, and what Pillow raises for damaged files."""
    image = _opened(data, kind)
    width, height = image.size
    check_pixels(width, height, limits)
    _check_frames(image, kind)
    if isinstance(image, JpegImageFile):
        if scans(data) > MAX_SCANS:
            raise Unprocessable("corrupt", f"the JPEG has more than {MAX_SCANS} scans")
        # Luma comes straight from the file, scaled in the frequency domain where that loses nothing.
        image.draft("L", (smallest_side, smallest_side) if smallest_side else None)
    _load(image)
    if kind == "tiff":  # Pillow turns TIFF upright by itself
        width, height = image.size
        turn = None
    else:
        turn = _turn(image)
        width, height = (height, width) if turn in TURNED else (width, height)
    pixels = _grey(image, turn)
    bits: Literal[8, 16] = 16 if pixels.dtype == np.uint16 else 8
    return Radiograph(pixels, bits, ImageFacts(kind, width, height, bits_stored=bits))


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raise Unprocessable if an image of that size has no pixels, or more than are decoded."""
    if width < 1 or height < 1:
        raise Unprocessable("corrupt", f"an image of {width} x {height} pixels")
    if width * height > limits.pixels:
        raise Unprocessable("too-many-pixels", f"{width} x {height} pixels, at most {limits.pixels} are decoded")


def _opened(data: bytes, kind: RasterFormat) -> ImageFile:
    """The file's header read, no pixel decoded."""
    if kind == "jpeg":
        return JpegImageFile(BytesIO(data))
    if kind == "png":
        return PngImageFile(BytesIO(data))
    from PIL.TiffImagePlugin import TiffImageFile

    return TiffImageFile(BytesIO(data))


def _check_frames(image: ImageFile, kind: RasterFormat) -> None:
    if kind == "png" and getattr(image, "is_animated", False):
        raise Unprocessable("multi-frame", "an animated PNG; send one image in each file")
    if kind == "tiff":
        # One step, not n_frames: a hostile file has a million directories.
        try:
            image.seek(1)
        except EOFError:
            return
        raise Unprocessable("multi-frame", "a TIFF of several pages; send one image in each file")


def _load(image: ImageFile) -> None:
    try:
        image.load()
    except (OSError, EOFError) as error:
        if isinstance(error, EOFError) or "truncated" in str(error).lower():
            raise Unprocessable("truncated", "the file ends before its last pixel") from None
        raise


def _turn(image: ImageFile) -> Transpose | None:
    if "exif" not in image.info:
        return None
    try:
        return UPRIGHT.get(image.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF harms no pixel, and raises whatever it trips over
        return None


def _grey(image: Image, turn: Transpose | None) -> NDArray[np.uint8] | NDArray[np.uint16]:
    if image.mode.startswith("I;16"):
        return _sixteen_bits(image, turn)
    if image.mode in {"I", "F"}:
        raise Unprocessable("unsupported-pixels", "32 bits a pixel; send 8 or 16")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        image = ImageChops.multiply(layered.convert("L"), layered.getchannel("A"))
    elif image.mode != "L":
        image = image.convert("L")
    return np.asarray(image if turn is None else image.transpose(turn))


def _sixteen_bits(image: Image, turn: Transpose | None) -> NDArray[np.uint16]:
    tags = getattr(image, "tag_v2", {})
    upright = image if turn is None else image.transpose(turn)
    pixels: NDArray[Any] = np.asarray(upright).astype(np.uint16, copy=False)
    bits = int(tags.get(TIFF_BITS, (16,))[0])
    if bits < 16:  # 12-bit TIFF: the high bits fill the low ones, so that white is white
        pixels = (pixels << (16 - bits)) | (pixels >> max(2 * bits - 16, 0))
    return ~pixels if tags.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO else pixels
