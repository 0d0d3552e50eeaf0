"""Findings are waived by name, for a while, and a waiver that is over or names nothing is told."""

from __future__ import annotations

from datetime import date

import pytest

from medpattern.checks.waivers import Judged, judge, read_waivers
from medpattern.errors import InputError
from medpattern.findings import Finding, Place, Severity

TODAY = date(2027, 1, 15)
CODES = ("missing-digest", "public-bucket")

BUCKET = Finding(
    "public-bucket",
    "Bucket/films spec.acl: anybody may read it",
    Place("charts/films/values.yaml", 3, 1),
    clusters=("north", "south"),
    app="films",
)
DIGEST = Finding(
    "missing-digest", "an image is pinned by its tag", Place("charts/films/values.yaml", 9, 3), "image.digest",
    severity=Severity.WARNING,
)  # fmt: skip
BROKEN = Finding("public-bucket", "not YAML", Place("values/values-north.yaml", 1, 1))


def judged(entry: str, *findings: Finding, judge_unused: bool = True) -> Judged:
    """What is left of `findings` under one entry, in flow style, that lasts until 1 March 2027 unless it says so."""
    when = "" if "expires" in entry else ", expires: 2027-03-01"
    text = f"waivers:\n  - {{{entry}{when}, reason: until the registry is there}}\n"
    waivers = read_waivers("waivers.yaml", text.encode(), CODES)
    return judge(findings, waivers, TODAY, judge_unused=judge_unused)


@pytest.mark.parametrize(
    "entry",
    [
        "code: public-bucket, app: films",
        "code: public-bucket, object: Bucket/films",
        "code: public-bucket, file: charts/films/values.yaml",
        "code: public-bucket, app: films, clusters: [north, south]",
    ],
)
def test_what_a_waiver_names_does_not_count(entry: str) -> None:
    result = judged(entry, BUCKET, DIGEST)

    assert result.findings == (DIGEST,)
    assert [one.finding for one in result.waived] == [BUCKET]
    assert result.waived[0].waiver.reason == "until the registry is there"


@pytest.mark.parametrize(
    "entry",
    [
        "code: missing-digest, app: films",
        "code: public-bucket, app: film",
        "code: public-bucket, object: Bucket/film",
        "code: public-bucket, object: ObjectBucket/films",
        "code: public-bucket, file: charts/films/values.yml",
        "code: public-bucket, app: films, cluster: east",
    ],
)
def test_what_it_does_not_name_counts_and_the_waiver_is_one_too_many(entry: str) -> None:
    result = judged(entry, BUCKET)

    assert BUCKET in result.findings
    assert [one.code for one in result.findings if one != BUCKET] == ["waiver-unused"]
    assert not result.waived


def test_a_key_tells_two_images_of_one_file_apart() -> None:
    other = Finding("missing-digest", "another image", DIGEST.place, "job.image.digest", severity=Severity.WARNING)

    result = judged("code: missing-digest, file: charts/films/values.yaml, key: image.digest", DIGEST, other)

    assert result.findings == (other,)


def test_on_the_clusters_that_it_does_not_name_the_finding_stays() -> None:
    result = judged("code: public-bucket, app: films, cluster: north", BUCKET)

    assert [one.clusters for one in result.findings] == [("south",)]
    assert [one.finding.clusters for one in result.waived] == [("north",)]


def test_an_error_that_stops_rendering_cannot_be_waived() -> None:
    result = judged("code: public-bucket, file: values/values-north.yaml", BROKEN)

    assert BROKEN in result.findings
    assert not result.waived


@pytest.mark.parametrize(("day", "holds"), [("2027-01-15", True), ("2027-01-14", False)])
def test_the_last_day_still_counts_and_the_day_after_is_an_error(day: str, holds: bool) -> None:
    result = judged(f"code: public-bucket, app: films, expires: {day}", BUCKET)

    assert bool(result.waived) is holds
    expired = [one for one in result.findings if one.code == "waiver-expired"]
    assert bool(expired) is not holds
    assert all(one.severity is Severity.ERROR and one.place.line == 2 for one in expired)


def test_a_waiver_of_more_than_a_year_waives_nothing() -> None:
    result = judged("code: public-bucket, app: films, expires: 2028-01-18", BUCKET)

    assert {one.code for one in result.findings} == {"public-bucket", "waiver-too-long"}


def test_a_run_over_a_part_does_not_judge_what_is_unused() -> None:
    assert judged("code: public-bucket, app: viewer", BUCKET, judge_unused=False).findings == (BUCKET,)


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        ("code: public-bucket, reason: long enough a reason", "missing-key", "expires"),
        ("code: public-bucket, app: films, reason: why, expires: 2027-03-01", "not-allowed", "why"),
        ("code: public-bucket, app: films, reason: long enough a reason, expires: soon", "not-allowed", "2027-03-31"),
        ("code: public-bucket, app: films, reason: long enough a reason, expires: 2027-02-30", "not-allowed", "no day"),
        ("code: public-buckt, app: films, reason: long enough a reason, expires: 2027-03-01", "not-allowed",
         "did you mean 'public-bucket'?"),
        ("code: public-bucket, reason: long enough a reason, expires: 2027-03-01", "not-allowed", "name an 'app'"),
        ("code: public-bucket, ap: films, reason: long enough a reason, expires: 2027-03-01", "unknown-key", "'app'"),
        ("code: public-bucket, object: films, reason: long enough a reason, expires: 2027-03-01", "not-allowed",
         "films"),
        ("code: public-bucket, app: films, cluster: a, clusters: [a], reason: long enough a reason, "
         "expires: 2027-03-01", "not-allowed", "exclude each other"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_with_its_line(entry: str, code: str, words: str) -> None:
    text = (
        f"waivers:\n  - {{code: missing-digest, app: x, reason: long enough, expires: 2027-03-01}}\n  - {{{entry}}}\n"
    )

    with pytest.raises(InputError) as caught:
        read_waivers("values/waivers.yaml", text.encode(), CODES)

    (problem,) = caught.value.findings
    assert problem.code == code
    assert (problem.place.file, problem.place.line) == ("values/waivers.yaml", 3)
    assert words in str(problem)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_waives_nothing(text: str) -> None:
    assert read_waivers("waivers.yaml", text.encode(), CODES) == ()
