"""Hooks for tests that need programs: one that is not installed skips a test, or fails it where all are required."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.real.servers.programs import MissingError

Hook = Callable[..., Generator[None, Any, Any]]


def hooks(*, required: bool) -> tuple[Hook, Hook, Hook]:
    """`pytest_runtest_setup`, `pytest_runtest_call` and `pytest_runtest_makereport` for a conftest.py.

    With `required` whatever is skipped, for any reason, has failed.
    """

    @contextmanager
    def skipped_where_missing() -> Iterator[None]:
        try:
            yield
        except MissingError as error:
            if required:
                raise
            pytest.skip(str(error))

    @pytest.hookimpl(wrapper=True)
    def setup() -> Generator[None, object, object]:
        with skipped_where_missing():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def call() -> Generator[None, object, object]:
        with skipped_where_missing():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def report() -> Generator[None, pytest.TestReport, pytest.TestReport]:
        told = yield
        if required and told.skipped and not hasattr(told, "wasxfail"):
            told.outcome = "failed"
        return told

    return setup, call, report
