"""Grey crops of the photographs that the wheels of scikit-image and scikit-learn hold; nothing is downloaded.

Each photograph belongs to one part, so that training and evaluation never share one. Left out: motorcycle_right
(the same scene as motorcycle_left) and the pictures below 64 pixels.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medpattern.errors import UsageError
from medpattern.evaluation.strangers.family import Films, Part, Picture, Pixels, fitted, quantised, sides

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

SCIKIT_IMAGE: dict[Part, tuple[str, ...]] = {
    "train": (
        "astronaut.png", "brick.png", "camera.png", "coins.png", "color.png", "grass.png", "horse.png",
        "hubble_deep_field.jpg", "ihc.png", "microaneurysms.png", "motorcycle_left.png", "page.png", "retina.jpg",
        "rocket.jpg",
    ),
    "evaluation": (
        "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "gravel.png", "logo.png", "moon.png",
        "phantom.png", "text.png",
    ),
}  # fmt: skip
SCIKIT_LEARN = ("china.jpg", "flower.jpg")
# Standard deviation in grey levels; below it a crop is called empty and another place is tried.
EMPTY = 8.0


def photograph(rng: Generator, part: Part, films: Films = ()) -> Picture:
    """A crop of a photograph of scikit-image, of the part's own."""
    name = SCIKIT_IMAGE[part][int(rng.integers(len(SCIKIT_IMAGE[part])))]
    return Picture(_crop(rng, _open("skimage", f"data/{name}")), f"scikit-image {name}")


def other_photograph(rng: Generator, part: Part, films: Films = ()) -> Picture:
    """A crop of a photograph of scikit-learn."""
    name = SCIKIT_LEARN[int(rng.integers(len(SCIKIT_LEARN)))]
    return Picture(_crop(rng, _open("sklearn", f"datasets/images/{name}")), f"scikit-learn {name}")


def face(rng: Generator, part: Part, films: Films = ()) -> Picture:
    """A face of the 100 in scikit-image's subset of Labeled Faces in the Wild, 25 pixels a side, enlarged."""
    faces = _faces()
    half = len(faces) // 2
    number = int(rng.integers(half)) + (half if part == "evaluation" else 0)
    return Picture(_enlarged(rng, faces[number]), f"scikit-image lfw_subset.npy {number}")


def digits(rng: Generator, part: Part, films: Films = ()) -> Picture:
    """One to sixteen of scikit-learn's handwritten digits on a sheet; even numbers train, odd ones evaluate."""
    every = _digits()
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    numbers = 2 * rng.integers(len(every) // 2, size=rows * columns) + (1 if part == "evaluation" else 0)
    sheet = every[numbers].reshape(rows, columns, 8, 8).swapaxes(1, 2).reshape(rows * 8, columns * 8)
    sheet = 1.0 - sheet if rng.random() < 0.5 else sheet
    return Picture(_enlarged(rng, sheet), "scikit-learn digits " + " ".join(str(number) for number in numbers))


def _crop(rng: Generator, photograph: NDArray[np.uint8]) -> Pixels:
    """At least 64 pixels a side of it, in a random mixture of its colours, perhaps mirrored; not an empty place."""
    weights = rng.dirichlet((1.0, 1.5, 1.0)).astype(np.float32)
    for _ in range(8):
        height, width = (int(rng.integers(64, side + 1)) for side in photograph.shape[:2])
        top, left = (
            int(rng.integers(photograph.shape[0] - height + 1)),
            int(rng.integers(photograph.shape[1] - width + 1)),
        )
        grey = photograph[top : top + height, left : left + width] @ weights
        if grey.std() >= EMPTY:
            break
    return fitted(quantised((grey[:, ::-1] if rng.random() < 0.5 else grey) / 255.0))


def _enlarged(rng: Generator, small: NDArray[np.float32]) -> Pixels:
    from PIL import Image

    height, width = sides(rng)
    filters = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    return np.asarray(Image.fromarray(quantised(small)).resize((width, height), filters[int(rng.integers(3))]))


@cache
def _open(package: str, path: str) -> NDArray[np.uint8]:
    """A picture of an installed package as uint8 (H, W, 3); raises UsageError where the package is missing."""
    from PIL import Image

    with _resource(package, path).open("rb") as file:
        return np.asarray(Image.open(file).convert("RGB"))


@cache
def _faces() -> NDArray[np.float32]:
    """(100, 25, 25), brightness from 0 to 1; the file's other hundred are no faces."""
    with _resource("skimage", "data/lfw_subset.npy").open("rb") as file:
        return np.asarray(np.load(file)[:100], np.float32)


@cache
def _digits() -> NDArray[np.float32]:
    """(1797, 8, 8), ink from 0 to 1; a row of the file is 64 pixels of 0 to 16 and the digit."""
    table = np.loadtxt(_resource("sklearn", "datasets/data/digits.csv.gz"), delimiter=",", dtype=np.float32)
    return np.asarray(table[:, :64].reshape(-1, 8, 8) / 16.0, np.float32)


def _resource(package: str, path: str) -> Path:
    """A file of an installed package, found without importing it, which takes seconds for these."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(f"photographs need the package {package}: pip install 'medpattern[evaluate]'")
    return Path(spec.origin).parent / path
