"""A chart source that its author broke gives findings at the file, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.small import copy_small, medpattern

BROKEN = {
    "a template that is not UTF-8": ("templates/viewer.yaml", b"\xff\xfe"),
    "a template that is no YAML": ("templates/viewer.yaml", b"a: ["),
    "a template with an open tag": ("templates/viewer.yaml", b"[% if x"),
    "a template that reads what is not declared": ("templates/viewer.yaml", b"a: [[ values.nope ]]"),
    "a template that reaches for Python": ("templates/viewer.yaml", b"a: [[ values.__class__.__mro__ ]]"),
    "an object without a name": ("templates/viewer.yaml", b"apiVersion: v1\nkind: ConfigMap\n"),
    "a file that is not there": ("templates/viewer.yaml", b'a: [[ files("nope") ]]'),
    "values that are a list": ("values.yaml", b"[]"),
    "values that are a word": ("values.yaml", b"x"),
    "values that are no YAML": ("values.yaml", b"a: ["),
    "a schema that is no JSON": ("values.schema.json", b"{"),
    "a schema that is a list": ("values.schema.json", b"[]"),
    "a schema that is null": ("values.schema.json", b"null"),
    "a schema with an unknown type": ("values.schema.json", b'{"type": 5}'),
    "a schema whose properties are a list": ("values.schema.json", b'{"type": "object", "properties": []}'),
    "a schema that contains itself": ("values.schema.json", b'{"$ref": "#"}'),
    "a Chart.yaml that is no YAML": ("Chart.yaml", b"a: ["),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_it_is_named_with_its_file(fault: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    name, content = BROKEN[fault]
    (root / "charts/viewer" / name).write_bytes(content)

    result = medpattern("render", root=root)

    assert result.code == 2
    assert "charts/viewer" in result.err
    assert "error[" in result.err
    assert not (root / "rendered").exists()
