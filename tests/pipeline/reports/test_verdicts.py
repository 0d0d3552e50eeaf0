"""What a reader may say, and what is refused before it reaches the database."""

from __future__ import annotations

import pytest

from medpattern.errors import UsageError
from medpattern.pipeline.reports.verdicts import LONGEST_COMMENT, NewVerdict, Opinion


def test_comment_of_several_lines_in_any_script_is_taken() -> None:
    comment = "Alte Narbe,\nkein Infiltrat. 肺炎なし\t✓"
    assert NewVerdict(Opinion.DISAGREE, "dr.osei", comment).comment == comment


@pytest.mark.parametrize(
    ("reader", "comment"),
    [
        ("", ""),
        ("  ", ""),
        ("r" * 256, ""),
        ("dr.osei", "c" * (LONGEST_COMMENT + 1)),
        ("dr.osei", "nul \x00"),
        ("dr\x1b[31m", ""),
        ("dr.osei", "half a character \ud800"),
    ],
    ids=["no-reader", "blank-reader", "long-reader", "long-comment", "nul", "escape", "surrogate"],
)
def test_what_cannot_be_stored_or_shown_is_refused(reader: str, comment: str) -> None:
    with pytest.raises(UsageError):
        NewVerdict(Opinion.AGREE, reader, comment)
