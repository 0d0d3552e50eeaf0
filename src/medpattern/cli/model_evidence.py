"""`medpattern model evidence`: all scores that a model's card is written from, by one command."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.model_options import DataOption, ModelArgument, check_libraries, open_model
from medpattern.cli.model_progress import progress
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from medpattern.evaluation.film import Film


def evidence(
    data: DataOption,
    model: ModelArgument = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the evidence.")] = Path("evidence"),
) -> None:
    """Measures what a model's card tells: validation films, shifts, strangers, shortcuts, explanations, latency.

    Films are those of the split val. Writes text files for `medpattern model card`; what only the training knows,
    `medpattern model export --evidence` writes beside them. Takes about a quarter of an hour.

    Example: medpattern model evidence --data ../shared/xray/train --out model/pneumonia/evidence
    """
    check_libraries()
    from medpattern.evaluation.collecting import Collector

    predictor = open_model(model)
    films = _validation(data)
    larger = data / "cxr_full320.tar"
    full_size = _validation(larger) if data.is_dir() and larger.is_file() else films
    command = f"medpattern model evidence --data {data.name} --out {out.as_posix()}"
    with ExitStack() as stack:
        Collector(predictor, films, full_size, out, command, _stages(stack)).collect()
    console.say(f"next: medpattern model card --evidence {out}")


def _validation(data: Path) -> list[Film]:
    from medpattern.evaluation.films import load_films

    films = [film for film in load_films(data) if film.split == "val" and not film.duplicate]
    if not films:
        raise UsageError(f"{data} has no films of the split val, which the evidence is measured on")
    return films


def _stages(stack: ExitStack) -> Callable[[str], Callable[[int, int, str], None]]:
    """A progress line for one stage at a time."""

    def begin(words: str) -> Callable[[int, int, str], None]:
        stack.pop_all().close()
        return stack.enter_context(progress(words))

    return begin
