"""RECEIPT.json: what a cluster's folder was rendered from and what it holds, by sha256.

`render` uses it to skip a cluster after hashing inputs and outputs again; `render --check` never does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from medpattern import __version__

RECEIPT = "RECEIPT.json"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Receipt:
    """`inputs` and `outputs`: sha256 by file; an input that was looked for and not there has "".

    `version` is medpattern's, `tree` the tree's path in the repository, which Applications name.
    """

    version: str
    tree: str
    inputs: dict[str, str]
    outputs: dict[str, str]

    def text(self) -> str:
        """The file: sorted, one line an entry, so that git merges what it can."""
        sections = {"inputs": self.inputs, "outputs": self.outputs}
        lines = [f' "medpattern": {json.dumps(self.version)}', f' "tree": {json.dumps(self.tree)}']
        for name, entries in sections.items():
            body = ",\n".join(f"  {json.dumps(key)}: {json.dumps(digest)}" for key, digest in sorted(entries.items()))
            lines.append(f' "{name}": {{\n{body}\n }}')
        body = ",\n".join(lines)
        return f'{{\n "receipt": "{sha256(body.encode()).hexdigest()}",\n{body}\n}}\n'


def make_receipt(tree: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Receipt:
    """The receipt of this version of medpattern."""
    return Receipt(__version__, tree, dict(inputs), dict(outputs))


def keeping(receipt: Receipt, old: Receipt | None) -> Receipt:
    """`receipt`, or after a render of one application one that still owns the stale files `old` lists.

    Such a receipt names no inputs, so that the next render looks at everything.
    """
    if old is None or old.outputs.keys() <= receipt.outputs.keys():
        return receipt
    return Receipt(receipt.version, receipt.tree, {}, {**old.outputs, **receipt.outputs})


def rendered_by(folder: Path) -> str:
    """The version of medpattern that wrote the receipt in `folder`; "" without one that can be read."""
    try:
        return str(json.loads((folder / RECEIPT).read_bytes())["medpattern"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt in `folder`; None if there is none, or it is damaged or edited (as by a merge)."""
    try:
        text = (folder / RECEIPT).read_text("utf-8")
        body = json.loads(text)
        receipt = Receipt(str(body["medpattern"]), str(body["tree"]), dict(body["inputs"]), dict(body["outputs"]))
        # Its own sha256 stands in it, so that an edit of outputs and receipt together is noticed.
        return receipt if receipt.text() == text else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def outputs_hold(folder: Path, receipt: Receipt) -> bool:
    """Whether every output of the receipt is there, byte for byte, and nothing else of medpattern's making."""
    base = f"{folder}{os.sep}"
    try:
        for name, digest in receipt.outputs.items():
            descriptor = os.open(base + name, os.O_RDONLY)
            try:
                # A read shorter than asked for is the end of a regular file.
                content = os.read(descriptor, _CHUNK)
                while len(content) % _CHUNK == 0 and (more := os.read(descriptor, _CHUNK)):
                    content += more
            finally:
                os.close(descriptor)
            if sha256(content).hexdigest() != digest:
                return False
    except OSError:
        return False
    return True
