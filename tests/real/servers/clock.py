"""A wall clock that a test moves, for Python processes, by libfaketime. Their monotonic clocks go on as they are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.real.servers.programs import newest


class Clock:
    """Give `environment` to a `Process`; `set_back` and `set_forward` move its clock while it runs, within a second."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set_forward(timedelta())

    @property
    def environment(self) -> dict[str, str]:
        """What the process needs; it reads the file again every second."""
        return {
            "LD_PRELOAD": str(newest("/usr/lib", "*/faketime/libfaketime.so.1", "faketime")),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(Path(__file__).with_name("faketime")),
        }

    def set_forward(self, by: timedelta) -> None:
        """The clock shows the true time and `by` more."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{by.total_seconds():+.0f}\n", "ascii")
        fresh.replace(self._file)

    def set_back(self, by: timedelta) -> None:
        """The clock shows the true time less `by`."""
        self.set_forward(-by)
