"""What the object store's answers mean, on moto; what Ceph says is in tests/real."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import PipelineError, Superseded, Unavailable, Unprocessable
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.store.objects import ObjectStore, _answers

KEY = 'ward A/naïve röntgen + 100% ü "q".png'


def settings(endpoint: str) -> StoreSettings:
    return StoreSettings(endpoint, "us-east-1", (), "", "", "access", "secret")


@pytest.fixture
def store(moto: str) -> ObjectStore:
    return ObjectStore(settings(moto))


def listed(store: ObjectStore, bucket: str) -> list[StoredObject]:
    return [found.object for found in store.versions(bucket)]


def test_the_very_version_is_fetched_with_its_metadata(store: ObjectStore, versioned_bucket: str) -> None:
    store.put(versioned_bucket, KEY, b"first", "image/png", {"study": "1"})
    (first,) = listed(store, versioned_bucket)
    store.put(versioned_bucket, KEY, b"second", "image/png")
    found = store.fetch(first, 100)
    assert (found.data, dict(found.metadata)) == (b"first", {"study": "1"})
    assert store.fetch_newest(versioned_bucket, KEY, 100).data == b"second"


def test_without_versions_an_image_that_was_overwritten_is_replaced(store: ObjectStore, plain_bucket: str) -> None:
    store.put(plain_bucket, KEY, b"first", "image/png")
    (first,) = listed(store, plain_bucket)
    assert (first.version_id, store.fetch(first, 100).data) == ("", b"first")
    store.put(plain_bucket, KEY, b"second", "image/png")
    with pytest.raises(Superseded) as gone:
        store.fetch(first, 100)
    assert gone.value.how == "replaced"


@pytest.mark.parametrize("versioned", [False, True])
def test_an_image_that_was_deleted_is_gone(
    store: ObjectStore, plain_bucket: str, versioned_bucket: str, versioned: bool
) -> None:
    bucket = versioned_bucket if versioned else plain_bucket
    store.put(bucket, KEY, b"first", "image/png")
    (first,) = listed(store, bucket)
    store.delete(first)
    with pytest.raises(Superseded) as gone:
        store.fetch(first, 100)
    assert gone.value.how == "gone"
    assert listed(store, bucket) == []


def test_a_file_beyond_the_limit_is_not_read(store: ObjectStore, plain_bucket: str) -> None:
    store.put(plain_bucket, KEY, b"x" * 1000, "image/png")
    (big,) = listed(store, plain_bucket)
    with pytest.raises(Unprocessable) as refused:
        store.fetch(big, 999)
    assert refused.value.reason == "too-large"
    assert len(store.fetch(big, 1000).data) == 1000


def test_all_versions_are_listed_over_pages_and_deleted_by_key(store: ObjectStore, versioned_bucket: str) -> None:
    for number in range(3):
        store.put(versioned_bucket, "a", b"%d" % number, "image/png")
    store.put(versioned_bucket, "ab", b"other", "image/png")
    assert len(listed(store, versioned_bucket)) == 4
    store.delete_key(versioned_bucket, "a")
    assert [found.key for found in listed(store, versioned_bucket)] == ["ab"]


def test_a_bucket_is_made_once_and_checked(store: ObjectStore, plain_bucket: str) -> None:
    store.make_bucket(plain_bucket)
    store.check([plain_bucket])
    with pytest.raises(Unavailable, match="there-is-no-such-bucket"):
        store.check(["there-is-no-such-bucket"])


def test_a_store_that_is_away_is_unavailable_and_its_address_stays_out_of_the_text() -> None:
    away = ObjectStore(settings("http://127.0.0.1:9"))
    with pytest.raises(Unavailable) as problem:
        away.fetch(StoredObject("b", "DOE^JANE.png", "", "e", 1, None), 100)
    assert problem.value.dependency == "s3"
    assert "DOE" not in str(problem.value)
    assert "127.0.0.1" not in str(problem.value)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("NoSuchKey", Superseded), ("NoSuchVersion", Superseded), ("MethodNotAllowed", Superseded),
        ("PreconditionFailed", Superseded), ("412", Superseded), ("InvalidRequest", Unprocessable),
        ("AccessDenied", Unavailable), ("SignatureDoesNotMatch", Unavailable), ("RequestTimeTooSkewed", Unavailable),
        ("SlowDown", Unavailable), ("InternalError", Unavailable), ("NoSuchBucket", Unavailable), ("", Unavailable),
    ],
)  # fmt: skip
def test_an_error_of_the_store_has_one_meaning(code: str, failure: type[PipelineError]) -> None:
    said: Any = {"Error": {"Code": code, "Message": "DOE^JANE"}}
    with pytest.raises(failure) as problem, _answers(sealed=True):
        raise ClientError(said, "GetObject")
    assert "DOE" not in str(problem.value)
