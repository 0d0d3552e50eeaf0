"""The pictures of the card: the same bytes each time, a stamp that tells whether one is current, a white ground."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from medpattern.evaluation import figures
from medpattern.evaluation.bootstrap import Bootstrap
from medpattern.evaluation.figures import Picture, stamp_of
from medpattern.evaluation.metrics import reliability
from medpattern.evaluation.operating import point_figures
from medpattern.evaluation.scores import ScoreTable
from medpattern.pipeline.model import OperatingPoint
from tests.evaluation.tables import drawn
from tests.fleet.small import CHECKOUT

POINT = OperatingPoint("balanced", 0.4, 0.6)


def roc(table: ScoreTable) -> Picture:
    point = point_figures(table, POINT, None, Bootstrap(table.patients, resamples=10))
    return figures.roc([("validation", table)], [point], "words")


def reliable(table: ScoreTable) -> Picture:
    return figures.reliability(reliability(table.pneumonia, table.score), "words")


def histogram(table: ScoreTable) -> Picture:
    return figures.scores(table, POINT, "words")


Draw = Callable[[ScoreTable], Picture]
ALL = pytest.mark.parametrize("draw", [roc, reliable, histogram])


@ALL
def test_the_same_scores_give_the_same_bytes(draw: Draw) -> None:
    assert draw(drawn()) == draw(drawn())


def test_another_process_draws_the_same_bytes() -> None:
    """Hashes of strings, and with them the order of sets, differ between processes."""
    code = (
        "import sys\n"
        "from tests.evaluation.tables import drawn\n"
        "from tests.evaluation.test_figures import roc\n"
        "sys.stdout.write(roc(drawn()).svg)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT,
        env={"PYTHONPATH": f"{CHECKOUT / 'src'}:{CHECKOUT}", "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"},
    )  # fmt: skip

    assert done.stdout == roc(drawn()).svg


@ALL
def test_other_scores_give_another_stamp(draw: Draw) -> None:
    stamps = {stamp_of(draw(drawn(seed=seed)).svg) for seed in (1, 2)}

    assert len(stamps) == 2
    assert None not in stamps


@ALL
def test_a_picture_is_svg_on_white_and_names_neither_time_nor_program(draw: Draw) -> None:
    picture = draw(drawn())

    root = ElementTree.fromstring(picture.svg)  # noqa: S314  our own
    space = "{http://www.w3.org/2000/svg}"
    ground = root.find(f".//{space}g[@id='patch_1']/{space}path")
    assert root.tag == f"{space}svg"
    assert ground is not None
    assert "fill: #ffffff" in ground.attrib["style"], "dark text on a dark page cannot be read"
    assert "<dc:date>" not in picture.svg
    assert "Matplotlib v" not in picture.svg


def test_what_is_no_such_picture_has_no_stamp() -> None:
    assert stamp_of("") is None
    assert stamp_of("<svg/>") is None
