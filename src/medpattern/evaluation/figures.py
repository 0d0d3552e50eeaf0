"""The pictures of a model's card: SVG, on a white ground, so that they are read in light and in dark.

The same figures give the same bytes with the same matplotlib. Since another version of it writes other bytes, each
picture carries a stamp, a digest of what was drawn and of this module: a picture with the right stamp is current.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from medpattern.evaluation.metrics import Bin
    from medpattern.evaluation.operating import PointFigures
    from medpattern.evaluation.scores import ScoreTable
    from medpattern.pipeline.model import OperatingPoint

# Told apart by people who see colours otherwise: Okabe and Ito's palette (2008).
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#595959"
STYLE: Any = {
    "svg.hashsalt": "medpattern",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "path.simplify": False,
}
MARKERS = ("o", "s", "^", "D")
# The corner of the ROC curve that a usable model lies in, as a share of each side.
CORNER = 0.25
BARS = 25


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a page: its file's name, its SVG, and what it shows, in words for those who do not see it."""

    name: str
    svg: str
    alt: str


def stamp_of(svg: str) -> str | None:
    """The stamp in a picture, None without one."""
    found = re.search(r"<dc:description>stamp ([0-9a-f]{64})</dc:description>", svg)
    return found[1] if found else None


def roc(curves: Sequence[tuple[str, ScoreTable]], points: Sequence[PointFigures], alt: str) -> Picture:
    """ROC curves by name, whole and their corner; `points` are those of the first curve's films."""
    shapes = [(name, _curve(table)) for name, table in curves]
    marks = [
        (item.point.name, item.specificity.value, item.sensitivity.value)
        for item in points
        if item.specificity.value is not None and item.sensitivity.value is not None
    ]
    drawn = [(name, x.tolist(), y.tolist()) for name, (x, y) in shapes]

    def draw(canvas: Canvas) -> None:
        for panel, side in zip(canvas.subplots(1, 2), (1.0, CORNER), strict=True):
            for (name, (false, true)), colour, line in zip(shapes, (BLUE, ORANGE), ("-", "--"), strict=False):
                panel.plot(100 * false, 100 * true, line, color=colour, label=name, linewidth=1.4)
            for (name, specificity, sensitivity), marker in zip(marks, MARKERS, strict=False):
                place = 100 * (1 - specificity), 100 * sensitivity
                panel.plot(*place, marker, color=GREEN, markeredgecolor="black", label=name, linestyle="none")
            _frame(panel, (0, 100 * side), (100 * (1 - side), 100), "normal films called pneumonia, %")
            panel.set_ylabel("pneumonia called pneumonia, %")
            panel.set_title("whole" if side == 1 else "upper left corner")
        canvas.axes[0].legend(loc="lower right", frameon=False)

    return _picture("roc", draw, (drawn, marks), alt, (7.6, 3.8))


def reliability(bins: Sequence[Bin], alt: str) -> Picture:
    """Mean score against the share with pneumonia, a dot for each bin, its area by the number of films."""
    score, share, films = (np.array([getattr(one, key) for one in bins]) for key in ("mean_score", "share", "films"))

    def draw(canvas: Canvas) -> None:
        panel = canvas.subplots()
        panel.plot([0, 100], [0, 100], ":", color=GREY, label="as it should be")
        panel.plot(100 * score, 100 * share, "-", color=BLUE, linewidth=0.8)
        panel.scatter(100 * score, 100 * share, s=4 + 3 * np.sqrt(films) ** 1.5, color=BLUE, label="films of a bin")
        _frame(panel, (0, 100), (0, 100), "mean score of the bin, %")
        panel.set_ylabel("films with pneumonia, %")
        panel.legend(loc="upper left", frameon=False)

    return _picture("reliability", draw, [score.tolist(), share.tolist(), films.tolist()], alt, (4.4, 4.0))


def scores(table: ScoreTable, point: OperatingPoint, alt: str) -> Picture:
    """How many films of each class have which score; the operating point's band in grey. The height is logarithmic."""
    edges = np.linspace(0, 1, BARS + 1)
    sick, well = (np.histogram(table.score[table.pneumonia == what], edges)[0] for what in (True, False))

    def draw(canvas: Canvas) -> None:
        panel = canvas.subplots()
        for heights, colour, name, hatch in ((well, BLUE, "normal", ""), (sick, ORANGE, "pneumonia", "//")):
            panel.stairs(heights, edges, fill=True, color=colour, alpha=0.55, hatch=hatch, label=name)
        panel.axvspan(point.low, point.high, color=GREY, alpha=0.15, label=f"unsure at {point.name}")
        panel.axvline(point.low, color=GREY, linestyle="--", linewidth=1)
        panel.set_yscale("symlog", linthresh=1)
        _frame(panel, (0, 1), (0, None), "score")
        panel.set_ylabel("films")
        canvas.legend(loc="outside upper center", ncols=3, frameon=False)

    return _picture("scores", draw, [sick.tolist(), well.tolist(), point.name, point.low, point.high], alt, (7.6, 3.2))


def _curve(table: ScoreTable) -> tuple[np.ndarray, np.ndarray]:
    """False and true positives as shares, corners only."""
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(table.pneumonia, table.score)
    return false, true


def _frame(panel: Axes, across: tuple[float, float], up: tuple[float, float | None], label: str) -> None:
    margin = 0.02 * (across[1] - across[0])
    panel.set_xlim(across[0] - margin, across[1] + margin)
    panel.set_ylim(up[0] if up[1] is None else up[0] - margin, None if up[1] is None else up[1] + margin)
    panel.set_xlabel(label)
    panel.grid(visible=True, color="#d9d9d9", linewidth=0.6)
    panel.set_axisbelow(True)


def _picture(name: str, draw: Callable[[Canvas], None], drawn: object, alt: str, size: tuple[float, float]) -> Picture:
    """`drawn` is everything that `draw` takes from outside this module; `size` is in inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    stamp = hashlib.sha256(f"{inspect.getsource(sys.modules[__name__])}{drawn!r}".encode()).hexdigest()
    file = io.StringIO()
    with rc_context(STYLE):
        canvas = Canvas(figsize=size, layout="constrained")
        draw(canvas)
        metadata = {"Date": None, "Creator": None, "Description": f"stamp {stamp}"}
        canvas.savefig(file, format="svg", metadata=metadata)
    text = "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
    return Picture(f"{name}.svg", text, alt)
