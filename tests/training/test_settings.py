"""The settings of a training: the shipped file says all, and what cannot be is told with its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from medpattern.errors import UsageError
from medpattern.training.limits import NUMBERS, POINTS
from medpattern.training.settings import (
    GateSettings,
    InputSettings,
    LoopSettings,
    NetworkSettings,
    PointSettings,
    Settings,
    StudentSettings,
    read_settings,
    settings_of,
    smoke,
)
from tests.training.drawn import SETTINGS_FILE


def keys(document: Any) -> Any:
    """The document's keys alone, as they are nested."""
    return {key: keys(value) for key, value in document.items()} if isinstance(document, dict) else None


def within(name: str) -> st.SearchStrategy[Any]:
    """Any number that a setting may be."""
    least, most = NUMBERS[name]
    return st.integers(int(least), int(most)) if isinstance(most, int) else st.floats(least, most)


def share(name: str) -> st.SearchStrategy[float]:
    return st.floats(*NUMBERS[name])


channels = st.integers(1, 512)
stages = st.integers(1, 4).flatmap(lambda n: st.tuples(*(st.tuples(channels, st.integers(1, 4)) for _ in range(n))))
pairs = st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)).map(lambda pair: (max(pair), min(pair)))
settings = st.builds(
    Settings,
    name=st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True),
    version=st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}", fullmatch=True),
    seed=within("seed"),
    folds=within("folds"),
    input=st.builds(
        InputSettings, side=within("input.side"), margin=within("input.margin"), crop=share("input.crop")
    ),
    network=st.builds(
        lambda stem, stages, dropout: NetworkSettings(stem, *map(tuple, zip(*stages, strict=True)), dropout),
        within("network.stem"), stages, share("network.dropout"),
    ),
    gate=st.builds(
        GateSettings, widths=st.lists(channels, min_size=1, max_size=4).map(tuple), epochs=within("gate.epochs"),
        average=share("gate.average"), strangers=within("gate.strangers"), refused_most=share("gate.refused_most"),
    ),
    loop=st.builds(
        LoopSettings, epochs=within("loop.epochs"), draws=within("loop.draws"), batch=within("loop.batch"),
        rate=share("loop.rate"), weight_decay=share("loop.weight_decay"), smoothing=share("loop.smoothing"),
        average=share("loop.average"), precision=st.sampled_from(["bfloat16", "float32"]),
    ),
    student=st.builds(
        StudentSettings, views=within("student.views"), epochs=within("student.epochs"),
        teacher=share("student.teacher"), names=share("student.names"),
    ),
    points=st.builds(PointSettings, pairs, pairs, pairs, st.integers(0, 10)),
)  # fmt: skip


def test_the_shipped_file_leaves_nothing_to_defaults() -> None:
    document = yaml.safe_load(SETTINGS_FILE.read_text("utf-8"))

    found = read_settings(SETTINGS_FILE)

    assert keys(document) == keys(found.document())
    assert yaml.safe_load(yaml.safe_dump(found.document())) == document


@given(settings)
def test_what_is_written_down_is_read_back(chosen: Settings) -> None:
    assert settings_of(yaml.safe_load(yaml.safe_dump(chosen.document())), "settings.yaml") == chosen


def test_what_a_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("seed: 7\nloop: {rate: 1, epochs: 3}\n", "utf-8")

    assert read_settings(file) == replace(Settings(), seed=7, loop=replace(Settings().loop, rate=1.0, epochs=3)), (
        "all else as in the class; a whole number is taken for a rate"
    )


def test_a_smoke_run_has_settings_that_may_be(tmp_path: Path) -> None:
    small = smoke(read_settings(SETTINGS_FILE))

    assert settings_of(yaml.safe_load(yaml.safe_dump(small.document())), "begun.json") == small
    assert small.name == "paediatric-pneumonia-smoke", "it cannot be taken for the shipped model"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sed: 7", "unknown key 'sed'; there are name, version, seed, folds"),
        ("loop: {rat: 0.1}", "loop: unknown key 'rat'; there are epochs, draws"),
        ("folds: 2.5", "folds: int is wanted, not 2.5"),
        ("folds: true", "folds: int is wanted, not True"),
        ("version: 1", "version: str is wanted, not 1"),
        ("loop: {rate: fast}", "loop: rate: float is wanted, not 'fast'"),
        ("loop: 3", "loop: a map is wanted, not 3"),
        ("- 1", "a map is wanted, not [1]"),
        ("false", "a map is wanted, not False"),
        ("network: {widths: 8}", "network: widths: a list of positive whole numbers is wanted, not 8"),
        ("network: {widths: [8, -1]}", "network: widths: a list of positive whole numbers"),
        ("network: {widths: [8, 1.5]}", "network: widths: a list of positive whole numbers"),
        ("network: {widths: []}", "network: widths: a list of positive whole numbers"),
        ("network: {widths: [8, 8]}", "network.blocks: there are 2 stages in widths"),
        ("input: {side: 32}\ngate: {widths: [4, 4, 4, 4, 4]}", "gate.widths: at most 4 at this input.side"),
        ("folds: 1", "folds: 1 is not from 2 to 20"),
        ("loop: {batch: 1}", "loop.batch: 1 is not from 2 to 8192"),
        ("loop: {rate: .nan}", "loop.rate: nan is not from"),
        ("loop: {precision: float16}", "loop.precision: 'float16' is none of bfloat16, float32"),
        ("name: Pneumonia Model", "name: 'Pneumonia Model' is not of the form"),
        ('version: ""', "version: '' is not of the form"),
        ("points: {balanced: [0.9]}", "points.balanced: two sensitivities are wanted"),
        ("points: {balanced: [0.9, 0.95]}", "points.balanced: the sensitivity at the low threshold, 0.9, is at most 1"),
        ("points: {screening: [99, 95]}", "points.screening: the sensitivity at the low threshold, 99, is at most 1"),
        ("points: {shifts: 100}", "points.shifts: 100 is not from 0 to"),
        ("loop: {rate: 0.1", "is no YAML"),
        ("a: &a [*a", "is no YAML"),
        ("\x00", "is no YAML"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, "utf-8")

    with pytest.raises(UsageError) as caught:
        read_settings(file)

    assert str(caught.value).startswith(str(file))
    assert told in str(caught.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_an_end_on_both_sides(name: str) -> None:
    least, most = NUMBERS[name]
    for value in (least - 1, most + 1):
        document = Settings().document()
        *parents, last = name.split(".")
        place = document[parents[0]] if parents else document
        place[last] = type(place[last])(value)
        with pytest.raises(UsageError, match=f"x: {name}: {place[last]} is not from"):
            settings_of(yaml.safe_load(yaml.safe_dump(document)), "x")


@pytest.mark.parametrize("point", POINTS)
def test_both_thresholds_may_be_one(point: str) -> None:
    document = yaml.safe_load(yaml.safe_dump(Settings().document()))
    document["points"][point] = [0.9, 0.9]

    assert getattr(settings_of(document, "x").points, point) == (0.9, 0.9)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\xff")

    with pytest.raises(UsageError, match=r"none\.yaml cannot be read: No such file"):
        read_settings(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match=r"binary\.yaml is no YAML"):
        read_settings(binary)
