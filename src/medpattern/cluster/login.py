"""How a connection logs in: address, certificates and login of a kubeconfig's context, or of a pod."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medpattern.cluster.kubeconfig import read_kubeconfig
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

CURE = "set KUBECONFIG, or name a file by --kubeconfig and a context by --context"


def client(kubeconfig: Path | None, context: str | None, cure: str = CURE) -> tuple[ApiClient, str]:
    """A client of the Kubernetes library, and the context's name, "" in a pod. Nothing is sent yet.

    Args:
        kubeconfig: the file; None for KUBECONFIG or ~/.kube/config.
        context: of the file; None for its current one.
        cure: what the command offers a person where none of them leads to a cluster.

    Raises:
        UsageError: the library is not installed, there is no such file, or it names no such context.
    """
    kubernetes = _library()
    configuration = kubernetes.client.Configuration()
    configuration.retries = _retries()
    try:
        name = _configure(configuration, kubeconfig, context)
    except (kubernetes.config.ConfigException, OSError, ValueError) as error:
        raise UsageError(f"no cluster to ask: {error}; {cure}") from error
    return kubernetes.client.ApiClient(configuration), name


def _library() -> Any:
    try:
        import kubernetes
    except ModuleNotFoundError as error:
        raise UsageError("a cluster can be asked with: pip install 'medpattern[cluster]'") from error
    return kubernetes


def _retries() -> Any:
    """A server that is not there is told of at once; one that is too busy (429) says when to come back."""
    import urllib3

    return urllib3.Retry(
        total=5, connect=0, read=0, redirect=0, other=0, status=5, status_forcelist=(429,), allowed_methods=None,
        raise_on_status=False,
    )  # fmt: skip


def _configure(configuration: Any, kubeconfig: Path | None, context: str | None) -> str:
    """Fills in address and login; the context's name."""
    from kubernetes import config

    if not (kubeconfig or context or "KUBECONFIG" in os.environ) and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=configuration)
        return ""
    known = read_kubeconfig(kubeconfig)
    name = context or known.current
    alone = known.alone(name)
    if alone:  # the library would read all of the file again for each of a fleet's contexts
        config.load_kube_config_from_dict(alone, context=name, client_configuration=configuration)
    else:
        file = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG", "~/.kube/config")
        config.load_kube_config(config_file=file, context=context, client_configuration=configuration)
    return name
