"""What is old goes and what is young stays; the past is made inside moto, since a real store has none to give."""

from __future__ import annotations

from datetime import timedelta

from medpattern.pipeline.clock import now
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.retention.purging import Purged
from tests.pipeline.retention.hospital import Hospital, make_old
from tests.pipeline.retention.test_purging import before
from tests.pipeline.samples import result_of


def test_old_images_go_and_young_ones_stay(hospital: Hospital) -> None:
    old = hospital.put("old")
    make_old(hospital.source, 40)
    result = hospital.score(old, stored_at=now() - timedelta(days=40))
    young = hospital.put("young")
    kept = hospital.score(young)
    hospital.purger().run(before(30))
    objects = hospital.objects()
    assert objects[hospital.source] == {"young@"}
    assert objects[hospital.store.settings.processed] == {f"{kept.processed_key}@"}
    assert objects[hospital.store.settings.anonymised] == {f"{kept.anonymised_key}@"}
    assert hospital.rows()["results"] == 1
    assert hospital.buried() == {result.image_pseudonym}


def test_made_images_that_belong_to_nothing_go_by_their_age(hospital: Hospital) -> None:
    settings = hospital.store.settings
    hospital.publish(result_of(StoredObject(hospital.source, "crashed", "", "etag", 1, None).image))
    for bucket in (settings.processed, settings.anonymised):
        make_old(bucket, 40)
    assert hospital.purger().run(before(30)) == Purged(processed=1, anonymised=1)
    assert not any(hospital.objects().values())
    assert len(hospital.audited()) == 2
