"""The documentation says what the program does: generated parts are current, links and commands exist."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from medpattern.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*WRITTEN, *sorted(ROOT.glob("charts/*/README.md"))]

# Where the code of a finding stands among the arguments of the calls that make one.
CODE_ARGUMENT = {
    "Finding": 0, "Rule": 0, "_Clash": 0, "Wrong": 0, "finding": 0, "_report": 0, "_fatal": 0, "Violation": 1,
    "_finding": 1, "_at": 2, "report": 2,
}  # fmt: skip
CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def test_generated_documentation_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/docs.py"), "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def codes_in_source() -> set[str]:
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            found |= {code for code in _constants(node) if CODE.fullmatch(code)}
    return found


def _constants(node: ast.AST) -> Iterator[str]:
    candidate: ast.expr | None = None
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        index = CODE_ARGUMENT.get(name, len(node.args))
        candidate = node.args[index] if index < len(node.args) else None
    elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 4:
        candidate = node.value.elts[1]  # (path, code, message, cure) of fleet.repository.scalar_problems
    if isinstance(candidate, ast.Constant) and isinstance(candidate.value, str):
        yield candidate.value


def test_every_finding_code_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/findings.md").read_text("utf-8")
    documented = re.findall(r"^### `([a-z0-9-]+)`$", text, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == codes_in_source()


def test_every_documented_finding_shows_its_message() -> None:
    text = (ROOT / "docs/findings.md").read_text("utf-8")
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        code = section.partition("\n")[0].strip("`")
        assert f"[{code}]" in section, f"no example of {code}"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_relative_link_exists(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """Every command line `medpattern ...` in code, in blocks and in running text."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(?:console|sh)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.split("\n")]
    lines += re.findall(r"`(medpattern [^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [line for line in lines if line.startswith("medpattern ")]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_shown_command_exists(page: Path) -> None:
    for line in commands(page):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("();<>|&"):
                break
            words.append(word)
        check_command(words[1:], line)


def check_command(words: list[str], line: str) -> None:
    command: Any = typer.main.get_command(app)
    while words and getattr(command, "commands", None):
        if words[0].startswith("-"):
            break
        assert words[0] in command.commands, line
        command, words = command.commands[words[0]], words[1:]
    known = {"-h", "--help"} | {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for word in words:
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{word} in: {line}"
