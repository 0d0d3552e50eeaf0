"""Secrets of a cluster for `medpattern secrets load` and `rotate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medpattern.cli import console

if TYPE_CHECKING:
    from medpattern.secretstore.format import SecretName, SecretsFile
    from medpattern.secretstore.values import Values


def names(secrets: SecretsFile, namespace: str) -> tuple[SecretName, ...]:
    """The Secrets that the file makes, or only those of a namespace.

    Raises:
        UsageError: it makes none there.
    """
    from medpattern.errors import UsageError

    found = [name for entry in secrets.entries for name in secrets.kubernetes_secrets(entry)]
    chosen = tuple(name for name in found if namespace in ("", name.namespace))
    if not chosen:
        where = f" in {namespace}" if namespace else ""
        raise UsageError(
            f"{secrets.file} makes no Secret{where}: give its secrets targetNamespaces, or set backingStore: kubernetes"
        )
    return chosen


def load(
    secrets: SecretsFile,
    values: Values,
    chosen: Sequence[SecretName],
    context: str | None,
    kubeconfig: Path | None,
    *,
    dry_run: bool,
) -> None:
    """Makes or changes some Secrets, and tells each.

    Raises:
        UsageError: no kubeconfig, or no such context.
        InputError: a value cannot be had.
        RemoteError: the cluster does not answer or refuses.
    """
    from medpattern.cluster.connection import Connection
    from medpattern.secretstore import kubernetes

    cluster = Connection.open(kubeconfig, context)
    found = kubernetes.changes(cluster, secrets, values, chosen)
    needed = [change for change in found if change.is_needed]
    for change in needed if dry_run else kubernetes.write(cluster, needed):
        console.data(f"{'would write' if dry_run else 'wrote'} {change.secret}: {', '.join(change.keys)}")
    console.say(
        f"{cluster.server}: {len(found) - len(needed)} of {console.number(len(found), 'Secret')} as in the file"
    )
