"""The three pictures of a result as PNG without metadata, found by its id alone.

The uploaded one lies under a key that may hold a name, and nobody stored which key it was: the source bucket is listed
and every version's image id computed, so the key is known inside this module and nowhere else.
"""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select

from medpattern.dashboard.snapshot import withheld
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import results
from medpattern.pipeline.failures import Busy, Unprocessable
from medpattern.pipeline.images.decoding import PNG_SIGNATURE, decode
from medpattern.pipeline.images.radiograph import Limits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medpattern.pipeline.events.notifications import StoredObject
    from medpattern.pipeline.identity import Keys
    from medpattern.pipeline.store.objects import ObjectStore

THUMBNAIL_SIDE = 320
_MOST_LISTED = 200_000
_MOST_THUMBNAILS = 96
# Listing may keep the store busy for this share of the time.
_SHARE = 0.2
# A page of a result has no script that could ask again, so a request waits that long for the next listing.
_LONGEST_PAUSE_SECONDS = 8.0


class Kind(StrEnum):
    """Which of a result's pictures."""

    UPLOADED = "uploaded"
    PROCESSED = "processed"
    ANONYMISED = "anonymised"


class SourceIndex:
    """Which object an image id names. Safe to share between threads; one of them lists at a time."""

    def __init__(self, store: ObjectStore, keys: Keys, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._found: dict[str, StoredObject] = {}
        self._listing = threading.Lock()
        self._not_before: dict[str, float] = {}

    def find(self, bucket: str, image_id: str) -> StoredObject | None:
        """The object version of `image_id` in `bucket`; None where the bucket holds none, or is none of the sources.

        Raises:
            Busy: the bucket was listed a moment ago; ask again in a few seconds.
            Unavailable: the object store is away.
        """
        if bucket not in self._store.settings.sources:
            return None
        with self._listing:
            if image_id not in self._found:
                self._list(bucket)
            return self._found.get(image_id)

    def _list(self, bucket: str) -> None:
        pause = self._not_before.get(bucket, 0.0) - self._clock()
        if pause > _LONGEST_PAUSE_SECONDS:
            raise Busy("the bucket was listed a moment ago")
        time.sleep(max(0.0, pause))
        began = self._clock()
        fresh = {
            self._keys.image_id(listed.object.image): listed.object
            for listed in islice(self._store.versions(bucket), _MOST_LISTED)
        }
        kept = {image_id: stored for image_id, stored in self._found.items() if stored.bucket != bucket}
        self._found = kept | fresh
        self._not_before[bucket] = began + (self._clock() - began) / _SHARE


@dataclass(slots=True)
class Pictures:
    """Pictures of results. Safe to share between threads."""

    engine: Engine
    store: ObjectStore
    index: SourceIndex
    limits: Limits = field(default_factory=Limits)
    _thumbnails: OrderedDict[tuple[str, Kind], bytes] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def png(self, result_id: str, kind: Kind) -> bytes | None:
        """The picture at its full size; None where there is no such result, or its object is gone.

        Raises:
            Unprocessable: it is withheld, sealed, or cannot be shown; the reason says which.
            Superseded: the object was removed or replaced.
            Unavailable, Busy: ask again later.
        """
        row = self._row(result_id)
        return None if row is None else self._picture(row, kind, None)

    def thumbnail(self, result_id: str, kind: Kind) -> bytes | None:
        """As `png`, no side longer than 320 pixels; the newest are kept in memory."""
        # Asked first even for one that is kept: a purged result has no pictures.
        row = self._row(result_id)
        if row is None:
            return None
        with self._lock:
            kept = self._thumbnails.get((result_id, kind))
        if kept is not None:
            return kept
        made = self._picture(row, kind, THUMBNAIL_SIDE)
        if made is not None:
            self._keep(result_id, kind, made)
        return made

    def _keep(self, result_id: str, kind: Kind, made: bytes) -> None:
        with self._lock:
            self._thumbnails[result_id, kind] = made
            while len(self._thumbnails) > _MOST_THUMBNAILS:
                self._thumbnails.popitem(last=False)

    def _row(self, result_id: str) -> Any:
        columns = (results.c.image_id, results.c.source_bucket, results.c.publication, results.c.publication_reason)
        query = select(*columns, results.c.processed_key, results.c.anonymised_key)
        with answers(), self.engine.begin() as connection:
            return connection.execute(query.where(results.c.result_id == result_id)).first()

    def _picture(self, row: Any, kind: Kind, side: int | None) -> bytes | None:
        if kind is Kind.UPLOADED:
            return self._uploaded(row, side)
        if why := withheld(row.publication, row.publication_reason):
            raise Unprocessable("withheld", why)
        bucket, key = (
            (self.store.settings.processed, row.processed_key)
            if kind is Kind.PROCESSED
            else (self.store.settings.anonymised, row.anonymised_key)
        )
        if key is None:
            return None
        return output_png(self.store.fetch_newest(bucket, key, self.limits.bytes).data, side)

    def _uploaded(self, row: Any, side: int | None) -> bytes | None:
        stored = self.index.find(row.source_bucket, row.image_id)
        if stored is None:
            return None
        return uploaded_png(self.store.fetch(stored, self.limits.bytes).data, side, self.limits)


def uploaded_png(data: bytes, side: int | None, limits: Limits) -> bytes:
    """The pixels of a JPEG, PNG, TIFF or DICOM file, in 8 bits, as PNG: nothing of the file's headers is in it.

    `side` bounds the longer side, in pixels. Raises Unprocessable as `decode` does.
    """
    from PIL import Image

    return _png(Image.fromarray(_eight_bits(decode(data, limits=limits, smallest_side=side).pixels)), side)


def output_png(data: bytes, side: int | None) -> bytes:
    """A PNG of the pipeline's own, as it is, or smaller. Raises Unprocessable for what is none."""
    from PIL import Image

    if not data.startswith(PNG_SIGNATURE):
        raise Unprocessable("not-an-image", "the stored output is no PNG")
    if side is None:
        return data
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return _png(image if image.mode in ("L", "RGB") else image.convert("RGB"), side)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unprocessable("corrupt", "the stored output is damaged") from None


def _eight_bits(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    import numpy as np

    return (pixels if pixels.dtype == np.uint8 else pixels >> 8).astype(np.uint8, copy=False)


def _png(image: Any, side: int | None) -> bytes:
    from PIL import Image

    if side is not None:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    # Through the loopback interface the processor is the narrow place, not the network.
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
