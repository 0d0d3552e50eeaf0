from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from starlette.testclient import TestClient

import medpattern.dashboard
from medpattern.dashboard.app import STATIC
from medpattern.pipeline.events.results import Result
from medpattern.pipeline.http.pages import static_files
from tests.dashboard.world import SECRETS, World

PLACES = ("src", "href", "action", "srcset", "poster", "data", "xlink:href")


class Tags(HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def some_of_everything(world: World) -> list[str]:
    """Fills `world`; the paths of everything that the page can then be asked for."""
    results = [world.score(world.store_film()), world.score(world.store_film(), 0.8, quarantine="doubtful-structure")]
    world.notify(results[0])
    world.give_up(world.store_film(), "corrupt")
    world.supersede(world.store_film())
    world.write_state()
    paths = ["/", "/api/state", "/nothing", "/static/nothing", "/results/unknown"]
    paths += [f"/static/{name}" for name in static_files(STATIC)]
    for result in results:
        paths += [f"/results/{result.result_id}", f"/results/{result.result_id}/report"]
        paths += [f"/{path}/{kind}/{result.result_id}"
                  for path in ("images", "thumbnails") for kind in ("uploaded", "processed", "anonymised")]  # fmt: skip
    return paths


def test_no_answer_holds_a_key_a_name_or_a_secret(world: World, page: TestClient) -> None:
    answers = [page.get(path) for path in some_of_everything(world)]
    assert {answer.status_code for answer in answers} == {200, 404}
    for identity in identities(world):
        for answer in answers:
            head = "".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
            assert identity not in head + answer.content, answer.url.path


def identities(world: World) -> Iterator[bytes]:
    """All that must not be on any page, as it could be written in one."""
    texts = [*SECRETS.values(), world.database_url]
    for film in world.films:
        assert film.patient is not None
        texts += [film.key, *film.key.split("/")[3:], film.patient.name, film.patient.patient_id]
        texts += [film.patient.family_name, film.patient.dicom_name, film.patient.accession]
    for text in texts:
        for written in {text, quote(text), quote_plus(text), quote(text, safe=""), json.dumps(text)[1:-1]}:
            yield written.encode()


def test_every_answer_forbids_what_the_page_does_not_need(world: World, page: TestClient) -> None:
    for path in some_of_everything(world):
        headers = page.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
        assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_defect_is_answered_under_the_same_policy(
    world: World, page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a text that names somebody")

    monkeypatch.setattr("medpattern.dashboard.detail.read_detail", broken)
    client = TestClient(page.app, "http://127.0.0.1", raise_server_exceptions=False)
    answer = client.get(f"/results/{'0' * 64}")
    assert answer.status_code == 500
    assert "somebody" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_pages_have_nothing_inline_and_nothing_from_elsewhere(world: World, page: TestClient) -> None:
    pages = [path for path in some_of_everything(world) if path == "/" or re.fullmatch("/results/[0-9a-f]+", path)]
    assert len(pages) == 3
    for path in pages:
        for tag, attributes in Tags(page.get(path).text).found:
            assert tag not in ("style", "iframe", "object", "embed", "base")
            assert tag != "script" or attributes.get("src")
            assert not [name for name in attributes if name == "style" or name.startswith("on")]
            places = [attributes[name] or "" for name in PLACES if name in attributes]
            assert [place for place in places if not re.fullmatch(r"/[^/].*|/|#\w+", place)] == []


def test_scripts_and_styles_name_no_other_place() -> None:
    for name, (data, _) in static_files(STATIC).items():
        places = re.findall(r"https?://[^\s\"')]+|@import|url\([^)]*\)", data.decode())
        assert set(places) <= {"http://www.w3.org/2000/svg"}, name


def test_the_static_files_are_data_of_the_package(page: TestClient) -> None:
    folder = Path(medpattern.dashboard.__file__).parent / "static"
    assert {path.name for path in folder.iterdir()} == set(static_files(STATIC))
    scripts = re.findall(r'from "\./(\S+\.js)"', "".join(data.decode() for data, _ in static_files(STATIC).values()))
    assert set(scripts) <= set(static_files(STATIC))
    assert page.get("/static/page.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/..\\app.py",
        "/static/%2e%2e%5capp.py",
        "/static//etc/hostname",
        "/static/%2fetc%2fhostname",
        "/static/page.css%00.js",
        "/images/uploaded/../../app.py",
        "/images/source/" + "0" * 64,
        "/images/uploaded/" + "0" * 64,
        "/images/uploaded/" + "0" * 63,
        "/images/uploaded/" + "0" * 64 + "%0a",
        "/thumbnails/anonymised/%2e%2e",
        "/results/" + "0" * 64,
        "/results/" + "A" * 64,
        "/results/' OR 1=1 --",
        "/results/" + "0" * 64 + "/report",
        "/results/x/report",
        "/favicon.ico",
    ],
)
def test_nothing_lies_under_other_paths(page: TestClient, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 404
    assert "def " not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_sent(page: TestClient, method: str) -> None:
    for path in ("/", "/api/state", f"/results/{'0' * 64}"):
        assert page.request(method, path).status_code == 405


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:99", 200), ("localhost", 200), ("evil.example", 400), ("10.0.0.1", 400)]
)
def test_only_this_machines_own_names_lead_to_the_page(page: TestClient, host: str, status: int) -> None:
    assert page.get("/api/state", headers={"host": host}).status_code == status


def test_the_page_of_a_result_shows_every_column(world: World, page: TestClient) -> None:
    result = world.score(world.store_film(), 0.81)
    world.deliver_again(result)
    world.notify(result, "failed")
    text = page.get(f"/results/{result.result_id}").text
    for column in fields(Result):
        assert f">{column.name.replace('_', ' ')}</th>" in text
    for value in (result.result_id, result.image_pseudonym, result.model_sha256, "0.8100", "pneumonia", "failed"):
        assert value in text
    assert "Preliminary, not for diagnosis" in text
    assert "Stand-in model" in text
    assert "Simulated image" in text
    assert text.count('<img src="/images/') == 3


def test_the_page_of_a_quarantined_result_says_why_its_images_are_withheld(world: World, page: TestClient) -> None:
    result = world.score(
        world.store_film(), None, quarantine="text-like-structure-left", stand_in=False, simulated=False
    )
    text = page.get(f"/results/{result.result_id}").text
    assert text.count("withheld: text like structure left") == 2
    assert f"/images/uploaded/{result.result_id}" in text
    assert f"/images/processed/{result.result_id}" not in text
    assert "Stand-in model" not in text
    assert "Simulated image" not in text


def test_what_a_model_calls_itself_is_text_and_no_markup(world: World, page: TestClient) -> None:
    result = world.score(world.store_film(), model_name="<script>alert(1)</script>", model_version='"><img src=x>')
    text = page.get(f"/results/{result.result_id}").text
    assert "<script" not in text
    assert "<img src=x>" not in text
    assert "&lt;script&gt;" in text


def test_the_report_is_the_results_own(world: World, page: TestClient) -> None:
    result = world.score(world.store_film(), 0.81)
    answer = page.get(f"/results/{result.result_id}/report")
    assert answer.headers["content-type"] == "application/fhir+json"
    report = answer.json()
    assert (report["resourceType"], report["id"], report["status"]) == (
        "DiagnosticReport",
        result.result_id,
        "preliminary",
    )
    assert report["identifier"][1]["value"] == result.image_pseudonym


def test_the_state_is_what_the_page_shows(world: World, page: TestClient) -> None:
    world.score(world.store_film(), 0.81)
    world.write_state(phase="done", stored=1)
    state = page.get("/api/state").json()
    assert state["phase"] == "done"
    assert state["headline"].startswith("The run has ended: 1 of 1 stored images accounted for.")
    assert state["figures"]["outcomes"]["pneumonia"] == 1
    assert state["model"]["standIn"] is True


def test_it_says_that_it_lives(page: TestClient) -> None:
    assert page.get("/v2/health/ready").json() == {"ready": True}
