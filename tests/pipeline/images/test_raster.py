"""JPEG, PNG and TIFF: modes, depths, orientation, scaled decoding."""

from __future__ import annotations

from struct import pack
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from medpattern.pipeline.images import InputContract, decode, prepare
from tests.pipeline.images.films import picture, raster

GREY, DEEP = picture(), picture(bits=16)

LOSSLESS = {
    "png": raster(GREY, "PNG"),
    "png-rgb": raster(Image.fromarray(GREY).convert("RGB"), "PNG"),
    "png-opaque": raster(Image.fromarray(GREY).convert("RGBA"), "PNG"),
    "png-interlaced-palette": raster(Image.fromarray(GREY).convert("P"), "PNG", optimize=True),
    "tiff": raster(GREY, "TIFF"),
    "tiff-lzw": raster(GREY, "TIFF", compression="tiff_lzw"),
    "tiff-deflate": raster(GREY, "TIFF", compression="tiff_adobe_deflate"),
    "tiff-packbits": raster(GREY, "TIFF", compression="packbits"),
    "tiff-cmyk": raster(Image.fromarray(GREY).convert("CMYK"), "TIFF"),
    "tiff-white-is-zero": raster(GREY, "TIFF", tiffinfo={262: 0}),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_eight_bits_come_back_exactly(name: str) -> None:
    radiograph = decode(LOSSLESS[name])
    assert radiograph.bits == 8
    np.testing.assert_array_equal(radiograph.pixels, GREY)


@pytest.mark.parametrize(
    "film", [raster(DEEP, "PNG"), raster(DEEP, "TIFF"), raster(DEEP, "TIFF", compression="tiff_lzw")]
)
def test_sixteen_bits_come_back_exactly(film: bytes) -> None:
    radiograph = decode(film)
    assert (radiograph.bits, radiograph.facts.bits_stored) == (16, 16)
    np.testing.assert_array_equal(radiograph.pixels, DEEP)


def tiff_16(order: str, photometric: int) -> bytes:
    """A 16-bit TIFF written by hand, in either byte order."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    values = [(256, 4, 121), (257, 4, 90), (258, 3, 16), (259, 3, 1), (262, 3, photometric), (273, 4, 8)]
    values += [(277, 3, 1), (278, 4, 90), (279, 4, DEEP.nbytes)]
    entry = {3: f"{order}HHIHxx", 4: f"{order}HHII"}
    directory = b"".join(pack(entry[kind], tag, kind, 1, value) for tag, kind, value in values)
    pixels = DEEP.astype(f"{order}u2").tobytes()
    return mark + pack(f"{order}I", 8 + len(pixels)) + pixels + pack(f"{order}H", len(values)) + directory + bytes(4)


def test_sixteen_bit_tiff_in_both_byte_orders_and_with_white_as_zero() -> None:
    np.testing.assert_array_equal(decode(tiff_16("<", 1)).pixels, DEEP)
    np.testing.assert_array_equal(decode(tiff_16(">", 1)).pixels, DEEP)
    np.testing.assert_array_equal(decode(tiff_16("<", 0)).pixels, 65535 - DEEP)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_comes_back_nearly(mode: str) -> None:
    radiograph = decode(raster(Image.fromarray(GREY).convert(mode), "JPEG", quality=95))
    assert np.abs(radiograph.pixels.astype(int) - GREY).mean() < 2


def test_transparent_pixels_are_black() -> None:
    layered = Image.fromarray(GREY).convert("LA")
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:, :40] = 0
    layered.putalpha(Image.fromarray(alpha))
    pixels = decode(raster(layered, "PNG")).pixels
    assert not pixels[:, :40].any()
    np.testing.assert_array_equal(pixels[:, 40:], GREY[:, 40:])


# EXIF 2.32, table 6: where row 0 and column 0 of the file lie in the image as it is seen.
SEEN: dict[int, Any] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("pixels", [GREY, DEEP], ids=["8", "16"])
def test_orientation_is_applied(orientation: int, pixels: NDArray[Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for film in (raster(pixels, "PNG", exif=exif), raster(pixels, "TIFF", tiffinfo={0x0112: orientation})):
        radiograph = decode(film)
        np.testing.assert_array_equal(radiograph.pixels, SEEN[orientation](pixels))
        assert (radiograph.facts.height, radiograph.facts.width) == radiograph.pixels.shape


def test_a_turned_jpeg_keeps_its_own_size_in_the_facts() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    radiograph = decode(raster(picture(1200, 1600), "JPEG", exif=exif), smallest_side=300)
    assert radiograph.pixels.shape == (400, 300)
    assert (radiograph.facts.height, radiograph.facts.width) == (1600, 1200)


def test_a_number_that_is_no_orientation_turns_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    np.testing.assert_array_equal(decode(raster(GREY, "PNG", exif=exif)).pixels, GREY)


@pytest.mark.parametrize(("height", "width"), [(1000, 1300), (1858, 2090), (2413, 2901)])
def test_scaled_decoding_changes_the_models_input_by_less_than_a_grey_level_on_average(height: int, width: int) -> None:
    contract = InputContract("image", 224, 224, crop=0.04)
    film = raster(picture(height, width), "JPEG", quality=90)
    scaled = decode(film, smallest_side=contract.smallest_side)
    assert contract.smallest_side <= min(scaled.pixels.shape) < height
    difference = np.abs(prepare(scaled, contract) - prepare(decode(film), contract)) * 255
    assert difference.mean() < 0.6
    assert np.quantile(difference, 0.99) < 3
    assert difference.max() < 24  # on the corners of the black and white rectangles


def test_a_small_jpeg_is_never_scaled() -> None:
    film = raster(picture(300, 400), "JPEG")
    np.testing.assert_array_equal(decode(film, smallest_side=299).pixels, decode(film).pixels)
