"""Parts come out whole however the body was cut into chunks, and none is held beyond its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.receive.multipart import DICOM, Part, Parts, boundary_of

BOUNDARY = "limit-7"


def body(*contents: bytes, media_type: str = DICOM) -> bytes:
    heads = f"--{BOUNDARY}\r\nContent-Type: {media_type}\r\n\r\n".encode()
    return b"".join(heads + content + b"\r\n" for content in contents) + f"--{BOUNDARY}--\r\n".encode()


def read(chunks: list[bytes], most_bytes: int = 1000) -> list[Part]:
    parts = Parts(BOUNDARY, most_bytes)
    found = [part for chunk in chunks for part in parts.feed(chunk)]
    parts.finish()
    return found


nasty = st.binary(max_size=60) | st.sampled_from([b"\r\n--limit", b"--limit-7", b"\r\n", b"\r\n--limit-"])


@given(st.lists(nasty, min_size=1, max_size=4), st.lists(st.integers(1, 50)))
def test_parts_come_out_whole_however_the_body_is_cut(contents: list[bytes], sizes: list[int]) -> None:
    whole = body(*contents)
    chunks, at = [], 0
    for size in sizes:
        chunks.append(whole[at : at + size])
        at += size
    assert read([*chunks, whole[at:]]) == [Part(DICOM, content) for content in contents]


def test_part_beyond_the_bound_is_dropped_and_the_next_is_read() -> None:
    found = read([body(b"x" * 1001, b"y" * 1000)])
    assert [part.data for part in found] == [None, b"y" * 1000]


def test_media_type_is_that_of_the_part() -> None:
    assert read([body(b"x", media_type="Application/JSON; charset=utf-8")])[0].media_type == "application/json"


@pytest.mark.parametrize(
    "chunk",
    [b"", b"no boundary at all", body(b"x")[:-6], body(b"x").replace(b"\r\n\r\n", b"\n\n")],
    ids=["empty", "other", "cut-off", "line-feeds"],
)
def test_body_that_is_cut_off_or_no_multipart_is_malformed(chunk: bytes) -> None:
    with pytest.raises(Unprocessable, match="malformed-multipart"):
        read([chunk])


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_foreign_bytes_are_refused_in_order(chunks: list[bytes]) -> None:
    with pytest.raises(Unprocessable):
        read(chunks)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=limit-7', BOUNDARY),
        ('Multipart/Related;boundary="limit-7";type=application/dicom', BOUNDARY),
        ("multipart/related; boundary=limit-7", BOUNDARY),
        ('multipart/related; type="application/dicom+json"; boundary=limit-7', None),
        ("multipart/form-data; boundary=limit-7", None),
        ("application/dicom", None),
        ("", None),
    ],
)
def test_only_multipart_related_with_dicom_has_a_boundary(content_type: str, boundary: str | None) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("content_type", ["multipart/related", 'multipart/related; boundary=""'])
def test_content_type_without_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(Unprocessable, match="no-boundary"):
        boundary_of(content_type)


@pytest.mark.parametrize("boundary", ["b" * 300, "grenze-ü"])
def test_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(Unprocessable, match="malformed-multipart"):
        Parts(boundary, 10)
