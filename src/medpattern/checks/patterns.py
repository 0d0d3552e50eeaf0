"""Regular expressions of CustomResourceDefinitions, which are Go's, in the form that Python and JSON Schema read."""

from __future__ import annotations

import re

_FLAGS = re.compile(r"\(\?([ims]+)\)")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", re.DOTALL)


def portable(pattern: str) -> str | None:
    """The pattern with flags that stand in its middle, such as `^(?i)a|b$`, made to enclose what they are about.

    None if what comes out is no regular expression here.

    >>> portable("^((?i)mon|tue)day$")
    '^((?i:mon)|(?i:tue))day$'
    """
    import jsonschema_rs

    made = _enclosed(pattern)
    try:
        re.compile(made)
        jsonschema_rs.Draft7Validator({"pattern": made})
    except (re.error, ValueError):
        return None
    return made


def _enclosed(pattern: str) -> str:
    """Put what a flag reaches, up to the end of its group and also past each `|`, into a group with that flag."""
    out: list[str] = []
    waiting: list[list[str]] = [[]]  # the flags that are open, by depth of groups
    position = 0
    while position < len(pattern):
        flags = _FLAGS.match(pattern, position)
        if flags:
            waiting[-1].append(flags[1])
            out.append(f"(?{flags[1]}:")
            position = flags.end()
            continue
        token = _TOKEN.match(pattern, position)
        assert token is not None
        position = token.end()
        if token[0] == "|":
            out += [")" * len(waiting[-1]), "|", *(f"(?{flag}:" for flag in waiting[-1])]
            continue
        if token[0] == "(":
            waiting.append([])
        elif token[0] == ")" and len(waiting) > 1:
            out.append(")" * len(waiting.pop()))
        out.append(token[0])
    out.append(")" * len(waiting[0]))
    return "".join(out)
