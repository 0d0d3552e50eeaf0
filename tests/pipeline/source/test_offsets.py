from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.source.offsets import Offsets


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Records taken in the order of their offsets, with gaps, and finished in any order after that."""
    offsets = sorted(draw(st.sets(st.integers(0, 60), max_size=25)))
    finished = draw(st.permutations(offsets))[: draw(st.integers(0, len(offsets)))]
    left, done, history = list(offsets), list(finished), []
    taken: set[int] = set()
    while left or done:
        ready = [offset for offset in done if offset in taken]
        if ready and (not left or draw(st.booleans())):
            done.remove(ready[0])
            history.append(("finish", ready[0]))
        elif left:
            taken.add(left[0])
            history.append(("take", left.pop(0)))
    return history


@given(histories())
def test_commits_up_to_the_first_record_that_is_not_done_and_no_further(history: list[tuple[str, int]]) -> None:
    offsets = Offsets()
    taken: list[int] = []
    done: set[int] = set()
    for what, offset in history:
        if what == "take":
            offsets.take(offset)
            taken.append(offset)
        else:
            offsets.finish(offset)
            done.add(offset)
        open_ones = [one for one in taken if one not in done]
        before = [one for one in taken if not open_ones or one < open_ones[0]]
        assert offsets.position == (before[-1] + 1 if before else None)
        assert len(offsets) == len(taken) - len(before)


def test_a_record_that_was_taken_already_is_a_defect() -> None:
    offsets = Offsets()
    offsets.take(7)
    with pytest.raises(ValueError, match="rise"):
        offsets.take(7)
