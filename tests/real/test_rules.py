"""The alerts under promtool: each fires when it should and does not when it should not; what it says is complete.

The tests are in tests/real/rules; the rules are what the chart renders.
"""

from __future__ import annotations

import copy
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.pipeline.model.card import Reference
from medpattern.pipeline.model.statistics import expected_shares, stability_index
from tests.charts.monitoring import alerts, rule_objects
from tests.real.servers.programs import program

FOLDER = Path(__file__).parent / "rules"
FILES = sorted(FOLDER.glob("*.yaml"))
# What must not be in a message that people read.
BROKEN = ("<no value>", "error expanding template", "%!", "NaN")


def groups(name: str) -> tuple[str, list[dict[str, Any]]]:
    """Namespace and groups of a PrometheusRule."""
    (found,) = [item for item in rule_objects() if item["metadata"]["name"] == name]
    return found["metadata"]["namespace"], copy.deepcopy(found["spec"]["groups"])


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("promtool", "prometheus"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def written(folder: Path, document: Mapping[str, Any], *, annotations: bool, namespace_label: bool = False) -> Path:
    """The test file in `folder`, with the rules that it names beside it; its own name differs from theirs."""
    for file in document["rule_files"]:
        namespace, found = groups(file.removesuffix(".yaml"))
        for rule in (rule for group in found for rule in group["rules"]):
            if not annotations:
                rule.pop("annotations", None)
            if namespace_label:
                rule.setdefault("labels", {})["namespace"] = namespace
        (folder / file).write_text(yaml.safe_dump({"groups": found}), "utf-8")
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(dict(document)), "utf-8")
    return path


def expectations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for test in document["tests"]:
        yield from test.get("alert_rule_test", ())


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", [item["metadata"]["name"] for item in rule_objects()])
def test_prometheus_takes_the_rules(name: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups(name)[1]}), "utf-8")
    done = promtool(tmp_path, "check", "rules", "--lint-fatal", "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path, tmp_path: Path) -> None:
    written(tmp_path, load(path), annotations=False)
    done = promtool(tmp_path, "test", "rules", "test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_they_do_so_too_where_openshift_gives_every_rule_a_namespace(path: Path, tmp_path: Path) -> None:
    # User workload monitoring adds the label to what a rule records and to its alerts.
    document = load(path)
    namespace, _ = groups(document["rule_files"][0].removesuffix(".yaml"))
    for expected in expectations(document):
        for alert in expected.get("exp_alerts", ()):
            alert["exp_labels"]["namespace"] = namespace
    for test in document["tests"]:
        for expected in test.get("promql_expr_test", ()):
            for sample in expected["exp_samples"]:
                sample["labels"] = sample["labels"].replace("{", f'{{namespace="{namespace}"')
    written(tmp_path, document, annotations=False, namespace_label=True)
    done = promtool(tmp_path, "test", "rules", "test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    fires, rests = set(), set()
    for path in FILES:
        for expected in expectations(load(path)):
            (fires if expected.get("exp_alerts") else rests).add(expected["alertname"])
    assert fires == alerts()
    assert rests == alerts()


def test_the_index_that_is_recorded_is_that_of_the_service(tmp_path: Path) -> None:
    spread = Reference((0.0, 1.0, 2.0, 3.0, 4.0), (0.5, 0.3, 0.2, 0.0))
    hourly = (4, 3, 2, 1)
    series = []
    for index, (share, films) in enumerate(zip(expected_shares(spread), hourly, strict=True)):
        labels = f'namespace="xraylab", model="m", statistic="gate", bin="{index}"'
        series += [
            {"series": f"medpattern_reference_share{{{labels}}}", "values": f"{share}x200"},
            {"series": f"medpattern_films_in_bin_total{{{labels}}}", "values": f"0+{films}x200"},
        ]
    index = stability_index([168 * films for films in hourly], spread)
    assert index > 0.2
    # The rule's count of a week differs by as much as its first and its last hour.
    expression = f"abs(sum(medpattern:films:stability_index) - {index}) < bool {index / 500}"
    asked = {"expr": expression, "eval_time": "190h", "exp_samples": [{"labels": "{}", "value": 1}]}
    test = {"interval": "1h", "input_series": series, "promql_expr_test": [asked]}
    document = {"rule_files": ["medpattern-pipeline.yaml"], "evaluation_interval": "1h", "tests": [test]}
    written(tmp_path, document, annotations=False)
    done = promtool(tmp_path, "test", "rules", "test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_an_alert_says_has_its_numbers_in_it(path: Path, tmp_path: Path) -> None:
    document = load(path)
    # An annotation that no alert has: promtool then prints what it got.
    for expected in expectations(document):
        for alert in expected.get("exp_alerts", ()):
            alert["exp_annotations"] = {"description": "?"}
    written(tmp_path, document, annotations=True)
    done = promtool(tmp_path, "test", "rules", "test.yaml")

    said = re.findall(r"got:\[(.*?)\n\s*\]", done.stdout + done.stderr, re.DOTALL) or [done.stdout + done.stderr]
    descriptions = re.findall(r'description="((?:[^"\\]|\\.)*)"', "\n".join(said))
    fired = sum(len(expected.get("exp_alerts", ())) for expected in expectations(document))
    assert len([text for text in descriptions if text != "?"]) == fired
    for text in descriptions:
        assert not any(word in text for word in BROKEN), text
        assert text == "?" or re.search(r"\d", text), f"no number in: {text}"
