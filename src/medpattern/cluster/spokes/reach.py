"""How a spoke's API server is reached and checked: from the kubeconfig, for the hub's Argo CD and for its account."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medpattern.cluster.connection import Connection
from medpattern.cluster.kubeconfig import read_kubeconfig
from medpattern.errors import UsageError
from medpattern.secretstore.hidden import Hidden


@dataclass(frozen=True, slots=True)
class Way:
    """The cluster's part of a kubeconfig.

    Attributes:
        authority: PEM certificates by which the server is checked; b"" for those of the system.
        server_name: what its certificate is for, where that is not the host of the URL; "" where it is.
        is_unchecked: whether the server is not checked at all.
    """

    authority: bytes
    server_name: str
    is_unchecked: bool
    _cluster: dict[str, Any] = field(repr=False)

    def login(self, token: Hidden) -> Connection:
        """A connection with a token, on the same way."""
        from kubernetes import client, config

        configuration = client.Configuration()
        parts = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "spoke",
            "contexts": [{"name": "spoke", "context": {"cluster": "spoke", "user": "account"}}],
            "clusters": [{"name": "spoke", "cluster": self._cluster}],
            "users": [{"name": "account", "user": {"token": token.text()}}],
        }
        config.load_kube_config_from_dict(parts, context="spoke", client_configuration=configuration)
        return Connection(client.ApiClient(configuration), "spoke")


def way(kubeconfig: Path | None, context: str) -> Way:
    """The way of a context.

    Raises:
        UsageError: the kubeconfig has none of that name, or its certificates cannot be read.
    """
    known = read_kubeconfig(kubeconfig)
    cluster = known.clusters.get(str(known.contexts.get(context, {}).get("cluster")))
    if cluster is None:
        raise UsageError(
            f"the kubeconfig has no context '{context}' with a cluster, and the certificates of the spoke's server are "
            "read from it; name one by --context"
        )
    return Way(
        _authority(context, cluster),
        str(cluster.get("tls-server-name") or ""),
        bool(cluster.get("insecure-skip-tls-verify")),
        cluster,
    )


def _authority(context: str, cluster: dict[str, Any]) -> bytes:
    try:
        if text := cluster.get("certificate-authority-data"):
            return base64.b64decode(text, validate=True)
        file = cluster.get("certificate-authority")
        return Path(file).read_bytes() if file else b""
    except (OSError, binascii.Error, TypeError) as error:
        raise UsageError(f"context '{context}': its certificate-authority cannot be read ({error})") from error
