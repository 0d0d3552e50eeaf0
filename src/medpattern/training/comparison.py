"""One network as PyTorch computes it, in floating point, and in whole numbers: what each costs and changes."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch

from medpattern.evaluation.metrics import auc
from medpattern.evaluation.scores import rounded
from medpattern.training.augmentation import tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from medpattern.training.network import Shipped

FORMATS = {"fp32": "floating point (fp32)", "int8": "whole numbers (int8 convolutions)"}
TIMED = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """Films that nothing was trained on: uint8 (N, side, side), and whether each shows pneumonia."""

    films: NDArray[np.uint8]
    pneumonia: NDArray[np.bool_]


def candidates(network: Shipped, files: Mapping[str, bytes], shipped: str, sample: Sample) -> list[dict[str, Any]]:
    """A row of training.json for each of `files` (by FORMATS), held against `network` on the films of `sample`."""
    with torch.inference_mode():
        expected = np.concatenate([network(tensor(film[None]))[0].numpy().ravel() for film in sample.films])
    return [_candidate(name, data, expected, sample) | {"shipped": name == shipped} for name, data in files.items()]


def _candidate(name: str, data: bytes, expected: NDArray[np.float32], sample: Sample) -> dict[str, Any]:
    session = _session(data)
    scores, times = [], []
    for film in sample.films:
        image = film[None, None].astype(np.float32) / 255
        began = perf_counter()
        (score,) = session.run(["score"], {"image": image})
        times.append(perf_counter() - began)
        scores.append(score.item())
    found = np.array(scores)
    difference = np.abs(found - expected)
    return {
        "format": FORMATS[name],
        "bytes": len(data),
        "networkMedianMs": round(float(np.median(times[-TIMED:])) * 1000, 3),
        "meanAbsoluteDifference": rounded(float(difference.mean())),
        "greatestDifference": rounded(float(difference.max())),
        "auc": rounded(auc(sample.pneumonia, found) or 0.0),
    }


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
