"""The networks: a small residual one that scores, a smaller one beside it as gate, and both as one graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medpattern.training.settings import NetworkSettings

# Of the field that the local normalisation takes away: a quarter of the resolution, 9 x 9 cells of it.
CELL = 4
FIELD = 9
FLAT = 1e-3


class Normalised(nn.Module):
    """From grey levels 0 to 1, (N, 1, H, W), to two planes that neither exposure nor contrast moves, (N, 2, H, W).

    The first is the film with mean 0 and deviation 1; the second what differs from its surroundings, scaled alike.
    """

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        whole = image - image.mean((2, 3), keepdim=True)
        coarse = functional.avg_pool2d(whole, CELL)
        coarse = functional.avg_pool2d(coarse, FIELD, 1, FIELD // 2, count_include_pad=False)
        field = functional.interpolate(coarse, size=image.shape[2:], mode="bilinear", align_corners=False)
        return torch.cat([_scaled(whole), _scaled(whole - field)], 1)


def _scaled(plane: Tensor) -> Tensor:
    return plane / ((plane * plane).mean((2, 3), keepdim=True).sqrt() + FLAT)


class Block(nn.Module):
    """Two 3 x 3 convolutions around a shortcut (He and others, 2016; the pooled shortcut of ResNet-D)."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(inplace=True),
            nn.Conv2d(outer, outer, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outer),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inner != outer:
            pooled = [nn.AvgPool2d(stride)] if stride > 1 else []
            self.shortcut = nn.Sequential(*pooled, nn.Conv2d(inner, outer, 1, bias=False), nn.BatchNorm2d(outer))

    def forward(self, planes: Tensor) -> Tensor:
        """(N, inner, H, W) -> (N, outer, H / stride, W / stride)."""
        return functional.relu(self.body(planes) + self.shortcut(planes))


class Classifier(nn.Module):
    """From grey levels, (N, 1, H, W), to the logit of pneumonia, (N,)."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.normalised = Normalised()
        layers: list[nn.Module] = [
            nn.Conv2d(2, settings.stem, 5, 2, 2, bias=False),
            nn.BatchNorm2d(settings.stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        ]
        inner = settings.stem
        for stage, (width, blocks) in enumerate(zip(settings.widths, settings.blocks, strict=True)):
            for block in range(blocks):
                layers.append(Block(inner, width, 2 if stage and not block else 1))
                inner = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(settings.dropout), nn.Linear(inner, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        logit: Tensor = self.head(self.features(self.normalised(image)))
        return logit[:, 0]


class Gate(nn.Module):
    """From grey levels, (N, 1, H, W), to the logit of being a frontal chest film, (N,); at half the resolution."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.normalised = Normalised()
        layers: list[nn.Module] = []
        inner = 3
        for width in widths:
            layers += [
                nn.Conv2d(inner, width, 3, 1, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
            inner = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Conv2d(inner, inner, 3, 1, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(4 * inner, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        small = functional.avg_pool2d(image, 2)
        planes = torch.cat([2 * small - 1, functional.avg_pool2d(self.normalised(image), 2)], 1)
        logit: Tensor = self.head(self.features(planes))
        return logit[:, 0]


class Shipped(nn.Module):
    """What is exported: score and gate, (N, 1) each, 0 to 1; score = sigmoid(slope * logit + offset)."""

    def __init__(self, classifier: nn.Module, gate: nn.Module, slope: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.classifier = classifier
        self.gate = gate
        self.slope = slope
        self.offset = offset

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        logit = self.classifier(image) * self.slope + self.offset
        return torch.sigmoid(logit)[:, None], torch.sigmoid(self.gate(image))[:, None]
