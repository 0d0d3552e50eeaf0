"""The live page of a run in a real Chromium, as people meet it: by eye, by keyboard, by screen reader, offline."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect

from medpattern.dashboard.snapshot import Figures, read_figures
from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.events.notifications import StoredObject
from tests.dashboard.conftest import s3_endpoint, tables, world  # noqa: F401 - fixtures
from tests.dashboard.world import World, open_world
from tests.real.servers.names import unique
from tests.real.servers.ports import free_port
from tests.real.servers.postgres import Database
from tests.real.servers.processes import Process, until

CHECKS = Path(__file__).with_name("dashboard_checks.js").read_text("utf-8")
STAGES = [
    {"name": "serve", "pid": 11, "state": "ready", "restarts": 0, "health": None},
    {"name": "bridge", "pid": 12, "state": "ready", "restarts": 1, "health": None},
]
SECONDS = 60
WAIT = SECONDS * 1000
FOCUS = """() => {
    const node = document.activeElement;
    const style = getComputedStyle(node);
    const outline = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    const text = node.textContent.trim().slice(0, 40);
    return { tag: node.tagName, id: node.id, href: node.getAttribute("href"), text, outline };
}"""
COUNT_CHANGES = """() => {
    window.changes = 0;
    const watched = document.getElementById("headline");
    const observer = new MutationObserver((all) => { window.changes += all.length; });
    observer.observe(watched, { childList: true, characterData: true, subtree: true });
}"""


@dataclass
class Run:
    """A world whose file is rewritten as a run does, and its page's process."""

    world: World
    process: Process
    url: str
    state: dict[str, Any]
    silent: threading.Event

    def say(self, **said: Any) -> None:
        """What the run reports from now on."""
        self.state = self.state | said


@pytest.fixture
def run(world: World) -> Iterator[Run]:  # noqa: F811
    """A run of six images, one of them withheld, and a dead letter."""
    for risk in (0.1, 0.2, 0.5, 0.8, None):
        world.score(world.store_film(), risk)
    world.score(world.store_film(), 0.9, quarantine="doubtful-structure")
    world.give_up(world.store_film(), "corrupt")
    with _running(world) as running:
        yield running


@contextmanager
def _running(world: World) -> Iterator[Run]:  # noqa: F811
    port = free_port()
    command = [sys.executable, "-m", "medpattern.dashboard", "--port", str(port)]
    process = Process("dashboard", command, world.folder / "dashboard.log", environment=world.environment())
    running = Run(world, process, f"http://127.0.0.1:{port}/", {"stages": STAGES}, threading.Event())

    def report() -> None:
        while not running.silent.wait(0.5):
            world.write_state(**running.state)

    reporter = threading.Thread(target=report, name=running.url)
    try:
        reporter.start()
        process.start().wait_ready(lambda: json.dumps({"url": running.url}) in process.text())
        yield running
    finally:
        running.silent.set()
        reporter.join()
        process.stop()


@contextmanager
def visit(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    """A page whose network ends at 127.0.0.1; afterwards: no script failed, and nothing asked for anything else."""
    opened = browser.new_context(**context)
    foreign: list[str] = []
    complaints: list[str] = []

    def guard(route: Route, request: Request) -> None:
        if urlsplit(request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            foreign.append(request.url)
            route.abort("internetdisconnected")

    try:
        page = opened.new_page()
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if _is_fault(message) else None)
        opened.route("**/*", guard)
        page.goto(url)
        yield page
        assert foreign == []
        assert complaints == []
    finally:
        opened.close()


def _is_fault(message: ConsoleMessage) -> bool:
    """Not a server that was killed, nor a picture that is to be asked for again a little later."""
    meant = "/thumbnails/uploaded/" in message.location["url"] and "503" in message.text
    return message.type == "error" and "net::ERR_" not in message.text and not meant


def settle(page: Page, cards: int = 6) -> None:
    """Waits until the page is live and its pictures are there."""
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT)
    expect(page.locator("#images > li")).to_have_count(cards, timeout=WAIT)
    for card in page.locator("#images > li").all():
        card.scroll_into_view_if_needed()
    loaded = "[...document.querySelectorAll('#images img')].every((image) => image.complete && image.naturalWidth > 0)"
    # Not `wait_for_function`: it evaluates text inside the page, which the page's policy forbids.
    until(lambda: page.evaluate(loaded), "the pictures", seconds=SECONDS)


