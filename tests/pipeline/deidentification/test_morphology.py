"""Morphology and components against plain definitions of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medpattern.pipeline.deidentification.morphology import components, dilate, erode, join, top_hat

SMALL = st.tuples(st.integers(1, 14), st.integers(1, 14))


@pytest.mark.parametrize("size", [1, 3, 5, 7, 17])
def test_erosion_and_dilation_are_the_extremes_of_each_window(size: int) -> None:
    grey = np.random.default_rng(size).integers(0, 256, (23, 31)).astype(np.uint8)
    half = size // 2
    for row, column in ((0, 0), (5, 30), (22, 15), (11, 11)):
        window = grey[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
        assert erode(grey, size)[row, column] == window.min()
        assert dilate(grey, size)[row, column] == window.max()


def test_a_top_hat_keeps_what_is_thin_and_drops_what_is_broad() -> None:
    grey = np.full((60, 60), 50, np.uint8)
    grey[10:14, 5:50] = 150
    grey[30:55, 20:50] = 150
    above = top_hat(grey, 9)
    assert (above[10:14, 5:50] == 100).all()
    assert (above[30:55, 20:50] == 0).all()


def flooded(mask: NDArray[np.bool_]) -> set[frozenset[tuple[int, int]]]:
    """Components by filling from each pixel in turn."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    found = set()
    while left:
        ready, part = [left.pop()], set()
        while ready:
            row, column = ready.pop()
            part.add((row, column))
            around = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)} & left
            left -= around
            ready += around
        found.add(frozenset(part))
    return found


@settings(max_examples=150, deadline=None)
@given(arrays(np.bool_, SMALL))
def test_components_are_those_of_a_flood_fill(mask: NDArray[np.bool_]) -> None:
    parts = components(mask)
    pixels = [set() for _ in range(len(parts))]  # type: list[set[tuple[int, int]]]
    for row, column, label in zip(parts.rows, parts.columns, parts.label, strict=True):
        pixels[label].add((int(row), int(column)))
    assert {frozenset(part) for part in pixels} == flooded(mask)
    for number, part in enumerate(pixels):
        rows, columns = {row for row, _ in part}, {column for _, column in part}
        box = (parts.top[number], parts.left[number], parts.bottom[number], parts.right[number])
        assert box == (min(rows), min(columns), max(rows), max(columns))
        assert parts.area[number] == len(part)


def test_things_that_belong_together_over_others_get_one_number() -> None:
    groups = join(6, np.array([4, 2, 3]), np.array([2, 3, 0]))
    assert groups[0] == groups[2] == groups[3] == groups[4]
    assert len({int(groups[0]), int(groups[1]), int(groups[5])}) == 3
