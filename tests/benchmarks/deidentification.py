"""What the remover of burned-in text does to phantoms with and without text, and to a folder of films.

    python -m tests.benchmarks.deidentification [--count 200] [--films FOLDER]

Phantoms of 320, 512 and 1024 pixels come from fixed seeds. 'Seen' is the share of films whose text was removed to
the last pixel of ink or that were quarantined; 'left' the share published with some ink outside the mask, and how
much of the ink that was at most.
"""

from __future__ import annotations

import argparse
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from medpattern.pipeline.deidentification.burned_in import BurnedInTextRemover
from medpattern.pipeline.deidentification.interface import Deidentified, Verdict
from medpattern.pipeline.simulation.burned_in import Inscribed, draw_inscriptions, inscribe
from medpattern.pipeline.simulation.patient import draw_patient
from medpattern.pipeline.simulation.phantom import draw_phantom

SIDES = (320, 512, 1024)
TAKEN = datetime(2026, 1, 5, 8, tzinfo=UTC)
Change = Callable[[Inscribed, NDArray[np.generic]], Inscribed]


def phantoms(count: int, side: int, seed: int) -> Iterator[tuple[NDArray[np.generic], Inscribed]]:
    """Pairs of a phantom and the same with text; every third has 16 bits, every second pneumonia."""
    for number in range(count):
        rng = np.random.default_rng([seed, side, number])
        bits = 16 if number % 3 == 0 else 8
        film = draw_phantom(rng, side, side, bits=bits, pneumonia=number % 2 == 1).pixels
        yield film, inscribe(film, draw_inscriptions(rng, draw_patient(rng, TAKEN), side, side))


def as_drawn(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
    return done


def half_as_bright(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
    mixed = (done.pixels.astype(np.float64) + film.astype(np.float64)) / 2
    return Inscribed(mixed.astype(done.pixels.dtype), done.ink)


def turned(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
    return Inscribed(np.ascontiguousarray(np.rot90(done.pixels)), np.ascontiguousarray(np.rot90(done.ink)))


def eight_bits(pixels: NDArray[np.generic]) -> Image.Image:
    return Image.fromarray(pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8))  # type: ignore[operator]


def through_jpeg(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
    file = io.BytesIO()
    eight_bits(done.pixels).save(file, "JPEG", quality=40)
    return Inscribed(np.asarray(Image.open(file)), done.ink)


def blurred(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
    return Inscribed(np.asarray(eight_bits(done.pixels).filter(ImageFilter.GaussianBlur(1.0))), done.ink)


def scaled(factor: float) -> Change:
    def change(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
        size = (round(film.shape[1] * factor), round(film.shape[0] * factor))
        pixels = eight_bits(done.pixels).resize(size, Image.Resampling.LANCZOS)
        ink = Image.fromarray(done.ink.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
        return Inscribed(np.asarray(pixels), np.asarray(ink) > 127)

    return change


def slanted(done: Inscribed, film: NDArray[np.generic]) -> Inscribed:
    ink = Image.fromarray(done.ink.astype(np.uint8) * 255)
    angle, how = 5, Image.Resampling.BILINEAR
    return Inscribed(np.asarray(eight_bits(done.pixels).rotate(angle, how)), np.asarray(ink.rotate(angle, how)) > 127)


CHANGES: dict[str, Change] = {
    "as drawn": as_drawn,
    "half as bright": half_as_bright,
    "turned by 90 degrees": turned,
    "slanted by 5 degrees": slanted,
    "JPEG quality 40": through_jpeg,
    "blurred (1 px)": blurred,
    "enlarged by 2": scaled(2.0),
    "reduced to 0.7": scaled(0.7),
}


@dataclass
class Tally:
    """Counts of verdicts, and of published films with ink left."""

    films: int = 0
    verdicts: Counter[Verdict] | None = None
    left: int = 0
    worst: float = 0.0
    seconds: float = 0.0

    def add(self, result: Deidentified, ink: NDArray[np.bool_] | None = None) -> None:
        self.verdicts = self.verdicts if self.verdicts is not None else Counter()
        self.films += 1
        self.verdicts[result.verdict] += 1
        missed = 0.0 if ink is None else float((ink & ~result.mask).sum() / max(1, ink.sum()))
        if missed and result.verdict is not Verdict.QUARANTINE:
            self.left += 1
            self.worst = max(self.worst, missed)

    def share(self, verdict: Verdict) -> str:
        return f"{(self.verdicts or Counter())[verdict] / max(1, self.films):.3f}"


def judged(remover: BurnedInTextRemover, pixels: NDArray[np.generic], tally: Tally) -> Deidentified:
    start = time.process_time()
    result = remover.deidentify(pixels)  # type: ignore[arg-type]
    tally.seconds += time.process_time() - start
    return result


def with_text(count: int, seed: int) -> None:
    remover = BurnedInTextRemover()
    print("| text | side px | films | seen | removed | quarantined | left | most ink left |\n" + "| --- " * 8 + "|")
    for name, change in CHANGES.items():
        for side in SIDES:
            tally = Tally()
            for film, done in phantoms(count if change is as_drawn else max(1, count // 5), side, seed):
                changed = change(done, film)
                tally.add(judged(remover, changed.pixels, tally), changed.ink)
            left = tally.left / tally.films
            print(
                f"| {name} | {side} | {tally.films} | {1 - left:.3f} | {tally.share(Verdict.REMOVED)} "
                f"| {tally.share(Verdict.QUARANTINE)} | {left:.3f} | {tally.worst:.3f} |"
            )


def without_text(count: int, seed: int) -> None:
    remover = BurnedInTextRemover()
    print("\n| no text, side px | films | clean | altered | quarantined | CPU ms a film |\n" + "| --- " * 6 + "|")
    for side in (*SIDES, 2048, 4000):
        tally = Tally()
        for film, _ in phantoms(count if side <= 1024 else max(1, count // 20), side, seed):
            tally.add(judged(remover, film, tally))
        print(
            f"| {side} | {tally.films} | {tally.share(Verdict.CLEAN)} | {tally.share(Verdict.REMOVED)} "
            f"| {tally.share(Verdict.QUARANTINE)} | {1000 * tally.seconds / tally.films:.0f} |"
        )


def films(folder: Path) -> None:
    remover, tally = BurnedInTextRemover(), Tally()
    shares = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg")):
        with Image.open(path) as image:
            result = judged(remover, np.asarray(image.convert("L")), tally)
        tally.add(result)
        shares.append(float(result.mask.mean()))
    print(
        f"\n{tally.films} films: clean {tally.share(Verdict.CLEAN)}, removed {tally.share(Verdict.REMOVED)}, "
        f"quarantined {tally.share(Verdict.QUARANTINE)}; filled share of a film: median {np.median(shares):.3f}, "
        f"95 % {np.quantile(shares, 0.95):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count", type=int, default=200, help="phantoms for each row; a fifth of it where the text is changed"
    )
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--films", type=Path, help="a folder of films of your own, instead of phantoms")
    arguments = parser.parse_args()
    if arguments.films:
        films(arguments.films)
        return
    with_text(arguments.count, arguments.seed)
    without_text(arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
