"""From stored codes to what a display shows (PS3.3, C.11; PS3.4, N.2), as one table over all codes.

A radiograph has at most 65,536 different codes, so the whole chain runs on those and once over the pixels.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.dicom_facts import code, number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from medpattern.pipeline.images.dicom_pixels import Layout

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def display_table(
    dataset: Dataset, layout: Layout, codes: NDArray[np.uint8] | NDArray[np.uint16]
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """What each of 2^stored codes is shown as: uint8 up to 8 bits stored, else uint16; 0 is black.

    Modality LUT or rescale, then VOI LUT or the first window, then inversion; padding is black. `codes` tell the
    range in use where neither a window nor a VOI LUT does.
    """
    values = _values(layout)
    rescaled, span = _rescaled(dataset, values, layout, codes)
    shown = _shown(dataset, rescaled, span)
    if not np.isfinite(shown).all():
        raise Unprocessable("corrupt", "the rescale or window of the DICOM header gives no numbers")
    if layout.photometric == "MONOCHROME1" or code(dataset, "PresentationLUTShape") == "INVERSE":
        shown = 1 - shown
    shown[_padding(dataset, values, layout)] = 0
    if layout.stored <= 8:
        return np.rint(shown * 255).astype(np.uint8)
    return np.rint(shown * 65535).astype(np.uint16)


def _values(layout: Layout) -> NDArray[np.int64]:
    """The number that each code stands for."""
    values = np.arange(1 << layout.stored, dtype=np.int64)
    if layout.signed:
        values[1 << (layout.stored - 1) :] -= 1 << layout.stored
    return values


def _rescaled(
    dataset: Dataset, values: NDArray[np.int64], layout: Layout, codes: NDArray[Any]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """The Modality LUT (C.11.1) applied, and what is black and white without any window."""
    item = _first_item(dataset, "ModalityLUTSequence")
    if item is not None:
        table, depth = _lut(item)
        return _looked_up(values, item, table), (0.0, float((1 << depth) - 1))
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    slope, intercept = (1.0, 0.0) if slope is None or intercept is None else (slope, intercept)
    ends = sorted(end * slope + intercept for end in _range_in_use(layout, codes, values))
    return values.astype(np.float64) * slope + intercept, (ends[0], ends[1])


def _range_in_use(layout: Layout, codes: NDArray[Any], values: NDArray[np.int64]) -> tuple[int, int]:
    """The stored values' range, in the fewest bits (but 8) that hold those of this image.

    A header often declares 16 bits for what the detector wrote in 12.
    """
    if layout.stored <= 8:
        return int(values.min()), int(values.max())
    if not layout.signed:
        return 0, (1 << max(int(codes.max()).bit_length(), 8)) - 1
    used = values[np.bincount(codes.ravel(), minlength=len(values)) > 0]
    bits = max(int(used.max()).bit_length(), int(~used.min()).bit_length(), 7)
    return -(1 << bits) if used.min() < 0 else 0, (1 << bits) - 1


def _shown(dataset: Dataset, values: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.float64]:
    """0 to 1: the VOI LUT (C.11.2.1.1), else the first window that is one, else the whole range."""
    item = _first_item(dataset, "VOILUTSequence")
    if item is not None:
        table, depth = _lut(item)
        return np.clip(_looked_up(np.rint(values), item, table) / ((1 << depth) - 1), 0, 1)
    center, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    function = code(dataset, "VOILUTFunction") or "LINEAR"
    if function not in FUNCTIONS:
        raise Unprocessable("unsupported-pixels", "a VOI LUT function that is not read")
    if center is not None and width is not None and (width >= 1 if function == "LINEAR" else width > 0):
        return windowed(values, center, width, function)
    low, high = span
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)


def windowed(values: NDArray[np.float64], center: float, width: float, function: str) -> NDArray[np.float64]:
    """0 to 1: PS3.3, C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID) and C.11.2.1.3.2 (LINEAR_EXACT)."""
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700))))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    sequence = dataset.get(keyword)
    item: Dataset | None = sequence[0] if sequence else None
    return item if item is not None and item.get("LUTDescriptor") and item.get("LUTData") is not None else None


def _lut(item: Dataset) -> tuple[NDArray[np.float64], int]:
    """The entries of a LUT, and their bits."""
    entries, _, depth = (int(number) for number in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if item.is_little_endian in (True, None) else ">"
        kind = np.uint8 if len(data) < 2 * (entries or 1 << 16) else np.dtype(f"{order}u2")
        data = np.frombuffer(data[: len(data) // 2 * 2], kind)
    table = np.atleast_1d(np.asarray(data, np.int64)) & 0xFFFF
    if not 1 <= depth <= 16 or not len(table):
        raise Unprocessable("corrupt", "a lookup table of the DICOM header is damaged")
    return table[: entries or 1 << 16].astype(np.float64), depth


def _looked_up(
    values: NDArray[np.int64] | NDArray[np.float64], item: Dataset, table: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values below the first mapped one get the first entry, those above the last one the last."""
    place = np.clip(values - float(item.LUTDescriptor[1]), 0, len(table) - 1)
    return table[place.astype(np.int64)]


def _padding(dataset: Dataset, values: NDArray[np.int64], layout: Layout) -> NDArray[np.bool_]:
    """Which codes mean that there is no image (C.7.5.1.1.2)."""
    first = number(dataset, "PixelPaddingValue")
    if first is None or not isfinite(first):
        return np.zeros(len(values), np.bool_)
    last = number(dataset, "PixelPaddingRangeLimit")
    last = first if last is None else last
    return (values >= min(first, last)) & (values <= max(first, last))
