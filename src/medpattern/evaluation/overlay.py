"""An occlusion map as a picture for people: the film, the map over it, what the model said, and what it is not for.

Nothing in it tells whose film it is: no name, no header, no text of the film's own (the pipeline's remover of burned-in
text has taken it; where that cannot vouch for the film, its pixels are shown too blurred to be read).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.filmfiles import eight_bits
from medpattern.pipeline.deidentification.burned_in import BurnedInTextRemover
from medpattern.pipeline.deidentification.interface import Verdict
from medpattern.pipeline.events.results import STATEMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from medpattern.evaluation.alterations import Pixels
    from medpattern.evaluation.occlusion import Occlusion
    from medpattern.pipeline.images import InputContract, Radiograph
    from medpattern.pipeline.model import Assessment

# Crameri's perceptually uniform diverging map (doi 10.5281/zenodo.1243862), as matplotlib ships it: blue, dark, red.
COLOURS = "berlin"
# A map that never reaches this many log odds stays faint, instead of being stretched to full colour.
FAINTEST = 0.25
MOST_OPAQUE = 0.75
# The film below the map is shown darker, so that the light ends of the colours stand out.
DIMMED = 0.55
# Pixels of the longer side as shown, and the blur (share of the shorter side) that leaves no letter legible.
LONGEST_SIDE = 900
ILLEGIBLE = 0.04
WORDS = (
    "Red: what is seen there speaks for pneumonia; with the place blurred the score falls. Blue: against it.\n"
    "Colour shows where the model looks, not where disease is: it may look at the wrong thing."
)
NOWHERE = "No single place matters much to this answer."
WITHHELD = "The film is blurred here: burned-in text could not be ruled out."


@dataclass(frozen=True, slots=True, eq=False)
class ShownFilm:
    """A film as it may be shown: uint8 (height, width); `withheld`: its pixels are blurred beyond reading."""

    pixels: Pixels
    withheld: bool


def shown_film(radiograph: Radiograph) -> ShownFilm:
    """The film without burned-in text, at most 900 pixels a side; blurred where text cannot be ruled out."""
    from PIL import Image, ImageFilter

    clean = BurnedInTextRemover().deidentify(radiograph.pixels, radiograph.facts.burned_in)
    withheld = clean.verdict is Verdict.QUARANTINE
    seen = radiograph if withheld else replace(radiograph, pixels=clean.pixels)
    picture = Image.fromarray(eight_bits(seen))
    if withheld:
        picture = picture.filter(ImageFilter.GaussianBlur(ILLEGIBLE * min(picture.size)))
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return ShownFilm(np.asarray(picture), withheld)


def overlay_png(film: ShownFilm, found: Occlusion | None, assessment: Assessment, contract: InputContract) -> bytes:
    """The picture as PNG; without an occlusion (the gate refused the film) the film alone, and why.

    The map lies where the model's input lies: within the film's borders that `contract` crops.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = film.pixels.shape
    each = 6.0 * min(1.0, width / height), 6.0 * min(1.0, height / width)  # inches
    panels = 1 if found is None else 2
    figure = Figure(figsize=(max(each[0] * panels + 1.2, 8.0), each[1] + 2.1), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _show_film(axes[0], film, 1.0)
    if found is not None:
        _show_film(axes[1], film, DIMMED)
        bar = figure.colorbar(_show_map(axes[1], found, film, contract), ax=axes, shrink=0.8)
        bar.set_label("against pneumonia  ←  fall of its log odds with the place blurred  →  for it")
    _write(figure, film, found, assessment)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _show_film(axes: Axes, film: ShownFilm, brightness: float) -> None:
    axes.imshow(film.pixels, cmap="gray", vmin=0, vmax=255 / brightness)
    axes.set_axis_off()


def _show_map(axes: Axes, found: Occlusion, film: ShownFilm, contract: InputContract) -> AxesImage:
    height, width = film.pixels.shape
    left, top = contract.crop * width - 0.5, contract.crop * height - 0.5
    reach = max(float(np.abs(found.values).max()), FAINTEST)
    image = axes.imshow(
        found.values,
        cmap=COLOURS,
        vmin=-reach,
        vmax=reach,
        alpha=MOST_OPAQUE * np.clip(np.abs(found.values) / reach, 0, 1),
        extent=(left, width - 1 - left, height - 1 - top, top),
        interpolation="bilinear",
    )
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))  # imshow has narrowed them to the map
    return image


def _write(figure: Figure, film: ShownFilm, found: Occlusion | None, assessment: Assessment) -> None:
    stand_in = " (stand-in: no medical knowledge)" if assessment.stand_in else ""
    reason = f" ({assessment.explanation})" if assessment.reason else ""
    figure.suptitle(
        f"{STATEMENT.upper()}\n"
        f"{assessment.model_name} {assessment.model_version}{stand_in}, operating point {assessment.operating_point}\n"
        f"outcome: {assessment.outcome}{reason}, score {assessment.score:.3f}",
        fontsize=11,
    )
    figure.supxlabel("\n".join(_lines(film, found, assessment)), fontsize=8)


def _lines(film: ShownFilm, found: Occlusion | None, assessment: Assessment) -> Iterator[str]:
    """What to read the picture by."""
    if found is None:
        yield _refusal(assessment)
    else:
        yield WORDS
        if np.abs(found.values).max() < FAINTEST:
            yield NOWHERE
    if film.withheld:
        yield WITHHELD


def _refusal(assessment: Assessment) -> str:
    gate = "" if assessment.gate is None else f" (gate {assessment.gate:.3f})"
    return f"The gate takes this picture for no frontal chest film{gate}: its score means nothing, and no map is drawn."
