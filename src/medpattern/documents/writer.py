"""Plain data -> YAML text: block style, keys in the order given, every string read back equal.

PyYAML's dumper leaves `y`, `1e3` or `0o14` unquoted, which Helm reads as something else; it is also
twenty times slower than a render can afford. Hence this small writer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from medpattern.documents.scalars import UNSAFE, is_plain

_RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BLOCK_LINE = re.compile(r"\S.*\S$|\S$")


class Raw(str):
    """Text that is written as it stands, for example a template action."""

    __slots__ = ()


def dump(value: Any, *, header: str = "") -> str:
    """One YAML document with `header` (comment lines, each ending in a newline) above it.

    Raises:
        ValueError: infinities and NaN, which JSON and so Kubernetes do not have.
        TypeError: anything but maps, lists, strings, numbers, booleans and null.
    """
    out: list[str] = []
    _node(value, "", out.append, at_line_start=True)
    return header + "".join(out)


@lru_cache(maxsize=65536)
def quote(text: str) -> str:
    """`text` as a YAML scalar on one line: plain where no reader could mistake it, else double-quoted."""
    return text if is_plain(text) else double_quoted(text)


def double_quoted(text: str) -> str:
    """`text` between double quotes, escaped so that YAML and JSON readers agree."""
    return _RAW_IN_JSON.sub(_escape, json.dumps(text, ensure_ascii=False))


def scalar(value: Any) -> str:
    """A number, boolean, null or one-line string as YAML."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Raw) else quote(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return json.dumps(value, allow_nan=False)
    raise TypeError(f"cannot write {type(value).__name__} as YAML")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _node(value: Any, indent: str, write: Callable[[str], Any], *, at_line_start: bool) -> None:
    """Writes `value`; the cursor stands at a line start (only the document's root) or behind `key:`."""
    if isinstance(value, dict) and value:
        if not at_line_start:
            write("\n")
        _entries(value, indent, indent, write)
    elif isinstance(value, list | tuple) and value:
        if not at_line_start:
            write("\n")
        _items(value, indent, write)
    else:
        write(("" if at_line_start else " ") + _leaf(value, indent) + "\n")


def _entries(value: dict[str, Any], first: str, indent: str, write: Callable[[str], Any]) -> None:
    lead = first
    for key, item in value.items():
        write(f"{lead}{quote(key)}:")
        deeper = indent if isinstance(item, list | tuple) else indent + "  "
        _node(item, deeper, write, at_line_start=False)
        lead = indent


def _items(value: list[Any] | tuple[Any, ...], indent: str, write: Callable[[str], Any]) -> None:
    for item in value:
        if isinstance(item, dict) and item:
            _entries(item, indent + "- ", indent + "  ", write)
        elif isinstance(item, list | tuple) and item:
            write(indent + "-")
            _node(item, indent + "  ", write, at_line_start=False)
        else:
            write(f"{indent}- {_leaf(item, indent + '  ')}\n")


def _leaf(value: Any, indent: str) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    if isinstance(value, str) and "\n" in value and not isinstance(value, Raw) and _fits_block(value):
        return block(value, indent or "  ")
    return scalar(value)


def _fits_block(text: str) -> bool:
    """Block style only where every reader agrees: plain lines, none blank at either end."""
    lines = text.removesuffix("\n").split("\n")
    return (
        not UNSAFE.search(text)
        and bool(_BLOCK_LINE.match(lines[0]))
        and bool(lines[-1].strip())
        and "\t" not in text
        and not any(line.endswith(" ") for line in lines)
    )


def block(text: str, indent: str) -> str:
    """`text` as a literal block scalar whose lines stand at `indent`."""
    lines = text.removesuffix("\n").split("\n")
    head = "|" if text.endswith("\n") else "|-"
    return head + "".join(f"\n{indent}{line}" if line else "\n" for line in lines)
