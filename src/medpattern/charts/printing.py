"""An object with leaves -> the text of a flat Helm template that prints it."""

from __future__ import annotations

import re
from typing import Any

from medpattern.charts.leaves import Leaf, indentation
from medpattern.charts.structure import LEAF_CLOSE, LEAF_OPEN
from medpattern.documents.writer import Raw, double_quoted, dump

_BRACES = "\ue012"
_TOKEN = re.compile(f"{LEAF_OPEN}(\\d+){LEAF_CLOSE}")


def helm_template(tree: dict[str, Any], header: str) -> str:
    """The template of one object: YAML with an action at each leaf, and no `if`.

    Args:
        tree: plain data with `Leaf` objects.
        header: comment lines above it.
    """
    actions: list[Leaf] = []
    text = dump(_for_helm(tree, actions), header=header).replace(_BRACES, '{{ "{{" }}')
    return "\n".join(_with_actions(line, actions) for line in text.split("\n"))


def _for_helm(node: Any, actions: list[Leaf]) -> Any:
    """The tree with actions for leaves; blocks keep tokens until their indentation is known."""
    if isinstance(node, dict):
        return {key.replace("{{", _BRACES): _for_helm(item, actions) for key, item in node.items()}
    if isinstance(node, list):
        return [_for_helm(item, actions) for item in node]
    if isinstance(node, str):
        return node.replace("{{", _BRACES)
    if not isinstance(node, Leaf):
        return node
    if not node.has_lines:
        return Raw(node.action())
    if _reads_well_as_block(node):
        text = ""
        for part in node.parts:
            if isinstance(part, str):
                text += part.replace("{{", _BRACES)
            else:
                actions.append(Leaf((part,)))
                text += f"{LEAF_OPEN}{len(actions) - 1}{LEAF_CLOSE}"
        return text
    return Raw(_indented_printf(node))


def _reads_well_as_block(leaf: Leaf) -> bool:
    """Whether a literal block keeps the string for every value of its references."""
    first, last = leaf.parts[0], leaf.parts[-1]
    if not isinstance(first, str) or not isinstance(last, str):
        return False
    whole = "".join(part if isinstance(part, str) else "x" for part in leaf.parts)
    return (
        first[0] not in " \n"
        and last.endswith("\n")
        and bool(last.strip())
        and not last.endswith("\n\n")
        and last.rstrip("\n").rpartition("\n")[2].strip() != ""
        and "\t" not in whole
        and not any(line.endswith(" ") for line in whole.split("\n"))
        and not any(before.endswith("{") for before in leaf.parts if isinstance(before, str))
    )


def _indented_printf(leaf: Leaf) -> str:
    """A leaf of several lines as one double-quoted string, with the indentation of `Leaf.resolve`."""
    words, arguments, before = [], [], ""
    for part in leaf.parts:
        if isinstance(part, str):
            words.append(part.replace("%", "%%"))
            before += part
            continue
        words.append("%s")
        text = Leaf((part,)).inline_action(indentation(before)).removeprefix("{{ ").removesuffix(" }}")
        arguments.append(f"({text} | toString)")
        before += "x"
    return "{{ " + " ".join(["printf", double_quoted("".join(words)), *arguments]) + " | quote }}"


def _with_actions(line: str, actions: list[Leaf]) -> str:
    if LEAF_OPEN not in line:
        return line
    indent = indentation(line)
    return _TOKEN.sub(lambda match: actions[int(match[1])].inline_action(indent), line)
