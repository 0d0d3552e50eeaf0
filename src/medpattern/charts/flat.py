"""Hydrates a generated chart as it lies on disk, without Helm: the few actions that leaves.py writes.

This is for the old side of a diff. What Helm itself makes of a chart is proven by tests with real Helm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from medpattern.charts.leaves import as_text
from medpattern.documents.reader import parse_stream, parse_text
from medpattern.documents.scalars import integral
from medpattern.documents.writer import double_quoted
from medpattern.errors import InputError

_ACTION = re.compile(r"\{\{ ((?:\"(?:[^\"\\]|\\.)*\"|[^\"}]|\}(?!\}))*) \}\}")
_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|.)")
_VERB = re.compile(r"%[%d]")
_TOKEN = re.compile(r"\s*(?:(\"(?:[^\"\\]|\\.)*\")|([()|])|([^\s()|]+))")


class UnreadableChartError(ValueError):
    """The chart on disk has an action that medpattern does not write."""


def hydrate_flat(files: dict[str, str], namespace: str) -> list[dict[str, Any]]:
    """The objects of a generated chart.

    Args:
        files: text by name, values.yaml and templates/ among them.
        namespace: the release's namespace.

    Raises:
        UnreadableChartError: the files were edited, or are of another version.
    """
    objects = []
    try:
        values = parse_text("values.yaml", files.get("values.yaml", "")).data or {}
        for name, text in sorted(files.items()):
            if name.startswith("templates/"):
                printed = _ACTION.sub(lambda match: _print(match[1], values, namespace), text)
                objects += [document.data for document in parse_stream(name, printed) if document.data]
    except (InputError, LookupError, TypeError, ValueError) as error:
        raise UnreadableChartError(str(error)) from error
    return [found for found in objects if isinstance(found, dict)]


def _print(action: str, values: dict[str, Any], namespace: str) -> str:
    tokens = [match.group(1) or match.group(2) or match.group(3) for match in _TOKEN.finditer(action)]
    return as_text(_pipeline(iter([*tokens, ")"]), values, namespace))


def _pipeline(tokens: Iterator[str], values: dict[str, Any], namespace: str) -> Any:
    """One pipeline up to its closing bracket."""
    result: Any = None
    command: list[Any] = []
    for token in tokens:
        if token == ")":  # noqa: S105
            return _run(command, result)
        if token == "|":  # noqa: S105
            result, command = _run(command, result), []
        elif token == "(":  # noqa: S105
            command.append(_pipeline(tokens, values, namespace))
        else:
            command.append(_operand(token, values, namespace))
    raise UnreadableChartError("an unclosed bracket")


class _Function(str):
    __slots__ = ()


def _operand(token: str, values: dict[str, Any], namespace: str) -> Any:
    if token.startswith('"'):
        return json.loads(_ESCAPE.sub(lambda match: match[0].replace("\\x", "\\u00"), token))
    if token == ".Release.Namespace":  # noqa: S105
        return namespace
    if token == ".Values":  # noqa: S105
        return values
    if token.startswith(".Values."):
        data: Any = values
        for key in token.removeprefix(".Values.").split("."):
            data = data[key]
        return data
    return int(token) if token.isdigit() else _Function(token)


def _run(command: list[Any], piped: Any) -> Any:
    if not command:
        raise UnreadableChartError("an empty command")
    name, *arguments = command
    if not isinstance(name, _Function):
        return name
    function = _FUNCTIONS.get(name)
    if function is None:
        raise UnreadableChartError(f"the function {name}")
    return function(*arguments, *([] if piped is None else [piped]))


def _printf(pattern: str, *arguments: Any) -> str:
    words = _VERB.sub(lambda match: "%s" if match[0] == "%d" else match[0], pattern)
    return words % tuple(as_text(argument) for argument in arguments)


def _index(data: Any, *keys: Any) -> Any:
    for key in keys:
        data = data[key]
    return data


def _integer(value: Any) -> int:
    return int(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quote": lambda value: double_quoted(as_text(value)),
    "int64": _integer,
    "float64": lambda value: integral(float(value)),
    "toJson": lambda value: (
        json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | str) else as_text(value)
    ),
    "toString": as_text,
    "replace": lambda old, new, text: text.replace(old, new),
    "printf": _printf,
    "index": _index,
}
