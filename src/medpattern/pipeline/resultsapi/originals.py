"""The image behind a pseudonym, as it was uploaded: who may see whom it shows, after saying why.

First the row in the audit, then the view. Where the row cannot be written, nothing is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from medpattern.pipeline.database.audit import View, record_view
from medpattern.pipeline.failures import Superseded
from medpattern.pipeline.images.radiograph import Limits
from medpattern.pipeline.images.viewing import uploaded_png

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from medpattern.pipeline.events.results import Result
    from medpattern.pipeline.resultsapi.users import User
    from medpattern.pipeline.store.objects import ObjectStore
    from medpattern.pipeline.store.sources import SourceIndex

_ENDINGS = {"png": "png", "jpeg": "jpg", "tiff": "tif", "dicom": "dcm"}


class Form(StrEnum):
    """`picture`: its pixels as PNG, for the page; `file`: its bytes as they were stored, header and all."""

    PICTURE = "picture"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Original:
    """What goes to the browser."""

    data: bytes = field(repr=False)
    media_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Originals:
    """Safe to share between threads."""

    engine: Engine
    store: ObjectStore
    index: SourceIndex
    limits: Limits = field(default_factory=Limits)

    def view(self, result: Result, user: User, purpose: str, form: Form) -> Original:
        """The original of the image of `result`, once it is written down that `user` sees it.

        Raises:
            UsageError: the purpose says nothing.
            Superseded: the object is not in the store any more.
            Unprocessable: it cannot be shown as a picture.
            Unavailable: the row cannot be written, or the object store is away.
            Busy: the bucket was listed a moment ago; ask again in a few seconds.
        """
        record_view(self.engine, View(user.who, result.image_pseudonym, purpose, form.value))
        stored = self.index.find(result.source_bucket, result.image_id)
        if stored is None:
            raise Superseded("gone")
        data = self.store.fetch(stored, self.limits.bytes).data
        if form is Form.PICTURE:
            return Original(uploaded_png(data, None, self.limits), "image/png", f"{result.image_pseudonym}.png")
        name = f"{result.image_pseudonym}.{_ENDINGS.get(result.image_format, 'bin')}"
        return Original(data, "application/octet-stream", name)
