"""The examples of docs/findings.md and docs/secrets.md are what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medpattern.checks.manifests import Inventory
from medpattern.errors import InputError
from medpattern.secretstore.checking import findings
from medpattern.secretstore.parsing import read_secrets
from medpattern.secretstore.plan import plan

DOCS = Path(__file__).parents[2] / "docs"


def told(content: str, clusters: list[str]) -> list[str]:
    """What is found in a secrets file for clusters that read nothing."""
    try:
        file = read_secrets("secrets.yaml", content.encode())
    except InputError as problem:
        return [str(one) for one in problem.findings]
    return [str(one) for one in findings(file, [plan(Inventory(name), file) for name in clusters])]


@pytest.mark.parametrize("code", ["source", "policy", "missing", "weak", "unused"])
def test_the_example_of_a_finding_is_what_is_told(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "findings.md").read_text("utf-8").partition("## Secrets files")[2]
    before, section = text.split(f"### `secret-{code}`\n")
    section = section.partition("\n### ")[0].partition("\n## ")[0]
    # That of what nobody reads goes on with the file before it.
    (content,) = (
        re.findall(r"```yaml\n(.*?)```", section, re.DOTALL) or re.findall(r"```yaml\n(.*?)```", before, re.DOTALL)[-1:]
    )
    (line,) = re.findall(r"```finding\n(.*)\n```", section)

    assert line in told(content, ["hub"] if code == "unused" else [])


def test_the_file_that_the_page_shows_is_read() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "secrets.md").read_text("utf-8"), re.DOTALL)

    file = read_secrets("secrets.yaml", shown.encode())

    assert [entry.name for entry in file.entries] == ["keys", "smtp", "vault-ca"]
    assert file.policies["key"].length == 48
