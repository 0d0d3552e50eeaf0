"""JSON Schema: a fast validator decides, a slow one explains, in words a person can act on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from medpattern.findings import KeyPath, did_you_mean


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of a schema: where in the data, a stable code, the cause and the cure."""

    path: KeyPath
    code: str
    message: str
    cure: str = ""


class Schema:
    """One JSON Schema (draft 7), compiled when first used. `formats` says whether words of `format` are judged."""

    def __init__(self, schema: dict[str, Any], *, formats: bool = True) -> None:
        self.schema = schema
        self.formats = formats

    @cached_property
    def _decider(self) -> Any:
        import jsonschema_rs

        return jsonschema_rs.Draft7Validator(self.schema, validate_formats=self.formats)

    def accepts(self, data: Any) -> bool:
        """Whether `data` obeys the schema."""
        return bool(self._decider.is_valid(data))

    def violations(self, data: Any) -> list[Violation]:
        """Everything in `data` that the schema forbids; empty when there is nothing."""
        if self.accepts(data):
            return []
        import jsonschema

        validator = jsonschema.Draft7Validator(self.schema)
        found = list(dict.fromkeys(explained(validator.iter_errors(data))))
        # The two differ in corners (a newline at the end of a name): a refusal must not get lost.
        return found or [
            Violation(tuple(error.instance_path), "not-allowed", _shortened(error.message))
            for error in self._decider.iter_errors(data)
        ]


def schema_problem(schema: dict[str, Any]) -> str:
    """Why `schema` is no JSON Schema; "" if it is one."""
    import jsonschema_rs

    try:
        jsonschema_rs.Draft7Validator(schema)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        return str(error).partition("\n")[0]
    return ""


def explained(errors: Iterable[Any]) -> Iterator[Violation]:
    """What the errors of the package jsonschema mean to a person."""
    for error in errors:
        if error.validator in ("anyOf", "oneOf") and error.context:
            yield from _alternatives(error)
        elif error.validator == "additionalProperties" and isinstance(error.instance, dict):
            yield from _unknown_keys(error)
        elif error.validator == "required":
            yield from _missing_keys(error)
        else:
            yield _plain(error)


def _alternatives(error: Any) -> Iterator[Violation]:
    """Of several forms that are allowed, what is wrong with the one the writer meant: whose type fits."""
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)

    def misfit(inner: Any) -> bool:
        return not inner.relative_path and inner.validator in ("type", "enum", "const")

    fitting: list[list[Any]] = [group for group in branches.values() if not any(misfit(inner) for inner in group)]
    if fitting:
        shortest: list[Any] = min(fitting, key=len)
        yield from explained(shortest)
        return
    choices = [error_ for group in branches.values() for error_ in group if error_.validator == "enum"]
    if isinstance(error.instance, str) and choices:
        yield _plain(choices[0])
        return
    words = dict.fromkeys(_wanted(inner) for group in branches.values() for inner in group if misfit(inner))
    yield _wrong_type(tuple(error.absolute_path), error.instance, list(words))


def _wrong_type(path: KeyPath, instance: Any, words: list[str]) -> Violation:
    found = f"{type_name(instance)} {_shown(instance)}".rstrip()
    return Violation(path, "wrong-type", f"expected {_or(words)}, found {found}", _type_cure(words, instance))


def _wanted(error: Any) -> str:
    value = error.validator_value
    if error.validator == "enum":
        return " | ".join(str(item) for item in value)
    if error.validator == "const":
        return json.dumps(value)
    return " | ".join(value) if isinstance(value, list) else str(value)


def _unknown_keys(error: Any) -> Iterator[Violation]:
    properties = error.schema.get("properties", {})
    for key in error.instance:
        if key not in properties:
            cure = did_you_mean(key, properties)
            yield Violation((*error.absolute_path, key), "unknown-key", f"unknown key '{key}'", cure)


def _missing_keys(error: Any) -> Iterator[Violation]:
    for key in error.validator_value:
        if key not in error.instance:
            path = tuple(error.absolute_path)
            yield Violation(path, "missing-key", f"the key '{key}' is missing", f"add '{key}:'")


def _plain(error: Any) -> Violation:
    path = tuple(error.absolute_path)
    instance, wanted = error.instance, error.validator_value
    match error.validator:
        case "type":
            return _wrong_type(path, instance, wanted if isinstance(wanted, list) else [wanted])
        case "enum":
            cure = did_you_mean(str(instance), [str(item) for item in wanted])
            return Violation(path, "not-allowed", f"{_shown(instance)} is not one of the allowed values", cure)
        case "const":
            return Violation(path, "not-allowed", f"must be {_shown(wanted)}, found {_shown(instance)}")
        case "pattern":
            return Violation(path, "not-allowed", f"{_shown(instance)} does not match {wanted}")
        case "minProperties" | "maxProperties":
            limits = [error.schema.get(word) for word in ("minProperties", "maxProperties")]
            few = "at least" if error.validator == "minProperties" else "at most"
            number = "exactly one key" if limits == [1, 1] else f"{few} {wanted} keys"
            return Violation(path, "not-allowed", f"expected a map with {number}, found {len(instance)}")
        case "uniqueItems":
            return Violation(path, "not-allowed", "holds the same item twice", "take one of them out")
        case "oneOf" | "not":  # a oneOf without errors of its branches: more than one of them fits
            mixed = error.validator == "oneOf"
            message = "mixes forms that exclude each other" if mixed else "is in a form that is not allowed"
            return Violation(path, "not-allowed", message)
        case _:
            return Violation(path, "not-allowed", _shortened(error.message))


def _type_cure(words: list[str], instance: Any) -> str:
    if "string" in words and isinstance(instance, bool | int | float):
        return f'quote it: "{str(instance).lower() if isinstance(instance, bool) else instance}"'
    if "array" in words and isinstance(instance, str):
        return "begin each item with '- '"
    return ""


def type_name(value: Any) -> str:
    """The word for the type of `value` that people who write YAML use."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    names: dict[type, str] = {str: "string", list: "list", dict: "map"}
    return names.get(type(value), type(value).__name__)


def _or(words: list[str]) -> str:
    names = [{"object": "map", "array": "list"}.get(word, word) for word in words]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _shown(value: Any) -> str:
    """A scalar as JSON, shortened; nothing for maps and lists, and never for what may be long."""
    if value is None or isinstance(value, dict | list):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + '..."'


def _shortened(message: str, most: int = 240) -> str:
    """What the validator says itself, without the middle of a value that is long."""
    return message if len(message) <= most else f"{message[: most // 2]} ... {message[-most // 2 :]}"
