from __future__ import annotations

import numpy as np
import pytest

from medpattern.errors import UsageError
from medpattern.evaluation.strangers import FAMILIES, photographs, strangers


@pytest.mark.parametrize("name", ["photograph", "face", "digits"])
def test_no_source_is_in_both_parts(name: str) -> None:
    train, evaluation = ({one.source for one in strangers(part, [name], 60, 2)} for part in ("train", "evaluation"))
    assert len(train) > 5
    assert len(evaluation) > 5
    assert not train & evaluation


def test_no_single_digit_is_in_both_parts() -> None:
    def numbers(part: str) -> set[str]:
        return {number for one in strangers(part, ["digits"], 60, 2) for number in one.source.split()[2:]}  # type: ignore[arg-type]

    assert not numbers("train") & numbers("evaluation")


def test_every_photograph_lies_in_the_installed_wheels_and_in_one_part() -> None:
    """With nothing but pixels read: each is opened, and none is near-constant as a whole."""
    names = [name for part in photographs.SCIKIT_IMAGE.values() for name in part]
    assert len(names) == len(set(names))
    for package, path in [("skimage", f"data/{name}") for name in names] + [
        ("sklearn", f"datasets/images/{name}") for name in photographs.SCIKIT_LEARN
    ]:
        pixels = photographs._open(package, path)
        assert min(pixels.shape[:2]) >= 64, path
        assert pixels.std() > 4, path


def test_a_photograph_of_scikit_learn_is_never_trained_on() -> None:
    assert FAMILIES["photograph-other"].held_out
    sources = {one.source for one in strangers("evaluation", ["photograph-other"], 12, 0)}
    assert sources == {"scikit-learn china.jpg", "scikit-learn flower.jpg"}


def test_crops_have_enough_pixels_of_their_own() -> None:
    """No crop is a smaller one enlarged: neighbours differ as they do in the photograph, never in equal blocks."""
    for one in strangers("evaluation", ["photograph-other"], 20, 4):
        assert min(one.pixels.shape) >= 64
        assert np.abs(np.diff(one.pixels.astype(np.int16), axis=1)).mean() > 0.3


def test_the_digits_are_those_that_scikit_learn_reads() -> None:
    from sklearn.datasets import load_digits

    assert np.array_equal(photographs._digits() * 16, load_digits().images)


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "find_spec", lambda package: None)
    photographs._open.cache_clear()
    with pytest.raises(UsageError, match=r"package sklearn: pip install 'medpattern\[evaluate\]'"):
        list(strangers("evaluation", ["photograph-other"], 1, 0))
