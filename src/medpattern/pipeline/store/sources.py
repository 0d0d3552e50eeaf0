"""Where the uploaded object of an image is.

Its key may hold a name, and nobody stored which key it was: the source bucket is listed and every version's image id
computed, so the key is known inside the process that looks and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from medpattern.pipeline.failures import Busy, Unprocessable

if TYPE_CHECKING:
    from medpattern.pipeline.events.notifications import StoredObject
    from medpattern.pipeline.identity import Keys
    from medpattern.pipeline.store.objects import ObjectStore

MOST_LISTED = 200_000
# Listing may keep the store busy for this share of the time.
SHARE = 0.2
# Whoever asks cannot always ask again, so a request waits that long for the next listing.
_LONGEST_PAUSE_SECONDS = 8.0


class SourceIndex:
    """Which object an image id names. Safe to share between threads; one of them lists at a time."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Callable[[], float] = time.monotonic,
        *,
        share: float = SHARE,
        most: int = MOST_LISTED,
    ) -> None:
        """`share`: of the time, that listing may keep the store busy; `most`: objects that are looked through."""
        self._store = store
        self._keys = keys
        self._clock = clock
        self._share = share
        self._most = most
        self._cut: set[str] = set()
        self._found: dict[str, StoredObject] = {}
        self._listing = threading.Lock()
        self._not_before: dict[str, float] = {}

    def find(self, bucket: str, image_id: str) -> StoredObject | None:
        """The object version of `image_id` in `bucket`; None where the bucket holds none, or is none of the sources.

        Raises:
            Busy: the bucket was listed a moment ago; ask again in a few seconds.
            Unprocessable: it is not among the objects that are looked through, and the bucket holds more.
            Unavailable: the object store is away.
        """
        if bucket not in self._store.settings.sources:
            return None
        with self._listing:
            if image_id not in self._found:
                self._list(bucket)
            if image_id not in self._found and bucket in self._cut:
                raise Unprocessable("too-many-objects", f"it is not among the first {self._most} of its bucket")
            return self._found.get(image_id)

    def _list(self, bucket: str) -> None:
        pause = self._not_before.get(bucket, 0.0) - self._clock()
        if pause > _LONGEST_PAUSE_SECONDS:
            raise Busy("the bucket was listed a moment ago")
        time.sleep(max(0.0, pause))
        began = self._clock()
        versions = self._store.versions(bucket)
        fresh = {
            self._keys.image_id(name.image): listed.object
            for listed in islice(versions, self._most)
            for name in (listed.object, listed.object.by_etag)
            if name is not None
        }
        more = next(versions, None) is not None
        self._cut = self._cut | {bucket} if more else self._cut - {bucket}
        kept = {image_id: stored for image_id, stored in self._found.items() if stored.bucket != bucket}
        self._found = kept | fresh
        self._not_before[bucket] = began + (self._clock() - began) / self._share
