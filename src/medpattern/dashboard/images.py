"""The three pictures of a result as PNG without metadata, found by its id alone.

The uploaded one lies under a key that may hold a name, and nobody stored which key it was: `SourceIndex` finds it.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select

from medpattern.dashboard.snapshot import withheld
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import results
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images.decoding import PNG_SIGNATURE
from medpattern.pipeline.images.radiograph import Limits
from medpattern.pipeline.images.viewing import encoded_png, uploaded_png

if TYPE_CHECKING:
    from medpattern.pipeline.store.objects import ObjectStore
    from medpattern.pipeline.store.sources import SourceIndex

THUMBNAIL_SIDE = 320
_MOST_THUMBNAILS = 96


class Kind(StrEnum):
    """Which of a result's pictures."""

    UPLOADED = "uploaded"
    PROCESSED = "processed"
    ANONYMISED = "anonymised"


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


def output_png(data: bytes, side: int | None) -> bytes:
    """A PNG of the pipeline's own, as it is, or smaller. Raises Unprocessable for what is none."""
    from PIL import Image

    if not data.startswith(PNG_SIGNATURE):
        raise Unprocessable("not-an-image", "the stored output is no PNG")
    if side is None:
        return data
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return encoded_png(image if image.mode in ("L", "RGB") else image.convert("RGB"), side)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unprocessable("corrupt", "the stored output is damaged") from None
