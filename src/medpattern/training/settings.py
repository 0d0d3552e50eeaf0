"""The settings of a training: one YAML file, closed; model/pneumonia/settings.yaml is that of the shipped model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from medpattern.errors import UsageError


@dataclass(frozen=True, slots=True)
class InputSettings:
    """The model's input: `side` pixels square after `crop` of each border; `margin` more pixels are kept for shifts."""

    side: int = 160
    margin: int = 16
    crop: float = 0.04

    @property
    def kept(self) -> int:
        """Side in pixels of the films as they lie in memory."""
        return self.side + self.margin


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """A residual network: channels of the stem, then channels and number of blocks of each stage."""

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128, 192)
    blocks: tuple[int, ...] = (1, 1, 2, 1)
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The gate: channels of its stages, its epochs, and how many strangers of each family it learns from.

    `average` as in the loop's settings: of fewer steps less must be averaged, or the first ones, which know nothing,
    still count. `refused_most` is the share of films, shifted ones included, that the threshold may refuse.
    """

    widths: tuple[int, ...] = (16, 32, 64, 96)
    epochs: int = 6
    average: float = 0.98
    strangers: int = 150
    refused_most: float = 0.005


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How one network is trained. An epoch is `draws` films, classes evenly (0: as many as there are).

    `rate` is the greatest (AdamW, one cycle), `average` the decay of the weights' running average; `precision` is
    bfloat16, twice as fast where the processor knows it, or float32.
    """

    epochs: int = 22
    draws: int = 0
    batch: int = 64
    rate: float = 0.002
    weight_decay: float = 0.05
    smoothing: float = 0.05
    average: float = 0.998
    precision: str = "bfloat16"


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """The one network that ships: taught on `views` shifted copies of each film by the mean of the fold networks.

    `teacher` is the share of what the fold networks say in what it is taught; the rest is the smoothed label. On the
    share `names` of the copies a patient's name is burned in after the teachers looked: it must not change an answer.
    """

    views: int = 8
    epochs: int = 5
    teacher: float = 0.8
    names: float = 0.4


@dataclass(frozen=True, slots=True)
class PointSettings:
    """Sensitivities that an operating point keeps at its low and at its high threshold.

    They hold on out-of-fold films and on `shifts` shifted copies of each, which is the margin for other sites.
    """

    screening: tuple[float, ...] = (0.995, 0.955)
    balanced: tuple[float, ...] = (0.955, 0.955)
    specific: tuple[float, ...] = (0.90, 0.90)
    shifts: int = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it. `seed` decides every draw; `folds` are grouped by patient and even in kinds of films."""

    name: str = "paediatric-pneumonia"
    version: str = "1"
    seed: int = 20180222
    folds: int = 5
    input: InputSettings = field(default_factory=InputSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    loop: LoopSettings = field(default_factory=LoopSettings)
    student: StudentSettings = field(default_factory=StudentSettings)
    points: PointSettings = field(default_factory=PointSettings)

    def document(self) -> dict[str, Any]:
        """The settings as they stand in YAML."""
        return asdict(self)


def read_settings(path: Path) -> Settings:
    """The settings in the YAML file `path`; what it leaves out has its default.

    Raises:
        UsageError: not readable, no YAML, an unknown key, or a value that cannot be; with the place.
    """
    import yaml

    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML: {error}") from error
    return settings_of({} if document is None else document, str(path))


def settings_of(document: object, where: str) -> Settings:
    """The settings in a parsed document, which errors call `where`. Raises UsageError."""
    from medpattern.training.limits import check

    found: Settings = _made(Settings, document, f"{where}: ")
    check(found, where)
    return found


def smoke(settings: Settings) -> Settings:
    """The same settings made so small that every step runs within two minutes, and nothing is learnt."""
    return replace(
        settings,
        name=f"{settings.name}-smoke",
        folds=2,
        input=replace(settings.input, side=64, margin=8),
        network=NetworkSettings(stem=8, widths=(8, 16), blocks=(1, 1)),
        gate=replace(settings.gate, widths=(8, 8, 8, 8), epochs=2, strangers=2),
        loop=replace(settings.loop, epochs=2, batch=16),
        student=replace(settings.student, views=2, epochs=2),
        points=replace(settings.points, shifts=1),
    )


def _made(kind: type[Any], document: object, place: str) -> Any:
    if not isinstance(document, dict):
        raise UsageError(f"{place}a map is wanted, not {document!r}")
    hints = get_type_hints(kind)
    known = [one.name for one in fields(kind)]
    if unknown := [key for key in document if key not in known]:
        raise UsageError(f"{place}unknown key {unknown[0]!r}; there are {', '.join(known)}")
    return kind(**{key: _value(hints[key], value, f"{place}{key}: ") for key, value in document.items()})


def _value(wanted: Any, value: object, place: str) -> Any:
    if is_dataclass(wanted):
        return _made(wanted, value, place)  # type: ignore[arg-type]
    if wanted is float and type(value) is int:
        return float(value)
    if wanted in (tuple[int, ...], tuple[float, ...]):
        kinds = (int,) if wanted == tuple[int, ...] else (int, float)
        if isinstance(value, list) and value and all(type(one) in kinds and one > 0 for one in value):
            return tuple(value)
        raise UsageError(
            f"{place}a list of positive {'whole ' if kinds == (int,) else ''}numbers is wanted, not {value!r}"
        )
    if type(value) is not wanted:
        raise UsageError(f"{place}{wanted.__name__} is wanted, not {value!r}")
    return value
