"""Values for hypothesis: odd strings, any JSON, and whatever a JSON schema accepts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from medpattern.documents.scalars import MAX_EXACT_INTEGER, UNSAFE, integral

ODD = (
    "y", "n", "on", "OFF", "Yes", "true", "null", "~", "", " ", "=", "<<", "-", "- x", "? x", "#", "a #b", "a: b", ":",
    "1e3", "0o14", "014", "08", "0x1F", "+1", "-0", "1_000", ".5", "5.", ".inf", "-.INF", ".nan", "1e400", "2026",
    "2026-10-01", "12:30:45", "604800000", "9007199254740993", "{{ .Values.x }}", "{{", "}}", "{", "}", "{{-", "-}}",
    "{{/* c */}}", "%d", "100%", "%!s", "\\", "\\x41", "\\n", '"', "'", "`", "@a", "&a", "*a", "!a", "|", ">", "[a",
    "{a", "a,b", "\t", "\ta", "a\tb", "a\t", " a", "a ", "\n", "a\n", "a\n\n", "\na", "a\nb", "a\n b\n", " a\nb",
    "a \nb", "a\n\n\nb", "a\n  \nb", "\ta\nb", "---", "--- a", "...", "a\n---\nb", "# a\nb", "a\n# b", "a\n...\n",
    "é☺", "\N{GRINNING FACE}", "\u00a0", "\u00ad", "\u200b", "\ue000", "\U000e0001", "<&>", "a" * 300, "a b " * 40,
)  # fmt: skip


def texts() -> st.SearchStrategy[str]:
    """Strings, odd ones often; none with characters that readers disagree on."""
    free = st.text(max_size=12).filter(lambda text: not UNSAFE.search(text))
    lines = st.lists(free | st.sampled_from(ODD), max_size=3).map("\n".join)
    return st.sampled_from(ODD) | free | lines


def keys() -> st.SearchStrategy[str]:
    """As `texts`, without the private characters that stand for leaves in a template's output."""
    return texts().filter(lambda text: not any("\ue000" <= character <= "\ue01f" for character in text))


def integers(minimum: int | None = None, maximum: int | None = None) -> st.SearchStrategy[int]:
    """Integers that JSON keeps exactly, those around Helm's thresholds often."""
    low = -MAX_EXACT_INTEGER if minimum is None else minimum
    high = MAX_EXACT_INTEGER if maximum is None else maximum
    edges = [
        n for n in (-1, 0, 1, 999_999, 1_000_000, 604_800_000, 2**31, 2**53, -(2**53), low, high) if low <= n <= high
    ]
    return st.sampled_from(edges) | st.integers(low, high)


def numbers(minimum: float | None = None, maximum: float | None = None) -> st.SearchStrategy[int | float]:
    """Numbers as the reader gives them: 3.0 is 3."""
    floats = st.floats(minimum, maximum, allow_nan=False, allow_infinity=False)
    edges = [
        n
        for n in (0, 1, 0.1, 1e-6, 1e-7, 1.5e-9, 1e20, 1e21, 1e22, 5e-324, -2.5, 1_000_000.5)
        if (minimum is None or n >= minimum) and (maximum is None or n <= maximum)
    ]
    return st.sampled_from(edges) | floats.map(integral)


def anything() -> st.SearchStrategy[Any]:
    """Any JSON value that a values file may hold."""
    scalars = st.none() | st.booleans() | integers() | numbers() | texts()
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=5,
    )


def without_null_entries(value: Any) -> Any:
    """As layering leaves values: an explicit null in a map has deleted its key."""
    if isinstance(value, dict):
        return {key: without_null_entries(item) for key, item in value.items() if item is not None}
    return [without_null_entries(item) for item in value] if isinstance(value, list) else value


def maps() -> st.SearchStrategy[dict[str, Any]]:
    """Maps of any content, without null entries."""
    return st.dictionaries(texts(), anything(), max_size=3).map(without_null_entries)


def valid_under(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that `schema` accepts (the part of JSON Schema that the law's chart uses)."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"]
    if isinstance(kinds, list):
        return st.one_of([valid_under({**schema, "type": kind}) for kind in kinds])
    match kinds:
        case "string":
            pattern = schema.get("pattern")
            return st.from_regex(pattern, fullmatch=True) if pattern else texts()
        case "integer":
            return integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return numbers(schema.get("minimum"), schema.get("maximum"))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            items = valid_under(schema["items"]) if "items" in schema else anything()
            return st.lists(items, max_size=3).map(without_null_entries)
        case _:
            return _objects(schema)


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties")
    if properties is not None:
        required = schema.get("required", [])
        entries = {key: valid_under(part) for key, part in properties.items()}
        return st.fixed_dictionaries(
            {key: entry for key, entry in entries.items() if key in required},
            optional={key: entry for key, entry in entries.items() if key not in required},
        )
    rest = schema.get("additionalProperties")
    if not isinstance(rest, dict):
        return maps()
    pattern = schema.get("propertyNames", {}).get("pattern")
    names = st.from_regex(pattern, fullmatch=True) if pattern else keys()
    return st.dictionaries(names, valid_under(rest), max_size=3)
