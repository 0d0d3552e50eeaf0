"""PneumoniaMNIST: arrays {train,val,test}_{images,labels} in one npz, of any of its sizes.

MedMNIST+, doi 10.5281/zenodo.10519652. It names no patients: every film is a patient of its own, so that intervals by
patient come out too narrow.
"""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from medpattern.evaluation.film import SPLITS, DataError, Film, Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]


def npz_films(path: Path) -> tuple[Film, ...]:
    """All films of the file; their bytes are PNGs. Raises DataError. Pickled content is refused, never loaded."""
    arrays = _arrays(path)
    splits = [split for split in SPLITS if f"{split}_images" in arrays or f"{split}_labels" in arrays]
    if not splits:
        raise DataError(f"{path} is no PneumoniaMNIST: it has no array train_images, val_images or test_images")
    seen: set[bytes] = set()
    films = tuple(film for split in splits for film in _films(path, split, arrays, seen))
    if not films:
        raise DataError(f"{path} holds no films")
    return films


def _arrays(path: Path) -> Arrays:
    if not is_zipfile(path):  # np.load would take it for a pickle and say so, whatever it is
        raise DataError(f"{path} is no npz file, or only a part of one; fetch it again")
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except ValueError as error:
        if "pickle" in str(error):
            raise DataError(f"{path} holds pickled objects, which can run code; they are never loaded") from error
        raise DataError(f"{path} is damaged: {error}") from error
    except (BadZipFile, EOFError, OSError, KeyError) as error:
        raise DataError(f"{path} is damaged ({type(error).__name__}); fetch it again") from error


def _films(path: Path, split: Split, arrays: Arrays, seen: set[bytes]) -> Iterator[Film]:
    images, labels = _checked(path, split, arrays)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        name = f"{split}/{'PNEUMONIA' if label else 'NORMAL'}/{index:04d}.png"
        digest = blake2b(image.tobytes(), digest_size=16).digest()
        yield Film(
            name=name,
            pneumonia=bool(label),
            subtype="pneumonia" if label else "normal",
            patient=name,
            split=split,
            duplicate=digest in seen,
            cropped=False,
            read=partial(_png, image),
        )
        seen.add(digest)


def _checked(path: Path, split: Split, arrays: Arrays) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Images (N, height, width) and labels (N,)."""
    pair = [arrays.get(f"{split}_{what}") for what in ("images", "labels")]
    images, labels = pair
    if images is None or labels is None:
        raise DataError(f"{path} has only one of {split}_images and {split}_labels")
    labels = labels.reshape(-1)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DataError(f"{path}: {split}_images is {images.dtype} {images.shape}, not uint8 (films, height, width)")
    if len(images) != len(labels) or not np.isin(labels, (0, 1)).all():
        raise DataError(f"{path}: {split}_labels needs a 0 or 1 for each of the {len(images)} films")
    return images, labels


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    # Stored, not compressed: the bytes go into the data's digest and must not hang on a compressor's version.
    Image.fromarray(image).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
