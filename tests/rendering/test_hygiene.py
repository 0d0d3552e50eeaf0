"""Values that change nothing: read by no template, said again above, the same in each cluster of a group."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.findings import Finding, Severity
from medpattern.rendering.selection import Selection
from medpattern.rendering.validation import validate
from tests.fleet.small import copy_small, edit

HYGIENE = {"idle-value", "unset-value", "repeated-value", "repeated-default", "same-in-group", "credential"}
WARD = "values/values-ward.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_small(tmp_path)


def found(root: Path, **selection: object) -> list[Finding]:
    result = validate(Selection(root, **selection))  # type: ignore[arg-type]
    return [finding for finding in result.findings if finding.code in HYGIENE]


def only(root: Path) -> Finding:
    findings = found(root)
    assert len(findings) == 1, "\n".join(map(str, findings))
    return findings[0]


def add(root: Path, file: str, text: str) -> None:
    path = root / file
    path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")


def with_switch(root: Path) -> None:
    """A chart with values that its template reads only where a switch is on."""
    edit(root, "charts/broker/values.yaml", "copyTo: null", "backup: {enabled: false, hour: 3, keep: 7}\ncopyTo: null")
    backup = '"backup": {"type": "object", "properties": {"enabled": {"type": "boolean"}, "hour": {"type": "integer"}, '
    backup += '"keep": {"type": "integer"}}},'
    edit(root, "charts/broker/values.schema.json", '"copyTo":', f'{backup}\n    "copyTo":')
    lines = '[% if values.backup.enabled %]\n  hour: [[ text("{backup.hour}") ]]\n'
    lines += '  keep: [[ text("{backup.keep}") ]]\n[% endif %]'
    edit(root, "charts/broker/templates/settings.yaml", "[% if values.copyTo %]", f"{lines}\n[% if values.copyTo %]")


def test_the_repository_as_it_is_has_no_such_value(root: Path) -> None:
    assert found(root) == []


# Read by nobody ------------------------------------------------------------------------------------------


def test_a_value_for_something_that_is_off_on_every_cluster(root: Path) -> None:
    with_switch(root)
    edit(root, WARD, "        topics:\n", "        backup: {hour: 5, keep: 9}\n        topics:\n")

    finding = only(root)
    assert finding.code == "idle-value"
    assert finding.key == "clusterGroup.applications.broker.values.backup"
    assert (finding.place.file, finding.place.line) == (WARD, 21)
    assert finding.clusters == ("east", "west")
    assert finding.severity is Severity.WARNING


def test_one_cluster_that_reads_it_is_enough(root: Path) -> None:
    with_switch(root)
    edit(root, WARD, "        topics:\n", "        backup: {hour: 5, keep: 9}\n        topics:\n")
    edit(root, "values/values-west.yaml", "    viewer:", "    broker: {values: {backup: {enabled: true}}}\n    viewer:")
    assert found(root) == []


def test_only_the_part_that_nobody_reads_is_named(root: Path) -> None:
    with_switch(root)
    west = "    broker: {values: {backup: {enabled: true, hour: 4}}}\n    viewer:"
    edit(root, "values/values-west.yaml", "    viewer:", west)
    edit(root, "charts/broker/templates/settings.yaml", '  keep: [[ text("{backup.keep}") ]]\n', "")
    edit(root, WARD, "        topics:\n", "        backup: {hour: 5, keep: 9}\n        topics:\n")
    assert only(root).key == "clusterGroup.applications.broker.values.backup.keep"


def test_a_key_that_an_ordinary_chart_neither_declares_nor_mentions(root: Path) -> None:
    edit(root, WARD, "grey: null}", "grey: null}\n        colors: {blue: unsure}")
    finding = only(root)
    assert finding.code == "idle-value"
    assert finding.key.startswith("clusterGroup.applications.legend.values.colors")


def test_a_part_of_a_section_at_the_top_that_no_chart_reads(root: Path) -> None:
    with_switch(root)
    add(root, WARD, "backup: {hour: 5}\n")
    finding = only(root)
    assert (finding.code, finding.key) == ("idle-value", "backup")


def test_a_section_at_the_top_that_a_chart_reads(root: Path) -> None:
    with_switch(root)
    add(root, WARD, "backup: {hour: 5, enabled: true}\n")
    assert found(root) == []


def test_a_part_of_a_global_that_no_chart_reads(root: Path) -> None:
    line = "            - name: CLUSTER\n"
    edit(root, "charts/viewer/templates/viewer.yaml", line, f"{line}              [# values.global.ward #]\n")
    add(root, WARD, "global: {ward: {floor: 3}}\n")
    finding = only(root)
    assert (finding.code, finding.key) == ("idle-value", "global.ward")


def test_a_null_that_deletes_is_no_idle_value(root: Path) -> None:
    edit(root, WARD, "grey: null}", "grey: null}\n        extra: null")
    assert found(root) == []


# Set by nobody -------------------------------------------------------------------------------------------


def test_a_template_of_an_ordinary_chart_reads_what_nobody_sets(root: Path) -> None:
    edit(root, "charts/legend/templates/legend.yaml", "  size:", "  font: {{ .Values.text.font | quote }}\n  size:")
    finding = only(root)
    assert (finding.code, finding.key) == ("unset-value", "text.font")
    assert (finding.place.file, finding.place.line) == ("charts/legend/templates/legend.yaml", 6)


@pytest.mark.parametrize("line", ["{{ .Values.text.font | default 3 }}", "{{ if .Values.text.font }}a{{ end }}"])
def test_a_template_that_says_what_happens_without_a_value(root: Path, line: str) -> None:
    edit(root, "charts/legend/templates/legend.yaml", "  size:", f"  font: {line}\n  size:")
    assert found(root) == []


def test_a_value_that_the_values_files_set(root: Path) -> None:
    edit(root, "charts/legend/templates/legend.yaml", "  size:", "  font: {{ .Values.text.font }}\n  size:")
    edit(root, WARD, "grey: null}", "grey: null}\n        text: {font: mono}")
    assert found(root) == []


# Said again ----------------------------------------------------------------------------------------------


def test_an_override_equal_to_what_it_overrides(root: Path) -> None:
    edit(root, "values/values-west.yaml", "replicas: 1", "replicas: 2")
    finding = only(root)
    assert finding.code == "repeated-value"
    assert (finding.place.file, finding.place.line, finding.clusters) == ("values/values-west.yaml", 5, ("west",))
    assert "values/values-ward.yaml:29" in finding.message


def test_an_override_that_differs_in_type_is_another_value(root: Path) -> None:
    edit(root, WARD, "colours: {red: pneumonia, grey: null}", "size: 2")
    west = '    legend: {values: {size: "2"}}\n    viewer:'
    edit(root, "values/values-west.yaml", "    viewer:", west)
    assert found(root) == []


def test_an_override_that_is_the_same_on_one_cluster_only_stays(root: Path) -> None:
    """values-VSphere-ward.yaml counts on east alone; the group's file on both."""
    edit(root, "values/values-VSphere-ward.yaml", "clusterGroup:", "clusterGroup:\n  isHubCluster: false")
    assert found(root) == []


