"""Results, worklist, reports, images, verdicts over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport

from medpattern.pipeline.events.results import Outcome, Publication
from tests.pipeline.resultsapi.conftest import PAGE, MakeWard, Ward
from tests.pipeline.samples import KEYS, OTHER_MODEL


def ids(page: Any) -> list[str]:
    return [result["id"] for result in page["results"]]


def test_the_worklist_begins_with_what_is_urgent_and_leaves_out_what_was_read(ward: Ward) -> None:
    normal = ward.result("n", 0, outcome=Outcome.NORMAL)
    later = ward.result("p2", 3)
    unsure = ward.result("u", 1, outcome=Outcome.UNSURE)
    first = ward.result("p1", 2)
    read = ward.result("p0", 1)
    assert ward.post(f"/api/results/{read.result_id}/verdicts", {"opinion": "agree"}, "reader").status_code == 201
    page = ward.get("/api/worklist").json()
    assert ids(page) == [result.result_id for result in (first, later, unsure, normal)]
    assert page["statement"] == "preliminary, not for diagnosis"
    assert page["next"] is None
    assert ids(ward.get("/api/worklist?outcome=unsure").json()) == [unsure.result_id]


@pytest.mark.parametrize("path", ["/api/worklist", "/api/results"])
def test_pages_follow_each_other_without_gap_or_repeat_while_results_come_in(ward: Ward, path: str) -> None:
    outcomes = list(Outcome)
    made = {ward.result(f"{i}", i % 4, outcome=outcomes[i % 3]).result_id for i in range(23)}
    whole = ids(ward.get(f"{path}?limit=200").json())
    found: list[str] = []
    after = ""
    for _ in range(30):
        page = ward.get(f"{path}?limit=5{after and '&after=' + after}").json()
        assert len(page["results"]) <= 5
        found += ids(page)
        if page["next"] is None:
            break
        after = page["next"]
        ward.result(f"new {len(found)}", -100 if path == "/api/worklist" else 100, outcome=Outcome.PNEUMONIA)
    assert [one for one in found if one in made] == whole
    assert len(found) == len(set(found)) == 23


def test_results_are_chosen_by_outcome_state_time_patient_and_origin(ward: Ward) -> None:
    other = KEYS.patient_pseudonym("SYN-2", "SYNTHETIC")
    old = ward.result("old", -48)
    normal = ward.result("normal", 0, outcome=Outcome.NORMAL, patient_pseudonym=other)
    fake = ward.result("fake", 1, simulated=True)
    ward.post(f"/api/results/{old.result_id}/verdicts", {"opinion": "disagree"}, "reader")

    def chosen(query: str) -> list[str]:
        return ids(ward.get(f"/api/results?{query}").json())

    assert chosen("") == [fake.result_id, normal.result_id, old.result_id]
    assert chosen("outcome=normal") == [normal.result_id]
    assert chosen("state=final") == [old.result_id]
    assert chosen("state=preliminary") == [fake.result_id, normal.result_id]
    assert chosen("from=2026-11-21") == [fake.result_id, normal.result_id]
    at = "2026-11-21T09:00:07.250000Z"
    assert chosen(f"from={at}") == [fake.result_id, normal.result_id]
    assert chosen(f"to={at}") == [old.result_id], "the end is not part of it"
    assert chosen("to=2026-11-21") == [old.result_id]
    assert chosen("from=2026-11-21T09:30:00%2B00:00&to=2026-11-22") == [fake.result_id]
    assert chosen(f"patient={other}") == [normal.result_id]
    assert chosen("simulated=false") == [normal.result_id, old.result_id]


def test_one_result_of_an_image_counts(make_ward: MakeWard, variables: dict[str, str], ward: Ward) -> None:
    old = ward.result("a")
    new = ward.result("a", 1, model_sha256=OTHER_MODEL)
    assert ids(ward.get("/api/results").json()) == ids(ward.get("/api/worklist").json()) == [new.result_id]
    pinned = make_ward(variables | {"MEDPATTERN_MODEL_SHA256": old.model_sha256})
    assert ids(pinned.get("/api/results").json()) == ids(pinned.get("/api/worklist").json()) == [old.result_id]


@pytest.mark.parametrize(
    "query",
    ["outcom=normal", "outcome=bad", "state=open", "from=yesterday", "limit=0", "limit=201", "limit=x", "after=x",
     "after=9-1-" + "0" * 64, "after=0-99999999999999999999-" + "0" * 64, "patient=Smith", "simulated=1"],
)  # fmt: skip
def test_a_question_that_is_none_is_refused_with_its_parameter(ward: Ward, query: str) -> None:
    answer = ward.get(f"/api/results?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(query.partition("=")[0])


def test_a_result_is_found_by_its_id_and_by_its_images_pseudonym(ward: Ward) -> None:
    made = ward.result()
    for name in (made.result_id, made.image_pseudonym):
        told = ward.get(f"/api/results/{name}").json()
        assert (told["id"], told["image"], told["state"]) == (made.result_id, made.image_pseudonym, "preliminary")
        assert told["model"]["name"] == "chest-pneumonia"
    for name in ("0" * 64, "a" * 32, made.patient_pseudonym, "x", "%27%20OR%201=1"):
        assert ward.get(f"/api/results/{name}").status_code == 404


def test_nothing_tells_where_the_original_lies(ward: Ward) -> None:
    made = ward.result("Smith^John.png")
    for path in (
        "/api/worklist",
        "/api/results",
        f"/api/results/{made.result_id}",
        f"/api/results/{made.result_id}/report",
    ):
        text = ward.get(path).text
        assert "Smith" not in text
        assert made.source_bucket not in text
        assert made.image_id not in text


def test_the_report_is_fhir_and_final_once_somebody_has_read(ward: Ward) -> None:
    made = ward.result()
    answer = ward.get(f"/api/results/{made.result_id}/report")
    assert answer.headers["content-type"] == "application/fhir+json"
    assert DiagnosticReport.model_validate_json(answer.text).status == "preliminary"
    assert "not for diagnosis" in answer.text
    ward.post(f"/api/results/{made.result_id}/verdicts", {"opinion": "disagree", "comment": "Old scar."}, "reader")
    report = DiagnosticReport.model_validate_json(ward.get(f"/api/results/{made.image_pseudonym}/report").text)
    assert report.status == "final"
    assert "Old scar." in (report.conclusion or "")


# Verdicts.


def test_verdicts_are_appended_by_who_the_token_says(ward: Ward) -> None:
    made = ward.result()
    path = f"/api/results/{made.result_id}"
    ward.post(f"{path}/verdicts", {"opinion": "disagree", "comment": " Alte Narbe ✓ "}, "reader")
    headers = ward.bearer("reader", preferred_username=None, sub="subject-2")
    assert ward.http.post(f"{path}/verdicts", json={"opinion": "agree"}, headers=headers).status_code == 201
    told = ward.get(path).json()
    assert [(one["reader"], one["opinion"], one["comment"]) for one in told["verdicts"]] == [
        ("dr.osei", "disagree", "Alte Narbe ✓"),
        ("subject-2", "agree", ""),
    ]
    assert (told["outcome"], told["state"]) == ("pneumonia", "final")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"null", b'{"opinion": 1}', b'{"opinion": "perhaps"}', b'{"opinion": "agree", "reader": "x"}',
     b'{"comment": "no opinion"}', b'{"opinion": "agree", "comment": "\\u0000"}', b'{"opinion": "agree", "comment": "'
     + b"a" * 2001 + b'"}', b"[" * 10_000, b" " * 20_000],
)  # fmt: skip
def test_a_verdict_that_is_none_is_refused_and_nothing_is_stored(ward: Ward, body: bytes) -> None:
    made = ward.result()
    answer = ward.http.post(f"/api/results/{made.result_id}/verdicts", content=body, headers=ward.bearer("reader"))
    assert answer.status_code == 422
    assert ward.get(f"/api/results/{made.result_id}").json()["verdicts"] == []


def test_roles_are_wanted(ward: Ward) -> None:
    made = ward.result()
    verdict, original = f"/api/results/{made.result_id}/verdicts", f"/api/images/{made.image_pseudonym}/original"
    assert ward.get("/api/worklist", "nurse").status_code == 403
    assert ward.post(verdict, {"opinion": "agree"}, "viewer", "identifier").status_code == 403
    assert ward.post(original, {"purpose": "to call the patient"}, "viewer", "reader").status_code == 403
    assert ward.get(f"/api/results/{made.result_id}").json()["verdicts"] == []
    assert ward.http.post("/api/worklist", headers=ward.bearer("viewer")).status_code == 405


# By the page's cookie.


def test_a_change_by_cookie_wants_the_pages_token_and_the_pages_origin(ward: Ward) -> None:
    made = ward.result()
    ward.sign_in("reader")
    path, verdict = f"/api/results/{made.result_id}/verdicts", {"opinion": "agree"}
    csrf = {"medpattern-csrf": ward.http.get("/api/me").json()["csrf"]}
    for headers in ({}, {"medpattern-csrf": "x"}, {"medpattern-csrf": ""}, csrf | {"origin": "https://evil.example"}):
        answer = ward.http.post(path, json=verdict, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (403, "csrf")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ward.http.post(path, content=b"opinion=agree", headers=form).status_code == 403
    assert ward.get(f"/api/results/{made.result_id}").json()["verdicts"] == []
    assert ward.http.post(path, json=verdict, headers=csrf | {"origin": PAGE}).status_code == 201


def test_each_session_has_a_token_of_its_own(ward: Ward) -> None:
    made = ward.result()
    ward.sign_in("reader")
    old = ward.http.get("/api/me").json()["csrf"]
    ward.sign_in("reader")
    headers = {"medpattern-csrf": old}
    path = f"/api/results/{made.result_id}/verdicts"
    assert ward.http.post(path, json={"opinion": "agree"}, headers=headers).status_code == 403


# Images.


def test_an_image_comes_from_the_store_by_an_address_that_lasts_a_minute(ward: Ward, moto_client: Any) -> None:
    made = ward.result()
    store = ward.settings.store
    moto_client.put_object(Bucket=store.processed, Key=made.processed_key, Body=b"drawn", ContentType="text/html")
    moto_client.put_object(Bucket=store.anonymised, Key=made.anonymised_key, Body=b"plain")
    for kind, data in (("processed", b"drawn"), ("anonymised", b"plain")):
        told = ward.get(f"/api/results/{made.result_id}/images/{kind}").json()
        query = {name: values[0] for name, values in parse_qs(urlsplit(told["url"]).query).items()}
        assert query["X-Amz-Expires"] == "60"
        with urllib.request.urlopen(told["url"]) as answer:
            assert (answer.read(), answer.headers["content-type"]) == (data, "image/png")
        for identity in ("osei", "8f1c"):
            assert identity not in told["url"]


def test_addresses_are_made_for_where_browsers_find_the_store(make_ward: MakeWard, variables: dict[str, str]) -> None:
    more = {"MEDPATTERN_S3_PUBLIC_ENDPOINT": "https://images.example.org", "MEDPATTERN_IMAGE_SECONDS": "15"}
    ward = make_ward(variables | more)
    made = ward.result()
    answer = ward.get(f"/api/results/{made.result_id}/images/processed")
    assert answer.json()["url"].startswith("https://images.example.org/")
    assert "X-Amz-Expires=15" in answer.json()["url"]
    assert "img-src 'self' blob: https://images.example.org;" in answer.headers["content-security-policy"]


def test_withheld_images_have_no_address_but_a_result(ward: Ward) -> None:
    made = ward.result(publication=Publication.QUARANTINED, publication_reason="text-left", processed_key=None)
    answer = ward.get(f"/api/results/{made.result_id}/images/anonymised")
    assert (answer.status_code, answer.json()["detail"]) == (409, "text-left")
    assert ward.get(f"/api/results/{made.result_id}").json()["withheld"] == "text-left"
    assert ward.get(f"/api/results/{made.result_id}/images/uploaded").status_code == 422


# What is open, and what every answer says.


def test_health_is_open_and_metrics_are_not_here(ward: Ward) -> None:
    assert ward.http.get("/v2/health/live").status_code == 200
    assert ward.http.get("/metrics").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/results/x", "/api/me", "/nowhere", "/static/page.css", "/static/worklist.html"]
)
def test_every_answer_forbids_what_the_page_does_not_need(ward: Ward, path: str) -> None:
    headers = ward.http.get(path, follow_redirects=False).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/results/x"])
def test_every_page_says_what_results_are_and_loads_nothing_from_elsewhere(ward: Ward, path: str) -> None:
    ward.sign_in("viewer")
    text = ward.http.get(path).text
    assert "Preliminary, not for diagnosis" in text
    assert "://" not in text
    assert "<style" not in text
    assert " style=" not in text


def test_the_page_is_shown_to_nobody_who_has_not_signed_in(ward: Ward) -> None:
    for path in ("/", "/results/" + "0" * 64):
        assert ward.http.get(path, follow_redirects=False).headers["location"].startswith("/login?next=")
    assert ward.http.get("/static/worklist.html").status_code == 404
    assert ward.http.get("/static/../settings.py").status_code == 404


def test_a_database_that_is_away_is_503(ward: Ward) -> None:
    ward.engine.dispose()
    with ward.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE results RENAME TO elsewhere")
    answer = ward.get("/api/worklist")
    assert (answer.status_code, answer.headers["medpattern-unavailable"]) == (503, "database")


def test_no_log_line_says_who_it_was(ward: Ward, caplog: pytest.LogCaptureFixture) -> None:
    made = ward.result()
    caplog.set_level("DEBUG")
    ward.sign_in("reader")
    ward.post(f"/api/results/{made.result_id}/verdicts", {"opinion": "agree", "comment": "words of a reader"}, "reader")
    ward.http.get("/callback", params={"state": "x", "code": "y"})
    said = json.dumps([vars(record) for record in caplog.records if record.name.startswith("medpattern")], default=str)
    assert "unknown-state" in said
    for word in ("osei", "8f1c", "words of a reader", made.patient_pseudonym):
        assert str(word) not in said
