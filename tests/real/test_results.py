"""The results API on Keycloak, PostgreSQL and Ceph, in Chromium: as a reader on the ward meets it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, select

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.roles import Role, grant
from medpattern.pipeline.database.schema import audit, verdicts
from medpattern.pipeline.events.results import Outcome, Publication, Result
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.images.radiograph import Limits
from medpattern.pipeline.images.viewing import uploaded_png
from medpattern.pipeline.simulation.machine import phantom_image
from tests.dashboard.world import MACHINE
from tests.pipeline.database.test_accounting import score
from tests.pipeline.environment import stage_environment
from tests.pipeline.samples import SCORED, result_of
from tests.real.servers.ceph import Ceph
from tests.real.servers.certificates import Authority
from tests.real.servers.keycloak import AUDIENCE, OTHER_CLIENT, PAGE_CLIENT, SHORT_CLIENT, Keycloak
from tests.real.servers.names import unique, unique_identifier
from tests.real.servers.ports import free_port, listening
from tests.real.servers.postgres import Database, Postgres
from tests.real.servers.processes import Process, until
from tests.real.stage import stage

CHECKS = Path(__file__).with_name("dashboard_checks.js").read_text("utf-8")
WAIT = 60_000
UNCHECKED = ssl._create_unverified_context()  # noqa: S323
FOCUS = """() => {
    const style = getComputedStyle(document.activeElement);
    const seen = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    return [document.activeElement.tagName, document.activeElement.id, seen];
}"""


@dataclass(frozen=True, slots=True)
class Hospital:
    """The API at work, and what is behind it. `tables` is the owner's view of the database."""

    url: str
    keycloak: Keycloak
    tables: Engine
    s3: Any
    buckets: dict[str, str]
    process: Process
    metrics: str

    def film(self, number: int, outcome: Outcome, *, withheld: bool = False) -> Result:
        """An uploaded film with its result and the images made of it."""
        film = phantom_image(MACHINE, number)
        key = f"ward 3/Smith^John {number}.{film.key.rpartition('.')[2]}"
        etag = self.s3.put_object(Bucket=self.buckets["source"], Key=key, Body=film.data)["ETag"].strip('"')
        image = ObjectVersion(self.buckets["source"], key, etag)
        made = result_of(image, outcome=outcome, scored_at=SCORED + timedelta(minutes=number))
        if withheld:
            made = result_of(
                image, outcome=outcome, publication=Publication.QUARANTINED, publication_reason="text-left"
            )
        else:
            drawn = uploaded_png(film.data, None, Limits())
            self.s3.put_object(Bucket=self.buckets["processed"], Key=made.processed_key, Body=drawn)
            self.s3.put_object(Bucket=self.buckets["anonymised"], Key=made.anonymised_key, Body=drawn)
        score(self.tables, made)
        return made

    def ask(self, path: str, token: str, body: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON of an API call with a bearer token."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)


Open = Callable[[Path, dict[str, str]], AbstractContextManager[Hospital]]


@pytest.fixture
def open_hospital(keycloak: Keycloak, ceph: Ceph, postgres: Postgres, database: Database) -> Open:
    """Starts the API in a folder with more settings; by https where it is given a certificate."""

    def start(folder: Path, more: dict[str, str]) -> AbstractContextManager[Hospital]:
        return _hospital(folder, keycloak, ceph, postgres, database, more)

    return start


@pytest.fixture
def hospital(tmp_path: Path, open_hospital: Open) -> Iterator[Hospital]:
    """The API at work."""
    with open_hospital(tmp_path, {}) as opened:
        yield opened


@contextmanager
def _hospital(
    folder: Path, keycloak: Keycloak, ceph: Ceph, postgres: Postgres, database: Database, more: dict[str, str]
) -> Iterator[Hospital]:
    """Its process may do in the database what its role may, and nothing else."""
    url = keycloak.page.replace("http:", "https:") if "TLS_KEY" in more else keycloak.page
    owner = open_engine(database.conninfo)
    migrate(owner)
    role = Database(postgres.port, database.name, unique_identifier("role"), "password")
    postgres.execute(f"CREATE ROLE {role.role} LOGIN PASSWORD '{role.password}'")
    postgres.execute(f"GRANT CONNECT ON DATABASE {database.name} TO {role.role}")
    grant(owner, {Role.RESULTS_API: role.role})
    buckets = {kind: unique(kind) for kind in ("source", "processed", "anonymised")}
    for name in buckets.values():
        ceph.s3().create_bucket(Bucket=name)
    metrics = free_port()
    process = _results(folder, keycloak, ceph, role, buckets, metrics, {"RESULTS_URL": url} | more)
    try:
        process.start().wait_ready(lambda: listening(keycloak.page_port) and _ready(url))
        yield Hospital(url, keycloak, owner, ceph.s3(), buckets, process, f"http://127.0.0.1:{metrics}/metrics")
    finally:
        process.stop()
        owner.dispose()
        for name in buckets.values():
            ceph.empty(name)
        inside = Database(postgres.port, database.name, postgres.superuser.role, postgres.superuser.password)
        postgres.execute(f"DROP OWNED BY {role.role}", inside)
        postgres.execute(f"REVOKE ALL ON DATABASE {database.name} FROM {role.role}")
        postgres.execute(f"DROP ROLE {role.role}")


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v2/health/ready", timeout=5, context=UNCHECKED) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _results(
    folder: Path,
    keycloak: Keycloak,
    ceph: Ceph,
    role: Database,
    buckets: dict[str, str],
    metrics: int,
    more: dict[str, str],
) -> Process:
    (folder / "session").write_text("key of the sessions, 32 bytes and some more")
    (folder / "client").write_text(keycloak.client_secret)
    environment = stage_environment(
        folder,
        s3=ceph.url,
        bucket=buckets["source"],
        database_url=role.conninfo,
        account=(ceph.account.access_key, ceph.account.secret_key),
        PROCESSED_BUCKET=buckets["processed"],
        ANONYMISED_BUCKET=buckets["anonymised"],
        OIDC_ISSUER=keycloak.issuer,
        OIDC_AUDIENCE=AUDIENCE,
        OIDC_CLIENT_ID=PAGE_CLIENT,
        OIDC_CLIENT_SECRET_FILE=str(folder / "client"),
        SESSION_KEY_FILE=str(folder / "session"),
        IMAGE_SECONDS="5",
        **more,
    )
    ports = ("--port", str(keycloak.page_port), "--metrics-port", str(metrics))
    return stage(folder, "results", *ports, environment=environment)


