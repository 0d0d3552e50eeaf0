"""Leaves: what Helm still fills in. One Leaf gives both the template action and the hydrated value."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from medpattern.documents.scalars import integral
from medpattern.documents.writer import double_quoted
from medpattern.findings import KeyPath
from medpattern.fleet.merge import lookup

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# `quote` keeps every string a string; integers past six digits print as 6.048e+08 unless through int64;
# decimals set with --set arrive as text, hence float64. Maps and lists go through toJson and not through
# toYaml, which changes strings that end in several newlines.
_WHOLE = {
    "string": "{} | quote",
    "integer": "{} | int64",
    "number": "{} | float64 | toJson",
    "boolean": "{} | toJson",
    "object": "{} | toJson",
    "array": "{} | toJson",
    "release": "{} | quote",
}
_IN_TEXT = {
    "string": ("%s", "{}"),
    "integer": ("%d", "int64 {}"),
    "number": ("%s", "float64 {} | toJson"),
    "boolean": ("%s", "toJson {}"),
    "release": ("%s", "{}"),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A value by its path; `kind` is its type in the schema, or "release" for the release's namespace."""

    path: KeyPath
    kind: str

    def expression(self) -> str:
        """How a Helm template names it.

        >>> Reference(("a", "b"), "string").expression()
        '.Values.a.b'
        >>> Reference(("a-b", 0), "string").expression()
        '(index .Values "a-b" 0)'
        """
        if self.kind == "release":
            return ".Release.Namespace"
        if all(isinstance(key, str) and _IDENTIFIER.match(key) for key in self.path):
            return ".Values." + ".".join(str(key) for key in self.path)
        keys = " ".join(str(key) if isinstance(key, int) else double_quoted(key) for key in self.path)
        return f"(index .Values {keys})"

    def resolve(self, values: dict[str, Any], namespace: str) -> Any:
        """Its value, as Helm sees it after the pipe of its type."""
        if self.kind == "release":
            return namespace
        value = lookup(values, self.path)[1]
        if self.kind == "number":
            return integral(float(value))
        if self.kind == "integer":
            return int(value)
        return value


@dataclass(frozen=True, slots=True)
class Leaf:
    """A whole value (`whole`: one reference, any type) or a string of literals and references."""

    parts: tuple[str | Reference, ...]
    whole: bool = False

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references in it."""
        return tuple(part for part in self.parts if isinstance(part, Reference))

    def action(self) -> str:
        """The Helm action that prints it as one YAML scalar (or flow map or list)."""
        first = self.parts[0] if len(self.parts) == 1 else None
        if isinstance(first, Reference) and (self.whole or first.kind in ("string", "release")):
            return "{{ " + _WHOLE[first.kind].format(first.expression()) + " }}"
        words, arguments = [], []
        for part in self.parts:
            if isinstance(part, Reference):
                verb, pipeline = _IN_TEXT[part.kind]
                words.append(verb)
                arguments.append(
                    pipeline.format(part.expression())
                    if pipeline == "{}"
                    else f"({pipeline.format(part.expression())})"
                )
            else:
                words.append(part.replace("%", "%%"))
        return "{{ " + " ".join(["printf", double_quoted("".join(words)), *arguments]) + " | quote }}"

    def inline_action(self, indent: str) -> str:
        """The Helm action(s) that print it inside a block scalar; further lines begin with `indent`."""
        out = ""
        for part in self.parts:
            if isinstance(part, str):
                out += part.replace("{", '{{ "{" }}')
                continue
            action = _IN_TEXT[part.kind][1].format(part.expression())
            if part.kind == "string":
                action += f' | replace "\\n" {double_quoted(chr(10) + indent)}'
            out += "{{ " + action + " }}"
        return out

    @property
    def has_lines(self) -> bool:
        """Whether it is a string of several lines, with references somewhere in it."""
        return any(isinstance(part, str) and "\n" in part for part in self.parts)

    def resolve(self, values: dict[str, Any], namespace: str) -> Any:
        """The hydrated value; in a string of several lines a value's further lines keep the indentation."""
        if self.whole:
            assert isinstance(self.parts[0], Reference)
            return self.parts[0].resolve(values, namespace)
        out = ""
        for part in self.parts:
            if isinstance(part, str):
                out += part
                continue
            text = as_text(part.resolve(values, namespace))
            out += text.replace("\n", "\n" + indentation(out)) if self.has_lines else text
        return out


def indentation(text: str) -> str:
    """The blanks at the beginning of the last line of `text`."""
    line = text.rpartition("\n")[2]
    return line[: len(line) - len(line.lstrip(" "))]


def as_text(value: Any) -> str:
    """A scalar as it prints inside a string: numbers as Go's encoding/json writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _go_number(value)
    return str(value)


def _go_number(value: float) -> str:
    """encoding/json: exponents below 1e-6 and from 1e21, shortest digits that read back equal."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if 1e-6 <= abs(value) < 1e21:
        # Python writes whole numbers below 1e16 with ".0".
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return re.sub(r"e-0(\d)$", r"e-\1", repr(value))
