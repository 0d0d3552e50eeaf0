"""`medpattern receive`: DICOM instances into the source bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console, stages

if TYPE_CHECKING:
    from medpattern.pipeline.receive.association import DicomListener

_TITLE = "MEDPATTERN"


def receive(
    host: stages.Host = "127.0.0.1",
    port: stages.Port = 8080,
    dicom_port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            envvar="MEDPATTERN_DICOM_PORT",
            min=0,
            max=65535,
            help="Take C-STORE and C-ECHO too, on this port; 0 takes a free one. Default: no.",
            show_default=False,
        ),
    ] = None,
    ae_title: Annotated[
        str, typer.Option(metavar="T", envvar="MEDPATTERN_DICOM_AE_TITLE", help="What DICOM senders must call.")
    ] = _TITLE,
) -> None:
    """Receive DICOM by STOW-RS (POST /studies) and C-STORE; success is answered once the object store has it.

    The bearer token is read from the file that MEDPATTERN_RECEIVE_TOKEN_FILE names; the AE titles that may send
    stand in MEDPATTERN_DICOM_CALLING.

    Example: medpattern receive --port 8080 --dicom-port 11112 --ae-title PNEUMONIA
    """
    environment = stages.begin()
    from medpattern.pipeline.http.server import listen, serve
    from medpattern.pipeline.receive.deposit import Deposit
    from medpattern.pipeline.receive.settings import DicomSettings, ReceiveSettings
    from medpattern.pipeline.receive.web import build
    from medpattern.pipeline.store.objects import ObjectStore

    settings = ReceiveSettings.read(environment)
    dicom = None if dicom_port is None else DicomSettings.read(environment, host, dicom_port, ae_title)
    environment.check()
    deposit = Deposit(ObjectStore(settings.store), settings.bucket)
    held = listen(host, port)
    listener: DicomListener | None = None
    if dicom is not None:
        from medpattern.pipeline.receive.association import DicomListener

        listener = DicomListener(dicom, deposit, settings.instance_bytes)
        console.say(f"DICOM on {host}:{listener.port} as {ae_title}")
    console.say(f"STOW-RS on http://{host}:{held.getsockname()[1]}/studies")
    try:
        serve(build(settings, deposit, dicom), held)
    finally:
        if listener is not None:
            listener.close()
