"""docs/images.md lists what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from medpattern.pipeline.images import Limits
from medpattern.pipeline.images.codestream import MAX_SCANS
from medpattern.pipeline.images.dicom_pixels import SYNTAXES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "images.md").read_text("utf-8")
CODE = "\n".join(
    path.read_text("utf-8")
    for part in ("images", "model")
    for path in (ROOT / "src" / "medpattern" / "pipeline" / part).glob("*.py")
)


def test_the_page_lists_exactly_the_reasons_that_are_raised() -> None:
    raised = set(re.findall(r'Unprocessable\(\s*"([a-z0-9-]+)"', CODE))
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.partition("## Reasons")[2], re.MULTILINE))
    assert raised == listed


def test_the_page_names_every_transfer_syntax() -> None:
    table = PAGE.partition("### DICOM transfer syntaxes")[2].partition("imagecodecs >=")[0]
    column = " ".join(line.split("|")[2] for line in table.splitlines() if re.match(r"\| (?!---|transfer)", line))
    named = set(re.findall(r"\.[0-9.]+", column)) | {".4.202", ""}
    assert {f"1.2.840.10008.1.2{tail}" for tail in named} == set(SYNTAXES)


def test_the_page_states_the_limits() -> None:
    assert f"| bytes | {Limits().bytes >> 20} MiB |" in PAGE
    assert f"| pixels | {Limits().pixels:,} |" in PAGE
    assert f"| scans of a JPEG | {MAX_SCANS} |" in PAGE
