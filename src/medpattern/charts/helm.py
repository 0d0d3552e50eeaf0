"""The Helm edge: `helm-python-sdk` (extra [helm]) or a `helm` on PATH. Only ordinary charts need it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medpattern.documents.file import lay_out
from medpattern.documents.reader import parse_stream
from medpattern.errors import HelmError

NEEDS_HELM = "not hydrated: needs Helm"

# `helm template` names the template above each document.
_SOURCE = re.compile(r"^# Source: (\S+)\n(.*?)(?=^---$|\Z)", re.MULTILINE | re.DOTALL)


def available() -> str:
    """How Helm can be run: "sdk", "binary", or "" if it cannot."""
    try:
        import helm_python  # noqa: F401
    except (ImportError, OSError):
        return "binary" if shutil.which("helm") else ""
    return "sdk"


def template(
    files: dict[str, bytes], release: str, namespace: str, values_file: str = ""
) -> list[tuple[str, dict[str, Any]]]:
    """(template file, object) pairs that Helm makes of the chart `files`; lists are taken apart, as Argo CD does.

    Args:
        files: the chart, content by file name.
        release: the release's name, at most 53 characters.
        namespace: the release's namespace.
        values_file: a file of the chart that is laid over its values.yaml.

    Raises:
        HelmError: Helm refuses the chart, or there is no Helm.
    """
    how = available()
    if not how:
        raise HelmError(f"{NEEDS_HELM}: pip install 'medpattern[helm]', or put helm on PATH")
    with tempfile.TemporaryDirectory(prefix="medpattern-") as folder:
        chart = Path(folder) / release
        lay_out(chart, files)
        texts = (_by_sdk if how == "sdk" else _by_binary)(chart, release, namespace, values_file)
    made = [(name.partition("/")[2], text) for name, text in texts]
    # Helm hands these out unrendered, and only when it is asked; Argo CD does ask.
    made += [(name, content.decode()) for name, content in sorted(files.items()) if _is_crd(name)]
    documents = ((name, document) for name, text in made for document in parse_stream(name, text))
    return [(name, found) for name, document in documents for found in _objects(document.data)]


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(data, dict):
        return
    if str(data.get("kind", "")).endswith("List") and isinstance(data.get("items"), list):
        for item in data["items"]:
            yield from _objects(item)
    else:
        yield data


def _is_crd(name: str) -> bool:
    return "/crds/" in f"/{name}" and name.endswith((".yaml", ".yml"))


def _by_sdk(chart: Path, release: str, namespace: str, values_file: str) -> list[tuple[str, str]]:
    import helm_python

    try:
        values = helm_python.values_from_yaml((chart / values_file).read_text("utf-8")) if values_file else {}
        with helm_python.Chart.load(str(chart)) as loaded:
            rendered: dict[str, str] = loaded.render(values, name=release, namespace=namespace)
    except helm_python.HelmError as error:
        raise HelmError(str(error)) from error
    return [(name, text) for name, text in sorted(rendered.items()) if not name.endswith("NOTES.txt")]


def _by_binary(chart: Path, release: str, namespace: str, values_file: str) -> list[tuple[str, str]]:
    helm = shutil.which("helm") or "helm"
    command = [helm, "template", release, str(chart), "--namespace", namespace]
    if values_file:
        command += ["--values", str(chart / values_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return [(match[1], match[2]) for match in _SOURCE.finditer(done.stdout)]
