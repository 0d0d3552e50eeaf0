"""Differences that Argo CD is told to leave alone: an Application's ignoreDifferences, and those of all in argocd-cm.

https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from medpattern.cluster.livediff.fieldsets import owned, without
from medpattern.errors import UsageError

_CUSTOMIZATIONS = "resource.customizations.ignoreDifferences."

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ignored:
    """One rule. `group`, `kind`, `name` and `namespace` may have asterisks; `where` names it for people."""

    group: str
    kind: str
    name: str = "*"
    namespace: str = "*"
    pointers: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    managers: frozenset[str] = frozenset()
    where: str = "ignoreDifferences"

    def concerns(self, thing: Object) -> bool:
        """Whether it is about this object."""
        metadata = thing["metadata"]
        group = str(thing.get("apiVersion", "")).rpartition("/")[0]
        pairs = ((group, self.group), (str(thing.get("kind", "")), self.kind), (metadata["name"], self.name),
                 (metadata.get("namespace", ""), self.namespace))  # fmt: skip
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)


def of_application(entries: Iterable[dict[str, Any]], where: str = "ignoreDifferences") -> tuple[Ignored, ...]:
    """From `spec.ignoreDifferences` of an Application."""
    return tuple(_rule(entry, entry.get("group") or "", entry.get("kind") or "", where) for entry in entries)


def of_settings(settings: dict[str, str]) -> tuple[Ignored, ...]:
    """From the data of argocd-cm: `resource.customizations.ignoreDifferences.<group>_<kind>`, or `.all`.

    Raises:
        UsageError: one of them is no YAML map.
    """
    return tuple(_of_settings(settings))


def _of_settings(settings: dict[str, str]) -> Iterator[Ignored]:
    import yaml

    for key, text in sorted(settings.items()):
        if not key.startswith(_CUSTOMIZATIONS):
            continue
        kinds = key.removeprefix(_CUSTOMIZATIONS)
        group, _, kind = kinds.rpartition("_")
        try:
            entry = yaml.safe_load(text) or {}
            rule = _rule(entry, *(("*", "*") if kinds == "all" else (group, kind)), f"argocd-cm: {key}")
        except (yaml.YAMLError, AttributeError) as error:
            raise UsageError(f"{key} in argocd-cm is no YAML map") from error
        yield rule


def _rule(entry: dict[str, Any], group: str, kind: str, where: str) -> Ignored:
    return Ignored(
        group,
        kind,
        entry.get("name") or "*",
        entry.get("namespace") or "*",
        tuple(entry.get("jsonPointers") or ()),
        tuple(entry.get("jqPathExpressions") or ()),
        frozenset(entry.get("managedFieldsManagers") or ()),
        where,
    )


def without_ignored(thing: Object, live: Object, rules: Iterable[Ignored]) -> Object:
    """`thing` without what the rules about it leave alone; `live` has the managers of the fields.

    Raises:
        UsageError: a rule's jq expression cannot be understood, or the jq library is missing.
    """
    for rule in rules:
        if rule.concerns(thing):
            for pointer in rule.pointers:
                thing = _without_pointer(thing, _parts(pointer))
            for expression in rule.expressions:
                thing = _without_path(thing, expression, rule.where)
            for fields in owned(live, rule.managers):
                thing = without(thing, fields)
    return thing


def _parts(pointer: str) -> tuple[str, ...]:
    """RFC 6901: ~1 is a slash, ~0 a tilde."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _without_pointer(thing: Any, parts: tuple[str, ...]) -> Any:
    if not parts:
        return thing
    first, rest = parts[0], parts[1:]
    if isinstance(thing, dict) and first in thing:
        if not rest:
            return {key: value for key, value in thing.items() if key != first}
        return {**thing, first: _without_pointer(thing[first], rest)}
    if isinstance(thing, list) and first.isdigit() and int(first) < len(thing):
        place = int(first)
        middle = [_without_pointer(thing[place], rest)] if rest else []
        return [*thing[:place], *middle, *thing[place + 1 :]]
    return thing


def _without_path(thing: Object, expression: str, where: str) -> Object:
    program = _program(expression, where)
    try:
        found: Object = program.input_value(thing).first()
    except ValueError:
        return thing  # the path leads nowhere in this object
    return found


@lru_cache(maxsize=256)
def _program(expression: str, where: str) -> Any:
    try:
        import jq
    except ModuleNotFoundError as error:
        raise UsageError(f"{where} has a jqPathExpression: pip install 'medpattern[cluster]'") from error
    try:
        return jq.compile(f"del({expression})")
    except ValueError as error:
        words = " ".join(str(error).split())
        raise UsageError(f"{where}: jq does not understand {expression!r}: {words}") from error
