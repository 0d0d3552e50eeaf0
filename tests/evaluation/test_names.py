"""The original data set's file names: what they say, and that nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.evaluation.names import NameParts, parse_name

NUMBERS = st.integers(0, 99_999)
SUFFIXES = st.sampled_from([".jpeg", ".jpg", ".png"])


@given(NUMBERS, st.sampled_from(["bacteria", "virus"]), st.lists(NUMBERS, min_size=1, max_size=2), SUFFIXES)
def test_pneumonia_names_its_patient_and_its_kind(person: int, kind: str, numbers: list[int], suffix: str) -> None:
    found = parse_name(f"person{person}_{kind}_{'_'.join(map(str, numbers))}{suffix}")

    assert found is not None
    assert (found.patient, found.subtype, found.pneumonia) == (f"person{person}", kind, True)


@given(st.sampled_from(["", "NORMAL2-"]), NUMBERS, st.lists(NUMBERS, min_size=1, max_size=2), SUFFIXES)
def test_normal_names_its_patient(prefix: str, number: int, numbers: list[int], suffix: str) -> None:
    patient = f"{prefix}IM-{number:04d}"

    found = parse_name(f"{patient}-{'-'.join(f'{item:04d}' for item in numbers)}{suffix}")

    assert found == NameParts(patient, "normal")
    assert not found.pneumonia


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_none(text: str) -> None:
    found = parse_name(text)

    if found is not None:
        assert text.startswith(found.patient)


@pytest.mark.parametrize(
    "name",
    [
        "", "person1_bacteria.jpeg", "person_bacteria_1.jpeg", "person1_fungus_1.jpeg", "person1_bacteria_1.gif",
        "person1_bacteria_1.jpeg.txt", "xperson1_bacteria_1.jpeg", "person1_bacteria_1_2_3.jpeg", "IM-0115.jpeg",
        "NORMAL3-IM-0115-0001.jpeg", "person١_bacteria_1.jpeg", "person1_bacteria_1.jpeg\n",
        "PNEUMONIA/person1_virus_1.jpeg",
    ],
)  # fmt: skip
def test_other_names_say_nothing(name: str) -> None:
    assert parse_name(name) is None
