"""`medpattern simulate`: the X-ray machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from medpattern.cli import console
from medpattern.cli.options import Output, OutputOption
from medpattern.cli.stages import begin, until_asked_to_end
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.pipeline.simulation.encode import Format
    from medpattern.pipeline.simulation.machine import Bursts

Count = Annotated[
    int | None, typer.Option("--count", min=0, help="Films in all; without it, no end.", show_default=False)
]
Rate = Annotated[float, typer.Option("--rate", min=0, help="Films per second; 0 means one after the other.")]
Duration = Annotated[
    float | None, typer.Option("--duration", min=0, metavar="SECONDS", help="When to stop.", show_default=False)
]
Images = Annotated[
    Path | None,
    typer.Option("--images", exists=True, file_okay=False, help="Films of one's own, not phantoms.",
                 show_default=False),
]  # fmt: skip
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same films.")]
Pneumonia = Annotated[float, typer.Option("--pneumonia", min=0, max=1, help="Share of films with pneumonia.")]
BurnedIn = Annotated[float, typer.Option("--burned-in", min=0, max=1, help="Share of films with text in the pixels.")]


def simulate(
    bucket: Annotated[str, typer.Option("--bucket", envvar="MEDPATTERN_SOURCE_BUCKET", help="Where films go.")],
    count: Count = None,
    rate: Rate = 2.0,
    duration: Duration = None,
    images: Images = None,
    seed: Seed = 0,
    pneumonia: Pneumonia = 0.3,
    burned_in: BurnedIn = 0.3,
    burst: Annotated[
        str, typer.Option("--burst", metavar="N/SECONDS", help="N films at once every so many seconds.")
    ] = "",
    formats: Annotated[
        str, typer.Option("--formats", metavar="WEIGHTS", help="Shares of the file formats.")
    ] = "png=0.3,jpeg=0.3,dicom=0.4",
    size: Annotated[int, typer.Option("--size", min=128, max=4096, help="Height and width in pixels.")] = 512,
    names_in_keys: Annotated[
        bool, typer.Option("--names-in-keys", help="Put the synthetic names into keys, as many real buckets have them.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Stores chest phantoms of synthetic patients in a bucket, as an X-ray machine would.

    The object store is that of MEDPATTERN_S3_ENDPOINT; with MEDPATTERN_SIMULATOR_KEY_FILE each film carries the
    mark by which the service knows it as simulated.

    Example: medpattern simulate --bucket xray-source --rate 5 --count 100
    """
    env = begin()
    from medpattern.pipeline.settings import StoreSettings
    from medpattern.pipeline.simulation.machine import MachineSettings, SimulatedImage
    from medpattern.pipeline.simulation.sender import send_films
    from medpattern.pipeline.store.objects import ObjectStore

    mark_key = env.key("MEDPATTERN_SIMULATOR_KEY", required=False) or None
    store = StoreSettings.read(env, outputs=False)
    env.check()
    machine = MachineSettings(
        seed=seed, count=count, rate=rate or float("inf"), pneumonia=pneumonia, formats=_weights(formats),
        burned_in=burned_in, bursts=_bursts(burst), height=size, width=size, images=images, bucket=bucket,
        names_in_keys=names_in_keys, mark_key=mark_key,
    )  # fmt: skip
    progress = _Progress(count)

    def stored(_film: SimulatedImage) -> None:
        progress.add()

    with until_asked_to_end() as stopping:
        sent = send_films(ObjectStore(store), machine, stopping=stopping, duration=duration, stored=stored)
    progress.end()
    if output is Output.JSON:
        console.data_json({"stored": sent})
    else:
        console.data(f"stored {console.number(sent, 'film')}")


class _Progress:
    """One line that counts on a terminal, nothing elsewhere."""

    def __init__(self, count: int | None) -> None:
        self._of = "" if count is None else f" of {count}"
        self._shown = sys.stderr.isatty()
        self._number = 0

    def add(self) -> None:
        self._number += 1
        if self._shown:
            sys.stderr.write(f"\rstored {self._number}{self._of}")
            sys.stderr.flush()

    def end(self) -> None:
        if self._shown and self._number:
            sys.stderr.write("\n")


def _weights(text: str) -> dict[Format, float]:
    parts = [part.partition("=") for part in text.split(",")]
    try:
        return {cast("Format", name.strip()): float(weight) for name, _, weight in parts}
    except ValueError:
        raise UsageError(f"--formats is {text!r}: shares such as png=0.5,dicom=0.5 are wanted") from None


def _bursts(text: str) -> Bursts | None:
    from medpattern.pipeline.simulation.machine import Bursts

    if not text:
        return None
    images, _, period = text.partition("/")
    try:
        return Bursts(float(period), int(images))
    except ValueError:
        raise UsageError(f"--burst is {text!r}: a number of films and seconds such as 20/60 is wanted") from None
