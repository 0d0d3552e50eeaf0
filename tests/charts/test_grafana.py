"""Grafana shows nothing to nobody, keeps no password in git, and its dashboards hold together."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from tests.charts.panels import METRICS, RESULTS, dashboards, panels, queries
from tests.charts.test_shipped_charts import CHARTS, DISTRIBUTIONS, nested, objects, only, refusals, with_defaults

SECRET_WORDS = re.compile(r"password|token|secret", re.IGNORECASE)
# Columns that could show who a film shows.
IDENTIFYING = re.compile(
    r"\b(patient_pseudonym|reader|comment|who|sealed|message|source_bucket)\b|SELECT \*", re.IGNORECASE
)


def config(**change: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = only(objects("grafana", change), "Grafana", "grafana")["spec"]["config"]
    return found


def test_nobody_looks_without_a_login() -> None:
    found = config()
    assert found["auth.anonymous"] == {"enabled": "false"}
    assert found["auth"]["disable_login_form"] == "true"
    assert found["users"]["allow_sign_up"] == "false"
    assert found["auth.generic_oauth"]["enabled"] == "true"
    assert found["auth.generic_oauth"]["role_attribute_strict"] == "true"
    assert found["server"]["protocol"] == "https"


def test_groups_become_roles_and_others_get_none() -> None:
    path = config(login={"admins": ["a"], "viewers": ["b", "c"], "groupsClaim": "roles"})["auth.generic_oauth"]
    assert path["role_attribute_path"] == (
        "contains(roles[*], 'a') && 'Admin'"
        " || contains(roles[*], 'b') && 'Viewer' || contains(roles[*], 'c') && 'Viewer'"
    )


def test_a_group_that_would_end_the_expression_is_refused() -> None:
    values = with_defaults("grafana", {"login": {"viewers": ["x') || ('1"]}})
    assert [refusal.path for refusal in refusals("grafana", values)] == [("login", "viewers", 0)]


def test_without_the_provider_there_is_a_form_and_still_no_anonymous() -> None:
    found = config(login={"enabled": False})
    assert "auth.generic_oauth" not in found
    assert found["auth"]["disable_login_form"] == "false"
    assert found["auth.anonymous"] == {"enabled": "false"}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_secret_is_a_reference_to_a_file_or_a_placeholder(distribution: str) -> None:
    for found in objects("grafana", distribution=distribution):
        if found["kind"] not in ("Grafana", "GrafanaDatasource"):
            assert "data" not in found, "no Secret with content"
            continue
        for path, value in nested(found["spec"]):
            if (
                isinstance(value, str)
                and SECRET_WORDS.search(str(path[-1]))
                and path[-1] not in ("token_url", "secretName")
            ):
                where = ".".join(map(str, path))
                if "valuesFrom" not in where:
                    assert value.startswith(("$__file{", "${", "Bearer ${")), where


def test_no_setting_of_grafana_is_anything_but_text() -> None:
    for section, settings in config().items():
        assert all(isinstance(value, str) for value in settings.values()), section


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_placeholders_are_named_after_the_keys_that_fill_them(distribution: str) -> None:
    # The operator replaces ${<key>} at the path, and leaves what has another name.
    for source in objects("grafana", distribution=distribution):
        if source["kind"] != "GrafanaDatasource":
            continue
        filled = {}
        for entry in source["spec"].get("valuesFrom", ()):
            (reference,) = entry["valueFrom"].values()
            filled[entry["targetPath"]] = "${" + reference["key"] + "}"
        secure = source["spec"]["datasource"].get("secureJsonData", {})
        assert {f"secureJsonData.{key}" for key in secure} == set(filled)
        for key, text in secure.items():
            assert text.endswith(filled[f"secureJsonData.{key}"])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_certificates_are_checked(distribution: str) -> None:
    found = objects("grafana", distribution=distribution)
    assert "SkipVerify" not in json.dumps(found)
    assert only(found, "GrafanaDatasource", RESULTS)["spec"]["datasource"]["jsonData"]["sslmode"] == "verify-full"


def test_queries_go_to_data_sources_that_are_there_by_uid() -> None:
    sources = {
        found["spec"]["uid"]: found["spec"]["datasource"]
        for found in objects("grafana")
        if found["kind"] == "GrafanaDatasource"
    }
    assert set(sources) == {METRICS, RESULTS}
    for query in queries():
        named = query.target["datasource"]
        assert sources[named["uid"]]["type"] == named["type"], query.name
        assert query.panel["datasource"]["uid"] in sources


def test_uids_are_fixed_and_the_same_in_object_and_json() -> None:
    for found in objects("grafana"):
        if found["kind"] == "GrafanaDashboard":
            board = json.loads(found["spec"]["json"])
            assert found["spec"]["uid"] == board["uid"] == found["metadata"]["name"]
            assert found["spec"]["folderUID"] == only(objects("grafana"), "GrafanaFolder", "xray")["spec"]["uid"]


def test_every_instance_selector_finds_the_server() -> None:
    found = objects("grafana", {"name": "ward"})
    labels = only(found, "Grafana", "ward")["metadata"]["labels"]
    for item in found:
        if "instanceSelector" in item["spec"] if "spec" in item else False:
            assert item["spec"]["instanceSelector"]["matchLabels"].items() <= labels.items(), item["metadata"]["name"]


@pytest.mark.parametrize("name", dashboards())
def test_panels_have_ids_of_their_own_and_do_not_cover_each_other(name: str) -> None:
    board = dashboards()[name]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)

    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        return {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}

    for one, other in combinations(board["panels"], 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


def test_what_is_asked_of_the_dashboards_is_there() -> None:
    titles = {panel["title"] for _, panel in panels()}
    assert titles >= {
        "Uploaded", "Processed", "Anonymised", "Outcomes", "Distribution of risk", "From stored to told",
        "Waiting records", "Last images", "Model in service", "CPU", "Memory", "Pods of the service",
    }  # fmt: skip


def test_no_query_asks_who_a_film_shows() -> None:
    for query in queries():
        if query.datasource == RESULTS:
            assert not IDENTIFYING.search(query.text), query.name


def test_rows_lead_to_the_results_page_by_pseudonym() -> None:
    board = json.loads(
        only(
            objects("grafana", {"results": {"url": "https://results.example.net/x"}}),
            "GrafanaDashboard",
            "xray-pipeline",
        )["spec"]["json"]
    )
    (panel,) = [panel for panel in board["panels"] if panel["title"] == "Last images"]
    (links,) = [
        entry["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "image"
        for entry in override["properties"]
        if entry["id"] == "links"
    ]
    assert [link["url"] for link in links] == ["https://results.example.net/x/results/${__value.raw}"]
    assert "image_pseudonym AS image" in panel["targets"][0]["rawSql"]


def test_no_placeholder_is_left_in_what_is_rendered() -> None:
    for path in (CHARTS / "grafana/files").glob("*.json"):
        assert set(re.findall(r"@(\w+)@", path.read_text("utf-8"))) <= {"results", "pipeline", "kafka", "service"}
    assert not re.search(r"@\w+@", json.dumps(list(dashboards().values())))


def test_legends_reach_grafana_as_they_are_written() -> None:
    legends = {query.target.get("legendFormat") for query in queries()}
    assert {"{{pod}}", "{{ending}}", "{{topic}} for {{consumergroup}}"} <= legends
