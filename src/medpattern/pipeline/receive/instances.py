"""What a DICOM file is, told from its first elements: no pixel is read, nothing that names a patient is decoded."""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from medpattern.pipeline.images.dicom_pixels import DEFLATED, SYNTAXES

# PS3.4 B.5: the storage classes of projection X-rays, one frame each.
SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image, for presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image, for processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image",
}
# What the service can decode, and nothing else.
TRANSFER_SYNTAXES = tuple(SYNTAXES)

_SOP_CLASS, _SOP_INSTANCE, _STUDY = 0x0008_0016, 0x0008_0018, 0x0020_000D
_META_SOP_CLASS, _META_SOP_INSTANCE, _SYNTAX = 0x0002_0002, 0x0002_0003, 0x0002_0010
_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_LONGEST_UID = 64
# What comes before the study's UID in a deflated file: it is inflated no further.
_HEAD = 1 << 20


class Reason(IntEnum):
    """Why an instance was not stored: the codes of PS3.18 table I.2-2 and PS3.4 table B.2-1."""

    PROCESSING_FAILURE = 0x0110
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    DOES_NOT_MATCH = 0xA900
    NOT_UNDERSTOOD = 0xC000
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122


@dataclass(frozen=True, slots=True)
class Instance:
    """One SOP instance by its unique identifiers."""

    sop_class: str
    sop_instance: str
    study: str = ""

    @property
    def key(self) -> str:
        """Its key in the source bucket: the same for each repeat, and without the UID, which names a study.

        A plain hash, since whoever may list the bucket may read it too, and since the receiver, which the whole
        hospital network can reach, then needs no key of the pipeline.
        """
        return f"dicom/{hashlib.sha256(self.sop_instance.encode()).hexdigest()}.dcm"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An instance that was not stored; its identifiers are "" where they could not be read."""

    reason: Reason
    sop_class: str = ""
    sop_instance: str = ""


def identify(data: bytes, study: str = "") -> Instance | Refusal:
    """The instance in `data`, a DICOM file (PS3.10), or why it cannot be stored.

    study: the only StudyInstanceUID that is accepted, "" for any.
    """
    if data[128:132] != b"DICM":
        return Refusal(Reason.NOT_UNDERSTOOD)
    try:
        meta, dataset = _read(data)
    except Exception:
        # Whatever pydicom raises on foreign bytes, its text may quote them.
        return Refusal(Reason.NOT_UNDERSTOOD)
    found = Instance(_uid(dataset, _SOP_CLASS), _uid(dataset, _SOP_INSTANCE), _uid(dataset, _STUDY))
    return _judge(found, meta, study)


def _judge(found: Instance, meta: dict[int, str], study: str) -> Instance | Refusal:
    named = Instance(meta[_META_SOP_CLASS], meta[_META_SOP_INSTANCE])
    known = found if found.sop_class and found.sop_instance else named
    if not known.sop_class or not known.sop_instance:
        return Refusal(Reason.NOT_UNDERSTOOD)
    reason: Reason | None = None
    if known.sop_class not in SOP_CLASSES:
        reason = Reason.SOP_CLASS_NOT_SUPPORTED
    elif meta[_SYNTAX] not in SYNTAXES:
        reason = Reason.TRANSFER_SYNTAX_NOT_SUPPORTED
    elif not found.sop_class or not found.sop_instance or not found.study:
        reason = Reason.NOT_UNDERSTOOD
    elif found != Instance(named.sop_class, named.sop_instance, study or found.study):
        reason = Reason.DOES_NOT_MATCH
    return found if reason is None else Refusal(reason, known.sop_class, known.sop_instance)


def _read(data: bytes) -> tuple[dict[int, str], Any]:
    from pydicom.filereader import read_dataset

    file = io.BytesIO(data)
    file.seek(132)
    group = read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
    meta = {tag: _uid(group, tag) for tag in (_META_SOP_CLASS, _META_SOP_INSTANCE, _SYNTAX)}
    syntax = SYNTAXES.get(meta[_SYNTAX])
    if syntax is None:
        return meta, {}
    if meta[_SYNTAX] == DEFLATED:
        file = io.BytesIO(zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), _HEAD))
    wanted: Any = [_SOP_CLASS, _SOP_INSTANCE, _STUDY]
    past = _STUDY
    return meta, read_dataset(
        file, syntax.implicit, syntax.little, stop_when=lambda tag, _vr, _length: tag > past, specific_tags=wanted
    )


def _uid(dataset: Any, tag: int) -> str:
    """The UID as it stands there, without its padding; "" where there is none, or one that PS3.5 9.1 forbids."""
    if tag not in dataset:
        return ""
    # Raw: pydicom's own conversion warns with the value in its text.
    value = dataset.get_item(tag).value
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    text = text.rstrip("\0 ")
    return text if len(text) <= _LONGEST_UID and _UID.fullmatch(text) else ""
