"""Sets single values in a YAML text and leaves every other byte as it was: comments, order, quotes, blank lines.

ruamel.yaml says where a node begins and ends; the text is changed there. The result is read again, and must be the
old data with that one value set, so that an edit is either exact or refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from medpattern.documents.reader import parse_text
from medpattern.documents.writer import double_quoted, dump, quote
from medpattern.errors import UsageError
from medpattern.findings import KeyPath, dotted

_STEP = 2
# A version, a revision, a digest: nothing that YAML gives a meaning to.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*(?<!:)\Z")


def set_values(file: str, text: str, values: Mapping[KeyPath, str]) -> str:
    """`text` with each value set; maps that are missing on the way are made.

    Args:
        file: the name for messages.
        text: one YAML document whose root is a map, or none yet.
        values: strings by key path. Where a string stands already it keeps its quotes.

    Raises:
        InputError: `text` is no YAML document.
        UsageError: a path leads through a list's end, a scalar or an alias; nothing is changed then.
    """
    for path, value in values.items():
        text = _set(file, text, path, value)
    return text


def _set(file: str, text: str, path: KeyPath, value: str) -> str:
    old = parse_text(file, text).data
    edited = _edited(file, text, path, value)
    wanted = _with(old, path, value)
    if parse_text(file, edited).data != wanted:
        raise _refused(file, path, "stands where only a person can edit it (an alias, or a form this cannot keep)")
    return edited


def _edited(file: str, text: str, path: KeyPath, value: str) -> str:
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    node = _root(text)
    if node is None:
        # Nothing but comments, or nothing at all.
        return text + ("" if text.endswith("\n") or not text else "\n") + dump(_with(None, path, value))
    for depth, key in enumerate(path):
        found = None
        if isinstance(node, MappingNode):
            found = next((item for name, item in node.value if name.value == key), None)
            if found is None:
                return _inserted(text, node, path[depth:], value)
        elif isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = node.value[key]
        if found is None or found.start_mark.index < node.start_mark.index:
            raise _refused(file, path[: depth + 1], "is not there, or stands behind an alias")
        node = found
    if not isinstance(node, ScalarNode):
        raise _refused(file, path, "is a map or list; a text was expected")
    start, end = node.start_mark.index, node.end_mark.index
    return text[:start] + _scalar(value, node.style) + text[end:]


def _root(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="rt").compose(text)


def _scalar(value: str, style: str | None) -> str:
    if style == '"':
        return double_quoted(value)
    if style == "'" and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    # A person's plain text stays plain where that is read as the same text.
    return value if style is None and _is_plain(value) else quote(value)


def _is_plain(value: str) -> bool:
    if not _PLAIN.match(value):
        return False
    read: Any = parse_text("", f"key: {value}\n").data["key"]
    return isinstance(read, str) and read == value


def _inserted(text: str, node: Any, path: KeyPath, value: str) -> str:
    """`text` with `path` added at the end of the map `node`."""
    if not all(isinstance(key, str) for key in path):
        return text
    if node.flow_style:
        inner = "".join(f"{{{quote(str(key))}: " for key in path[1:]) + quote(value) + "}" * (len(path) - 1)
        end = node.end_mark.index - 1
        separator = ", " if node.value else ""
        return f"{text[:end].rstrip()}{separator}{quote(str(path[0]))}: {inner}{text[end:]}"
    column = node.value[0][0].start_mark.column
    lines = [" " * (column + _STEP * depth) + f"{quote(str(key))}:" for depth, key in enumerate(path)]
    block = "\n".join(lines) + f" {quote(value)}\n"
    end = _line_after(text, _last(node).end_mark.index)
    before = text[:end] if text[:end].endswith("\n") else text[:end] + "\n"
    return before + block + text[end:]


def _last(node: Any) -> Any:
    """The last node in the text below `node`; the end of a block map or list lies behind the comments after it."""
    while isinstance(node.value, list) and node.value and not node.flow_style:
        last = node.value[-1]
        key, below = last if isinstance(last, tuple) else (node, last)
        if below.start_mark.index < key.start_mark.index:
            # An alias: its node stands where the anchor is.
            return key
        node = below
    return node


def _line_after(text: str, index: int) -> int:
    if text[index - 1 : index] == "\n":
        return index
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _with(data: Any, path: KeyPath, value: str) -> Any:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(data, list) and isinstance(key, int):
        return [_with(item, rest, value) if index == key else item for index, item in enumerate(data)]
    data = data if isinstance(data, dict) else {}
    return {**data, key: _with(data.get(key), rest, value)}


def _refused(file: str, path: KeyPath, why: str) -> UsageError:
    return UsageError(f"{file}: {dotted(path)} {why}; edit it by hand")
