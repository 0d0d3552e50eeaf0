"""Every alert has its page, every page its alert, and what a page tells people to run exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest

from tests.charts.monitoring import alerts, rules, selectors
from tests.charts.test_metrics import of_exporters, recorded, registered
from tests.charts.test_shipped_charts import chart_source
from tests.test_docs import check_command

FOLDER = Path(__file__).parents[2] / "docs/runbooks"
PAGES = sorted(FOLDER.glob("*.md"))
HEADINGS = ["What it means", "Why it matters for patients", "How to look", "How to fix"]
METRIC = re.compile(r"\b(?:medpattern|kafka|ceph|strimzi|kubelet|kube|certmanager)_[a-z0-9_]+|medpattern:[a-z0-9_:]+")


def alert_rules() -> list[dict[str, Any]]:
    return [rule for _, rule in rules() if "alert" in rule]


def test_alerts_and_pages_are_one_to_one() -> None:
    assert {page.stem for page in PAGES} == alerts()


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_what_and_where_to_read_on(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["labels"]["component"]
    assert notes["runbook_url"] == f"{chart_source('monitoring').values.data['runbooks']}/{rule['alert']}.md"
    assert "{{" in notes["description"], "its numbers"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_answers_the_four_questions(page: Path) -> None:
    text = page.read_text("utf-8")
    severities = {rule["labels"]["severity"] for rule in alert_rules() if rule["alert"] == page.stem}
    assert text.startswith(f"# {page.stem}\n\nSeverity: {severities.pop()}.\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert part.strip(), "a heading without a word"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_metrics_and_commands_of_a_page_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (FOLDER / target).is_file(), target
    for name in METRIC.findall(text):
        assert name in registered() or name in of_exporters() or name in recorded(), name
    for line in re.findall(r"`(medpattern [^`]+)`", re.sub(r"\s+", " ", text)) + re.findall(
        r"^    (medpattern .+)$", text, re.MULTILINE
    ):
        check_command([word for word in line.split()[1:] if word not in ("SPAN", "PORT")], line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_query_on_a_page_is_promql(page: Path) -> None:
    for line in re.findall(r"^    (.+)$", page.read_text("utf-8"), re.MULTILINE):
        if METRIC.search(line) and not line.startswith(("select", "kubectl", "where")):
            assert list(selectors(line)), line


def test_a_line_that_is_no_promql_would_be_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        promql.parse("sum by (medpattern_x")
