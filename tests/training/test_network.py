"""The networks: exposure and contrast hardly move them, and what ships says numbers from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import Tensor, nn

from medpattern.evaluation.shifts import SITES
from medpattern.evaluation.strangers import strangers
from medpattern.training.augmentation import tensor
from medpattern.training.material import picture_in_memory
from medpattern.training.network import Classifier, Gate, Normalised, Shipped
from medpattern.training.settings import InputSettings, NetworkSettings

SIDE = 64


def pictures() -> Tensor:
    """Drawn chests and other things, (N, 1, SIDE, SIDE), their grey levels from 0.2 to 0.7: room for more and less."""
    drawn = strangers("evaluation", ["phantom", "hand", "page"], 4, 0)
    shown = np.stack([picture_in_memory(one.pixels, InputSettings(SIDE, 0)) for one in drawn])
    return 0.2 + 0.5 * tensor(shown)


PICTURES = pictures()


@pytest.fixture(scope="module")
def classifier() -> nn.Module:
    return awake(lambda: Classifier(NetworkSettings(8, (8, 16), (1, 1), 0.1)))


def awake(make: Callable[[], nn.Module]) -> nn.Module:
    """With statistics of these pictures in its normalisations, so that its answers differ as a fitted one's do."""
    torch.manual_seed(0)
    network = make().train()
    with torch.inference_mode():
        for _ in range(30):
            network(PICTURES)
    return network.eval()


@torch.inference_mode()
def test_every_picture_has_one_logit(classifier: nn.Module) -> None:
    for network in (classifier, awake(lambda: Gate((4, 4, 8, 8)))):
        together = network(PICTURES)
        assert together.shape == (len(PICTURES),)
        assert together.std() > 0.01, "its answers differ"
        alone = torch.cat([network(one[None]) for one in PICTURES])
        torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("side", [32, 64, 160, 224])
def test_any_side_will_do(side: int) -> None:
    with torch.inference_mode():
        assert Classifier(NetworkSettings()).eval()(torch.rand(2, 1, side, side)).shape == (2,)
        assert Gate((8, 8, 8, 8)).eval()(torch.rand(2, 1, side, side)).shape == (2,)


@examples(max_examples=40)
@given(gain=st.floats(0.6, 1.3), offset=st.floats(-0.1, 0.08))
def test_exposure_does_not_move_the_score(gain: float, offset: float, classifier: nn.Module) -> None:
    """Within the film's range: it changes by less than 3 % of what other pictures change."""
    with torch.inference_mode():
        plain = classifier(PICTURES)
        other = classifier(PICTURES * gain + offset)

    assert float(abs(other - plain).max()) <= 0.03 * float(plain.max() - plain.min())


def test_the_planes_have_no_mean_and_one_deviation() -> None:
    planes = Normalised()(PICTURES)

    assert planes.shape == (len(PICTURES), 2, SIDE, SIDE)
    assert abs(planes[:, 0].mean((1, 2))).max() < 1e-3
    torch.testing.assert_close(planes.square().mean((2, 3)).sqrt(), torch.ones(len(PICTURES), 2), atol=0.03, rtol=0)


def test_uneven_light_is_taken_from_the_second_plane() -> None:
    """Of light that rises across the film the second plane keeps less than half of what the first keeps."""
    slope = torch.linspace(-0.15, 0.15, SIDE)[None, None, None, :]
    before, after = Normalised()(PICTURES), Normalised()(PICTURES + slope)

    moved = (after - before).square().mean((0, 2, 3)).sqrt()

    assert moved[1] < moved[0] / 2


def test_a_darker_film_as_the_robustness_table_has_it_is_the_same_but_for_rounding() -> None:
    film = np.rint(PICTURES[0, 0].numpy() * 255).astype(np.uint8)
    shifted = SITES["gain-low"].apply(film, np.random.default_rng(0))

    plain, other = (Normalised()(tensor(one[None]))[:, 0] for one in (film, shifted))

    assert float(abs(plain - other).mean()) < 0.02


def test_what_ships_says_two_numbers_from_0_to_1() -> None:
    shipped = Shipped(
        awake(lambda: Classifier(NetworkSettings(8, (8,), (1,), 0))), awake(lambda: Gate((4, 4, 8, 8)))
    ).eval()
    odd = torch.cat([torch.zeros(1, 1, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE), torch.rand(2, 1, SIDE, SIDE)])

    with torch.inference_mode():
        score, gate = shipped(torch.cat([PICTURES, 1 - PICTURES, odd]))
        expected = torch.sigmoid(shipped.classifier(PICTURES))

    for answer in (score, gate):
        assert answer.shape == (2 * len(PICTURES) + 4, 1)
        assert bool(((answer >= 0) & (answer <= 1)).all()), "blank pictures too, and none is NaN"
    torch.testing.assert_close(score[: len(PICTURES), 0], expected, atol=1e-5, rtol=0)
