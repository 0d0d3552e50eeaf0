"""Phantoms: repeatable, of the asked size and depth, and with a finding where one was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from medpattern.pipeline.simulation.phantom import draw_phantom


def drawn(seed: int, **wish: object) -> np.ndarray:
    return draw_phantom(np.random.default_rng(seed), 200, 240, **wish).pixels  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert drawn(5).tobytes() == drawn(5).tobytes()
    assert drawn(5).tobytes() != drawn(6).tobytes()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (224, 224), (300, 700), (1500, 1100)])
def test_the_size_is_the_one_asked_for(height: int, width: int) -> None:
    phantom = draw_phantom(np.random.default_rng(1), height, width)
    assert phantom.pixels.shape == phantom.lungs.shape == (height, width)


def test_sixteen_bits_use_the_whole_range_and_show_the_same_chest() -> None:
    deep, flat = drawn(9, bits=16), drawn(9, bits=8)
    assert deep.dtype == np.uint16
    assert len(np.unique(deep)) > 4096
    assert np.abs(deep / 257.0 - flat).max() <= 1.0


def test_lungs_are_darker_than_what_surrounds_them() -> None:
    for seed in range(10):
        phantom = draw_phantom(np.random.default_rng(seed), 200, 200)
        middle = phantom.pixels[60:140, 40:160]
        lungs = phantom.lungs[60:140, 40:160]
        assert 0.1 < phantom.lungs.mean() < 0.5
        assert middle[lungs].mean() < middle[~lungs].mean() - 30


def test_pneumonia_whitens_part_of_a_lung() -> None:
    """The same generator state draws the same child up to the opacities, which come last in its anatomy."""
    for seed in range(10):
        healthy = draw_phantom(np.random.default_rng(seed), 200, 200)
        ill = draw_phantom(np.random.default_rng(seed), 200, 200, pneumonia=True)
        assert not healthy.anatomy.opacities
        assert len(ill.anatomy.opacities) >= 2
        assert ill.pixels[ill.lungs].mean() > healthy.pixels[healthy.lungs].mean() + 3


@pytest.mark.parametrize("side", [0, 31, 8193])
def test_sizes_that_make_no_film_are_refused(side: int) -> None:
    with pytest.raises(ValueError, match="32 to 8192"):
        draw_phantom(np.random.default_rng(0), side, 200)
