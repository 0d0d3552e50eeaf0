"""The chart kafka-ui: nobody without a login, nothing in the clear, nothing that changes Kafka or shows a file name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.charts.generator import Generator
from medpattern.charts.source import fill_declared, read_chart
from medpattern.fleet.merge import merge

CHART = Path(__file__).parents[2] / "charts" / "kafka-ui"
LOGIN = {"namespace": "", "cidrs": ["192.0.2.64/32"]}


def kafka_ui(distribution: str = "kubernetes", **changes: Any) -> dict[str, dict[str, Any]]:
    """What the chart makes, by <kind>/<name>."""
    source = read_chart(CHART, "charts/kafka-ui")
    values = merge(merge(source.values.data, {"network": {"login": LOGIN}}), changes)
    values["global"] = {"distribution": distribution}
    made = Generator(source).generate(fill_declared(values, source.schema)).hydrate("kafka-ui")
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in made}


def settings(**changes: Any) -> dict[str, Any]:
    """The program's file, with secrets as External Secrets would write them."""
    target = kafka_ui(**changes)["ExternalSecret/kafka-ui-config"]["spec"]["target"]
    text = target["template"]["data"]["config.yml"]
    filled = text.replace("{{ .clientSecret | toJson }}", '"a\\"b"').replace("{{ .kafkaPassword }}", "pass1")
    assert "{{" not in filled
    loaded: dict[str, Any] = yaml.safe_load(filled)
    return loaded


def test_there_is_a_login_and_no_role_beyond_looking() -> None:
    found = settings(login={"groups": ["platform", "it"]})

    assert found["auth"]["type"] == "OAUTH2"
    assert found["auth"]["oauth2"]["client"]["oidc"]["clientSecret"] == 'a"b'
    (role,) = found["rbac"]["roles"]
    assert [subject["value"] for subject in role["subjects"]] == ["platform", "it"]
    assert {action for item in role["permissions"] for action in item["actions"]} == {"view", "messages_read"}


def test_nothing_travels_in_the_clear() -> None:
    found = settings()
    (cluster,) = found["kafka"]["clusters"]

    assert found["server"]["ssl"]["enabled"] is True
    assert cluster["properties"]["security.protocol"] == "SASL_SSL"
    assert kafka_ui("openshift")["Route/kafka-ui"]["spec"]["tls"]["termination"] == "reencrypt"
    assert kafka_ui("openshift")["Route/kafka-ui"]["spec"]["tls"]["insecureEdgeTerminationPolicy"] == "None"
    assert kafka_ui()["Ingress/kafka-ui"]["spec"]["tls"][0]["hosts"] == ["kafka-ui.apps.example.org"]


def test_neither_page_nor_user_can_change_anything() -> None:
    found = settings()
    user = kafka_ui()["KafkaUser/kafka-ui"]
    operations = {word for rule in user["spec"]["authorization"]["acls"] for word in rule["operations"]}

    assert found["kafka"]["clusters"][0]["readOnly"] is True
    assert found["dynamic.config.enabled"] is False
    assert operations == {"Describe", "DescribeConfigs", "Read"}


@pytest.mark.parametrize("topics", [[], ["xray-results"], ["xray-results", "xray-dead-letters"]])
def test_records_are_read_of_the_named_topics_only(topics: list[str]) -> None:
    kafka = {"readTopics": topics}
    rules = kafka_ui(kafka=kafka)["KafkaUser/kafka-ui"]["spec"]["authorization"]["acls"]
    (role,) = settings(kafka=kafka)["rbac"]["roles"]

    assert [rule["resource"]["name"] for rule in rules if "Read" in rule["operations"]] == topics
    assert [item["value"] for item in role["permissions"] if "messages_read" in item["actions"]] == topics


def test_the_names_of_files_are_not_among_them() -> None:
    values = read_chart(CHART, "charts/kafka-ui").values.data

    assert "xray-images" not in values["kafka"]["readTopics"]


def test_secrets_are_files() -> None:
    (container,) = kafka_ui()["Deployment/kafka-ui"]["spec"]["template"]["spec"]["containers"]

    assert all(set(item) == {"name", "value"} for item in container["env"])
    assert not any("PASSWORD" in item["name"] or "SECRET" in item["name"] for item in container["env"])
    assert {"envFrom", "args"} & set(container) == set()
