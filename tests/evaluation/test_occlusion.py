"""Occlusion maps: they point at what a model uses, and nothing of a film's identity is in the picture."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from medpattern.evaluation.film import DataError
from medpattern.evaluation.occlusion import Occlusion, centre_share, occlusion, share_in_centre
from medpattern.evaluation.overlay import ShownFilm, overlay_png, shown_film
from medpattern.pipeline.images import Radiograph, decode
from medpattern.pipeline.model import Assessment, Predictor, Scores, assess
from tests.evaluation.drawn import drawn_films
from tests.pipeline.model.models import card_document, grey

SIDE = 64


def place(rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.float32]:
    weights = np.zeros((SIDE, SIDE), np.float32)
    weights[slice(*rows), slice(*columns)] = 1
    return weights / weights.sum()


def looking_at(path: Path, weights: NDArray[np.float32], *, crop: float = 0.0, gate: float = 0.0) -> Predictor:
    """A model whose log odds are 8 times the weighted mean of the film, less 4; its gate the mean."""
    document = card_document(
        input={
            "name": "image", "height": SIDE, "width": SIDE, "channels": 1, "resize": "bilinear", "crop": crop,
            "scaling": {"mean": [0.0], "std": [1.0]},
        },
        gate={"threshold": gate},
        testInputs=[{"name": "flat", "image": grey(128), "score": 0.5, "tolerance": 0.05}],
    )  # fmt: skip
    constants: dict[str, Any] = {"weights": (8 * weights[None, None]).astype(np.float32), "bias": np.float32(-4)}
    nodes = [
        helper.make_node("Mul", ["image", "weights"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
        helper.make_node("ReduceMean", ["image"], ["gate"], axes=[1, 2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "looking",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("score", "gate")],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
        + [numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"medpattern": json.dumps(document)})
    path.write_bytes(model.SerializeToString())
    return Predictor.load(path)


def planes(pixels: NDArray[Any]) -> NDArray[np.float32]:
    return pixels.astype(np.float32)[None, None]


def spot(row: int, column: int, *, radius: float = 5, background: float = 0.3, bright: float = 0.9) -> NDArray[Any]:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return np.where((y - row) ** 2 + (x - column) ** 2 < radius**2, bright, background)


@pytest.mark.parametrize(("row", "column"), [(20, 44), (44, 20), (3, 3), (60, 32)])
def test_the_map_points_at_what_the_model_uses(row: int, column: int, tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", spot(row, column, background=0) / 80)

    found = occlusion(predictor, planes(spot(row, column)))

    top = np.unravel_index(found.values.argmax(), found.values.shape)
    assert abs(top[0] - row) <= 6
    assert abs(top[1] - column) <= 6
    assert found.values.max() > 10 * abs(found.values.min())
    assert found.values.shape == (SIDE, SIDE)
    assert found.scores == predictor.score(planes(spot(row, column)))[0]


def test_what_speaks_against_is_below_zero(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((10, 22), (10, 22)))

    found = occlusion(predictor, planes(spot(16, 16, background=0.8, bright=0.1)))

    assert found.values.min() < -10 * abs(found.values.max())


def test_what_the_model_does_not_use_gets_nothing(tmp_path: Path) -> None:
    """A bright thing elsewhere on the film is none of the model's business."""
    predictor = looking_at(tmp_path / "m.onnx", place((8, 20), (8, 20)))

    found = occlusion(predictor, planes(spot(48, 48)))

    assert np.abs(found.values[40:, 40:]).max() < 1e-3


def test_a_flat_film_has_no_attribution(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((8, 20), (8, 20)))

    found = occlusion(predictor, planes(np.full((SIDE, SIDE), 0.5)))

    assert np.abs(found.values).max() < 1e-4


