"""`medpattern model export`: a finished training as the one file that ships."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.model_train import FolderArgument, check_training_libraries
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.training.workplace import Workplace


class Format(StrEnum):
    """How the numbers of the network are stored."""

    FP32 = "fp32"
    INT8 = "int8"


def export(
    folder: FolderArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The ONNX file to write.")] = Path("model.onnx"),
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="DIR", help="Also write the scores of films that fold networks never saw, "
                     "and how the model came to be: the part of its card's evidence that only the training knows.",
                     show_default=False),
    ] = None,
    chosen: Annotated[
        Format, typer.Option("--format", help="fp32: floating point. int8: convolutions in whole numbers, smaller and "
                             "faster.")
    ] = Format.INT8,
) -> None:  # fmt: skip
    """Writes the ONNX file of a training, its card inside, and registers it in MLflow with its sha256.

    Calibration, thresholds and the reference of the drift metrics come from films that the fold networks never saw.

    Example: medpattern model export runs/first --out model/pneumonia/model.onnx
    """
    check_training_libraries()
    from medpattern.evaluation.evidence import OUT_OF_FOLD_FILE, TRAINING_FILE
    from medpattern.evaluation.wholefile import whole_file
    from medpattern.training.release import release
    from medpattern.training.run import finished_answers
    from medpattern.training.workplace import Workplace

    place = Workplace.of(folder)
    # What follows takes minutes.
    _check_folders(out.parent, evidence)
    made = release(place, finished_answers(place), code_revision(), chosen.value)
    with whole_file(out) as part:
        part.write_bytes(made.model)
    if evidence is not None:
        made.out_of_fold.write(evidence / OUT_OF_FOLD_FILE)
        with whole_file(evidence / TRAINING_FILE) as part:
            part.write_text(json.dumps(made.record, indent=2) + "\n", "utf-8")
    _register(place, out, made.sha256)
    console.data(made.sha256)


def code_revision() -> str:
    """The checkout's commit, `-dirty` behind it where files are changed; else medpattern's version."""
    from medpattern import __version__
    from medpattern.tree.history import git_output

    here = Path(__file__)
    # An installed medpattern may lie in a checkout of something else, which does not hold it.
    is_held = git_output(here.parent, "ls-files", "--error-unmatch", here.name) is not None
    commit = git_output(here.parent, "describe", "--always", "--abbrev=40", "--dirty") if is_held else None
    return commit or f"medpattern {__version__}"


def _check_folders(model: Path, evidence: Path | None) -> None:
    if not model.is_dir():
        raise UsageError(f"{model} is no folder; make it first, or write to another --out")
    if evidence is not None:
        try:
            evidence.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{evidence} cannot be made: {error.strerror}") from error


def _register(place: Workplace, path: Path, digest: str) -> None:
    from medpattern.pipeline.model import Predictor
    from medpattern.training.tracking import Tracker

    card = Predictor.load(path).card
    tags = {"dataDigest": str(card.training_data_digest), "codeRevision": card.code_revision}
    with Tracker.open(place.folder, card.name).run(f"export-{digest[:12]}", {"sha256": digest}) as run:
        version = run.register(path, card.name, digest, tags)
    console.say(f"{path}: registered in MLflow as version {version} of {card.name}")
