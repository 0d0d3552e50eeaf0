"""What is told from what, and how bad files end."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import suppress

import pytest

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import Limits, decode
from tests.pipeline.images.corpus import BadImage, OddImage, corpus, odd_images
from tests.pipeline.images.films import dicom, picture, raster


@pytest.mark.parametrize("bad", corpus(), ids=lambda bad: bad.name)
def test_a_bad_file_is_refused_with_its_reason(bad: BadImage) -> None:
    with pytest.raises(Unprocessable) as refusal:
        decode(bad.data)
    assert refusal.value.reason == bad.reason


@pytest.mark.parametrize("odd", odd_images(), ids=lambda odd: odd.name)
def test_an_odd_file_is_read(odd: OddImage) -> None:
    assert decode(odd.data).pixels.shape == (90, 121)


def test_the_whole_corpus_is_refused_within_bounded_memory() -> None:
    """In a process of its own: the greatest memory stays below what one allowed image may take."""
    script = (
        "import resource, sys\n"
        "from medpattern.pipeline.failures import Unprocessable\n"
        "from medpattern.pipeline.images import decode\n"
        "from tests.pipeline.images.corpus import corpus\n"
        "files = corpus()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for bad in files:\n"
        "    try: decode(bad.data)\n"
        "    except Unprocessable: pass\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200


def test_a_file_above_the_limit_of_bytes_is_too_large() -> None:
    film = raster(picture(), "PNG")
    assert decode(film, limits=Limits(bytes=len(film))).facts.format == "png"
    with pytest.raises(Unprocessable, match="too-large"):
        decode(film, limits=Limits(bytes=len(film) - 1))


@pytest.mark.parametrize("film", [raster(picture(), "JPEG"), raster(picture(), "TIFF"), dicom(picture())])
def test_the_limit_of_pixels_counts_rows_times_columns(film: bytes) -> None:
    assert decode(film, limits=Limits(pixels=90 * 121)).facts.height == 90
    with pytest.raises(Unprocessable, match="too-many-pixels"):
        decode(film, limits=Limits(pixels=90 * 121 - 1))


def test_a_private_syntax_is_named_and_a_hostile_one_is_not() -> None:
    named = {bad.name: bad for bad in corpus()}
    with pytest.raises(Unprocessable, match=r"1\.3\.6\.1\.4\.1\.999\.12"):
        decode(named["private-syntax.dcm"].data)
    with pytest.raises(Unprocessable) as refusal:
        decode(named["hostile-syntax.dcm"].data)
    assert "Doe" not in str(refusal.value)


def test_no_refusal_log_or_warning_tells_the_patient(caplog: pytest.LogCaptureFixture) -> None:
    """Damaged numbers are what decoders quote; here each holds a name."""
    caplog.set_level(logging.DEBUG)
    whole = dicom(picture(), PatientID="JANEDOE", WindowCenter="1111", WindowWidth="2222", PatientAge="004Y")
    for old in (b"1111", b"2222", b"004Y", b"MONOCHROME2 ", b"DX"):
        damaged = whole.replace(old, b"JANEDOE\xff"[: len(old)].ljust(len(old)))
        with suppress(Unprocessable):
            decode(damaged)
    with pytest.raises(Unprocessable) as refusal:
        decode(whole.replace(b"MONOCHROME2 ", b"JANEDOE     "))
    assert "JANE" not in str(refusal.value)
    assert "JANE" not in caplog.text


def test_neither_pydicom_nor_the_codecs_are_loaded_before_the_first_dicom() -> None:
    script = (
        "import sys\n"
        "from tests.pipeline.images.films import picture, raster\n"
        "for name in [name for name in sys.modules if name.startswith('pydicom')]: del sys.modules[name]\n"
        "from medpattern.pipeline.images import decode\n"
        "for form in ('JPEG', 'PNG', 'TIFF'): decode(raster(picture(), form))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('pydicom', 'imagecodecs', 'onnx')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
