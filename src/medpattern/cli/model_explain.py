"""`medpattern model explain`: where on a film the model looks, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medpattern.cli import console
from medpattern.cli.model_options import ModelOption, check_libraries, open_model
from medpattern.cli.options import Output
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.evaluation.occlusion import Occlusion
    from medpattern.pipeline.images import Radiograph
    from medpattern.pipeline.model import Assessment, Predictor


def explain(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A film: JPEG, PNG, TIFF or DICOM.")],
    picture: Annotated[Path, typer.Option("--picture", "-o", metavar="OUT.png", help="Where the picture goes.")],
    model: ModelOption = None,
    output: Annotated[Output, typer.Option("--output", help="How to print.")] = Output.TEXT,
) -> None:
    """Draws where on a film the model looks: red places speak for pneumonia, blue ones against it.

    Each place is blurred in turn, and the colour tells by how much the answer changes (its log odds). It shows what
    the model leans on, not where disease is. The picture holds no name, header or burned-in text of the film; where
    such text cannot be ruled out, the film in it is blurred. A film that the gate refuses gets no map.

    Example: medpattern model explain film.png -o explained.png
    """
    check_libraries()
    _check_places(image, picture)
    predictor = open_model(model)
    radiograph = _decoded(image)
    found, assessment = _explained(predictor, radiograph, image)
    from medpattern.evaluation.overlay import overlay_png, shown_film
    from medpattern.evaluation.wholefile import whole_file

    film = shown_film(radiograph)
    drawn = overlay_png(film, found, assessment, predictor.card.input)
    with whole_file(picture) as part:
        part.write_bytes(drawn)
    _print(_document(assessment, found, withheld=film.withheld), picture, output)


def _check_places(image: Path, picture: Path) -> None:
    if picture.suffix.lower() != ".png":
        raise UsageError(f"the picture is a PNG: give -o a name that ends in .png, not {picture.name!r}")
    if not picture.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {picture.parent} for the picture")
    if picture.exists() and image.exists() and picture.samefile(image):
        raise UsageError("the picture would replace the film; give -o another name")


def _decoded(image: Path) -> Radiograph:
    """The film at full size: a person looks at it too."""
    from medpattern.pipeline.failures import Unprocessable
    from medpattern.pipeline.images import decode

    try:
        return decode(image.read_bytes())
    except OSError as error:
        raise UsageError(f"{image} cannot be read: {error.strerror}") from error
    except Unprocessable as error:
        raise UsageError(f"{image} is no film that can be read: {error}") from None


def _explained(predictor: Predictor, radiograph: Radiograph, image: Path) -> tuple[Occlusion | None, Assessment]:
    """The map (None if the gate refuses) and the assessment, as the service would make it."""
    from medpattern.evaluation.occlusion import occlusion
    from medpattern.pipeline.failures import Unprocessable
    from medpattern.pipeline.images import prepare
    from medpattern.pipeline.model import assess

    planes = prepare(radiograph, predictor.card.input)
    try:
        (scores,) = predictor.score(planes)
        assessment = assess(scores, predictor.card, radiograph.facts)
        return (None if assessment.risk is None else occlusion(predictor, planes)), assessment
    except Unprocessable as error:
        raise UsageError(f"{image} cannot be scored: {error}") from None


def _document(assessment: Assessment, found: Occlusion | None, *, withheld: bool) -> dict[str, Any]:
    from medpattern.evaluation.occlusion import share_in_centre

    return {
        "statement": assessment.status,
        "model": {
            "name": assessment.model_name, "version": assessment.model_version, "standIn": assessment.stand_in,
        },
        "operatingPoint": assessment.operating_point,
        "outcome": assessment.outcome,
        "reason": assessment.reason or None,
        "explanation": assessment.explanation or None,
        "score": assessment.score,
        "gate": assessment.gate,
        "risk": assessment.risk,
        "map": None if found is None else {
            "unit": "fall of the log odds of pneumonia with the place blurred",
            "lowest": float(found.values.min()),
            "highest": float(found.values.max()),
            "shareInCentre": share_in_centre(found.values),
        },
        "filmBlurred": withheld,
    }  # fmt: skip


def _print(document: dict[str, Any], picture: Path, output: Output) -> None:
    if output is Output.JSON:
        console.data_json(document)
    else:
        reason = f" ({document['explanation']})" if document["reason"] else ""
        console.data(f"outcome  {document['outcome']}{reason}")
        console.data(f"score    {document['score']:.4f}")
        if document["gate"] is not None:
            console.data(f"gate     {document['gate']:.4f}")
        if found := document["map"]:
            share = found["shareInCentre"]
            centre = "nothing to share out" if share is None else f"{share:.0%} of it in the central 70 % of each side"
            console.data(f"map      {found['lowest']:+.3f} to {found['highest']:+.3f} log odds, {centre}")
        else:
            console.data("map      none: the gate refuses the picture")
        console.data(f"status   {document['statement']}")
    if document["filmBlurred"]:
        console.say("the film in the picture is blurred: burned-in text could not be ruled out")
    console.say(f"written: {picture}")
