"""`medpattern model card`: the page on a model, from its file and its saved evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.model_options import ModelOption, check_libraries, model_file, open_model
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.evaluation.cardpage import Page

EVIDENCE = Path("model/pneumonia/evidence")
OUT = Path("docs/model-card.md")


def card(
    model: ModelOption = None,
    evidence: Annotated[
        Path, typer.Option("--evidence", metavar="DIR", help="The saved scores and measurements.")
    ] = EVIDENCE,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The page; its pictures go into a folder beside it.")
    ] = OUT,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if the page or a picture is not current.")
    ] = False,
) -> None:
    """Writes the model's card: data, intended use, figures with intervals, gate, robustness, shortcuts, failures.

    No film is needed: all figures come from the evidence, which must be of this very file. The same evidence gives the
    same page.

    Example: medpattern model card --check
    """
    check_libraries()
    page = read_page(model, evidence, evidence.as_posix(), out)
    stale = stale_files(page, out)
    for path in stale:
        console.say(f"{'not current' if check else 'written'}: {path}")
    if check and stale:
        console.say(f"write it again: medpattern model card --evidence {evidence} --out {out}")
        raise typer.Exit(1)
    if not check:
        _write(page, out, stale)


def read_page(model: Path | None, evidence: Path, shown: str, out: Path) -> Page:
    """The page for `out` of the model in a file (None: the shipped one); it calls the evidence's folder `shown`."""
    from medpattern.evaluation.cardpage import Model, model_page
    from medpattern.evaluation.evaluating import Resampling
    from medpattern.evaluation.evidence import Evidence

    predictor = open_model(model)
    about = Model(predictor.card, predictor.sha256, model_file(model).stat().st_size)
    return model_page(about, Evidence.read(evidence), shown, out.stem, Resampling())


def stale_files(page: Page, out: Path) -> list[Path]:
    """The page and those of its pictures that are missing or not current, and pictures that it no longer has.

    A picture is current if its stamp is: another version of matplotlib draws the same with other bytes.
    """
    from medpattern.evaluation.figures import stamp_of

    folder = out.with_suffix("")
    stamps = {folder / picture.name: stamp_of(picture.svg) for picture in page.pictures}
    stale = [] if _read(out) == page.text else [out]
    stale += [path for path, stamp in stamps.items() if stamp_of(_read(path)) != stamp]
    return stale + [path for path in sorted(folder.glob("*.svg")) if path not in stamps and stamp_of(_read(path))]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _write(page: Page, out: Path, stale: list[Path]) -> None:
    folder = out.with_suffix("")
    texts = {out: page.text} | {folder / picture.name: picture.svg for picture in page.pictures}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in stale:
            if path in texts:
                path.write_text(texts[path], "utf-8")
            else:
                path.unlink()
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from error
