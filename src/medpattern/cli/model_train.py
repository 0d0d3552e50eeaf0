"""`medpattern model train`: from labelled films to fitted networks, in a folder that holds how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.model_options import DataOption
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.training.settings import Settings

# Of each class.
SMOKE_FILMS = 60
FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Where the training lies: films in memory, networks, runs.")
]
MoreOption = Annotated[
    list[Path] | None,
    typer.Option("--more-data", metavar="PATH", help="A set with other copies of the same films (by name), such as "
                 "larger ones; may be repeated.", show_default=False),
]  # fmt: skip


def train(
    folder: FolderArgument,
    data: DataOption,
    more_data: MoreOption = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="Settings (YAML). Default: those of the shipped model.",
                     show_default=False),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Networks at once, each on one thread.")] = 2,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Every step with few films and small numbers, in two minutes: it proves "
                           "that the code runs; the model is good for nothing.")
    ] = False,
) -> None:  # fmt: skip
    """Trains a model: fold networks, the gate, and the one network that learns from them and ships.

    Only films of the split train are used. Interrupted, it goes on where it was when it is called again. Runs are
    logged with MLflow, in FOLDER or where MLFLOW_TRACKING_URI says. Then: medpattern model export FOLDER.

    Example: medpattern model train runs/first --data chest_xray --jobs 4
    """
    check_training_libraries()
    from medpattern.training.run import train as do
    from medpattern.training.settings import smoke as made_small
    from medpattern.training.tracking import Tracker
    from medpattern.training.workplace import Workplace

    chosen = read(settings)
    more = tuple(more_data or ())
    place = (
        Workplace(folder, made_small(chosen), data, more, SMOKE_FILMS)
        if smoke
        else Workplace(folder, chosen, data, more)
    )
    # Before MLflow makes its store: what is wrong with settings or films leaves nothing behind.
    place.begin()
    tracker = Tracker.open(folder, chosen.name)
    try:
        with tracker.run(folder.name, place.settings.document()) as run:
            do(place, run, jobs, console.say)
    except KeyboardInterrupt:
        console.say("interrupted; the same command goes on from here")
        raise
    console.say(f"trained; next: medpattern model export {folder}")


def read(path: Path | None) -> Settings:
    """The settings in `path`, or those of the shipped model. Raises UsageError."""
    from medpattern.pipeline.model.shipped import shipped
    from medpattern.training.settings import read_settings

    return read_settings(path or shipped().path.with_name("settings.yaml"))


def check_training_libraries() -> None:
    """Raises UsageError if the libraries of the extra `train` are not installed."""
    try:
        import cv2  # noqa: F401
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise UsageError("this command needs more libraries: pip install 'medpattern[train]'") from None
