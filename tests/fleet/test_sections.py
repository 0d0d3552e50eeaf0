"""The sections of clusterGroup mean the same in list form and in map form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from medpattern.fleet import sections

# The same two or three entries in both forms; one of them is disabled.
BOTH_FORMS: dict[str, tuple[Any, Any, Callable[[dict[str, Any]], Iterable[Any]]]] = {
    "applications": (
        [
            {"name": "a", "namespace": "n", "project": "p", "path": "charts/a"},
            {"name": "b", "chart": "b", "chartVersion": "1.0.0", "disabled": True},
        ],
        {
            "a": {"namespace": "n", "argoProject": "p", "path": "charts/a"},
            "b": {"chart": "b", "chartVersion": "1.0.0", "disabled": True},
        },
        sections.applications,
    ),
    "subscriptions": (
        [{"name": "a", "namespace": "n", "channel": "c"}, {"name": "b"}, {"name": "off", "disabled": True}],
        {"a": {"namespace": "n", "channel": "c"}, "b": {}, "off": {"disabled": True}},
        lambda group: sections.subscriptions(group, {}),
    ),
    "argoProjects": (["a", "b"], {"a": None, "b": {}}, sections.projects),
    "namespaces": (
        [{"a": {"operatorGroup": False}}, {"b": {"operatorGroup": True, "targetNamespaces": ["x"]}},
         {"off": {"disabled": True}}],
        {"a": {"operatorGroup": False}, "b": {"operatorGroup": True, "targetNamespaces": ["x"]},
         "off": {"disabled": True}},
        sections.namespaces,
    ),
}  # fmt: skip


def without_places(items: Iterable[Any]) -> list[Any]:
    """The entries but for where they stand, which is what the forms differ in."""
    return [replace(item, key=()) for item in items]


@pytest.mark.parametrize("section", BOTH_FORMS)
def test_list_and_map_form_mean_the_same(section: str) -> None:
    as_list, as_map, read = BOTH_FORMS[section]

    found = without_places(read({section: as_list}))

    assert found == without_places(read({section: as_map}))
    assert [item.name for item in found] == ["a", "b"]


@pytest.mark.parametrize("section", BOTH_FORMS)
@pytest.mark.parametrize("nothing", [None, [], {}])
def test_an_empty_section_makes_nothing(section: str, nothing: Any) -> None:
    assert not list(BOTH_FORMS[section][2]({section: nothing}))
    assert not list(BOTH_FORMS[section][2]({}))


@pytest.mark.parametrize(
    ("entry", "operator_group", "targets"),
    [
        ("bare", True, None),
        ({"n": {}}, False, None),
        ({"n": None}, False, None),
        ({"n": {"operatorGroup": True}}, True, None),
        ({"n": {"operatorGroup": True, "targetNamespaces": []}}, True, ()),
        ({"n": {"operatorGroup": True, "targetNamespaces": None}}, True, ()),
        ({"n": {"operatorGroup": True, "targetNamespaces": ["a", "b"]}}, True, ("a", "b")),
    ],
)
def test_operator_groups_in_list_form_are_as_upstream_makes_them(
    entry: Any, operator_group: bool, targets: tuple[str, ...] | None
) -> None:
    (namespace,) = sections.namespaces({"namespaces": [entry]})

    assert (namespace.operator_group, namespace.targets) == (operator_group, targets)


def test_the_map_form_makes_an_operator_group_unless_told_not_to() -> None:
    found = sections.namespaces({"namespaces": {"a": {}, "b": {"operatorGroup": False}}})

    assert [item.operator_group for item in found] == [True, False]


def test_excluded_namespaces_get_no_operator_group() -> None:
    found = sections.namespaces({"namespaces": ["a", "b"], "operatorgroupExcludes": ["a"]})

    assert [item.operator_group for item in found] == [False, True]


def test_labels_and_annotations_become_text() -> None:
    (found,) = sections.namespaces({"namespaces": {"a": {"labels": {"on": True, "n": 1}, "annotations": {"x": 0.5}}}})

    assert found.labels == {"on": "true", "n": "1"}
    assert found.annotations == {"x": "0.5"}


def test_a_subscription_takes_the_frameworks_defaults_and_the_patterns_approval() -> None:
    group = {"subscriptions": {"odf": {}, "own": {"installPlanApproval": "Automatic", "name": "own-operator"}}}

    odf, own = sections.subscriptions(group, {"installPlanApproval": "Manual"})

    assert (odf.name, odf.namespace, odf.source) == ("odf", "openshift-operators", "redhat-operators")
    assert (odf.source_namespace, odf.approval) == ("openshift-marketplace", "Manual")
    assert (own.name, own.approval) == ("own-operator", "Automatic")


def test_overrides_are_a_list_or_a_map_of_name_and_value() -> None:
    entry = {"name": "a.b", "value": 1, "forceString": True}
    forms = [[entry], {"first": entry}]

    for form in forms:
        (app,) = sections.applications({"applications": {"x": {"overrides": form}}})
        (override,) = app.overrides
        assert (override.path, override.value, override.force_string) == ("a.b", 1, True)


def test_the_old_words_project_and_projects_still_work() -> None:
    (app,) = sections.applications({"applications": {"x": {"project": "p"}}})

    assert app.project == "p"
    assert [item.name for item in sections.projects({"projects": ["p"]})] == ["p"]


@pytest.mark.parametrize(
    ("entry", "remote"),
    [
        ({"path": "charts/a"}, False),
        ({"chart": "a"}, True),
        ({"repoURL": "https://x", "path": "a"}, True),
    ],
)
def test_an_application_is_remote_when_its_chart_lies_elsewhere(entry: dict[str, str], remote: bool) -> None:
    (app,) = sections.applications({"applications": {"x": entry}})

    assert app.is_remote is remote


def test_slashes_around_a_path_do_not_matter() -> None:
    (app,) = sections.applications({"applications": {"x": {"path": "/charts/a/"}}})

    assert app.path == "charts/a"
