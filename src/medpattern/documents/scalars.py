"""What a plain YAML scalar means to Helm, and which strings may therefore be written plain.

Helm reads values with sigs.k8s.io/yaml (a fork of go-yaml v2) and turns them into JSON. Seen in its
`resolve.go` and by running Helm 3.19 and 4.2: `y`, `n`, `yes`, `no`, `on`, `off` are booleans, `1e3`,
`0o14` and `08` numbers, `2020-01-01` and `12:30:45` text, 3.0 and 3 one number. Integers that do not fit
64 bits are decimals if they can be, else text; so is what overflows a double (`1e400`).
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

# Integers beyond this are not exact in JSON numbers, which is what Helm makes of them.
MAX_EXACT_INTEGER = 2**53

# Control characters except tab and newline, DEL, NEL, line and paragraph separator, byte order mark:
# YAML readers disagree on them, and Helm's toYaml prints nothing for some.
UNSAFE_CHARACTERS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"
UNSAFE = re.compile(f"[{UNSAFE_CHARACTERS}\ud800-\udfff]")

_WORDS: dict[str, Scalar] = {"": None, "~": None}
_WORDS |= dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False)
_WORDS |= dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf)
_WORDS |= dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf)
_WORDS |= dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)

_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_MANY_DIGITS = 40  # beyond 64 bits either way, and int() refuses very long ones
_NUMBER_START = frozenset("+-.0123456789")

# Letters, digits and punctuation that no reader gives a meaning to, in words parted by single blanks.
_PLAIN = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./$@%+=-]*(?::[A-Za-z0-9_./$@%+=-]+)*(?: [A-Za-z0-9_./$()=-]+)*\Z")
_QUOTED_WORDS = frozenset(word.lower() for word in _WORDS) | {"none", "nan", "inf"}


def resolve(text: str) -> Scalar:
    """The value of the plain scalar `text`; integral floats become integers, as in JSON.

    >>> resolve("0o14"), resolve("1e3"), resolve("12:30:45"), resolve("on")
    (12, 1000, '12:30:45', True)
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    plain = text.replace("_", "")
    match = _INTEGER.match(plain)
    if match:
        sign, hexadecimal, binary, octal, decimal = match.groups()
        if hexadecimal:
            number = int(hexadecimal, 16)
        elif binary:
            number = int(binary, 2)
        else:
            number = int(octal, 8) if octal else int(decimal[:_MANY_DIGITS])
        number = -number if sign == "-" else number
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.match(plain):
        decimal_number = float(plain)
        return integral(decimal_number) if math.isfinite(decimal_number) else text
    return text


def integral(number: float) -> int | float:
    """`3.0` as `3`: JSON does not tell them apart, so neither may a comparison here."""
    if math.isfinite(number) and number.is_integer() and abs(number) <= MAX_EXACT_INTEGER:
        return int(number)
    return number


def is_plain(text: str) -> bool:
    """Whether every YAML 1.1 and 1.2 reader reads the unquoted `text` as that very string."""
    return bool(_PLAIN.match(text)) and text.lower() not in _QUOTED_WORDS
