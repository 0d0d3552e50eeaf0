"""The robustness table: what it counts, which films it takes, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medpattern.evaluation.film import DataError, Film
from medpattern.evaluation.robustness import PLAIN, PLAIN_FULL_SIZE, robustness_rows, shifted_scores
from medpattern.evaluation.scores import ScoreRow, ScoreTable
from medpattern.evaluation.shifts import SHIFTS
from medpattern.pipeline.model import ModelCard, Predictor, parse_card
from tests.evaluation.drawn import drawn_films
from tests.pipeline.model import STAND_IN
from tests.pipeline.model.models import card_document


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load(STAND_IN)


@pytest.fixture
def card() -> ModelCard:
    """Normal below 0.4, pneumonia from 0.6; the gate refuses below 0.5."""
    import json

    return parse_card(json.dumps(card_document()))


def rows(name: str, *scores: float, gate: float = 1.0) -> tuple[ScoreRow, ...]:
    return tuple(
        ScoreRow(
            name, f"f{number}", f"p{number}", "bacteria" if number % 2 else "normal", bool(number % 2), score, gate
        )
        for number, score in enumerate(scores)
    )


def test_a_row_counts_changes_of_scores_and_of_outcomes(card: ModelCard) -> None:
    table = ScoreTable(rows(PLAIN, 0.1, 0.9, 0.3, 0.5) + rows("cropped", 0.1, 0.8, 0.5, 0.7))

    (row,) = robustness_rows(table, card)

    assert row.films == 4
    assert row.change == pytest.approx((0 + 0.1 + 0.2 + 0.2) / 4)
    assert row.changed == pytest.approx(2 / 4), "normal to unsure, unsure to pneumonia"
    assert (row.plain_auc, row.auc) == (1.0, 1.0)
    assert row.refused == 0
    assert row.meets is False


def test_a_film_that_the_gate_refuses_under_a_shift_has_another_outcome(card: ModelCard) -> None:
    table = ScoreTable(rows(PLAIN, 0.1, 0.9) + rows("cropped", 0.1, 0.9, gate=0.2))

    (row,) = robustness_rows(table, card)

    assert (row.change, row.changed, row.refused) == (0, 1, 1)


@pytest.mark.parametrize(
    ("shifted", "meets"),
    [((0.14, 0.94), True), ((0.16, 0.96), False), ((0.1, 0.59), False)],
    ids=["near", "score moves", "outcome moves"],
)
def test_both_aims_are_judged(shifted: tuple[float, ...], meets: bool, card: ModelCard) -> None:
    table = ScoreTable(rows(PLAIN, 0.1, 0.9) + rows("cropped", *shifted))

    assert robustness_rows(table, card)[0].meets is meets


def test_a_shift_without_an_aim_is_not_judged(card: ModelCard) -> None:
    table = ScoreTable(rows(PLAIN, 0.1, 0.9) + rows("overexposed", 0.9, 0.1))

    assert robustness_rows(table, card)[0].meets is None


def test_shifts_of_size_are_compared_with_the_full_size_films(card: ModelCard) -> None:
    table = ScoreTable(rows(PLAIN, 0.1, 0.9, 0.1) + rows(PLAIN_FULL_SIZE, 0.3, 0.7) + rows("size-200", 0.3, 0.7))

    (row,) = robustness_rows(table, card)

    assert (row.films, row.change) == (2, 0)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (rows(PLAIN, 0.1), "no shifted films"),
        (rows(PLAIN, 0.1) + rows("melted", 0.1), "'melted', which is no shift"),
        (rows("cropped", 0.1), "no set 'plain'"),
        (rows(PLAIN, 0.1, 0.2) + rows("cropped", 0.1), "other films"),
    ],
)
def test_scores_that_do_not_fit_are_refused(table: tuple[ScoreRow, ...], words: str, card: ModelCard) -> None:
    with pytest.raises(DataError, match=words):
        robustness_rows(ScoreTable(table), card)


def test_films_are_scored_as_they_are_and_shifted(predictor: Predictor) -> None:
    films = drawn_films(2)
    told: list[tuple[int, int, str]] = []

    table = shifted_scores(
        predictor, films, films[:1], [SHIFTS["darker"], SHIFTS["size-400"]], lambda *done: told.append(done)
    )

    assert table.sets == (PLAIN, PLAIN_FULL_SIZE, "darker", "size-400")
    assert [len(table.of(name)) for name in table.sets] == [4, 1, 4, 1]
    assert not np.allclose(table.of(PLAIN).score, table.of("darker").score, atol=1e-3)
    assert np.allclose(table.of(PLAIN).score[:1], table.of("size-400").score, atol=0.05)
    assert {name for _, _, name in told} == set(table.sets)
    assert max(done for done, _, _ in told) < told[0][1] == 10


def test_only_what_is_compared_with_is_scored(predictor: Predictor) -> None:
    films = drawn_films(1)

    assert shifted_scores(predictor, films, films, [SHIFTS["darker"]]).sets == (PLAIN, "darker")


@pytest.mark.parametrize("name", ["16-bit", "dicom-12-bit", "monochrome1", "monochrome1-12-bit"])
def test_another_file_of_the_same_film_hardly_changes_its_score(name: str, predictor: Predictor) -> None:
    table = shifted_scores(predictor, drawn_films(), [], [SHIFTS[name]])

    (row,) = robustness_rows(table, predictor.card)

    assert row.change < 0.01
    assert row.changed == 0


def test_a_shift_fits_the_intended_use() -> None:
    """DICOM files of a shift name an age and a view: had they another, every outcome would be unsure."""
    from medpattern.evaluation.shifts import chance
    from medpattern.pipeline.images import decode
    from medpattern.pipeline.model import Scores, assess

    card = Predictor.load(STAND_IN).card
    for name in ("dicom-12-bit", "monochrome1"):
        for film in map(str, range(20)):
            file = SHIFTS[name].encode(np.full((40, 40), 90, np.uint8), chance(SHIFTS[name], film))
            assert assess(Scores(1.0, 1.0), card, decode(file).facts).outcome == "pneumonia"


def test_a_film_that_cannot_be_decoded_is_named(predictor: Predictor) -> None:
    film: Film = replace(drawn_films(1)[0], read=lambda: b"no film")

    with pytest.raises(DataError, match=r"NORMAL/0\.png cannot be decoded"):
        shifted_scores(predictor, [film], [], [SHIFTS["darker"]])


def test_saved_scores_give_the_same_rows(predictor: Predictor, tmp_path: Path) -> None:
    table = shifted_scores(predictor, drawn_films(2), [], [SHIFTS["noisy"]])
    table.write(tmp_path / "scores.csv")

    assert robustness_rows(ScoreTable.read(tmp_path / "scores.csv"), predictor.card) == robustness_rows(
        table, predictor.card
    )
