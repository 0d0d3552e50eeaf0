from __future__ import annotations

import pytest

from medpattern.lock.lockfile import Lock, Locked
from medpattern.lock.pins import Pin, PinKind, Setting, Use
from medpattern.lock.resolving import Resolution, from_lock, from_servers
from tests.lock.servers import Shelf, digest

CHARTS, GIT, REGISTRY = "https://charts.example.org", "https://git.example.org/a.git", "registry.example.org/team/image"
ONE, TWO = digest("one"), digest("two")
COMMIT = "12" * 20


def image(digest: str = "", cluster: str = "east", tag: str = "1.0") -> Use:
    where = Setting(f"values-{cluster}.yaml", ("image", "digest"))
    return Use(Pin(PinKind.IMAGE, REGISTRY, "", tag), cluster, "viewer", digest, where)


def chart(version: str) -> Use:
    setting = Setting("values-ward.yaml", ("chartVersion",))
    return Use(Pin(PinKind.CHART, CHARTS, "reports", version), "east", "reports", "", setting)


def folder(revision: str) -> Use:
    return Use(
        Pin(PinKind.GIT, GIT, "", revision), "east", "tool", "", Setting("values-ward.yaml", ("targetRevision",))
    )


def locked(use: Use, resolved: str, wanted: str = "") -> Lock:
    return Lock("lock.yaml", {use.pin: Locked(resolved, wanted)})


def test_an_empty_digest_is_filled_from_the_lock_alone() -> None:
    found = from_lock(locked(image(), ONE), [image()])
    assert found.edits == {image().setting: ONE}
    assert not found.open


def test_a_digest_that_values_give_stays() -> None:
    assert not from_lock(locked(image(), ONE), [image(TWO)]).edits


def test_what_the_lock_does_not_know_is_said() -> None:
    assert from_lock(Lock("lock.yaml"), [chart("1.2.3")]).open == [f"{CHARTS} reports 1.2.3"]


def test_what_nobody_uses_leaves_the_lock() -> None:
    assert from_lock(locked(chart("1.0.0"), ONE), [image(ONE)]).pins == {}


def test_a_range_becomes_its_newest_version_and_is_looked_at_again_later() -> None:
    shelf = Shelf(charts={"1.2.3": ONE, "1.2.4": TWO, "2.0.0": ONE})
    first = from_servers(Lock("lock.yaml"), [chart("~1.2")], shelf)
    assert first.edits == {chart("~1.2").setting: "1.2.4"}
    assert first.pins == {chart("1.2.4").pin: Locked(TWO, "~1.2")}
    shelf.charts["1.2.9"] = digest("nine")
    second = from_servers(Lock("lock.yaml", first.pins), [chart("1.2.4")], shelf)
    assert second.edits == {chart("1.2.4").setting: "1.2.9"}


def test_a_version_stays_while_no_range_was_wanted() -> None:
    shelf = Shelf(charts={"1.2.3": ONE, "9.0.0": TWO})
    found = from_servers(Lock("lock.yaml"), [chart("1.2.3")], shelf)
    assert (found.edits, found.pins) == ({}, {chart("1.2.3").pin: Locked(ONE)})


def test_another_content_of_the_same_version_is_refused_until_accepted() -> None:
    shelf = Shelf(charts={"1.2.3": TWO})
    before = locked(chart("1.2.3"), ONE)
    found = from_servers(before, [chart("1.2.3")], shelf)
    assert found.pins == before.pins
    assert found.changed == [f"{CHARTS} reports 1.2.3 was {ONE} and is {TWO}"]
    accepted = from_servers(before, [chart("1.2.3")], shelf, accept_changed=True)
    assert accepted.pins == {chart("1.2.3").pin: Locked(TWO)}


def test_a_branch_becomes_its_commit_and_a_tag_stays() -> None:
    shelf = Shelf(commits={"main": (COMMIT, True), "v1": (COMMIT, False)})
    found = from_servers(Lock("lock.yaml"), [folder("main")], shelf)
    assert found.edits == {folder("main").setting: COMMIT}
    assert found.pins == {folder(COMMIT).pin: Locked(COMMIT, "main")}
    tagged = from_servers(Lock("lock.yaml"), [folder("v1")], shelf)
    assert (tagged.edits, tagged.pins) == ({}, {folder("v1").pin: Locked(COMMIT)})


def test_a_moved_git_tag_is_refused() -> None:
    shelf = Shelf(commits={"v1": ("34" * 20, False)})
    assert from_servers(locked(folder("v1"), COMMIT), [folder("v1")], shelf).changed


def test_an_update_of_a_tag_moves_those_that_follow_it_and_no_promoted_one() -> None:
    shelf = Shelf(images={"1.0": TWO})
    promoted = digest("promoted")
    uses = [image(ONE, "east"), image(promoted, "west"), image("", "south")]
    found = from_servers(locked(image(), ONE), uses, shelf)
    assert found.edits == {image(cluster="east").setting: TWO, image(cluster="south").setting: TWO}
    assert any("west viewer keeps" in note for note in found.notes)


def test_a_second_update_finds_nothing_to_do() -> None:
    shelf = Shelf(images={"1.0": ONE}, charts={"1.2.3": TWO})
    first = from_servers(Lock("lock.yaml"), [image(), chart("1.2.3")], shelf)
    again = from_servers(Lock("lock.yaml", first.pins), [image(ONE), chart("1.2.3")], shelf)
    assert again == Resolution(pins=first.pins)


def test_a_server_that_is_away_stops_nobody_else() -> None:
    shelf = Shelf(images={"1.0": ONE})
    found = from_servers(Lock("lock.yaml"), [image(), chart("1.2.3")], shelf)
    assert found.pins == {image().pin: Locked(ONE)}
    assert found.unreachable == ["there is no 1.2.3"]
    assert found.open == [f"{CHARTS} reports 1.2.3"]


@pytest.mark.parametrize(("app", "asked"), [("viewer", [f"{REGISTRY}:1.0"]), ("reports", [f"{CHARTS} reports 1.2.3"])])
def test_only_the_applications_that_are_named_are_asked_about(app: str, asked: list[str]) -> None:
    shelf = Shelf(images={"1.0": ONE}, charts={"1.2.3": TWO})
    from_servers(Lock("lock.yaml"), [image(), chart("1.2.3")], shelf, [app])
    assert shelf.asked == asked
