"""The original of a pseudonym: first the audit row, then the view."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from medpattern.pipeline.database.schema import audit
from medpattern.pipeline.events.results import Result
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.images.decoding import decode
from medpattern.pipeline.simulation.machine import phantom_image
from tests.dashboard.world import MACHINE
from tests.pipeline.database.test_accounting import score
from tests.pipeline.resultsapi.conftest import Ward
from tests.pipeline.samples import KEYS, result_of

PURPOSE = "to call the patient in again"
KEY = "ward 3/Smith^John 1961.dcm"


def stored(ward: Ward, s3: Any, form: str = "dicom", *, purged: bool = False) -> tuple[Result, bytes]:
    """An image in the source bucket with its result."""
    machine = replace(MACHINE, formats={form: 1.0})
    data = phantom_image(machine, 3).data
    bucket = ward.settings.store.sources[0]
    etag = s3.put_object(Bucket=bucket, Key=KEY, Body=data)["ETag"].strip('"')
    if purged:
        s3.delete_object(Bucket=bucket, Key=KEY)
    result = result_of(ObjectVersion(bucket, KEY, etag), image_format=form)
    score(ward.engine, result)
    return result, data


def rows(ward: Ward) -> Sequence[Any]:
    with ward.engine.begin() as connection:
        return connection.execute(select(audit)).mappings().all()


def view(ward: Ward, result: Result, **body: str) -> Any:
    content = {"purpose": PURPOSE} | body
    return ward.post(f"/api/images/{result.image_pseudonym}/original", content, "identifier")


@pytest.mark.parametrize("form", ["dicom", "jpeg", "png"])
def test_the_picture_has_the_pixels_that_were_uploaded(ward: Ward, moto_client: Any, form: str) -> None:
    result, data = stored(ward, moto_client, form)
    answer = view(ward, result)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    pixels = decode(data).pixels
    eight = pixels if pixels.dtype == np.uint8 else pixels >> 8
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), eight)


def test_the_file_is_what_was_uploaded_under_a_name_that_says_nothing(ward: Ward, moto_client: Any) -> None:
    result, data = stored(ward, moto_client)
    answer = view(ward, result, form="file")
    assert answer.content == data
    assert answer.headers["content-disposition"] == f'attachment; filename="{result.image_pseudonym}.dcm"'
    assert "Smith" not in str(answer.headers)


def test_each_view_is_written_down_before_it_is_given(ward: Ward, moto_client: Any) -> None:
    result, _ = stored(ward, moto_client)
    view(ward, result)
    view(ward, result, form="file", purpose="second look")
    (first, second) = sorted(rows(ward), key=lambda row: row["at"])
    assert (first["who"], first["action"], first["purpose"]) == ("8f1c dr.osei", "view-original", PURPOSE)
    assert first["pseudonym"] == second["pseudonym"] == result.image_pseudonym
    assert (second["purpose"], second["detail"]) == ("second look", "file")


def test_nothing_is_looked_for_unless_the_row_is_written(
    ward: Ward, moto_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = stored(ward, moto_client)
    asked: list[object] = []
    monkeypatch.setattr("medpattern.pipeline.store.objects.ObjectStore._fetch", lambda *a, **k: asked.append(a))
    monkeypatch.setattr("medpattern.pipeline.store.objects.ObjectStore.versions", lambda *a, **k: asked.append(a) or [])
    with ward.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO elsewhere")
    answer = view(ward, result)
    assert (answer.status_code, answer.headers["medpattern-unavailable"]) == (503, "database")
    assert asked == []


@pytest.mark.parametrize("purpose", ["", "   x   ", "a" * 256, "two\nlines of text", "nul \0 in it"])
def test_without_a_purpose_that_says_something_nothing_is_shown(ward: Ward, moto_client: Any, purpose: str) -> None:
    result, _ = stored(ward, moto_client)
    answer = view(ward, result, purpose=purpose)
    assert answer.status_code == 422
    assert "purpose" in answer.json()["detail"]
    assert rows(ward) == []


def test_an_unknown_pseudonym_or_form_shows_and_writes_nothing(ward: Ward, moto_client: Any) -> None:
    result, _ = stored(ward, moto_client)
    assert ward.post("/api/images/" + "a" * 32 + "/original", {"purpose": PURPOSE}, "identifier").status_code == 404
    assert view(ward, result, form="everything").status_code == 422
    assert rows(ward) == []


def test_an_original_that_is_gone_is_told_and_the_attempt_stays_written(ward: Ward, moto_client: Any) -> None:
    result, _ = stored(ward, moto_client, purged=True)
    answer = view(ward, result)
    assert (answer.status_code, answer.json()["reason"]) == (410, "original-gone")
    assert len(rows(ward)) == 1


def test_an_object_that_replaced_it_is_not_shown(ward: Ward, moto_client: Any) -> None:
    result, _ = stored(ward, moto_client)
    moto_client.put_object(Bucket=result.source_bucket, Key=KEY, Body=phantom_image(MACHINE, 9).data)
    assert view(ward, result).status_code == 410


def test_an_image_of_a_versioned_bucket_is_found_under_either_of_its_names(ward: Ward, moto_client: Any) -> None:
    bucket = ward.settings.store.sources[0]
    moto_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    data = phantom_image(MACHINE, 3).data
    put = moto_client.put_object(Bucket=bucket, Key=KEY, Body=data)
    for version in (put["VersionId"], put["ETag"].strip('"')):
        result = result_of(ObjectVersion(bucket, KEY, version))
        score(ward.engine, result)
        assert view(ward, result, form="file").content == data
    assert KEYS.image_id(ObjectVersion(bucket, KEY, put["VersionId"]))


def test_what_cannot_be_decoded_is_told_and_may_still_be_saved(ward: Ward, moto_client: Any) -> None:
    bucket = ward.settings.store.sources[0]
    etag = moto_client.put_object(Bucket=bucket, Key=KEY, Body=b"no image at all")["ETag"].strip('"')
    result = result_of(ObjectVersion(bucket, KEY, etag))
    score(ward.engine, result)
    assert view(ward, result).status_code == 422
    assert view(ward, result, form="file").content == b"no image at all"
