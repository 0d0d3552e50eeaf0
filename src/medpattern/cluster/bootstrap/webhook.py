"""The webhook's secret given to Argo CD: by a reference in argocd-secret, which holds no secret itself.

The reference stands there only while the Secret that it names is whole: without that one Argo CD would take the
reference for the secret, and everybody can read it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING

from medpattern.argocd.webhook import PART_OF, SECRET, SETTINGS, fields, references
from medpattern.cluster.connection import WEBHOOK_MANAGER, Connection, Object
from medpattern.cluster.preflight import Check, problem
from medpattern.errors import RefusalError

if TYPE_CHECKING:
    from medpattern.cluster.bootstrap.intent import Wanted
    from medpattern.secretstore.format import Entry


def change(connection: Connection, namespace: str, provider: str, *, is_whole: bool) -> Object | None:
    """What to apply to argocd-secret, as `WEBHOOK_MANAGER`; None where nothing of ours is there nor belongs there.

    Args:
        connection: to the cluster.
        namespace: of Argo CD.
        provider: of git; "" for no webhook.
        is_whole: whether the Secret that would be referred to is there, or is about to be.
    """
    if provider and is_whole:
        return reference(namespace, provider)
    return nothing(namespace) if is_ours(connection, namespace) else None


def reference(namespace: str, provider: str) -> Object:
    """The keys of argocd-secret that `WEBHOOK_MANAGER` owns for a provider."""
    data = {key: base64.b64encode(text.encode()).decode() for key, text in references(provider).items()}
    thing = nothing(namespace)
    return {**thing, "metadata": {**thing["metadata"], "labels": dict([PART_OF])}, "data": data}


def nothing(namespace: str) -> Object:
    """An argocd-secret without any key: applied, it takes back those that its manager owned."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SETTINGS, "namespace": namespace}}


def checks(connection: Connection, wanted: Wanted) -> Iterator[Check]:
    """Whether the secret of the webhook is there, or in the secrets file; nothing where there is no webhook."""
    if not wanted.webhook:
        return
    try:
        found = lacking(connection, wanted)
    except RefusalError:
        return  # the checks of permissions say so
    if found:
        name, value = PART_OF
        yield problem(
            "secrets",
            f"the webhook of {wanted.webhook} needs the Secret {SECRET} in {wanted.namespace}: {found}",
            f"write the entry '{SECRET}' into the secrets file, with targetNamespaces [{wanted.namespace}], the label "
            f"'{name}: {value}' and the fields {', '.join(fields(wanted.webhook))}, and name the file by --secrets; "
            "or go on without a webhook, which takes back a reference to it: take medpattern.argocd.webhook out of the "
            "values, or say --accept secrets",
        )


def lacking(connection: Connection, wanted: Wanted) -> str:
    """What the webhook's Secret lacks, in words; "" if it is whole, on the cluster or in the secrets file."""
    entry = _entry(wanted)
    return _of_entry(entry, wanted.webhook) if entry else live_lacking(connection, wanted.namespace, wanted.webhook)


def live_lacking(connection: Connection, namespace: str, provider: str) -> str:
    """What the Secret on the cluster lacks, in words; "" if it is whole."""
    found = connection.get("v1", "Secret", SECRET, namespace)
    if found is None:
        return "it is not there"
    name, value = PART_OF
    if (found["metadata"].get("labels") or {}).get(name) != value:
        return f"it lacks the label {name}: {value}"
    absent = [key for key in fields(provider) if not base64.b64decode((found.get("data") or {}).get(key, "")).strip()]
    return f"it has no {', '.join(absent)}" if absent else ""


def _entry(wanted: Wanted) -> Entry | None:
    """The entry of the secrets file that becomes the Secret."""
    if wanted.secrets is None:
        return None
    place = (wanted.namespace, SECRET)
    return next((one for one in wanted.secrets.entries if place in wanted.secrets.kubernetes_secrets(one)), None)


def _of_entry(entry: Entry, provider: str) -> str:
    name, value = PART_OF
    if entry.labels.get(name) != value:
        return f"its entry in the secrets file lacks the label {name}: {value}"
    absent = [key for key in fields(provider) if entry.field(key) is None]
    return f"its entry in the secrets file has no field {', '.join(absent)}" if absent else ""


def is_ours(connection: Connection, namespace: str) -> bool:
    """Whether an earlier run has written the reference; other keys of argocd-secret may come from a secrets file."""
    name, value = PART_OF
    return any(
        one["metadata"]["name"] == SETTINGS
        and WEBHOOK_MANAGER in {row.get("manager") for row in one["metadata"].get("managedFields") or ()}
        for one in connection.list("v1", "Secret", namespace, f"{name}={value}")
    )
