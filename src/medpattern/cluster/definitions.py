"""A live cluster's CustomResourceDefinitions, by one list call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from medpattern.cluster.connection import Connection
from medpattern.cluster.login import client
from medpattern.errors import RefusalError, RemoteError

PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

# What answers the list call with JSON: given a kubeconfig's context, or None for the current one.
Transport = Callable[[str | None], bytes]


def definitions(context: str | None, transport: Transport | None = None) -> list[dict[str, Any]]:
    """Return every CustomResourceDefinition of the cluster.

    Args:
        context: of the kubeconfig (KUBECONFIG, or ~/.kube/config); None for the current one, or for the cluster that
            this runs in.
        transport: what asks; the Kubernetes client by default.

    Raises:
        UsageError: the Kubernetes client is not installed, or no kubeconfig names such a context.
        RemoteError: the cluster cannot be reached, refuses, or answers something else.
    """
    try:
        answer = json.loads((transport or _ask)(context))
    except ValueError as error:
        raise RemoteError(f"the cluster's answer is no JSON ({error})") from error
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list):
        raise RemoteError("the cluster's answer is no list of CustomResourceDefinitions")
    return [{**item, "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"} for item in items]


def _ask(context: str | None) -> bytes:
    connection = Connection(*client(None, context, "set KUBECONFIG, or name a context by --context"))
    try:
        return connection.ask("GET", PATH).body
    except RefusalError as error:
        cure = "; the login needs 'list' on customresourcedefinitions" if error.status == 403 else ""
        raise RemoteError(
            f"the cluster refused to list its definitions: {error.status} {error.reason}{cure}"
        ) from error
