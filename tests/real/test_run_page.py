"""`medpattern run` with its page open in a real Chromium, from the first film to the last outcome."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.real.servers.processes import until

FILMS = 20


def test_the_page_shows_every_film_that_was_run_and_the_run_ends_in_order(page: Page, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "medpattern", "run", "--count", str(FILMS), "--rate", "0", "--keep-open"]
    talk = tmp_path / "talk"
    with talk.open("w") as said, (tmp_path / "out").open("w") as out:
        run = subprocess.Popen(
            [*command, "--dir", str(tmp_path / "run"), "--output", "json"], stdout=out, stderr=said, text=True
        )
    try:
        address = until(lambda: re.search(r"page: (\S+)", talk.read_text()), "the page's address", seconds=120)
        page.goto(address.group(1))
        expect(page.get_by_text("not for diagnosis").first).to_be_visible()
        expect(page.locator("main")).to_contain_text(f"{FILMS} of {FILMS}", timeout=120_000)
        until(lambda: page.locator("main img").count() >= 3, "pictures side by side", seconds=60)
        run.send_signal(signal.SIGINT)
        assert run.wait(90) == 0, talk.read_text()
    finally:
        run.kill()
        run.wait()
    books = json.loads((tmp_path / "out").read_text())
    assert books["stored"] == books["results"] == FILMS
