"""A live cluster's CustomResourceDefinitions, by one list call."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from medpattern.errors import RemoteError, UsageError

TIMEOUT_SECONDS = 60

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
    try:
        import kubernetes
        import urllib3
    except ModuleNotFoundError as error:
        raise UsageError("a cluster can be asked with: pip install 'medpattern[cluster]'") from error
    try:
        if context or "KUBECONFIG" in os.environ or "KUBERNETES_SERVICE_HOST" not in os.environ:
            file = os.environ.get("KUBECONFIG", "~/.kube/config")
            kubernetes.config.load_kube_config(config_file=file, context=context)
        else:
            kubernetes.config.load_incluster_config()
    except (kubernetes.config.ConfigException, OSError) as error:
        raise UsageError(f"no cluster to ask: {error}; set KUBECONFIG, or name a context by --context") from error
    api = kubernetes.client.ApiextensionsV1Api()
    try:
        response = api.list_custom_resource_definition(_preload_content=False, _request_timeout=TIMEOUT_SECONDS)
        return bytes(response.data)
    except kubernetes.client.ApiException as error:
        cure = "; the login needs 'list' on customresourcedefinitions" if error.status == 403 else ""
        raise RemoteError(
            f"the cluster refused to list its definitions: {error.status} {error.reason}{cure}"
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise RemoteError(f"the cluster does not answer: {error}") from error