def test_what_happened_stands_on_the_page(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        for name, number in {"results": 6, "dead": 1, "superseded": 0, "quarantined": 1, "open": 0}.items():
            expect(page.locator(f"#{name}")).to_have_text(str(number))
        expect(page.locator("#stored")).to_have_text("7 of 20")
        expect(page.get_by_role("note")).to_contain_text("Preliminary, not for diagnosis.")
        expect(page.get_by_text("Stand-in model:")).to_be_visible()
        expect(page.get_by_text("Simulated:")).to_be_visible()
        expect(page.locator("#embedded")).to_contain_text("object store, broker, database")
        assert page.locator("#images img").count() == 3 * 6 - 2
        expect(page.get_by_text("withheld: doubtful structure")).to_have_count(2)
        expect(page.get_by_role("row", name="corrupt")).to_contain_text("a detail for people")
        expect(page.get_by_role("row", name="bridge")).to_contain_text("ready")
        expect(page.get_by_role("row", name="pneumonia", exact=False).first).to_contain_text("2")


def test_the_page_goes_on_by_itself(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        page.evaluate("window.here = 'the same document'")
        newest = run.world.score(run.world.store_film(), 0.7)
        expect(page.locator("#results")).to_have_text("7", timeout=WAIT)
        expect(page.locator("#images h3").first).to_have_text(newest.image_pseudonym, timeout=WAIT)
        settle(page)
        run.say(stages=[STAGES[0], STAGES[1] | {"state": "down"}])
        expect(page.locator("#headline")).to_contain_text("Stage bridge is down.", timeout=WAIT)
        run.say(phase="done")
        expect(page.locator("#phase")).to_have_text("done", timeout=WAIT)
        assert page.evaluate("window.here") == "the same document"


def test_the_live_region_speaks_of_news_alone(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        region = page.get_by_role("status")
        expect(region).to_have_attribute("aria-live", "polite")
        expect(region).to_have_text("The run is going on. 1 dead letter.")
        page.evaluate(COUNT_CHANGES)
        for number in range(3):
            run.world.score(run.world.store_film(), 0.1)
            expect(page.locator("#results")).to_have_text(str(7 + number), timeout=WAIT)
        assert page.evaluate("window.changes") == 0
        run.world.give_up(run.world.store_film(), "too-large")
        expect(region).to_have_text("The run is going on. 2 dead letters.", timeout=WAIT)


def test_a_page_that_hears_nothing_says_so_and_comes_back(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        run.process.kill()
        expect(page.locator("#link")).to_contain_text("no answer since", timeout=WAIT)
        expect(page.locator("#headline")).to_contain_text("what was last known", timeout=WAIT)
        expect(page.locator("#results")).to_have_text("6")
        run.process.start()
        run.world.score(run.world.store_film(), 0.1)
        expect(page.locator("#link")).to_have_text("live", timeout=WAIT)
        expect(page.locator("#results")).to_have_text("7", timeout=WAIT)
        expect(page.locator("#headline")).to_contain_text("The run is going on.", timeout=WAIT)


def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(run: Run, browser: Browser) -> None:
    with visit(browser, run.url, viewport={"width": 390, "height": 844}) as page:
        settle(page)
        walked = []
        page.evaluate("scrollTo(0, 0)")
        while not walked or walked[-1]["tag"] != "BODY":
            page.keyboard.press("Tab")
            walked.append(page.evaluate(FOCUS))
            assert len(walked) < 40
        stops = walked[:-1]
        assert stops[0]["href"] == "#main"
        assert stops[1]["id"] == "pause"
        assert all(stop["outline"] >= 2 for stop in stops)
        links = [stop["href"] for stop in stops if (stop["href"] or "").startswith("/results/")]
        assert len(links) == len(set(links)) == 6
        assert [stop["text"] for stop in stops if stop["tag"] == "SUMMARY"] == [
            "Throughput as a table",
            "Risk as a table",
        ]
        assert sum(stop["tag"] == "DIV" for stop in stops) == 2, "the two regions that scroll"


def test_keys_do_what_a_pointer_does(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        page.evaluate("scrollTo(0, 0)")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate(FOCUS)["id"] == "main"
        page.locator("#pause").focus()
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Pause updates", pressed=True)).to_be_visible()
        expect(page.locator("#link")).to_have_text("paused")
        other = page.context.new_page()
        other.goto(run.url)
        for number in (7, 8):  # what a second page shows, the paused one has heard when the next news is there
            run.world.score(run.world.store_film(), 0.1)
            expect(other.locator("#results")).to_have_text(str(number), timeout=WAIT)
        other.close()
        expect(page.locator("#results")).to_have_text("6")
        page.keyboard.press("Space")
        expect(page.locator("#results")).to_have_text("8", timeout=WAIT)
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("table", name="Results in each ten seconds of the last minute")).to_be_visible()
        page.locator("#images h3 a").first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Result of image")
        page.get_by_role("link", name="Back to the run").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#link")).to_have_text("live", timeout=WAIT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_is_hidden_from_anybody(run: Run, browser: Browser, scheme: str, width: int) -> None:
    shape: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with visit(browser, run.url, **shape, reduced_motion="reduce") as page:
        settle(page)
        for summary in page.locator("summary").all():
            summary.click()
        check(page)
        page.goto(run.url.rstrip("/") + str(page.locator("#images h3 a").nth(1).get_attribute("href")))
        page.wait_for_load_state("networkidle")
        check(page)


def check(page: Page) -> None:
    """No fault of `dashboard_checks.js`, nothing beside the window, nothing that moves."""
    assert page.evaluate(CHECKS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_screen_reader_finds_landmarks_headings_and_names(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        for landmark in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(landmark)).to_have_count(1)  # type: ignore[arg-type]
        headings = ["Images accounted for", "Outcomes", "Throughput", "Risk", "Stages", "Latency", "Last images"]
        for heading in (*headings, "Dead letters"):
            expect(page.get_by_role("heading", name=heading, level=2)).to_be_visible()
            expect(page.get_by_role("region", name=heading).first).to_be_visible()
        expect(page.get_by_role("img", name="7 of 20 images accounted for.")).to_have_count(1)
        expect(page.get_by_role("img", name="Results per second over the last minute")).to_have_count(1)
        expect(page.get_by_role("img", name="Risk of 5 results")).to_have_count(1)
        expect(page.get_by_role("table", name="Current results by outcome")).to_be_visible()
        expect(page.get_by_role("columnheader", name="p95")).to_be_visible()
        for kind in ("uploaded", "anonymised"):
            assert page.get_by_role("img", name=f"X-ray, {kind}").count() >= 5


def test_the_page_of_a_result_shows_its_pictures_at_full_size(run: Run, browser: Browser) -> None:
    result = run.world.results[0]
    with visit(browser, f"{run.url}results/{result.result_id}") as page:
        page.wait_for_load_state("networkidle")
        sizes = page.evaluate("[...document.querySelectorAll('figure img')].map((image) => image.naturalWidth)")
        assert sizes == [result.image_width, 256, 256]
        expect(page.get_by_role("row", name="result id")).to_contain_text(result.result_id)
        with page.expect_response("**/report") as answered:
            page.get_by_role("link", name="FHIR").click()
        assert answered.value.json()["resourceType"] == "DiagnosticReport"


def test_the_page_lives_with_a_run_that_dies(run: Run, browser: Browser) -> None:
    with visit(browser, run.url) as page:
        settle(page)
        run.silent.set()
        until(lambda: not reported_anew(run), "the run to fall silent")
        os.utime(run.world.state_path, (1_000_000, 1_000_000))
        expect(page.locator("#phase")).to_have_text("not reporting", timeout=WAIT)
        expect(page.locator("#headline")).to_contain_text("no longer reports", timeout=WAIT)


def reported_anew(run: Run) -> bool:
    """Whether the thread that reports still does."""
    return any(thread.name == run.url for thread in threading.enumerate())


def test_postgresql_gives_the_same_figures_as_sqlite(
    world: World,  # noqa: F811
    s3_endpoint: str,  # noqa: F811
    database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    at = now()
    folder = tmp_path_factory.mktemp("postgres-world")
    with open_world(folder, s3_endpoint, unique("pg"), database_url=database.url) as other:
        figures = _figures(other, at)
        assert figures == _figures(world, at)
    assert [sum((part.normal, part.unsure, part.pneumonia)) for part in figures.risk][:4] == [1, 1, 0, 1]
    assert sum(figures.throughput) == figures.accounts.results == 8


def _figures(world: World, at: datetime) -> Figures:  # noqa: F811
    """The figures of a fixed content, without what differs from run to run: when events and dead letters came."""
    for risk in (0.0, 0.05, 0.15, 0.25, 0.35, 0.95, 1.0, None):
        world.score(_elsewhere(world), risk, scored_at=at - timedelta(seconds=5), stored_at=at, received_at=at)
    world.give_up(_elsewhere(world), "corrupt")
    world.supersede(_elsewhere(world))
    engine = open_engine(world.database_url, read_only=True)
    try:
        figures = read_figures(engine, at)
    finally:
        engine.dispose()
    letters = tuple(replace(letter, last=at) for letter in figures.dead_letters)
    return replace(figures, latency=figures.latency[1:3], dead_letters=letters)


def _elsewhere(world: World) -> StoredObject:  # noqa: F811
    """The next film, as if every world had the same bucket: ids are made of its name too."""
    return replace(world.store_film(), bucket="the-same")
