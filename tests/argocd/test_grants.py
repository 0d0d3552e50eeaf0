"""What a chart can make, read from its templates as text."""

from __future__ import annotations

import pytest

from medpattern.argocd.grants import declared_kinds, hides_kinds, possible_kinds
from medpattern.charts.source import ChartSource


def chart(**files: str) -> ChartSource:
    contents = {name.replace("__", "/") + ".yaml": text.encode() for name, text in files.items()}
    return ChartSource("c", "charts/c", {"Chart.yaml": b"name: c\n", **contents})


def test_kinds_of_all_branches_count_in_either_order() -> None:
    found = chart(
        templates__a="{{- if .Values.x }}\nkind: Deployment\napiVersion: apps/v1\n{{- else }}\n"
        "---\napiVersion: v1\nkind: ConfigMap\n{{- end }}\n",
        crds__b="apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n",
        values="apiVersion: v1\nkind: Secret\n",
    )
    assert possible_kinds(found) == {
        ("apps", "Deployment"),
        ("", "ConfigMap"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
    assert not hides_kinds(found)


@pytest.mark.parametrize(
    "text",
    [
        'apiVersion: {{ include "capabilities.ingress" . }}\nkind: Ingress\n',
        "apiVersion: apps/v1\nkind: {{ .Values.kind }}\n",
    ],
)
def test_what_is_computed_is_not_guessed(text: str) -> None:
    found = chart(templates__a=text)
    assert possible_kinds(found) == frozenset()
    assert hides_kinds(found)


def test_a_packed_chart_hides_its_kinds() -> None:
    assert hides_kinds(ChartSource("c", "charts/c", {"Chart.yaml": b"name: c\n", "charts/sub-1.0.0.tgz": b""}))


def test_the_list_of_an_application() -> None:
    assert list(declared_kinds(["apps/Deployment", "ConfigMap"])) == [("apps", "Deployment"), ("", "ConfigMap")]