def test_a_chart_default_said_again(root: Path) -> None:
    edit(root, WARD, "logLevel: INFO", "logLevel: DEBUG")
    finding = only(root)
    assert finding.code == "repeated-default"
    assert "charts/viewer/values.yaml:4" in finding.message


def test_a_value_that_puts_back_what_a_lower_layer_changed_is_no_repetition(root: Path) -> None:
    edit(root, "values/values-west.yaml", "replicas: 1", "logLevel: DEBUG")
    assert found(root) == []


def test_the_same_in_each_cluster_of_a_group(root: Path) -> None:
    edit(root, "values/values-west.yaml", "replicas: 1", "title: Images")
    add(root, "values/values-east.yaml", "clusterGroup:\n  applications:\n    viewer: {values: {title: Images}}\n")
    finding = only(root)
    assert finding.code == "same-in-group"
    assert finding.clusters == ("east", "west")
    assert "values-ward.yaml" in finding.cure


def test_differing_clusters_of_a_group_share_nothing(root: Path) -> None:
    add(root, "values/values-east.yaml", "clusterGroup:\n  applications:\n    viewer: {values: {replicas: 3}}\n")
    assert found(root) == []


# Credentials ---------------------------------------------------------------------------------------------


def test_a_credential_in_a_values_file_that_no_object_shows(root: Path) -> None:
    edit(root, WARD, "        pages: 2", "        pages: 2\n        mail: {password: start123}")
    finding = only(root)
    assert (finding.code, finding.severity) == ("credential", Severity.ERROR)
    assert "start123" not in str(finding)
    assert (finding.place.file, finding.key) == (WARD, "clusterGroup.applications.reports.values.mail.password")


# Which clusters are needed -------------------------------------------------------------------------------


def test_a_run_over_a_part_of_the_fleet_cannot_tell(root: Path) -> None:
    edit(root, "values/values-west.yaml", "replicas: 1", "replicas: 2")
    assert found(root, clusters=("west",)) == []


def test_values_files_silence_it(root: Path) -> None:
    edit(root, "values/values-west.yaml", "replicas: 1", "replicas: 2")
    add(root, "values/values-west.yaml", "medpattern: {silence: [repeated-value]}\n")
    assert found(root) == []
