"""Published images: the anonymised pixels, a margin that says what it is, and no word of metadata."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from medpattern.pipeline.deidentification.interface import Deidentified, Reason, Verdict
from medpattern.pipeline.deidentification.publication import (
    Caption,
    WithheldError,
    anonymised_png,
    caption_lines,
    processed_png,
)

CAPTION = Caption("pneumonia", 0.8731, "balanced", "stand-in", "0.1.0", stand_in=True, simulated=True)


def deidentified(pixels: np.ndarray, verdict: Verdict = Verdict.REMOVED) -> Deidentified:
    reason = Reason.TEXT_LEFT if verdict is Verdict.QUARANTINE else Reason.NONE
    return Deidentified(pixels, np.zeros(pixels.shape, np.bool_), verdict, reason)


def film(dtype: type = np.uint8, height: int = 150, width: int = 260) -> np.ndarray:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (height, width)).astype(dtype)


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def chunks(data: bytes) -> list[bytes]:
    names, position = [], 8
    while position < len(data):
        length, name = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        body = data[position + 8 : position + 8 + length]
        assert zlib.crc32(name + body) == int.from_bytes(data[position + 8 + length : position + 12 + length], "big")
        names.append(name)
        position += 12 + length
    return names


def test_the_anonymised_image_holds_exactly_the_pixels() -> None:
    assert np.array_equal(opened(anonymised_png(deidentified(film()))), film())


def test_sixteen_bits_are_published_as_their_upper_eight() -> None:
    shown = opened(anonymised_png(deidentified(film(np.uint16))))
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, film(np.uint16) // 256)


@pytest.mark.parametrize("width", [64, 260, 3000])
def test_the_processed_image_is_the_film_with_a_margin_below(width: int) -> None:
    pixels = film(width=width)
    shown = opened(processed_png(deidentified(pixels), CAPTION))
    margin = shown[len(pixels) :]
    assert np.array_equal(shown[: len(pixels)], pixels)
    assert shown.shape[1] == width
    assert (margin > 200).sum() > 200
    assert (margin[:, -2:][1:] == 0).all(), "text runs out of the margin"


def test_both_have_no_chunk_but_the_image_and_the_same_bytes_each_time() -> None:
    for make in (lambda: anonymised_png(deidentified(film())), lambda: processed_png(deidentified(film()), CAPTION)):
        assert set(chunks(make())) == {b"IHDR", b"IDAT", b"IEND"}
        assert make() == make()


def test_a_quarantined_image_is_never_published() -> None:
    held = deidentified(film(), Verdict.QUARANTINE)
    with pytest.raises(WithheldError):
        anonymised_png(held)
    with pytest.raises(WithheldError):
        processed_png(held, CAPTION)


def test_the_caption_says_result_model_and_limits() -> None:
    text = "\n".join(caption_lines(CAPTION))
    for part in ("pneumonia", "87.3 %", "balanced", "stand-in 0.1.0", "stand-in model", "simulated"):
        assert part in text
    assert "preliminary, not for diagnosis" in text


def test_a_trained_model_on_a_film_of_a_person_is_called_neither_stand_in_nor_simulated() -> None:
    text = "\n".join(caption_lines(replace(CAPTION, model_name="chest", stand_in=False, simulated=False)))
    assert "stand-in" not in text
    assert "simulated" not in text
    assert "preliminary, not for diagnosis" in text


def test_no_risk_is_said_to_be_none_and_the_reason_is_named() -> None:
    text = "\n".join(caption_lines(replace(CAPTION, outcome="unsure", risk=None, reason="outside intended use")))
    assert "unsure (outside intended use)" in text
    assert "Risk: none" in text


def test_different_outcomes_look_different() -> None:
    image = deidentified(film())
    assert processed_png(image, CAPTION) != processed_png(image, replace(CAPTION, outcome="normal"))
