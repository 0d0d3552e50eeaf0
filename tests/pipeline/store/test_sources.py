"""Which uploaded object an image is, when only its id is known."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.pipeline.failures import Busy, Unprocessable
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.settings import StoreSettings
from medpattern.pipeline.store.objects import ObjectStore
from medpattern.pipeline.store.sources import SourceIndex
from tests.pipeline.samples import KEYS


def store(moto: str, bucket: str) -> ObjectStore:
    return ObjectStore(StoreSettings(moto, "us-east-1", (bucket,), "", "", "access", "secret"))


def put(s3: Any, bucket: str, key: str) -> ObjectVersion:
    etag = s3.put_object(Bucket=bucket, Key=key, Body=key.encode())["ETag"].strip('"')
    return ObjectVersion(bucket, key, etag)


def test_an_image_is_found_by_its_id_in_the_sources_alone(moto: str, moto_client: Any, plain_bucket: str) -> None:
    image = put(moto_client, plain_bucket, "Smith^John.png")
    found = SourceIndex(store(moto, plain_bucket), KEYS).find(plain_bucket, KEYS.image_id(image))
    assert found is not None
    assert (found.key, found.etag) == (image.key, image.version)
    assert SourceIndex(store(moto, "other"), KEYS).find(plain_bucket, KEYS.image_id(image)) is None


def test_an_object_of_a_versioned_bucket_has_two_names(moto: str, moto_client: Any, versioned_bucket: str) -> None:
    made = moto_client.put_object(Bucket=versioned_bucket, Key="a", Body=b"a")
    index = SourceIndex(store(moto, versioned_bucket), KEYS)
    for version in (made["VersionId"], made["ETag"].strip('"')):
        found = index.find(versioned_bucket, KEYS.image_id(ObjectVersion(versioned_bucket, "a", version)))
        assert found is not None
        assert found.version_id == made["VersionId"]


def test_a_bucket_that_holds_more_than_is_looked_through_is_told(
    moto: str, moto_client: Any, plain_bucket: str
) -> None:
    images = [put(moto_client, plain_bucket, f"{number}") for number in range(4)]
    ids = [KEYS.image_id(image) for image in images]
    index = SourceIndex(store(moto, plain_bucket), KEYS, most=3)
    assert index.find(plain_bucket, ids[0]) is not None
    with pytest.raises(Unprocessable, match="too-many-objects"):
        index.find(plain_bucket, ids[3])
    whole = SourceIndex(store(moto, plain_bucket), KEYS, most=4)
    assert whole.find(plain_bucket, ids[3]) is not None
    assert whole.find(plain_bucket, "0" * 64) is None


@pytest.mark.parametrize(("share", "pause"), [(0.2, 100.0), (0.5, 25.0)])
def test_listing_keeps_the_store_busy_for_its_share_of_the_time(
    moto: str, moto_client: Any, plain_bucket: str, share: float, pause: float
) -> None:
    put(moto_client, plain_bucket, "a")
    # A listing of 25 s, and a question at the moment it ends; then one just before and one just after the pause.
    times = iter([0.0, 0.0, 25.0, 25.0, 25.0 + pause - 9, 25.0 + pause, 25.0 + pause, 25.0 + pause])
    index = SourceIndex(store(moto, plain_bucket), KEYS, lambda: next(times), share=share)
    assert index.find(plain_bucket, "0" * 64) is None
    for _ in range(2):
        with pytest.raises(Busy):
            index.find(plain_bucket, "0" * 64)
    assert index.find(plain_bucket, "0" * 64) is None