@contextmanager
def visit(browser: Browser, **context: Any) -> Iterator[Page]:
    """A page with cookies of its own; afterwards: no script of ours has failed."""
    opened = browser.new_context(**context)
    complaints: list[str] = []
    page = opened.new_page()
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
        assert complaints == []
    finally:
        opened.close()


def sign_in(page: Page, hospital: Hospital, user: str, path: str = "/") -> None:
    """Through Keycloak's own form, by keyboard, back to `path`."""
    page.goto(hospital.url + path)
    expect(page.locator("#username")).to_be_visible(timeout=WAIT)
    assert page.url.startswith(hospital.keycloak.issuer)
    page.locator("#username").focus()
    page.keyboard.type(user)
    page.locator("#password").focus()
    page.keyboard.type(hospital.keycloak.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(hospital.url + path, timeout=WAIT)
    expect(page.locator("#user")).to_have_text(user, timeout=WAIT)


def test_a_reader_signs_in_and_gives_a_verdict_by_keyboard_alone(browser: Browser, hospital: Hospital) -> None:
    unsure = hospital.film(1, Outcome.UNSURE)
    urgent = hospital.film(2, Outcome.PNEUMONIA)
    with visit(browser) as page:
        sign_in(page, hospital, "dr.osei")
        expect(page.locator("#list > li")).to_have_count(2)
        expect(page.locator("#models")).to_contain_text("chest-pneumonia 1.2.0")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{hospital.url}/results/{urgent.result_id}")
        expect(page.locator("body[data-ready]")).to_be_attached()
        page.wait_for_function("document.getElementById('picture').naturalWidth > 0")
        page.keyboard.press("2")
        page.keyboard.press("c")
        page.keyboard.type("Old scar; n and u typed here move nothing.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#status")).to_contain_text("stored: disagree")
        expect(page.locator("#verdicts")).to_contain_text("dr.osei disagrees")
        expect(page.locator("#next")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{hospital.url}/results/{unsure.result_id}")
    with hospital.tables.begin() as connection:
        (row,) = connection.execute(select(verdicts)).mappings()
    assert (row["result_id"], row["reader"], row["verdict"]) == (urgent.result_id, "dr.osei", "disagree")
    assert row["comment"] == "Old scar; n and u typed here move nothing."


def test_without_shortcuts_tab_reaches_everything_and_shows_where_it_is(browser: Browser, hospital: Hospital) -> None:
    made = hospital.film(1, Outcome.PNEUMONIA)
    with visit(browser) as page:
        sign_in(page, hospital, "dr.osei", f"/results/{made.result_id}")
        expect(page.locator("body[data-ready]")).to_be_attached()
        reached = {}
        for _ in range(20):
            page.keyboard.press("Tab")
            tag, name, outline = page.evaluate(FOCUS)
            if tag == "BODY":
                break
            reached[name or tag] = outline
        for name in ("back", "show-keys", "sign-out", "INPUT", "comment", "save", "next", "report"):
            assert reached.get(name, 0) >= 2, f"{name} of {reached}"
        page.locator("#verdict input").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("stored: agree")


def test_shortcuts_can_be_turned_off(browser: Browser, hospital: Hospital) -> None:
    hospital.film(1, Outcome.PNEUMONIA)
    with visit(browser) as page:
        sign_in(page, hospital, "dr.osei")
        expect(page.locator("#list > li")).to_have_count(1)
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.locator("#keys-on").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.closest('#list')") is None


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_readable_and_named(browser: Browser, hospital: Hospital, colours: str, width: int) -> None:
    made = hospital.film(1, Outcome.PNEUMONIA)
    hospital.film(2, Outcome.UNSURE, withheld=True)
    with visit(browser, color_scheme=colours, viewport={"width": width, "height": 844}) as page:
        sign_in(page, hospital, "dr.osei")
        expect(page.locator("#list > li")).to_have_count(2)
        assert page.evaluate(CHECKS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(f"{hospital.url}/results/{made.image_pseudonym}")
        expect(page.locator("body[data-ready]")).to_be_attached()
        assert page.evaluate(CHECKS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert "Preliminary, not for diagnosis" in page.locator(".notice").inner_text()


def test_an_original_is_shown_after_a_purpose_and_a_row_in_the_audit(browser: Browser, hospital: Hospital) -> None:
    made = hospital.film(1, Outcome.PNEUMONIA, withheld=True)
    with visit(browser) as page:
        sign_in(page, hospital, "records.office", f"/results/{made.image_pseudonym}")
        expect(page.locator("body[data-ready]")).to_be_attached()
        expect(page.locator("#withheld")).to_contain_text("text left")
        expect(page.locator("#verdict")).to_be_hidden()
        page.keyboard.press("o")
        page.keyboard.type("to call the patient in again")
        page.keyboard.press("Enter")
        expect(page.locator("#caption")).to_contain_text("ORIGINAL")
        page.wait_for_function("document.getElementById('picture').naturalWidth > 0")
    with hospital.tables.begin() as connection:
        (row,) = connection.execute(select(audit)).mappings()
    assert row["who"].endswith(" records.office")
    assert (row["action"], row["purpose"]) == ("view-original", "to call the patient in again")
    assert row["pseudonym"] == made.image_pseudonym


def test_a_reader_sees_no_way_to_the_original_and_gets_none(browser: Browser, hospital: Hospital) -> None:
    made = hospital.film(1, Outcome.PNEUMONIA)
    with visit(browser) as page:
        sign_in(page, hospital, "dr.osei", f"/results/{made.result_id}")
        expect(page.locator("body[data-ready]")).to_be_attached()
        expect(page.locator("#original")).to_be_hidden()
    body = {"purpose": "out of curiosity"}
    status, told = hospital.ask(
        f"/api/images/{made.image_pseudonym}/original", hospital.keycloak.token("dr.osei"), body
    )
    assert (status, told["reason"]) == (403, "role-missing")
    with hospital.tables.begin() as connection:
        assert connection.execute(select(audit)).all() == []


def test_whoever_has_no_role_is_told_so_and_signing_out_works(browser: Browser, hospital: Hospital) -> None:
    with visit(browser) as page:
        page.goto(hospital.url)
        page.locator("#username").fill("porter")
        page.locator("#password").fill(hospital.keycloak.password)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("No access")
    with visit(browser) as page:
        sign_in(page, hospital, "dr.osei")
        page.locator("#sign-out").click()
        page.locator("#kc-logout").click()
        expect(page).to_have_url(f"{hospital.url}/signed-out")
        page.goto(hospital.url)
        expect(page.locator("#username")).to_be_visible()


def test_by_https_the_session_is_of_this_host_and_of_https_alone(
    browser: Browser, tmp_path: Path, open_hospital: Open
) -> None:
    files = Authority(tmp_path / "authority").issue("page")
    tls = {"TLS_CERTIFICATE": str(files.certificate), "TLS_KEY": str(files.key)}
    with open_hospital(tmp_path, tls) as hospital, visit(browser, ignore_https_errors=True) as page:
        hospital.film(1, Outcome.PNEUMONIA)
        sign_in(page, hospital, "dr.osei")
        expect(page.locator("#list > li")).to_have_count(1)
        assert hospital.url.startswith("https:")
        (cookie,) = page.context.cookies(hospital.url)
        assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-medpattern", True, True)
        assert cookie["sameSite"] == "Lax"
        assert page.evaluate("document.cookie") == ""


def test_tokens_of_keycloak_are_told_apart(hospital: Hospital) -> None:
    keycloak = hospital.keycloak
    good = keycloak.token("dr.osei")
    assert hospital.ask("/api/worklist", good)[0] == 200
    assert hospital.ask("/api/worklist", keycloak.token("porter"))[0] == 403

    def refused(token: str) -> str:
        status, told = hospital.ask("/api/worklist", token)
        assert status == 401
        return str(told["detail"])

    assert refused(keycloak.token("dr.osei", OTHER_CLIENT)) == "audience"
    header, body, signature = good.split(".")
    other = keycloak.token("records.office").split(".")[1]
    assert refused(f"{header}.{other}.{signature}") == "signature"
    assert refused(f"{header}.{body}.{signature[:-8]}AAAAAAAA") == "signature"
    short = keycloak.token("dr.osei", SHORT_CLIENT)
    until(lambda: hospital.ask("/api/worklist", short)[0] == 401, "a token of one second to end", every=0.5)
    assert refused(short) == "expired"


def test_an_images_address_ends(hospital: Hospital) -> None:
    made = hospital.film(1, Outcome.PNEUMONIA)
    token = hospital.keycloak.token("dr.osei")
    url = hospital.ask(f"/api/results/{made.result_id}/images/anonymised", token)[1]["url"]
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read(8) == b"\x89PNG\r\n\x1a\n"
        assert answer.headers["cache-control"] == "no-store"

    def ended() -> bool:
        try:
            urllib.request.urlopen(url, timeout=30).close()
        except urllib.error.HTTPError as refused:
            return refused.code == 403
        return False

    until(ended, "the address to end", seconds=60, every=0.5)


def test_metrics_count_and_name_nobody(hospital: Hospital) -> None:
    made = hospital.film(1, Outcome.PNEUMONIA)
    token = hospital.keycloak.token("dr.osei")
    hospital.ask(f"/api/results/{made.result_id}/verdicts", token, {"opinion": "agree"})
    with urllib.request.urlopen(hospital.metrics, timeout=30) as answer:
        text = answer.read().decode()
    assert 'medpattern_results_verdicts_total{opinion="agree"} 1.0' in text
    for name in ("osei", made.image_pseudonym, made.result_id, "Smith"):
        assert name not in text + hospital.process.text()
