"""Fitting one network: epochs, a running average of its weights, and a checkpoint after each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import swa_utils

from medpattern.evaluation.wholefile import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from medpattern.training.settings import LoopSettings

WARM_UP = 0.08


@dataclass(frozen=True, slots=True)
class Task:
    """A network to fit. `batches(epoch)` gives images (N, 1, H, W) and targets (N,), 0 to 1; `steps` an epoch."""

    name: str
    network: nn.Module
    batches: Callable[[int], Iterable[tuple[Tensor, Tensor]]]
    steps: int
    epochs: int
    rate: float
    average: float
    seed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a network is: the mean loss of the epoch that just ended."""

    name: str
    epoch: int
    epochs: int
    loss: float


def fit(task: Task, loop: LoopSettings, checkpoint: Path, tell: Callable[[Progress], None]) -> nn.Module:
    """The network with averaged weights, ready to score; goes on from `checkpoint` where that exists.

    What `batches` draws must depend on the epoch alone, so that a training that was cut off ends as one that was not.
    """
    fitting = _Fitting(task, loop)
    first = fitting.restore(checkpoint)
    for epoch in range(first, task.epochs):
        loss = fitting.epoch(epoch)
        fitting.keep(checkpoint, epoch + 1)
        tell(Progress(task.name, epoch + 1, task.epochs, loss))
    return fitting.average.module.eval()


def quicker(loop: LoopSettings) -> torch.autocast:
    """In it, what need not be exact is computed with the precision of the settings: `bfloat16` or `float32`."""
    return torch.autocast("cpu", torch.bfloat16, enabled=loop.precision == "bfloat16")


class _Fitting:
    def __init__(self, task: Task, loop: LoopSettings) -> None:
        self.task, self.loop = task, loop
        self.network = task.network.to(memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            self.network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(task.average), use_buffers=True
        )
        self.optimiser = torch.optim.AdamW(_groups(self.network, loop.weight_decay), lr=task.rate)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, task.rate, total_steps=task.steps * task.epochs + 1, pct_start=WARM_UP
        )

    def epoch(self, epoch: int) -> float:
        # Dropout draws from here: of the epoch alone, so that a second start goes on as the first would have.
        torch.manual_seed(self.task.seed + epoch)
        self.network.train()
        total, seen = 0.0, 0
        for image, target in self.task.batches(epoch):
            image = image.contiguous(memory_format=torch.channels_last)
            with quicker(self.loop):
                logit = self.network(image)
            loss = functional.binary_cross_entropy_with_logits(logit.float(), target)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
            self.optimiser.step()
            self.schedule.step()
            self.average.update_parameters(self.network)
            total, seen = total + loss.item() * len(target), seen + len(target)
        return total / max(seen, 1)

    def keep(self, path: Path, epoch: int) -> None:
        state = {name: part.state_dict() for name, part in self._parts().items()}
        with whole_file(path) as part:
            torch.save({"epoch": epoch, **state}, part)

    def restore(self, path: Path) -> int:
        if not path.exists():
            return 0
        state = torch.load(path, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        return int(state["epoch"])

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "average": self.average,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weights decay; what normalises and shifts does not."""
    weights = [one for one in network.parameters() if one.ndim > 1]
    others = [one for one in network.parameters() if one.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


@torch.inference_mode()
def logits(network: nn.Module, images: Iterable[Tensor]) -> Tensor:
    """(N,): the network's answers to all `images`, float32, batch after batch."""
    network.eval()
    return torch.cat([network(image.contiguous(memory_format=torch.channels_last)).float() for image in images])
