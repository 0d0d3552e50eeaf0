"""Taking a snapshot: the run's file, its stages, the database, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medpattern.dashboard.headline import headline
from medpattern.dashboard.health import Probe
from medpattern.dashboard.snapshot import Figures, Snapshot, read_figures
from medpattern.dashboard.state import read_state
from medpattern.pipeline.clock import now
from medpattern.pipeline.failures import Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Observer:
    """What a snapshot is made of; `state` is the path of the run's file."""

    engine: Engine
    state: Path
    probe: Probe

    def take(self) -> Snapshot:
        """The snapshot of now. A database that is away is part of it, no error. Blocks for up to a few seconds."""
        run = read_state(self.state)
        stages = self.probe.ask(run.stages)
        figures, problem = self._figures(run.model.sha256 if run.model else "")
        return Snapshot(
            headline=headline(run, stages, figures.accounts if figures else None, problem),
            phase=run.phase,
            reporting=run.reporting,
            stored=run.stored,
            expected=run.expected,
            embedded=run.embedded,
            model=run.model,
            stages=stages,
            figures=figures,
        )

    def _figures(self, model_sha256: str) -> tuple[Figures | None, str]:
        try:
            return read_figures(self.engine, now(), model_sha256), ""
        except Unavailable as away:
            return None, str(away)
