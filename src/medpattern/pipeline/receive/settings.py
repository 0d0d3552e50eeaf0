"""What the receiver is told by its environment and its command line."""

from __future__ import annotations

from dataclasses import dataclass, field

from medpattern.pipeline.images.radiograph import MEBIBYTE
from medpattern.pipeline.settings import Environment, StoreSettings

_LONGEST_TITLE = 16


@dataclass(frozen=True, slots=True)
class DicomSettings:
    """The DICOM listener: who may call it, by what name, and how many at once."""

    host: str
    port: int
    title: str
    calling: tuple[str, ...]
    associations: int

    @classmethod
    def read(cls, env: Environment, host: str, port: int, title: str) -> DicomSettings:
        """MEDPATTERN_DICOM_CALLING, the AE titles that may send, and MEDPATTERN_DICOM_ASSOCIATIONS."""
        calling = env.texts("MEDPATTERN_DICOM_CALLING")
        for name in (title, *calling):
            if not 0 < len(name) <= _LONGEST_TITLE or not name.isascii() or not name.isprintable() or "\\" in name:
                env.problem(f"{name!r} is no AE title: 1 to {_LONGEST_TITLE} ASCII characters without \\ are wanted")
        return cls(host, port, title, calling, env.integer("MEDPATTERN_DICOM_ASSOCIATIONS", 8, 1, 256))


@dataclass(frozen=True, slots=True)
class ReceiveSettings:
    """Where instances go, who may send them, and how much: an instance, a request, requests at once.

    No more than `concurrency` x `instance_bytes` are held by STOW-RS.
    """

    store: StoreSettings
    token: str = field(repr=False)
    instance_bytes: int
    request_bytes: int
    concurrency: int

    @property
    def bucket(self) -> str:
        """The bucket that is written."""
        return self.store.sources[0]

    @classmethod
    def read(cls, env: Environment) -> ReceiveSettings:
        """MEDPATTERN_S3_*, MEDPATTERN_SOURCE_BUCKET, MEDPATTERN_RECEIVE_*; MEDPATTERN_MOST_MEBIBYTES as the service."""
        store = StoreSettings.read(env, outputs=False)
        if len(store.sources) > 1:
            env.problem("MEDPATTERN_SOURCE_BUCKET names several buckets: the receiver writes to one")
        return cls(
            store=store,
            token=env.secret("MEDPATTERN_RECEIVE_TOKEN"),
            instance_bytes=env.integer("MEDPATTERN_MOST_MEBIBYTES", 64, 1, 1024) * MEBIBYTE,
            request_bytes=env.integer("MEDPATTERN_RECEIVE_REQUEST_MEBIBYTES", 2048, 1, 1 << 20) * MEBIBYTE,
            concurrency=env.integer("MEDPATTERN_RECEIVE_CONCURRENCY", 4, 1, 256),
        )
