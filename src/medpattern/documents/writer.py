"""Plain data -> YAML text: block style, keys in the order given, every string read back equal.

PyYAML's dumper leaves `y`, `1e3` or `0o14` unquoted, which Helm reads as something else; it is also
twenty times slower than a render can afford. Hence this small writer.
"""

from __future__ import annotations

import json
import re
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
    out = [header]
    if isinstance(value, dict) and value:
        _map(value, "", "", out)
    elif isinstance(value, list | tuple) and value:
        _list(value, "", out)
    else:
        out.append(_leaf(value, "") + "\n")
    return "".join(out)


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


def _map(value: dict[str, Any], lead: str, indent: str, out: list[str]) -> None:
    """The entries of a map at `indent`; `lead` stands before the first one ("- " in a list)."""
    for key, item in value.items():
        kind = type(item)
        if kind is str and "\n" not in item:
            out.append(f"{lead}{quote(key)}: {quote(item)}\n")
        elif kind is dict and item:
            out.append(f"{lead}{quote(key)}:\n")
            _map(item, indent + "  ", indent + "  ", out)
        elif (kind is list or kind is tuple) and item:
            out.append(f"{lead}{quote(key)}:\n")
            _list(item, indent, out)
        else:
            out.append(f"{lead}{quote(key)}: {_leaf(item, indent + '  ')}\n")
        lead = indent


def _list(value: list[Any] | tuple[Any, ...], indent: str, out: list[str]) -> None:
    for item in value:
        kind = type(item)
        if kind is dict and item:
            _map(item, indent + "- ", indent + "  ", out)
        elif (kind is list or kind is tuple) and item:
            out.append(indent + "-\n")
            _list(item, indent + "  ", out)
        else:
            out.append(f"{indent}- {_leaf(item, indent + '  ')}\n")


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
