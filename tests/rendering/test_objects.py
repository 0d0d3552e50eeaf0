"""Objects of generated charts are held against the shipped schemas before anything is written."""

from __future__ import annotations

from pathlib import Path

from tests.fleet.small import copy_small, medpattern, tree

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: closed
{namespace}spec:
  podSelector: {{}}
  {field}: [Ingress]
"""


def planted(tmp_path: Path, **words: str) -> Path:
    root = copy_small(tmp_path)
    text = POLICY.format(**{"namespace": "", "field": "policyTypes", **words})
    (root / "charts/viewer/templates/policy.yaml").write_text(text, "utf-8")
    return root


def test_a_field_that_does_not_exist_is_named_with_its_template_line(tmp_path: Path) -> None:
    root = planted(tmp_path, field="policyTyps")
    before = tree(root)
    result = medpattern("render", root=root)
    assert result.code == 2
    assert "charts/viewer/templates/policy.yaml:7:1: error[invalid-object]" in result.err
    assert "policyTyps" in result.err
    assert tree(root) == before


def test_a_valid_object_passes(tmp_path: Path) -> None:
    assert medpattern("render", root=planted(tmp_path)).code == 0


def test_an_object_in_a_namespace_that_nobody_declared_is_named(tmp_path: Path) -> None:
    root = planted(tmp_path, namespace="  namespace: elsewhere\n")
    result = medpattern("render", root=root)
    assert result.code == 2
    assert "charts/viewer/templates/policy.yaml:5:1: error[undeclared-namespace]" in result.err
