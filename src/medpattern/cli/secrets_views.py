"""How `medpattern secrets` prints plans and notices; there are no values in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medpattern.secretstore.plan import Plan, SecretRow
    from medpattern.secretstore.rotation import Notice


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan as `--output json` prints it."""
    return {
        "cluster": plan.cluster,
        "secrets": [
            {
                "namespace": row.secret.namespace,
                "name": row.secret.name,
                "writer": str(row.writer),
                "maker": row.maker,
                "keys": [{"key": key.key, "from": list(key.sources), "readers": list(key.readers)} for key in row.keys],
            }
            for row in plan.secrets
        ],
        "entries": [
            {
                "mount": row.path.mount,
                "path": row.path.path,
                "property": row.property,
                "inSecretsFile": row.is_there,
                "readers": list(row.readers),
            }
            for row in plan.entries
        ],
        "missing": list(plan.missing),
        "unused": list(plan.unused),
        "unread": list(plan.unread),
        "unseen": list(plan.unseen),
    }


def text(plan: Plan) -> str:
    """A plan for people."""
    lines = [plan.cluster]
    for row in plan.secrets:
        lines += (f"  {line}" for line in _secret(row))
    lines += _list("missing, nobody writes it", plan.missing)
    lines += _list("unused fields of the secrets file", plan.unused)
    lines += _list("read by nobody that is known", plan.unread)
    lines += _list("applications that may read more", plan.unseen)
    return "\n".join(lines)


def _secret(row: SecretRow) -> Iterator[str]:
    yield f"{row.secret}: {row.maker or row.writer}" + (" (operator)" if row.maker and row.writer == "operator" else "")
    width = max(len(key.key) for key in row.keys)
    for key in row.keys:
        parts = [f"  {key.key.ljust(width)}"]
        parts += [f"from {', '.join(key.sources)}"] if key.sources else []
        parts += [f"read by {', '.join(key.readers)}"] if key.readers else []
        yield "  ".join(parts)


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    found = list(items)
    if found:
        yield f"  {title}:"
        yield from (f"    {item}" for item in found)


def notices(cluster: str, found: Iterable[Notice]) -> Iterator[str]:
    """What has to take notice of new values on a cluster, with the commands that hasten it."""
    rows = list(found)
    yield cluster if rows else f"{cluster}: nothing reads it"
    for one in rows:
        yield f"  {one.who} {one.what}"
        if one.command:
            yield f"    {one.command}"
