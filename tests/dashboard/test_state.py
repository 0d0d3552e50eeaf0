from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.dashboard.state import Phase, RunState, StageState, parse_state, read_state

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["phase", "stored", "expected", "embedded", "stages", "model", "summary"])


def test_all_that_a_run_says_is_read() -> None:
    state = parse_state(
        {
            "phase": "draining",
            "stored": 7,
            "expected": 9,
            "embedded": ["s3", "kafka"],
            "stages": [{"name": "serve", "pid": 12, "state": "ready", "restarts": 1, "health": "http://127.0.0.1:1/"}],
            "model": {"name": "m", "version": "1", "sha256": "ab", "standIn": False,
                      "operatingPoint": {"name": "screening", "low": 0.2, "high": 0.7}},
        }
    )  # fmt: skip
    assert (state.phase, state.stored, state.expected, state.embedded) == (Phase.DRAINING, 7, 9, ("s3", "kafka"))
    (stage,) = state.stages
    assert (stage.name, stage.pid, stage.state, stage.restarts) == ("serve", 12, StageState.READY, 1)
    assert state.model is not None
    assert (state.model.stand_in, state.model.operating_point) == (False, "screening")
    assert (state.model.low, state.model.high) == (0.2, 0.7)


@given(st.dictionaries(KEYS, JSON) | JSON)
def test_whatever_the_file_holds_gives_a_state(value: Any) -> None:
    state = parse_state(value)
    assert state.stored >= 0
    assert isinstance(state.phase, Phase)


def test_a_model_that_does_not_say_it_was_trained_counts_as_a_stand_in() -> None:
    state = parse_state({"model": {"name": "m"}})
    assert state.model is not None
    assert state.model.stand_in


def test_a_run_without_its_file_is_starting(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state.json") == RunState(Phase.STARTING)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_a_run_that_does_not_report(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    assert not read_state(path).reporting


@pytest.mark.parametrize(("phase", "reporting"), [("running", False), ("done", True)])
def test_a_file_that_is_no_longer_rewritten_is_told_unless_the_run_has_ended(
    tmp_path: Path, phase: str, reporting: bool
) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"phase": phase, "stored": 3}))
    os.utime(path, (1_000_000, 1_000_000))
    state = read_state(path)
    assert (state.reporting, state.stored) == (reporting, 3)