def test_a_score_that_is_saturated_still_gives_numbers(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", 30 * place((8, 20), (8, 20)))

    assert np.isfinite(occlusion(predictor, planes(spot(14, 14))).values).all()


# ---- the share in the centre -----------------------------------------------------------------------------------


def test_an_even_map_has_the_centres_area() -> None:
    for shape in ((100, 100), (64, 48), (7, 9)):
        assert share_in_centre(np.ones(shape)) == pytest.approx(0.49)
        assert share_in_centre(-np.ones(shape), 0.5) == pytest.approx(0.25)


def test_the_centre_is_all_or_nothing_of_what_lies_there() -> None:
    values = np.zeros((100, 100))
    values[15:85, 15:85] = np.random.default_rng(0).normal(size=(70, 70))
    assert share_in_centre(values) == pytest.approx(1)

    values = np.ones((100, 100))
    values[15:85, 15:85] = 0
    assert share_in_centre(values) == 0


def test_both_signs_count() -> None:
    values = np.zeros((100, 100))
    values[50, 50], values[0, 0] = 1.0, -3.0
    assert share_in_centre(values) == pytest.approx(0.25)


def test_a_map_of_nothing_has_no_share() -> None:
    assert share_in_centre(np.zeros((10, 10))) is None


def test_the_mean_share_of_films_and_its_interval(tmp_path: Path) -> None:
    films = drawn_films(3)
    inside = looking_at(tmp_path / "inside.onnx", place((26, 38), (26, 38)))
    edge = looking_at(tmp_path / "edge.onnx", place((0, SIDE), (0, 4)))

    lungs, border = centre_share(inside, films), centre_share(edge, films)

    assert lungs.films == border.films == 6
    assert lungs.mean.value is not None
    assert lungs.mean.low is not None
    assert lungs.mean.high is not None
    assert lungs.mean.low <= lungs.mean.value <= lungs.mean.high
    assert lungs.mean.low > 0.9
    assert border.mean.value is not None
    assert border.mean.value < 0.5


def test_films_without_attribution_are_counted_apart(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", np.zeros((SIDE, SIDE), np.float32))

    found = centre_share(predictor, drawn_films(1))

    assert (found.films, found.without, found.mean.value) == (2, 2, None)


def test_a_film_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((8, 20), (8, 20)))

    with pytest.raises(DataError, match=r"NORMAL/0\.png"):
        centre_share(predictor, [replace(drawn_films(1)[0], read=lambda: b"no film")])


# ---- the picture -----------------------------------------------------------------------------------------------


@pytest.fixture
def radiograph() -> Radiograph:
    return decode(drawn_films(1)[0].read())


def assessed(predictor: Predictor, radiograph: Radiograph, scores: Scores) -> Assessment:
    return assess(scores, predictor.card, radiograph.facts)


def test_the_map_lies_over_the_place_within_the_crop(tmp_path: Path) -> None:
    """With a quarter cropped, the input's middle right is at five eighths of the film's width."""
    predictor = looking_at(tmp_path / "m.onnx", place((0, SIDE), (0, SIDE)), crop=0.25)
    film = shown_film(decode(drawn_films(1)[0].read()))
    values = np.zeros((SIDE, SIDE))
    values[28:36, 44:52] = 1  # centre of the input: (32, 48) of 64, of the film: (0.5, 0.25 + 0.75 / 2)
    assessment = Assessment("pneumonia", "", 0.9, 0.9, 0.9, "balanced", "tiny", "1", False)  # type: ignore[arg-type]

    drawn = picture(overlay_png(film, Occlusion(values, Scores(0.9)), assessment, predictor.card.input))

    left, right, top, bottom = right_panel(drawn)
    panel = drawn[top:bottom, left:right].astype(int)
    rows, columns = np.nonzero(panel.max(axis=2) - panel.min(axis=2) > 30)
    assert rows.mean() / len(panel) == pytest.approx(0.5, abs=0.03)
    assert columns.mean() / panel.shape[1] == pytest.approx(0.625, abs=0.03)


def picture(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def right_panel(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Left, right, top, bottom of the second film: the second broad run of columns that are not white."""
    dark = (pixels.min(axis=2) < 245).mean(axis=0) > 0.3
    edges = np.flatnonzero(np.diff(np.concatenate([[0], dark.astype(int), [0]])))
    runs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 100]
    left, right = (int(edge) for edge in runs[1])
    rows = np.flatnonzero((pixels[:, left:right].min(axis=2) < 245).mean(axis=1) > 0.9)
    return left, right, int(rows[0]), int(rows[-1]) + 1


def test_a_refused_film_has_no_map(tmp_path: Path, radiograph: Radiograph) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((8, 20), (8, 20)), gate=0.99)
    assessment = assessed(predictor, radiograph, Scores(0.9, 0.1))
    film = shown_film(radiograph)

    found = picture(overlay_png(film, None, assessment, predictor.card.input))

    assert assessment.reason == "not-a-frontal-chest-film"
    colour = found.max(axis=2).astype(int) - found.min(axis=2)
    assert colour.max() == 0, "a grey film and black words"


def test_the_picture_holds_no_metadata(tmp_path: Path, radiograph: Radiograph) -> None:
    predictor = looking_at(tmp_path / "m.onnx", place((8, 20), (8, 20)))
    found = Occlusion(np.zeros((SIDE, SIDE)), Scores(0.5, 0.9))

    data = overlay_png(
        shown_film(radiograph), found, assessed(predictor, radiograph, found.scores), predictor.card.input
    )

    assert set(Image.open(BytesIO(data)).info) <= {"dpi"}


def test_burned_in_text_is_not_shown() -> None:
    """Whatever the remover decides: where the name stood, the shown film differs from the inscribed one."""
    from medpattern.pipeline.simulation.burned_in import Inscription, inscribe
    from medpattern.pipeline.simulation.phantom import draw_phantom

    film = draw_phantom(np.random.default_rng(5), 512, 512).pixels
    burned = inscribe(film, [Inscription(("OSEI-SYNTHETIC AMA", "ID SYN00012345"), ("top", "left"), 14, "white")])
    plain = decode(drawn_films(1)[0].read())

    shown = shown_film(replace(plain, pixels=burned.pixels))

    assert shown.pixels.shape == (512, 512)
    strokes = burned.ink & (burned.pixels > 200)
    assert (shown.pixels[strokes] < burned.pixels[strokes] - 60).mean() > 0.99


def test_a_film_that_may_hold_text_is_shown_blurred(radiograph: Radiograph) -> None:
    """Declared to hold text, and none is found: the pipeline would hold it back."""
    declared = replace(radiograph, facts=replace(radiograph.facts, burned_in=True))

    shown, plain = shown_film(declared), shown_film(radiograph)

    assert shown.withheld
    assert not plain.withheld
    assert steepest(shown) < steepest(plain) / 3


def steepest(film: ShownFilm) -> int:
    """The greatest step from one pixel to its neighbour."""
    return int(np.abs(np.diff(film.pixels.astype(int))).max())


def test_a_large_film_of_16_bits_is_shown_small_and_in_8() -> None:
    from medpattern.evaluation.filmfiles import as_deep_png

    large = np.asarray(Image.open(BytesIO(drawn_films(1)[0].read())).resize((1500, 1200)))

    shown = shown_film(decode(as_deep_png(large)))

    assert shown.pixels.shape == (720, 900)
    assert shown.pixels.dtype == np.uint8
