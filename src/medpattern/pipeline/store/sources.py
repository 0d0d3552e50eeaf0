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

from medpattern.pipeline.failures import Busy

if TYPE_CHECKING:
    from medpattern.pipeline.events.notifications import StoredObject
    from medpattern.pipeline.identity import Keys
    from medpattern.pipeline.store.objects import ObjectStore

_MOST_LISTED = 200_000
# Listing may keep the store busy for this share of the time.
_SHARE = 0.2
# Whoever asks cannot always ask again, so a request waits that long for the next listing.
_LONGEST_PAUSE_SECONDS = 8.0


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
            self._keys.image_id(name.image): listed.object
            for listed in islice(self._store.versions(bucket), _MOST_LISTED)
            for name in (listed.object, listed.object.by_etag)
            if name is not None
        }
        kept = {image_id: stored for image_id, stored in self._found.items() if stored.bucket != bucket}
        self._found = kept | fresh
        self._not_before[bucket] = began + (self._clock() - began) / _SHARE
