"""One entrance for every file: the format is told by content, and a bad file is told from a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.radiograph import Limits

if TYPE_CHECKING:
    from medpattern.pipeline.images.radiograph import Format, Radiograph

DEFAULT_LIMITS = Limits()

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DICOM_MARK = b"DICM"
DICOM_PREAMBLE = 128


def decode(data: bytes, *, limits: Limits = DEFAULT_LIMITS, smallest_side: int | None = None) -> Radiograph:
    """The X-ray in `data`: JPEG, PNG, TIFF or DICOM, told by content, never by name.

    With `smallest_side` a large JPEG may come smaller, no side below it (scaled decoding); `facts` still hold
    the file's own width and height. Raises Unprocessable with one of the reasons listed in docs/images.md.
    """
    if len(data) > limits.bytes:
        raise Unprocessable("too-large", f"{len(data)} bytes, at most {limits.bytes} are read")
    kind = format_of(data)
    try:
        if kind == "dicom":
            from medpattern.pipeline.images.dicom import decode_dicom

            return decode_dicom(data, limits)
        from medpattern.pipeline.images.raster import decode_raster

        return decode_raster(data, kind, limits, smallest_side)
    except Unprocessable:
        raise
    except MemoryError:
        raise Unprocessable("corrupt", f"the {kind.upper()} file asks for more memory than there is") from None
    except Exception as error:  # the decoders raise whatever a damaged file makes them trip over
        # Only the class: the texts of decoders quote the file, and a header holds names.
        raise Unprocessable("corrupt", f"the {kind.upper()} file is damaged ({type(error).__name__})") from None


def format_of(data: bytes) -> Format:
    """The format of `data`. Raises Unprocessable: `empty`, `unknown-format`, `ambiguous-format`."""
    if not any(data):
        raise Unprocessable("empty", f"{len(data)} bytes, nothing but zeros")
    image = _image_format(data)
    if data[DICOM_PREAMBLE : DICOM_PREAMBLE + 4] != DICOM_MARK:
        if image is None:
            raise Unprocessable("unknown-format", "neither JPEG, PNG, TIFF nor DICOM")
        return image
    if image is not None:
        raise Unprocessable("ambiguous-format", f"one file is {image.upper()} and DICOM at once")
    return "dicom"


def _image_format(data: bytes) -> Format | None:
    if data.startswith(JPEG_SIGNATURE):
        return "jpeg"
    if data.startswith(PNG_SIGNATURE):
        return "png"
    return "tiff" if data.startswith(TIFF_SIGNATURES) else None
