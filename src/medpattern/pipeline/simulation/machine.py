"""The X-ray machine: which films it takes, when each is due, and what stands in the bucket for it.

Film number n depends on the settings and n alone: any of them can be made again, in any order. Nothing here
sleeps or sends.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from medpattern.errors import UsageError
from medpattern.pipeline.simulated_mark import METADATA_NAME, make_mark
from medpattern.pipeline.simulation.encode import CONTENT_TYPES, FORMATS, SUFFIXES, FilmHeader, Format, encode_film
from medpattern.pipeline.simulation.patient import Patient, draw_patient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

Truth = Literal["normal", "pneumonia"]
OWN_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".dcm": "application/dicom",
}


@dataclass(frozen=True, slots=True)
class Bursts:
    """Every `period_s` seconds `images` films arrive at once, beside the steady ones."""

    period_s: float
    images: int


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """What the machine does.

    count: films in all, None for no end; rate: films per second (math.inf: all at once); pneumonia, burned_in:
    shares from 0 to 1; formats: weights; height, width: pixels; deep: share of PNG and DICOM with 16 bits;
    images: a folder of films of one's own instead of phantoms; start: when the first film was taken.
    """

    seed: int = 0
    count: int | None = 200
    rate: float = 2.0
    pneumonia: float = 0.3
    formats: Mapping[Format, float] = field(default_factory=lambda: {"png": 0.3, "jpeg": 0.3, "dicom": 0.4})
    burned_in: float = 0.3
    bursts: Bursts | None = None
    height: int = 512
    width: int = 512
    deep: float = 0.5
    ages: tuple[float, float] = (1.0, 5.0)
    images: Path | None = None
    bucket: str = "xray"
    names_in_keys: bool = False
    mark_key: bytes | None = field(default=None, repr=False)
    start: datetime = datetime(2026, 1, 5, 8, tzinfo=UTC)

    def __post_init__(self) -> None:
        """Raise UsageError for settings that no machine can follow."""
        shares = {"pneumonia": self.pneumonia, "burned_in": self.burned_in, "deep": self.deep}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UsageError(f"{name} is a share from 0 to 1, not {share}")
        if self.seed < 0 or (self.count is not None and self.count < 0):
            raise UsageError("seed and count are not negative")
        if not self.rate > 0:
            raise UsageError(f"rate is a number of films per second above 0, not {self.rate}")
        if self.bursts and not (self.bursts.period_s > 0 and self.bursts.images > 0):
            raise UsageError("a burst has at least one film and a period above 0 seconds")
        if not set(self.formats) <= set(FORMATS) or not _some_weight(self.formats):
            raise UsageError(f"formats takes weights of {', '.join(FORMATS)}, at least one above 0 and none below")


@dataclass(frozen=True, slots=True)
class SimulatedImage:
    """One object to be stored. metadata: what goes into x-amz-meta-*, ASCII only.

    truth: None where an own film's folder does not say; patient: None for own films. Keys, metadata and data
    hold the synthetic patient's name on purpose.
    """

    number: int
    key: str
    data: bytes = field(repr=False)
    content_type: str
    truth: Truth | None
    patient: Patient | None
    metadata: Mapping[str, str]


def schedule(settings: MachineSettings) -> Iterator[float]:
    """Seconds after the start at which each film is due, ascending; as many as `count`."""
    steady = (number / settings.rate for number in itertools.count())
    if settings.bursts is None or math.isinf(settings.rate):
        return itertools.islice(steady, settings.count)
    return itertools.islice(_merged(steady, _burst_times(settings.bursts)), settings.count)


def _burst_times(bursts: Bursts) -> Iterator[float]:
    for number in itertools.count(1):
        yield from itertools.repeat(number * bursts.period_s, bursts.images)


def _merged(steady: Iterator[float], burst: Iterator[float]) -> Iterator[float]:
    from heapq import merge

    return merge(steady, burst)


def simulate(settings: MachineSettings) -> Iterator[SimulatedImage]:
    """All films in order, each made when it is asked for. Raises UsageError for a folder without films."""
    own = own_films(settings.images) if settings.images else []
    for number in itertools.count() if settings.count is None else range(settings.count):
        yield own_image(settings, own, number) if own else phantom_image(settings, number)


def phantom_image(settings: MachineSettings, number: int) -> SimulatedImage:
    """Film `number` of the machine: a phantom of a synthetic patient, encoded and marked."""
    import numpy as np

    rng = np.random.default_rng([settings.seed, number])
    truth: Truth = "pneumonia" if rng.random() < settings.pneumonia else "normal"
    form = _chosen_format(rng, settings.formats)
    patient = draw_patient(rng, _acquired(rng, settings, number), settings.ages)
    data = _film(rng, settings, patient, form, truth)
    key = _key(settings, patient, number) + SUFFIXES[form]
    return SimulatedImage(
        number, key, data, CONTENT_TYPES[form], truth, patient, _metadata(settings, patient, key, data)
    )


def _chosen_format(rng: np.random.Generator, formats: Mapping[Format, float]) -> Format:
    names = [name for name in FORMATS if name in formats]
    total = sum(formats.values())
    return names[int(rng.choice(len(names), p=[formats[name] / total for name in names]))]


def _acquired(rng: np.random.Generator, settings: MachineSettings, number: int) -> datetime:
    """Local time with an offset; films are taken a minute and a bit apart."""
    zone = timezone(timedelta(hours=int(rng.integers(-8, 10))))
    return (settings.start + timedelta(seconds=number * 75 + int(rng.integers(60)))).astimezone(zone)


def _film(rng: np.random.Generator, settings: MachineSettings, patient: Patient, form: Format, truth: Truth) -> bytes:
    from medpattern.pipeline.simulation.burned_in import draw_inscriptions, inscribe
    from medpattern.pipeline.simulation.phantom import draw_phantom

    deep = form != "jpeg" and rng.random() < settings.deep
    phantom = draw_phantom(rng, settings.height, settings.width, bits=16 if deep else 8, pneumonia=truth == "pneumonia")
    pixels, burned_in = phantom.pixels, bool(rng.random() < settings.burned_in)
    if burned_in:
        pixels = inscribe(pixels, draw_inscriptions(rng, patient, *pixels.shape)).pixels
    header = FilmHeader(
        photometric="MONOCHROME1" if rng.random() < 0.3 else "MONOCHROME2",
        modality="CR" if rng.random() < 0.3 else "DX",
        view="PA" if rng.random() < 0.3 else "AP",
        burned_in=burned_in,
    )
    return encode_film(pixels, form, patient, header)


def _key(settings: MachineSettings, patient: Patient, number: int) -> str:
    """Without suffix; with `names_in_keys` the name and birth date stand in it, as in many real buckets."""
    day = f"{patient.acquired:%Y/%m/%d}"
    if settings.names_in_keys:
        return f"{day}/{patient.name} {patient.birth_date:%Y-%m-%d}/{patient.accession}-{number:06d}"
    return f"{day}/{patient.sop_uid.removeprefix('2.25.')}"


def _metadata(settings: MachineSettings, patient: Patient, key: str, data: bytes) -> Mapping[str, str]:
    metadata: dict[str, str] = {}
    if settings.names_in_keys:
        metadata |= {"patient-name": quote(patient.name), "patient-id": patient.patient_id}
    if settings.mark_key is not None:
        metadata[METADATA_NAME] = make_mark(settings.mark_key, settings.bucket, key, data)
    return metadata


def own_films(folder: Path) -> list[Path]:
    """All image files under the folder in the order of their names; UsageError where there are none."""
    films = sorted(path for path in folder.rglob("*") if path.suffix.lower() in OWN_TYPES and path.is_file())
    if not films:
        raise UsageError(f"{folder} holds no images; expected files ending in {', '.join(OWN_TYPES)}")
    return films


def own_image(settings: MachineSettings, films: list[Path], number: int) -> SimulatedImage:
    """Film `number` from a folder, byte for byte, again from the start after the last one.

    It never carries the simulator's mark: it may show a person. A folder called NORMAL or PNEUMONIA is its truth.
    """
    path = films[number % len(films)]
    truths: dict[str, Truth] = {"normal": "normal", "pneumonia": "pneumonia"}
    root = settings.images or path.parent
    inside = PurePosixPath(path.relative_to(root).as_posix())
    key = f"own/{number // len(films):04d}/{inside}"
    truth = truths.get(path.parent.name.lower())
    return SimulatedImage(number, key, path.read_bytes(), OWN_TYPES[path.suffix.lower()], truth, None, {})


def _some_weight(formats: Mapping[Format, float]) -> bool:
    return all(weight >= 0 for weight in formats.values()) and sum(formats.values()) > 0
