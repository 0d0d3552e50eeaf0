from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from medpattern.dashboard.images import THUMBNAIL_SIDE, Kind, Pictures, output_png
from medpattern.pipeline.failures import Busy, Unprocessable
from medpattern.pipeline.images.decoding import decode
from medpattern.pipeline.images.radiograph import Limits
from medpattern.pipeline.images.viewing import uploaded_png
from medpattern.pipeline.simulation.encode import FORMATS
from medpattern.pipeline.simulation.machine import phantom_image
from medpattern.pipeline.store.sources import SourceIndex
from tests.dashboard.world import MACHINE, World

KINDS = [kind.value for kind in Kind]


@pytest.mark.parametrize("form", FORMATS)
def test_an_uploaded_image_of_any_format_comes_as_png_without_its_header(form: str) -> None:
    film = phantom_image(replace(MACHINE, formats={form: 1.0}, deep=1.0), 3)
    assert film.patient is not None
    made = uploaded_png(film.data, None, Limits())
    pixels = decode(film.data).pixels
    eight = pixels if pixels.dtype == np.uint8 else pixels >> 8
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.mode, image.info) == ("PNG", "L", {})
        assert np.array_equal(np.asarray(image), eight)
    for identity in (film.patient.patient_id, film.patient.family_name, film.patient.accession):
        assert identity.encode() not in made


def test_a_thumbnail_is_small_and_keeps_its_shape() -> None:
    film = phantom_image(replace(MACHINE, height=800, width=400), 1)
    with Image.open(io.BytesIO(uploaded_png(film.data, THUMBNAIL_SIDE, Limits()))) as image:
        assert image.size == (THUMBNAIL_SIDE // 2, THUMBNAIL_SIDE)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_an_output_that_is_no_png_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable):
        output_png(data, THUMBNAIL_SIDE)


@pytest.mark.parametrize("path", ["images", "thumbnails"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_three_pictures_of_a_result_are_shown(world: World, page: TestClient, path: str, kind: str) -> None:
    results = [world.score(world.store_film()) for _ in range(2)]
    answer = page.get(f"/{path}/{kind}/{results[1].result_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    shown = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
    if kind == "uploaded":
        pixels = decode(world.films[1].data).pixels
        assert np.array_equal(shown, pixels if pixels.dtype == np.uint8 else pixels >> 8)
    else:
        assert np.array_equal(shown, np.asarray(Image.linear_gradient("L")))


@pytest.mark.parametrize("path", ["images", "thumbnails"])
def test_what_is_quarantined_is_withheld_even_where_an_image_lies_there(
    world: World, page: TestClient, path: str
) -> None:
    published = world.score(world.store_film())
    keys = {"processed_key": published.processed_key, "anonymised_key": published.anonymised_key}
    result = world.score(world.store_film(), quarantine="doubtful-structure", **keys)
    for kind in ("processed", "anonymised"):
        answer = page.get(f"/{path}/{kind}/{result.result_id}")
        assert (answer.status_code, answer.json()["reason"]) == (404, "withheld")
        assert answer.json()["detail"] == "doubtful-structure"
    assert page.get(f"/{path}/uploaded/{result.result_id}").status_code == 200


def test_an_upload_that_was_replaced_or_removed_is_not_shown(world: World, page: TestClient) -> None:
    replaced, removed = world.score(world.store_film()), world.score(world.store_film())
    bucket = world.settings.sources[0]
    world.store.put(bucket, world.films[0].key, world.films[1].data, "image/png")
    world.store.delete_key(bucket, world.films[1].key)
    for result in (replaced, removed):
        assert page.get(f"/images/uploaded/{result.result_id}").status_code == 404


def test_a_bucket_that_is_no_source_is_never_read(world: World, page: TestClient) -> None:
    elsewhere = replace(world.store_film(), bucket=world.settings.processed)
    result = world.score(elsewhere)
    assert page.get(f"/images/uploaded/{result.result_id}").status_code == 404


def test_a_purged_result_has_no_pictures_though_they_were_shown_before(world: World, page: TestClient) -> None:
    from medpattern.pipeline.database.schema import results

    result = world.score(world.store_film())
    path = f"/thumbnails/anonymised/{result.result_id}"
    assert page.get(path).status_code == 200
    with world.engine.begin() as connection:
        connection.execute(results.delete())
    assert page.get(path).status_code == 404


def test_a_store_that_is_away_is_told_and_may_be_asked_again(world: World, page: TestClient) -> None:
    result = world.score(world.store_film())
    world.store.delete_key(world.settings.anonymised, str(result.anonymised_key))
    world.store._client.delete_bucket(Bucket=world.settings.anonymised)
    answer = page.get(f"/images/anonymised/{result.result_id}")
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)


def test_a_bucket_whose_listing_takes_long_is_not_listed_again_at_once(world: World) -> None:
    times = iter([0.0, 0.0, 4.0, 5.0, 21.0, 21.0, 22.0])
    index = SourceIndex(world.store, world.keys, clock=lambda: next(times))
    bucket = world.settings.sources[0]
    assert index.find(bucket, "0" * 64) is None
    image_id = world.keys.image_id(world.store_film().image)
    with pytest.raises(Busy):
        index.find(bucket, image_id)
    assert index.find(bucket, image_id) is not None


def test_the_thumbnails_that_are_kept_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medpattern.dashboard.images._MOST_THUMBNAILS", 2)
    pictures = Pictures(world.engine, world.store, SourceIndex(world.store, world.keys))
    shown = [world.score(world.store_film()) for _ in range(3)]
    made = [pictures.thumbnail(result.result_id, Kind.ANONYMISED) for result in shown]
    assert None not in made
    assert len(pictures._thumbnails) == 2
