"""Scoring as the plainest code does it: Pillow, numpy, onnxruntime, nothing of medpattern.

It is the floor that servers are held against, and what MLServer and BentoML run inside, in environments that have no
medpattern. Input and outputs are those of the model's card.
"""

from __future__ import annotations

import io
import json
from math import ceil
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


class Plain:
    """A model file and the three steps: decode, resize, run."""

    def __init__(self, model: Path, threads: int = 1) -> None:
        """The session has the options of medpattern's own."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])
        card = json.loads(self.session.get_modelmeta().custom_metadata_map["medpattern"])
        self.contract = card["input"]
        self.size = (self.contract["width"], self.contract["height"])
        self.crop = float(self.contract["crop"])
        self.filter = Image.Resampling[self.contract["resize"].upper()]
        (self.mean,), (self.std,) = self.contract["scaling"]["mean"], self.contract["scaling"]["std"]
        self.outputs = [name for name in (card["outputs"]["score"], card["outputs"].get("gate")) if name]
        # As medpattern decodes for a prediction: libjpeg leaves out what lies beyond twice the model's input.
        self.side = ceil(2 * max(self.size) / (1 - 2 * self.crop))

    def score(self, data: bytes, *, whole: bool = False) -> float:
        """The score of a JPEG; `whole` decodes all of its pixels, as is needed where the image is published."""
        file = Image.open(io.BytesIO(data))
        file.draft("L", None if whole else (self.side, self.side))
        image = file.convert("L")
        left, top = self.crop * image.width, self.crop * image.height
        box = (left, top, image.width - left, image.height - top)
        small = image.resize(self.size, self.filter, box, 3.0)
        plane = (np.asarray(small, np.float32) / 255 - self.mean) / self.std
        outputs = self.session.run(self.outputs, {self.contract["name"]: plane[None, None]})
        return float(outputs[0].item())
