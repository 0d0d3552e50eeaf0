"""Collects a model's evidence: scores films and pictures in every way that the card tells of, a file for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medpattern.evaluation import evidence
from medpattern.evaluation.evaluating import TEXT
from medpattern.evaluation.evidence import StrangerScore, write_strangers
from medpattern.evaluation.filmfiles import as_png, eight_bits
from medpattern.evaluation.machine import processor
from medpattern.evaluation.occlusion import centre_share
from medpattern.evaluation.robustness import shifted_scores
from medpattern.evaluation.scoring import score_films, with_names
from medpattern.evaluation.shifts import DEMANDED
from medpattern.evaluation.shortcuts import shortcut_tests
from medpattern.evaluation.strangers import FAMILIES, strangers
from medpattern.pipeline.images import decode, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from medpattern.evaluation.bootstrap import Figure
    from medpattern.evaluation.film import Film
    from medpattern.evaluation.scoring import Latency
    from medpattern.pipeline.model import Predictor

    Progress = Callable[[int, int, str], None]
    Stage = Callable[[str], Progress]

# Pictures of each family of strangers.
STRANGERS = 100
STRANGER_SEED = 1
# An explanation costs about 400 inferences: so many films, taken evenly.
EXPLAINED = 100


@dataclass(frozen=True, slots=True)
class Collector:
    """Where evidence comes from and goes to.

    `films` are those of the validation split, `full_size` the same of larger files where there are any. `stage` gives,
    for the name of a stage, a function to be told (done, all, what).
    """

    predictor: Predictor
    films: Sequence[Film]
    full_size: Sequence[Film]
    folder: Path
    command: str
    stage: Stage

    def collect(self) -> None:
        """Writes every file but those of the training. Raises DataError for a film that cannot be scored."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.validation()
        self.robustness()
        self.strangers()
        self.shortcuts()
        self.explanation()

    def validation(self) -> None:
        """val.csv, films as they are and with names burned in, and latency.json."""
        name = evidence.VALIDATION
        scored = score_films(self.predictor, self.films, name, progress=self.stage("validation films"))
        lettered = score_films(
            self.predictor, self.films, name + TEXT, read=with_names, progress=self.stage("names burned in")
        )
        (scored.table + lettered.table).write(self.folder / evidence.VALIDATION_FILE)
        if scored.latency is not None:
            self._write(evidence.LATENCY_FILE, _speed(scored.latency, len(self.films)))

    def robustness(self) -> None:
        """robustness.csv."""
        shifts = list(DEMANDED.values())
        table = shifted_scores(self.predictor, self.films, self.full_size, shifts, self.stage("shifted films"))
        table.write(self.folder / evidence.ROBUSTNESS_FILE)

    def strangers(self) -> None:
        """strangers.csv: pictures of every family, none of which the training saw."""
        whole = [eight_bits(decode(film.read())) for film in self.films]
        tell = self.stage("strangers")
        rows = []
        for number, one in enumerate(strangers("evaluation", FAMILIES, STRANGERS, STRANGER_SEED, whole)):
            tell(number, STRANGERS * len(FAMILIES), one.family)
            held_out = FAMILIES[one.family].held_out
            rows.append(StrangerScore(one.family, held_out, evidence.EVALUATION, one.source, self._gate(one.pixels)))
        write_strangers(self.folder / evidence.STRANGERS_FILE, rows)

    def shortcuts(self) -> None:
        """shortcuts.json."""
        tests = shortcut_tests(self.predictor, self.films, self.stage("shortcuts"), full_size=self.full_size)
        self._write(evidence.SHORTCUTS_FILE, {"tests": [_test(test) for test in tests]})

    def explanation(self) -> None:
        """explanation.json."""
        some = self.films[:: max(1, len(self.films) // EXPLAINED)][:EXPLAINED]
        found = centre_share(self.predictor, some, self.stage("explanations"))
        self._write(evidence.EXPLANATION_FILE, {
            "method": "occlusion (medpattern model explain)",
            "films": found.films - found.without, "centralShare": _figure(found.mean),
        })  # fmt: skip

    def _gate(self, pixels: NDArray[Any]) -> float:
        (scores,) = self.predictor.score(prepare(decode(as_png(pixels)), self.predictor.card.input))
        return 1.0 if scores.gate is None else scores.gate

    def _write(self, name: str, document: dict[str, Any]) -> None:
        text = json.dumps({"command": self.command, **document}, indent=2)
        (self.folder / name).write_text(text + "\n", "utf-8")


def _speed(latency: Latency, films: int) -> dict[str, Any]:
    return {
        "machine": processor(),
        "films": films,
        "wholeMedianMs": round(latency.whole_median, 3),
        "wholeP95Ms": round(latency.whole_p95, 3),
        "networkMedianMs": round(latency.network_median, 3),
        "networkP95Ms": round(latency.network_p95, 3),
    }


def _test(test: evidence.ShortcutTest) -> dict[str, Any]:
    aims = {"most": test.most, "least": test.least}
    return {
        "name": test.name, "what": test.what, "films": test.films, "auc": _figure(test.auc),
        **{name: aim for name, aim in aims.items() if aim is not None},
    }  # fmt: skip


def _figure(figure: Figure) -> dict[str, float | None]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}
