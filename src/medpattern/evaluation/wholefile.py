"""Writing a file that is there whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from medpattern.evaluation.film import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The name of a file beside `path`, of the same suffix, to write within; at the end it takes the place of `path`.

    Where anything goes wrong, an older `path` stays as it is, and of the new one nothing is left.

    Raises:
        DataError: a file cannot be written; whatever else is raised within stays what it is.
    """
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # as where the folder is a file
            beside.unlink(missing_ok=True)
