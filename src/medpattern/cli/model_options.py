"""What the commands of `medpattern model` share: which model, which data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.pipeline.model import Predictor

MODEL_HELP = "The ONNX file. Default: the model that comes with medpattern."
ModelArgument = Annotated[Path | None, typer.Argument(metavar="[MODEL]", help=MODEL_HELP, show_default=False)]
ModelOption = Annotated[Path | None, typer.Option("--model", metavar="FILE", help=MODEL_HELP, show_default=False)]
DataOption = Annotated[
    Path,
    typer.Option("--data", metavar="PATH", help="Films: a folder in the original layout, the shared set's folder or "
                 "tar, or PneumoniaMNIST's npz."),
]  # fmt: skip


def check_libraries() -> None:
    """Raises UsageError if the libraries of the extra `evaluate` are not installed."""
    try:
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError:
        raise UsageError("this command needs more libraries: pip install 'medpattern[evaluate]'") from None


def open_model(path: Path | None, threads: int = 1) -> Predictor:
    """The model in the file `path`, or the shipped one with the digest it must have. Raises UsageError."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        raise UsageError("this command needs more libraries: pip install 'medpattern[pipeline]'") from None
    from medpattern.pipeline.model import ModelError, Predictor, shipped

    try:
        if path is not None:
            return Predictor.load(path, threads=threads)
        ours = shipped()
        return Predictor.load(ours.path, ours.sha256, threads)
    except ModelError as error:
        raise UsageError(error.detail) from None


def model_file(path: Path | None) -> Path:
    """The file that `open_model` opens."""
    from medpattern.pipeline.model import shipped

    return shipped().path if path is None else path
