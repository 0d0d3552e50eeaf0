"""The account of the hub's Argo CD on a spoke: its namespace, rights and tokens, all of them known by a label."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable, Iterator
from typing import Any

from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.permissions import RBAC
from medpattern.cluster.spokes.rights import Rights
from medpattern.errors import RefusalError, RemoteError
from medpattern.secretstore.hidden import Hidden

NAMESPACE, ACCOUNT, ROLE = "medpattern-hub", "argocd", "medpattern-hub"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
LABELS = {"app.kubernetes.io/managed-by": "medpattern", "app.kubernetes.io/component": "hub-account"}
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
# On the account's namespace: the name by which the fleet knows the spoke.
OF_CLUSTER = "medpattern.io/spoke"
# On a namespace that was made for the rights in it, before Argo CD could make it.
MADE = "medpattern.io/made-for-hub"
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105  a type
RBAC_V1 = f"{RBAC}/v1"
# kube-controller-manager writes a token in a moment; the API server believes one for 10 s after its end.
TOKEN_SECONDS, REVOKED_SECONDS = 60, 60
_SUBJECT = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}


def objects(cluster: str, rights: Rights, absent: Iterable[str] = ()) -> list[Object]:
    """Everything but the token, in the order in which it is applied; `absent` namespaces are made.

    The account's namespace names the cluster, so that no other is taken for it when it leaves.
    """
    own = _thing("v1", "Namespace", NAMESPACE, annotations={OF_CLUSTER: cluster})
    spaces = [_thing("v1", "Namespace", name, annotations={MADE: "true"}, labels={}) for name in sorted(absent)]
    made = [own, _thing("v1", "ServiceAccount", ACCOUNT, NAMESPACE), *spaces]
    made += _role("ClusterRole", "", rights.cluster)
    for space, rules in sorted(rights.spaces.items()):
        made += _role("Role", space, rules)
    return made


def _role(kind: str, namespace: str, rules: Iterable[dict[str, Any]]) -> Iterator[Object]:
    yield {**_thing(RBAC_V1, kind, ROLE, namespace), "rules": list(rules)}
    reference = {"apiGroup": RBAC, "kind": kind, "name": ROLE}
    yield {**_thing(RBAC_V1, f"{kind}Binding", ROLE, namespace), "roleRef": reference, "subjects": [_SUBJECT]}


def _thing(
    api_version: str, kind: str, name: str, namespace: str = "", *, annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> Object:  # fmt: skip
    metadata: dict[str, Any] = {"name": name, "labels": LABELS if labels is None else labels}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {key: one for key, one in metadata.items() if one}}


def token_secret() -> Object:
    """A Secret that kube-controller-manager fills with a token, which ends when the Secret is deleted."""
    name = f"{ACCOUNT}-token-{secrets.token_hex(4)}"
    thing = _thing("v1", "Secret", name, NAMESPACE, annotations={"kubernetes.io/service-account.name": ACCOUNT})
    return {**thing, "type": TOKEN_TYPE}


def token_of(secret: Object) -> Hidden | None:
    """The token in a Secret; None as long as there is none."""
    text = (secret.get("data") or {}).get("token")
    return Hidden(base64.b64decode(text)) if text else None


def tokens(spoke: Connection) -> dict[str, Hidden]:
    """The account's tokens by the names of their Secrets, the oldest first."""
    found = spoke.list("v1", "Secret", NAMESPACE, SELECTOR)
    found.sort(key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))
    return {one["metadata"]["name"]: token for one in found if (token := token_of(one)) is not None}


def await_token(spoke: Connection, name: str) -> Hidden:
    """The token in a Secret that was just made.

    Raises:
        RemoteError: nobody writes it.
    """
    deadline = time.monotonic() + TOKEN_SECONDS
    while True:
        token = token_of(spoke.get("v1", "Secret", name, NAMESPACE) or {})
        if token is not None:
            return token
        if time.monotonic() > deadline:
            raise RemoteError(
                f"nobody has written a token into the Secret {name} in {NAMESPACE} for {TOKEN_SECONDS} s; "
                "see whether the spoke's kube-controller-manager runs, then run this again"
            )
        time.sleep(0.2)


def user_of(connection: Connection) -> str:
    """Whom the server takes a login for; "" if for nobody (401).

    Raises:
        RemoteError: it does not answer, or refuses otherwise.
    """
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = connection.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review).json()
    except RefusalError as error:
        if error.status == 401:
            return ""
        raise
    return str(answer["status"]["userInfo"]["username"])


def await_revoked(login: Connection) -> None:
    """Returns once the server takes the login for nobody.

    Raises:
        RemoteError: it still takes it.
    """
    deadline = time.monotonic() + REVOKED_SECONDS
    while user_of(login):
        if time.monotonic() > deadline:
            raise RemoteError(f"{login.server} still takes the old token, {REVOKED_SECONDS} s after its Secret went")
        time.sleep(0.5)


def cluster_of(namespace: Object | None) -> str:
    """Which cluster the account's namespace names; "" if none, or if there is no such namespace."""
    notes = ((namespace or {}).get("metadata") or {}).get("annotations") or {}
    return str(notes.get(OF_CLUSTER) or "")


def roles(spoke: Connection) -> Iterator[Object]:
    """The account's roles and bindings that are there, bindings first, so that rights end before they vanish."""
    for kind in ("RoleBinding", "Role", "ClusterRoleBinding", "ClusterRole"):
        yield from spoke.list(RBAC_V1, kind, labels=SELECTOR)


def key(thing: Object) -> tuple[str, str, str]:
    """(kind, namespace, name)."""
    metadata = thing["metadata"]
    return str(thing["kind"]), str(metadata.get("namespace", "")), str(metadata["name"])
