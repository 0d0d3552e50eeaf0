"""The parts of a multipart/related body (RFC 2387) as they come in; one part is held at a time, within bounds."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from medpattern.pipeline.failures import Unprocessable

# Its warnings quote what was sent.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
DICOM = "application/dicom"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type in lower case, "" where it names none, and its bytes; None: more than allowed."""

    media_type: str
    data: bytes | None = field(repr=False)


def boundary_of(content_type: str) -> str | None:
    """The boundary of multipart/related with parts of DICOM (PS3.18 8.7.1); None for any other content type.

    Raises:
        Unprocessable: it is that type, without a boundary.
    """
    message = Message()
    message["content-type"] = content_type
    kind = message.get_param("type", DICOM)
    if message.get_content_type() != "multipart/related" or str(kind).lower() != DICOM:
        return None
    boundary = message.get_boundary()
    if not boundary:
        raise Unprocessable("no-boundary", "the content type names no boundary")
    return boundary


class Parts:
    """Takes the chunks of a body, gives the parts that are complete."""

    def __init__(self, boundary: str, most_bytes: int) -> None:
        """`most_bytes` bounds one part; of a greater one the rest is read and dropped."""
        self._most_bytes = most_bytes
        self._done: list[Part] = []
        self._ended = False
        self._begin()
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary.encode("ascii"), callbacks)  # type: ignore[arg-type]
        except (FormParserError, UnicodeEncodeError):
            raise Unprocessable("malformed-multipart", "the boundary is none") from None

    def feed(self, chunk: bytes) -> list[Part]:
        """The parts that `chunk` completes.

        Raises:
            Unprocessable: the body is no multipart.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise Unprocessable("malformed-multipart", "the body does not follow its boundary") from None
        done, self._done = self._done, []
        return done

    def finish(self) -> None:
        """Raises Unprocessable unless the closing boundary has come: a body that was cut off holds no promise."""
        if not self._ended:
            raise Unprocessable("malformed-multipart", "the closing boundary is missing")

    def _begin(self) -> None:
        self._name, self._value = bytearray(), bytearray()
        self._media_type = ""
        self._data: bytearray | None = bytearray()

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._name.lower() == b"content-type":
            self._media_type = self._value.partition(b";")[0].strip().lower().decode("latin-1")
        self._name, self._value = bytearray(), bytearray()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._data is None:
            return
        if len(self._data) + end - start > self._most_bytes:
            self._data = None
        else:
            self._data += memoryview(data)[start:end]

    def _on_part(self) -> None:
        self._done.append(Part(self._media_type, None if self._data is None else bytes(self._data)))
        self._data = bytearray()

    def _on_end(self) -> None:
        self._ended = True
