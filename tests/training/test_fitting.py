"""Fitting: cut off and gone on with ends as if nothing had happened, and no damaged checkpoint is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medpattern.errors import UsageError
from medpattern.training import fitting
from medpattern.training.fitting import Progress, Task, fit, logits
from medpattern.training.network import Classifier
from medpattern.training.settings import LoopSettings, NetworkSettings

EPOCHS, STEPS, BATCH, SIDE = 4, 3, 16, 32
LOOP = LoopSettings(precision="float32")


class CutError(Exception):
    """Stands for a machine that stops."""


def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Stripes across or down, which is what their target says."""
    draw = torch.Generator().manual_seed(epoch)
    for _ in range(STEPS):
        target = torch.randint(0, 2, (BATCH,), generator=draw).float()
        image = torch.rand(BATCH, 1, SIDE, SIDE, generator=draw) * 0.5
        image[target == 1, :, :, ::4] += 0.4
        image[target == 0, :, ::4, :] += 0.4
        yield image, target


def task(drawn: Callable[[int], Any] = batches, epochs: int = EPOCHS) -> Task:
    torch.manual_seed(5)
    network = Classifier(NetworkSettings(stem=4, widths=(4,), blocks=(1,), dropout=0.5))
    return Task("try", network, drawn, STEPS, epochs, 0.01, average=0.9, seed=11)


def weights(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def silent(_progress: Progress) -> None:
    pass


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def loop(request: pytest.FixtureRequest) -> LoopSettings:
    return replace(LOOP, precision=request.param)


@pytest.fixture(scope="module")
def whole(loop: LoopSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """Weights of a training that nothing cut off."""
    return weights(fit(task(), loop, tmp_path_factory.mktemp("whole") / "try.pt", silent))


@pytest.mark.parametrize("after", [1, 2, 3])
def test_cut_off_after_an_epoch_it_ends_exactly_the_same(
    after: int, loop: LoopSettings, whole: dict[str, Tensor], tmp_path: Path
) -> None:
    def cut(progress: Progress) -> None:
        if progress.epoch == after:
            raise CutError

    with pytest.raises(CutError):
        fit(task(), loop, tmp_path / "try.pt", cut)
    told: list[Progress] = []
    torch.manual_seed(99)  # what else a process draws must not matter
    gone_on = fit(task(), loop, tmp_path / "try.pt", told.append)

    assert [one.epoch for one in told] == list(range(after + 1, EPOCHS + 1)), "no epoch is done twice"
    assert same(weights(gone_on), whole)


def test_cut_off_within_an_epoch_that_epoch_begins_again(
    loop: LoopSettings, whole: dict[str, Tensor], tmp_path: Path
) -> None:
    def cut(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for number, batch in enumerate(batches(epoch)):
            if (epoch, number) == (2, 1):
                raise CutError
            yield batch

    with pytest.raises(CutError):
        fit(task(cut), loop, tmp_path / "try.pt", silent)

    assert same(weights(fit(task(), loop, tmp_path / "try.pt", silent)), whole)


def test_a_finished_training_is_not_fitted_again(loop: LoopSettings, whole: dict[str, Tensor], tmp_path: Path) -> None:
    fit(task(), loop, tmp_path / "try.pt", silent)
    told: list[Progress] = []

    again = fit(task(lambda _epoch: pytest.fail("nothing is left to learn")), loop, tmp_path / "try.pt", told.append)

    assert same(weights(again), whole)
    assert told == []


def test_a_disk_that_fails_leaves_the_last_whole_checkpoint(
    monkeypatch: pytest.MonkeyPatch, loop: LoopSettings, whole: dict[str, Tensor], tmp_path: Path
) -> None:
    written: list[Path] = []
    save = torch.save

    def broken(state: Any, path: Path) -> None:
        save(state, path)
        written.append(path)
        if len(written) == 3:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(fitting.torch, "save", broken)
    with pytest.raises(UsageError, match=r"try\.pt cannot be written: No space left"):
        fit(task(), loop, tmp_path / "try.pt", silent)
    monkeypatch.undo()

    assert torch.load(tmp_path / "try.pt", weights_only=True)["epoch"] == 2
    assert same(weights(fit(task(), loop, tmp_path / "try.pt", silent)), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["try.pt"], "the half of a checkpoint is gone"


def test_it_learns_and_averages(tmp_path: Path) -> None:
    told: list[Progress] = []

    network = fit(task(epochs=20), LOOP, tmp_path / "try.pt", told.append)

    assert [(one.name, one.epochs) for one in told] == [("try", 20)] * 20
    assert told[-1].loss < 0.7 * told[0].loss
    assert not network.training
    last = torch.load(tmp_path / "try.pt", weights_only=True)["network"]
    assert not same(weights(network), last), "it is the mean of many steps, not the last one"
    image, target = next(batches(100))
    assert ((logits(network, [image]) > 0) == (target > 0.5)).float().mean() > 0.9


def test_logits_of_batches_come_in_their_order(tmp_path: Path) -> None:
    network = fit(task(epochs=1), LOOP, tmp_path / "try.pt", silent)
    image, _target = next(batches(0))

    together, apart = logits(network, [image]), logits(network, iter(image.split(5)))

    assert together.shape == (BATCH,)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)
