"""What is left after a purge: of the chosen images nothing but a tombstone and an audit row, of others everything."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from medpattern.pipeline.backfill.missing import missing
from medpattern.pipeline.clock import now
from medpattern.pipeline.database import purging as books
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.standing import Known, Standing
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import Busy, Unavailable
from medpattern.pipeline.retention.purging import Purged
from medpattern.pipeline.retention.selection import ALL, DataClass, Selection
from tests.pipeline.images.films import dicom, picture
from tests.pipeline.retention.hospital import KEPT, Hospital
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL, result_of
from tests.pipeline.waiting import eventually


def chosen(stored: StoredObject, classes: frozenset[DataClass] = ALL) -> Selection:
    return Selection(classes, image=KEYS.image_pseudonym(stored.image))


def before(days: int, *classes: DataClass) -> Selection:
    return Selection(frozenset(classes) or ALL, before=now() - timedelta(days=days))


def everything_of(hospital: Hospital, key: str) -> StoredObject:
    """An image with a row in every table that an image can have one in."""
    stored = hospital.put(key)
    hospital.annotate(hospital.score(stored))
    hospital.score(stored, OTHER_MODEL)
    hospital.give_up(stored)
    hospital.supersede(stored)
    return stored


def test_image_is_gone_everywhere_and_its_neighbour_is_not(hospital: Hospital) -> None:
    everything_of(hospital, "kept")
    rows, objects = hospital.rows(), hospital.objects()
    gone = everything_of(hospital, "gone")
    done = hospital.purger().run(chosen(gone))
    assert done.images == 1
    left = hospital.rows()
    assert {name: count for name, count in left.items() if name not in KEPT} == rows
    assert {name: left[name] for name in KEPT} == {"tombstones": 1, "audit": 1}
    assert hospital.objects() == objects
    assert hospital.forgotten == [KEYS.image_id(gone.image)]


def test_numbers_tell_what_went(hospital: Hospital) -> None:
    stored = everything_of(hospital, "gone")
    done = hospital.purger().run(chosen(stored))
    rows = books.Rows(results=2, superseded=1, verdicts=1, notifications=1, dead_letters=1)
    assert done == Purged(images=1, source=1, processed=2, anonymised=1, rows=rows)


def test_audit_says_who_did_what_to_which_image_and_why(hospital: Hospital) -> None:
    stored = hospital.put("Wilhelmina-Testperson.png")
    hospital.purger().run(chosen(stored))
    (row,) = hospital.audited()
    assert (row["who"], row["action"], row["purpose"]) == ("tester", "purge", "a test")
    assert row["pseudonym"] == KEYS.image_pseudonym(stored.image)
    assert "Wilhelmina" not in str(dict(row))


def test_purged_image_is_scored_neither_by_redelivery_nor_by_backfill(hospital: Hospital) -> None:
    stored = hospital.put("a")
    hospital.score(stored)
    hospital.purger().run(chosen(stored, frozenset({DataClass.RESULTS})))
    found = Results(hospital.engine).begin(KEYS.result_id(stored.image, MODEL), KEYS.image_id(stored.image), "w")
    assert found == Known(Standing.PURGED)
    assert missing(hospital.store, hospital.engine, KEYS, hospital.source, timedelta(0)).count == 0


def test_one_version_goes_and_the_others_of_the_key_stay(versioned_hospital: Hospital) -> None:
    hospital = versioned_hospital
    versions = [hospital.put("a", body) for body in (b"one", b"two", b"three")]
    for stored in versions:
        hospital.score(stored)
    hospital.purger().run(chosen(versions[1]))
    assert hospital.objects()[hospital.source] == {f"a@{versions[0].version_id}", f"a@{versions[2].version_id}"}
    assert hospital.rows()["results"] == 2


@pytest.mark.parametrize("by", ["image", "age", "patient"])
def test_image_that_is_known_by_its_etag_alone_goes_with_its_version(versioned_hospital: Hospital, by: str) -> None:
    hospital = versioned_hospital
    known = hospital.put("a", film("SYN-1")).by_etag
    assert known is not None
    hospital.score(known)
    selection = {"image": chosen(known), "age": before(-1), "patient": Selection(ALL, patient=PATIENT)}[by]
    hospital.purger().run(selection)
    assert not any(hospital.objects().values())
    assert set(hospital.rows()) == KEPT
    assert KEYS.image_pseudonym(known.image) in hospital.buried()


def test_image_that_took_the_place_of_the_purged_one_stays(hospital: Hospital) -> None:
    old = hospital.put("a", b"old pixels")
    new: list[StoredObject] = []

    def replace_meanwhile(*_: Any) -> None:
        new.append(hospital.put("a", b"new pixels"))

    hospital.give_up(old)
    done = hospital.purger(forget_letters=replace_meanwhile).run(chosen(old))
    assert done.images == 1
    assert hospital.store.fetch(new[0], 100).data == b"new pixels"


PATIENT = KEYS.patient_pseudonym("SYN-1", "SYNTHETIC") or ""


def film(patient: str) -> bytes:
    return dicom(picture(8, 8, seed=len(patient)), PatientID=patient, IssuerOfPatientID="SYNTHETIC")


def test_patient_is_gone_with_images_that_have_a_result_and_those_that_have_none(hospital: Hospital) -> None:
    scored, given_up = hospital.put("scored"), hospital.put("given-up", film("SYN-1"))
    hospital.score(scored)
    hospital.give_up(given_up)
    hospital.score(hospital.put("other"), patient_pseudonym=KEYS.patient_pseudonym("SYN-2", "SYNTHETIC"))
    hospital.put("other-unscored", film("SYN-2"))
    hospital.put("nobody", b"no image")
    purger = hospital.purger()
    done = purger.run(Selection(ALL, patient=PATIENT))
    assert {key.partition("@")[0] for key in hospital.objects()[hospital.source]} == {
        "other", "other-unscored", "nobody",
    }  # fmt: skip
    assert (done.images, done.source, hospital.rows()["results"]) == (2, 2, 1)
    assert "dead_letters" not in hospital.rows()
    assert purger.finder.unreadable == 1


def test_rows_of_images_that_lie_in_no_bucket_any_more_go_by_their_age(hospital: Hospital) -> None:
    for number, days in enumerate((40, 20)):
        gone = StoredObject(hospital.source, f"{number}", "", "etag", 1, now() - timedelta(days=days))
        hospital.score(gone)
    hospital.letter("e" * 64, now() - timedelta(days=40))
    hospital.letter("f" * 64)
    hospital.purger().run(before(30))
    assert (hospital.rows()["results"], hospital.rows()["dead_letters"]) == (1, 1)
    assert hospital.forgotten == ["e" * 64]


CLASSES: dict[DataClass, Callable[[Hospital], Any]] = {
    DataClass.SOURCE: lambda hospital: hospital.objects()[hospital.source],
    DataClass.PROCESSED: lambda hospital: hospital.objects()[hospital.store.settings.processed],
    DataClass.ANONYMISED: lambda hospital: hospital.objects()[hospital.store.settings.anonymised],
    DataClass.RESULTS: lambda hospital: {
        name: count for name, count in hospital.rows().items() if name not in (*KEPT, "dead_letters")
    },
    DataClass.DEAD_LETTERS: lambda hospital: hospital.rows().get("dead_letters", 0),
}


@pytest.mark.parametrize("by_age", [True, False], ids=["by-age", "by-name"])
@pytest.mark.parametrize("kind", DataClass)
def test_class_goes_alone(hospital: Hospital, kind: DataClass, by_age: bool) -> None:
    stored = everything_of(hospital, "a")
    remaining = {other: look(hospital) for other, look in CLASSES.items() if other is not kind}
    selection = before(-1, kind) if by_age else chosen(stored, frozenset({kind}))
    hospital.purger().run(selection)
    assert not CLASSES[kind](hospital)
    assert {other: look(hospital) for other, look in CLASSES.items() if other is not kind} == remaining
    assert [row["detail"] for row in hospital.audited()] == [kind.value]
    # Where the result stays it is what keeps the image from being scored again; a tombstone would hide it.
    assert bool(hospital.buried()) == (kind is DataClass.RESULTS)


def test_image_with_nothing_but_a_dead_letter_is_buried_with_it(hospital: Hospital) -> None:
    stored = hospital.put("unreadable")
    hospital.give_up(stored)
    hospital.purger().run(chosen(stored, frozenset({DataClass.DEAD_LETTERS})))
    assert hospital.buried() == {KEYS.image_pseudonym(stored.image)}
    assert missing(hospital.store, hospital.engine, KEYS, hospital.source, timedelta(0)).count == 0


@pytest.mark.parametrize("by_age", [True, False], ids=["by-age", "by-name"])
def test_dry_run_changes_nothing_and_counts_what_the_real_one_removes(hospital: Hospital, by_age: bool) -> None:
    stored = everything_of(hospital, "a")
    everything_of(hospital, "b")
    hospital.letter("e" * 64)
    selection = before(-1) if by_age else chosen(stored)
    rows, objects = hospital.rows(), hospital.objects()
    would = hospital.purger(dry=True).run(selection)
    assert (hospital.rows(), hospital.objects(), hospital.forgotten) == (rows, objects, [])
    assert hospital.purger().run(selection) == would


def test_second_purge_finds_nothing_left(hospital: Hospital) -> None:
    stored = everything_of(hospital, "a")
    hospital.purger().run(chosen(stored))
    assert hospital.purger().run(chosen(stored)) == Purged(images=1)
    assert hospital.purger().run(before(-1)) == Purged()


def test_purge_waits_for_the_worker_that_has_begun(hospital: Hospital) -> None:
    stored = hospital.put("a")
    lease = hospital.lease(stored, 60)
    running = threading.Thread(target=lambda: hospital.purger().run(chosen(stored)))
    running.start()
    eventually(hospital.buried)
    result = result_of(stored.image)
    hospital.publish(result)
    assert not Results(hospital.engine).commit(result, lease, "{}")
    running.join(30)
    assert not running.is_alive()
    assert not any(hospital.objects().values())
    assert set(hospital.rows()) == KEPT


def test_worker_that_died_is_not_waited_for(hospital: Hospital) -> None:
    stored = hospital.put("a")
    hospital.lease(stored, -1)
    hospital.purger().run(chosen(stored))
    assert set(hospital.rows()) == KEPT


def test_worker_that_never_ends_stops_the_purge_before_anything_is_removed(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medpattern.pipeline.retention.purging._LONGEST_WAIT", 0.3)
    stored = hospital.put("a")
    hospital.lease(stored, 600)
    with pytest.raises(Busy, match="run the purge again"):
        hospital.purger().run(chosen(stored))
    assert hospital.objects()[hospital.source] == {"a@"}


class KillError(BaseException):
    """kill -9, as far as a test can send it to itself."""


STEPS = ["bury", "live_leases", "letter_ids", "forget_letters", "topic", "delete-1", "delete-2", "delete-3", "delete-4",
         "forget_results"]  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("by", ["image", "age", "patient"])
@pytest.mark.parametrize("step", STEPS)
def test_purge_that_was_killed_is_finished_by_the_next(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch, step: str, by: str, after: bool
) -> None:
    stored = hospital.put("a", film("SYN-1"))
    hospital.annotate(hospital.score(stored))
    hospital.score(stored, OTHER_MODEL)
    hospital.give_up(stored)
    image = KEYS.image_pseudonym(stored.image)
    selection = {"image": chosen(stored), "age": before(-1), "patient": Selection(ALL, patient=PATIENT)}[by]
    purger = hospital.purger()
    with monkeypatch.context() as patch:
        if step == "topic":
            purger = hospital.purger(forget_letters=killing(lambda _ids: None, 1, after))
        elif step.startswith("delete"):
            patch.setattr(type(hospital.store), "delete", killing(type(hospital.store).delete, int(step[-1]), after))
        else:
            patch.setattr(books, step, killing(getattr(books, step), 1, after))
        with pytest.raises(KillError):
            purger.run(selection)
    hospital.purger().run(selection)
    assert not any(hospital.objects().values())
    assert set(hospital.rows()) == KEPT
    assert hospital.buried() == {image}


def killing(function: Callable[..., Any], number: int, after: bool) -> Callable[..., Any]:
    """`function`, whose call of that number is the last thing that the process does, or the first that it does not."""
    calls: list[int] = []

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == number and not after:
            raise KillError
        found = function(*arguments, **named)
        if len(calls) == number:
            raise KillError
        return found

    return call


def test_broker_that_is_away_keeps_the_dead_letter(hospital: Hospital) -> None:
    stored = hospital.put("a")
    hospital.give_up(stored)

    def away(_ids: Any) -> None:
        raise Unavailable("kafka")

    with pytest.raises(Unavailable):
        hospital.purger(forget_letters=away).run(chosen(stored))
    assert hospital.rows()["dead_letters"] == 1


def test_service_at_work_leaves_nothing_of_what_is_purged_meanwhile(hospital: Hospital) -> None:
    purge_beside_a_service_at_work(hospital, 8)


def purge_beside_a_service_at_work(hospital: Hospital, count: int) -> None:
    """Purges `count` images as soon as the first is scored; four workers go on with the others, and find them gone."""
    images = [hospital.put(f"{number}") for number in range(count)]

    def work(mine: list[StoredObject]) -> None:
        for stored in mine:
            deliver(hospital, Results(hospital.engine), stored)

    workers = [threading.Thread(target=work, args=(images[start::4],)) for start in range(4)]
    for worker in workers:
        worker.start()
    eventually(lambda: hospital.rows().get("results"))
    hospital.purger().run(before(-1))
    for worker in workers:
        worker.join(60)
    assert hospital.buried() == {KEYS.image_pseudonym(stored.image) for stored in images}
    assert not any(hospital.objects().values())
    assert set(hospital.rows()) == KEPT


def deliver(hospital: Hospital, results: Results, stored: StoredObject) -> None:
    """One delivery of an image's event, in the service's order."""
    result = result_of(stored.image)
    try:
        lease = results.begin(result.result_id, result.image_id, threading.current_thread().name)
        if isinstance(lease, Known):
            return
        hospital.publish(result)
        results.commit(result, lease, "{}")
    except (Busy, Unavailable):
        return
