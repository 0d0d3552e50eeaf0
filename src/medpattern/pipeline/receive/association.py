"""C-STORE and C-ECHO (PS3.4 annexes A and B) by pynetdicom: declared senders only, success only after the PUT."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from medpattern.errors import UsageError
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.receive.deposit import Deposit, Protocol, refused
from medpattern.pipeline.receive.instances import SOP_CLASSES, TRANSFER_SYNTAXES, Reason, Refusal
from medpattern.pipeline.receive.settings import DicomSettings

_LOG = logging.getLogger(__name__)
_SUCCESS = 0x0000
_VERIFICATION = "1.2.840.10008.1.1"
# A message is more than its data set: command, headers of its fragments.
_AROUND = 1 << 20


class DicomListener:
    """Accepts associations in threads of its own, from construction until `close`."""

    def __init__(self, settings: DicomSettings, deposit: Deposit, most_bytes: int) -> None:
        """`most_bytes` bounds one instance; a sender of more is cut off.

        Raises:
            UsageError: pynetdicom is not installed, or the port is taken.
        """
        self._deposit = deposit
        self._most_bytes = most_bytes
        self._received: dict[Any, int] = {}
        try:
            from pynetdicom import AE, evt
        except ImportError:
            raise UsageError("--dicom-port needs one more library: pip install 'medpattern[dicom-network]'") from None
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_ECHO, _on_echo),
            (evt.EVT_DATA_RECV, self._on_data),
            (evt.EVT_CONN_CLOSE, self._on_close),
        ]
        entity = _entity(AE(ae_title=settings.title), settings)
        try:
            self._server = entity.start_server((settings.host, settings.port), block=False, evt_handlers=handlers)
        except OSError as problem:
            raise UsageError(
                f"cannot listen on {settings.host}:{settings.port}: {problem.strerror}; choose another --dicom-port"
            ) from None
        self._entity = entity

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Accepts no more and aborts what is open: an instance that was not answered is sent again."""
        self._entity.shutdown()

    def _on_store(self, event: Any) -> int:
        self._received[event.assoc] = 0
        try:
            if len(event.request.DataSet.getbuffer()) > self._most_bytes:
                return int(refused(Refusal(Reason.PROCESSING_FAILURE), Protocol.C_STORE).reason)
            end = self._deposit.put(event.encoded_dataset(), Protocol.C_STORE)
        except Unavailable as away:
            _LOG.warning("given back to the sender", extra={"dependency": away.dependency})
            return int(Reason.OUT_OF_RESOURCES)
        except Exception:
            _LOG.exception("not foreseen")
            return int(Reason.PROCESSING_FAILURE)
        return int(end.reason) if isinstance(end, Refusal) else _SUCCESS

    def _on_data(self, event: Any) -> None:
        """Cuts off a sender whose message is longer than any that is taken, before it is held whole."""
        size = self._received.get(event.assoc, 0) + len(event.data)
        self._received[event.assoc] = size
        if size > self._most_bytes + _AROUND:
            refused(Refusal(Reason.PROCESSING_FAILURE), Protocol.C_STORE)
            _LOG.warning("an association sent too much and was ended", extra={"most_bytes": self._most_bytes})
            with suppress(AttributeError, OSError):
                event.assoc.dul.socket.close()

    def _on_close(self, event: Any) -> None:
        self._received.pop(event.assoc, None)


def _entity(entity: Any, settings: DicomSettings) -> Any:
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.calling)
    entity.maximum_associations = settings.associations
    entity.network_timeout, entity.dimse_timeout, entity.acse_timeout = 60, 60, 30
    entity.add_supported_context(_VERIFICATION)
    for sop_class in SOP_CLASSES:
        entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
    return entity


def _on_echo(_event: Any) -> int:
    return _SUCCESS
