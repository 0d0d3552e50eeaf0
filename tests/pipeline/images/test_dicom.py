"""DICOM: every transfer syntax that is read, and from stored codes to what a display shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from imagecodecs import jpeg8_encode
from jpeg_ls import encode_array
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_windowing

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import Limits, decode
from tests.pipeline.images.films import (
    BIG_ENDIAN,
    compressed,
    dicom,
    dicom_dataset,
    dicom_file,
    encapsulated,
    picture,
)

IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
RLE = "1.2.840.10008.1.2.5"

GREY, TWELVE, DEEP = picture(bits=8), picture(bits=12), picture(bits=16)
SIGNED = (TWELVE.astype(np.int32) - 2048).astype(np.int16)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
# What is shown of 12 bits: the whole range of 16.
TWELVE_SHOWN = np.rint(TWELVE / 4095 * 65535).astype(np.uint16)
# ITU-R BT.601, 2.5.1.
LUMA = np.rint(COLOUR @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)

DEPTHS: dict[str, tuple[NDArray[Any], int | None, NDArray[Any]]] = {
    "8": (GREY, None, GREY),
    "12": (TWELVE, 12, TWELVE_SHOWN),
    "12-signed": (SIGNED, 12, TWELVE_SHOWN),
    "16": (DEEP, None, DEEP),
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN])
def test_native_pixels_come_back_exactly(syntax: str, depth: str) -> None:
    pixels, stored, shown = DEPTHS[depth]
    radiograph = decode(dicom(pixels, syntax, stored=stored))
    np.testing.assert_array_equal(radiograph.pixels, shown)
    assert radiograph.facts.transfer_syntax == syntax


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(
    ("syntax", "encoder"),
    [(JPEG_LS, "pyjpegls"), (JPEG_2000_LOSSLESS, "pylibjpeg"), (RLE, "pylibjpeg"), (RLE, "pydicom")],
)
def test_losslessly_compressed_pixels_come_back_exactly(syntax: str, encoder: str, depth: str) -> None:
    pixels, stored, shown = DEPTHS[depth]
    radiograph = decode(compressed(dicom_dataset(pixels, stored=stored), syntax, encoder))
    np.testing.assert_array_equal(radiograph.pixels, shown)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("syntax", "predictor"), [(LOSSLESS_SV1, 1), (LOSSLESS, 4), (LOSSLESS, 7)])
def test_lossless_jpeg_comes_back_exactly(syntax: str, predictor: int, depth: str) -> None:
    pixels, stored, shown = DEPTHS[depth]
    codes = pixels.view(np.uint16) & 0xFFF if pixels.dtype == np.int16 else pixels
    stream = jpeg8_encode(codes, lossless=True, predictor=predictor, bitspersample=8 if depth == "8" else 16)
    radiograph = decode(encapsulated(dicom_dataset(pixels, stored=stored), syntax, stream))
    np.testing.assert_array_equal(radiograph.pixels, shown)


def test_lossy_syntaxes_come_back_nearly() -> None:
    eight = decode(encapsulated(dicom_dataset(GREY), BASELINE, jpeg8_encode(GREY, level=95)))
    assert np.abs(eight.pixels.astype(int) - GREY).mean() < 2
    twelve = jpeg8_encode(TWELVE, level=95, bitspersample=12)
    extended = decode(encapsulated(dicom_dataset(TWELVE, stored=12), EXTENDED, twelve))
    assert extended.bits == 16
    assert np.abs(extended.pixels.astype(int) - TWELVE_SHOWN).mean() < 2 * 257
    stream = bytes(encode_array(TWELVE, lossy_error=3))
    decoded = decode(encapsulated(dicom_dataset(TWELVE, stored=12), JPEG_LS_NEAR, stream))
    assert 0 < np.abs(decoded.pixels.astype(int) - TWELVE_SHOWN).max() <= 3 * 65535 / 4095 + 1


def test_colour_becomes_grey() -> None:
    np.testing.assert_allclose(decode(dicom(COLOUR)).pixels, LUMA, atol=1)
    planar = dicom(COLOUR, PlanarConfiguration=1, PixelData=np.moveaxis(COLOUR, -1, 0).tobytes())
    np.testing.assert_allclose(decode(planar).pixels, LUMA, atol=1)
    for syntax, encoder in ((JPEG_LS, "pyjpegls"), (JPEG_2000_LOSSLESS, "pylibjpeg"), (RLE, "pydicom")):
        radiograph = decode(compressed(dicom_dataset(COLOUR), syntax, encoder))
        np.testing.assert_allclose(radiograph.pixels, LUMA, atol=1)


def test_luminance_and_colour_difference_show_the_luminance() -> None:
    film = dicom(COLOUR, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_array_equal(decode(film).pixels, COLOUR[..., 0])
    dataset = dicom_dataset(COLOUR, PhotometricInterpretation="YBR_FULL_422")
    radiograph = decode(encapsulated(dataset, BASELINE, jpeg8_encode(COLOUR, level=98)))
    assert np.abs(radiograph.pixels.astype(int) - LUMA).mean() < 2


def test_a_palette_is_looked_up() -> None:
    table = np.arange(255, -1, -1, dtype=np.uint16) * 257
    colours = {f"{name}PaletteColorLookupTableData": table.tobytes() for name in ("Red", "Green", "Blue")}
    sizes = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in ("Red", "Green", "Blue")}
    film = dicom(GREY, PhotometricInterpretation="PALETTE COLOR", **sizes, **colours)
    np.testing.assert_array_equal(decode(film).pixels, 255 - GREY)


def test_bits_above_and_below_the_stored_ones_do_not_count() -> None:
    overlay = (TWELVE | 0xA000).astype(np.uint16)
    np.testing.assert_array_equal(decode(dicom(overlay, stored=12)).pixels, TWELVE_SHOWN)
    high = ((TWELVE << 4) | 0x5).astype(np.uint16)
    np.testing.assert_array_equal(decode(dicom(high, stored=12, HighBit=15)).pixels, TWELVE_SHOWN)


def test_without_a_window_the_fewest_bits_that_hold_the_image_are_its_range() -> None:
    np.testing.assert_array_equal(decode(dicom(TWELVE)).pixels, TWELVE_SHOWN)


@pytest.mark.parametrize(
    "elements",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
        {"PresentationLUTShape": "INVERSE"},
    ],
)
def test_inversion_happens_once(elements: dict[str, str]) -> None:
    np.testing.assert_array_equal(decode(dicom(GREY, **elements)).pixels, 255 - GREY)
    np.testing.assert_array_equal(decode(dicom(DEEP, **elements)).pixels, 65535 - DEEP)


def test_identity_inverts_nothing() -> None:
    np.testing.assert_array_equal(decode(dicom(GREY, PresentationLUTShape="IDENTITY")).pixels, GREY)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(function: str) -> None:
    elements = {"WindowCenter": "1900", "WindowWidth": "1500", "VOILUTFunction": function}
    dataset = dicom_dataset(TWELVE, stored=12, **elements)
    expected = apply_windowing(TWELVE, dataset) / 4095 * 65535
    np.testing.assert_allclose(decode(dicom_file(dataset)).pixels, expected, atol=0.51)


def test_a_window_is_in_rescaled_units_and_the_first_of_several_counts() -> None:
    film = dicom(
        TWELVE, stored=12, RescaleSlope="2", RescaleIntercept="-1000",
        WindowCenter=["1000", "9"], WindowWidth=["2001", "9"],
    )  # fmt: skip
    # 0 to 2000 in output units (C.11.2.1.2.1: c - 0.5 and w - 1), which are 500 to 1500 as stored.
    expected = np.clip((TWELVE * 2.0 - 1000 - 999.5) / 2000 + 0.5, 0, 1) * 65535
    np.testing.assert_allclose(decode(film).pixels, expected, atol=0.51)


def test_a_negative_slope_keeps_high_output_values_white() -> None:
    film = dicom(TWELVE, stored=12, RescaleSlope="-1", RescaleIntercept="4095")
    np.testing.assert_allclose(decode(film).pixels, 65535 - TWELVE_SHOWN.astype(int), atol=1)
    windowed = dicom(
        TWELVE, stored=12, RescaleSlope="-1", RescaleIntercept="4095", WindowCenter="2048", WindowWidth="4096"
    )
    np.testing.assert_allclose(decode(windowed).pixels, 65535 - TWELVE_SHOWN.astype(int), atol=9)


@pytest.mark.parametrize("width", ["0", "-5", ""])
def test_a_window_that_is_none_is_left_out(width: str) -> None:
    np.testing.assert_array_equal(decode(dicom(GREY, WindowCenter="40", WindowWidth=width)).pixels, GREY)


def lut(entries: list[int], first: int, depth: int, *, as_bytes: bool = False) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, depth]
    item.add_new("LUTData", "OW" if as_bytes else "US", np.array(entries, "<u2").tobytes() if as_bytes else entries)
    return item


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_voi_lut_goes_before_a_window(as_bytes: bool) -> None:
    table = [0] * 100 + list(range(0, 4095, 39)) + [4095] * 5
    film = dicom(GREY, VOILUTSequence=[lut(table, 10, 12, as_bytes=as_bytes)], WindowCenter="128", WindowWidth="2")
    expected = np.array(table)[np.clip(GREY.astype(int) - 10, 0, len(table) - 1)] / 4095 * 255
    np.testing.assert_allclose(decode(film).pixels, expected, atol=0.51)


def test_a_modality_lut_replaces_the_rescale() -> None:
    table = list(range(65535, -1, -257))
    film = dicom(GREY, ModalityLUTSequence=[lut(table, 0, 16)], RescaleSlope="5", RescaleIntercept="5")
    np.testing.assert_allclose(decode(film).pixels, 255 - GREY.astype(int), atol=1)


def test_padding_is_black_on_an_inverted_film_too() -> None:
    film = dicom(GREY, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0, PixelPaddingRangeLimit=9)
    expected = np.where(GREY <= 9, 0, 255 - GREY.astype(int))
    np.testing.assert_array_equal(decode(film).pixels, expected)


def test_a_stream_cut_off_is_refused() -> None:
    whole = encapsulated(dicom_dataset(GREY), LOSSLESS_SV1, jpeg8_encode(GREY, lossless=True))
    with pytest.raises(Unprocessable) as refusal:
        decode(whole[: len(whole) // 2])
    assert refusal.value.reason == "truncated"


def test_the_deflated_form_is_bounded_by_what_it_inflates_to() -> None:
    flat = np.zeros((1000, 1000), np.uint8)
    film = dicom(flat, DEFLATED)
    assert len(film) < 10_000
    assert not decode(film).pixels.any()
    with pytest.raises(Unprocessable, match="too-large"):
        decode(film, limits=Limits(bytes=900_000))


@pytest.mark.parametrize("cut", [150, 400, 600])
def test_a_header_cut_off_is_not_taken_for_one_without_pixels(cut: int) -> None:
    with pytest.raises(Unprocessable) as refusal:
        decode(dicom(GREY, ImageComments="x" * 600, PatientComments="y" * 600)[:cut])
    assert refusal.value.reason != "dicom-without-pixels"
