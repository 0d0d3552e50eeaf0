"""The support archive: what the doctor saw, as a .tar.gz that may leave the hospital."""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medpattern import __version__
from medpattern.cluster.doctor.examination import Examination
from medpattern.cluster.doctor.removal import cleaned, scrubbed
from medpattern.cluster.doctor.snapshot import APPLICATION, Kind, Snapshot
from medpattern.cluster.status.applications import live_application
from medpattern.documents.writer import dump
from medpattern.errors import UsageError
from medpattern.secretstore.files import write_private

FOLDER = "medpattern-doctor"


def archive(seen: Snapshot, examination: Examination) -> bytes:
    """The archive as bytes: the same for the same snapshot.

    about.json, findings.json, status.json and objects/GROUP/KIND.yaml, all of it without secrets and identities.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, text in sorted(_files(seen, examination)):
            content = text.encode()
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def check_place(path: Path) -> None:
    """Before anything is asked: `UsageError` if no file can be written there."""
    if not path.parent.is_dir():
        raise UsageError(f"--bundle: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"--bundle: {path} is a folder; name a file, such as {path / 'doctor.tar.gz'}")


def write(path: Path, content: bytes) -> None:
    """Writes a file that its owner alone may read, whole or not at all; one that is there is replaced."""
    try:
        write_private(path, content)
    except UsageError as error:
        raise UsageError(f"--bundle: {error}") from error


def _files(seen: Snapshot, examination: Examination) -> Iterator[tuple[str, str]]:
    yield "about.json", _json(_about(seen, examination))
    yield "findings.json", _json([one.as_json() for one in examination.troubles])
    yield "status.json", _json([_status(one) for one in seen.of(APPLICATION)])
    for kind, rows in seen.objects.items():
        if rows:
            yield f"objects/{kind[0] or 'core'}/{kind[1]}.yaml", "---\n".join(dump(cleaned(one)) for one in rows)


def _about(seen: Snapshot, examination: Examination) -> dict[str, Any]:
    return {
        "medpattern": __version__,
        "python": platform.python_version(),
        "cluster": seen.cluster,
        "server": scrubbed(seen.server),
        "time": seen.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kubernetes": {key: str(seen.version.get(key, "")) for key in ("gitVersion", "platform")},
        "served": list(seen.served),
        "absent": [written(kind) for kind in sorted(seen.absent)],
        "refused": {written(kind): scrubbed(said) for kind, said in sorted(seen.refused.items())},
        "checksThatCouldNotLook": [one.code for one in examination.unlooked],
    }


def _status(data: dict[str, Any]) -> dict[str, Any]:
    live = live_application(data)
    return {
        "name": live.name,
        "cluster": live.cluster,
        "wave": live.wave,
        "sync": live.sync,
        "health": live.health,
        "revision": live.revision,
        "current": live.is_current,
        "operation": live.phase,
        "well": live.is_well,
        "drift": [str(one) for one in live.drift],
        "lastSync": live.last_sync.isoformat() if live.last_sync else None,
        "reconciled": live.reconciled.isoformat() if live.reconciled else None,
    }


def written(kind: Kind) -> str:
    """A kind as people write it: "Kafka.kafka.strimzi.io", "Pod"."""
    return f"{kind[1]}.{kind[0]}" if kind[0] else kind[1]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
