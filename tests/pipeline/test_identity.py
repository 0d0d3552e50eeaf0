"""Names: the same for a repeat, different for anything else, and telling nothing."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.identity import SHORTEST_KEY, Keys, ObjectVersion
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL

texts = st.text(max_size=30)
images = st.builds(ObjectVersion, texts, texts, texts)
OTHER_KEYS = Keys(b"another identity key of the tests, 32 bytes", b"another pseudonym key of the tests, 32 bytes")


def names_of(keys: Keys, image: ObjectVersion) -> set[str | None]:
    return {
        keys.image_id(image),
        keys.result_id(image, MODEL),
        keys.result_id(image, OTHER_MODEL),
        keys.image_pseudonym(image),
        keys.event_id(image.bucket, image.key),
    }


@given(images, images)
def test_two_images_share_no_name(one: ObjectVersion, other: ObjectVersion) -> None:
    shared = names_of(KEYS, one) & names_of(KEYS, other)
    if one == other:
        assert len(shared) == 5
    else:
        same_event = (one.bucket, one.key) == (other.bucket, other.key)
        assert shared == ({KEYS.event_id(one.bucket, one.key)} if same_event else set())


@given(images)
def test_sorts_of_names_and_keys_share_none(image: ObjectVersion) -> None:
    assert len(names_of(KEYS, image)) == 5
    assert names_of(KEYS, image).isdisjoint(names_of(OTHER_KEYS, image))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ObjectVersion("a", "bc", "d"), ObjectVersion("ab", "c", "d")),
        (ObjectVersion("a", "b", "cd"), ObjectVersion("a", "bc", "d")),
        (ObjectVersion("", "a", ""), ObjectVersion("a", "", "")),
        (ObjectVersion("a", "b\x00", "c"), ObjectVersion("a", "b", "\x00c")),
    ],
)
def test_parts_do_not_run_into_each_other(one: ObjectVersion, other: ObjectVersion) -> None:
    assert KEYS.image_id(one) != KEYS.image_id(other)
    assert KEYS.image_pseudonym(one) != KEYS.image_pseudonym(other)


def test_id_is_the_documented_hmac() -> None:
    """Rows of years hang on it: the form must not change by itself."""
    image = ObjectVersion("xrays", "röntgen.png", "v1")
    parts = [part.encode() for part in ("result", "xrays", "röntgen.png", "v1", MODEL)]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    assert KEYS.result_id(image, MODEL) == hmac.new(KEYS.identity, message, hashlib.sha256).hexdigest()


@given(images)
def test_names_have_the_alphabets_that_urls_and_keys_take(image: ObjectVersion) -> None:
    assert set(KEYS.image_id(image)) <= set("0123456789abcdef")
    assert len(KEYS.image_id(image)) == 64
    assert set(KEYS.image_pseudonym(image)) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert len(KEYS.image_pseudonym(image)) == 32


@given(st.text(min_size=1).filter(str.strip), texts)
def test_patient_has_one_pseudonym_whatever_blanks_stand_around(patient: str, issuer: str) -> None:
    found = KEYS.patient_pseudonym(patient, issuer)
    assert found == KEYS.patient_pseudonym(f" {patient} ", f"{issuer}  ")
    assert found != KEYS.image_pseudonym(ObjectVersion(issuer, patient, ""))


def test_same_number_of_another_hospital_is_another_patient() -> None:
    assert KEYS.patient_pseudonym("1", "north") != KEYS.patient_pseudonym("1", "south")


@pytest.mark.parametrize("patient", ["", " ", "\t"])
def test_nobody_has_no_pseudonym(patient: str) -> None:
    assert KEYS.patient_pseudonym(patient, "north") is None


def test_key_with_half_a_character_has_a_name() -> None:
    """JSON can bring a lone surrogate into a key."""
    assert KEYS.image_id(ObjectVersion("b", "\ud800", "v")) != KEYS.image_id(ObjectVersion("b", "\ud801", "v"))


def test_short_keys_are_refused_and_no_key_is_shown() -> None:
    for short in ("identity", "pseudonym"):
        with pytest.raises(ValueError, match=short):
            Keys(**{"identity": bytes(SHORTEST_KEY), "pseudonym": bytes(SHORTEST_KEY), short: bytes(SHORTEST_KEY - 1)})
    assert "key of the tests" not in repr(KEYS)
    assert "Wilhelmina" not in repr(ObjectVersion("xrays", "Wilhelmina.png", "v1"))
