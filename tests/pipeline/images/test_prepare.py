"""From a radiograph to the model's input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medpattern.pipeline.images import ImageFacts, InputContract, Radiograph, prepare
from tests.pipeline.images.films import picture


def radiograph(pixels: NDArray[Any]) -> Radiograph:
    height, width = pixels.shape
    return Radiograph(pixels, 8 if pixels.dtype == np.uint8 else 16, ImageFacts("png", width, height))


def test_shape_type_and_range() -> None:
    planes = prepare(radiograph(picture(300, 200)), InputContract("image", 64, 48))
    assert (planes.shape, planes.dtype) == ((1, 1, 64, 48), np.float32)
    assert 0 <= planes.min() < 0.02
    assert 0.98 < planes.max() <= 1


def test_each_channel_has_its_own_scaling() -> None:
    flat = np.full((50, 50), 204, np.uint8)
    contract = InputContract("image", 32, 32, 3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.5))
    planes = prepare(radiograph(flat), contract)[0]
    np.testing.assert_allclose(planes.mean((1, 2)), [2.0, 1.2, 0.4], rtol=1e-5)


def test_the_crop_takes_its_share_of_every_border() -> None:
    framed = np.full((200, 400), 255, np.uint8)
    framed[20:180, 40:360] = 100
    planes = prepare(radiograph(framed), InputContract("image", 32, 32, resize="box", crop=0.1))
    np.testing.assert_allclose(planes, 100 / 255, rtol=1e-5)


def test_sixteen_bits_keep_what_eight_cannot_hold() -> None:
    ramp = np.linspace(30_000, 30_200, 224 * 224).reshape(224, 224).astype(np.uint16)
    contract = InputContract("image", 224, 224)
    assert len(np.unique(prepare(radiograph(ramp), contract))) > 150
    assert len(np.unique(prepare(radiograph((ramp >> 8).astype(np.uint8)), contract))) <= 2


def test_sixteen_bits_agree_with_eight() -> None:
    deep = picture(700, 900, bits=16)
    contract = InputContract("image", 224, 224, crop=0.04)
    eight = np.rint(deep / 257).astype(np.uint8)
    difference = np.abs(prepare(radiograph(deep), contract) - prepare(radiograph(eight), contract))
    assert difference.mean() < 0.5 / 255
    # Ringing at hard edges is clipped after each of two passes in 8 bits, once in 16.
    assert np.quantile(difference, 0.99) < 2.5 / 255


@pytest.mark.parametrize("resize", ["box", "bilinear", "hamming", "bicubic", "lanczos"])
def test_a_hard_edge_never_leaves_the_range(resize: Any) -> None:
    edge = np.zeros((300, 300), np.uint16)
    edge[:, 150:] = 65535
    planes = prepare(radiograph(edge), InputContract("image", 77, 77, resize=resize))
    assert planes.min() >= 0
    assert planes.max() <= 1


@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_any_picture_gives_finite_numbers_and_the_same_ones_twice(pixels: NDArray[np.uint8]) -> None:
    contract = InputContract("image", 16, 16, crop=0.04)
    planes = prepare(radiograph(pixels), contract)
    assert np.isfinite(planes).all()
    assert planes.tobytes() == prepare(radiograph(pixels.copy()), contract).tobytes()
