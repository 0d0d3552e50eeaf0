"""One live cluster, asked with one login: the only place that sends requests to a Kubernetes API server."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medpattern.cluster.login import client
from medpattern.cluster.resources import (
    WELL_KNOWN,
    Resource,
    Resources,
    UnknownKindError,
    from_aggregated,
    from_version,
)
from medpattern.errors import RefusalError, RemoteError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

CONNECT_SECONDS, ANSWER_SECONDS = 10, 60
# Objects in one page of a list, as kubectl asks for: of Applications, with 8 kB each, some 4 MB.
PAGE = 500
MANAGER = "medpattern"
# Of their own: a manager gives up what it does not apply, and others of ours own keys of the same objects.
SPOKES_MANAGER, WEBHOOK_MANAGER = "medpattern-cluster-add", "medpattern-webhook"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

Object = dict[str, Any]
Objects = list[Object]  # in the class below `list` is the method


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said. `headers` have lower-case names; `warnings` are the server's, for people."""

    status: int
    headers: Mapping[str, str]
    warnings: tuple[str, ...]
    body: bytes

    def json(self) -> Any:
        """The body as data; `RemoteError` if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RemoteError(f"the cluster's answer is no JSON ({error})") from error


@dataclass(frozen=True, slots=True)
class Access:
    """Whether the login may do something; `reason` is the server's, often "" where it may not."""

    allowed: bool
    reason: str


class Connection:
    """Requests to one API server. Safe for use by several threads.

    Every method raises `RefusalError` (a `RemoteError` with `status` and `reason`) where the server refuses, and
    `RemoteError` where it does not answer, or answers something else.

    Attributes:
        server: the URL, such as "https://api.hospital-1.example.org:6443".
        context: of the kubeconfig; "" in a pod.
        server_time: the server's clock at its last answer, in UTC; None before the first.
    """

    def __init__(self, client: ApiClient, context: str = "") -> None:
        self._client = client
        self.server = str(client.configuration.host)
        self.context = context
        self.server_time: datetime | None = None
        self._requests = 0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, kubeconfig: Path | None = None, context: str | None = None) -> Connection:
        """A connection; nothing is sent yet.

        Args:
            kubeconfig: the file; None for KUBECONFIG or ~/.kube/config, or in a pod for its service account.
            context: of the file; None for its current one.

        Raises:
            UsageError: the Kubernetes client is not installed, there is no such file, or it names no such context.
        """
        return cls(*client(kubeconfig, context))

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._requests

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Answer:
        """One request: "GET", "/version". For what the methods below have no words for."""
        import urllib3
        from kubernetes.client import ApiException

        headers = {"Accept": accept, "Accept-Encoding": "gzip", "Content-Type": content_type, "User-Agent": MANAGER}
        asked = list((query or {}).items())
        self._client.update_params_for_auth(headers, asked, ["BearerToken"])
        with self._lock:
            self._requests += 1
        try:
            response = self._client.request(
                method,
                self.server + path,
                query_params=asked,
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            )
            content = bytes(response.data)
        except ApiException as error:
            raise self._refusal(error, method, path, body) from error
        except urllib3.exceptions.HTTPError as error:
            raise RemoteError(f"{self.server} does not answer: {error}") from error
        kept = {name.lower(): value for name, value in response.headers.items()}
        if "date" in kept:
            self.server_time = parsedate_to_datetime(kept["date"])
        return Answer(response.status, kept, tuple(response.headers.getlist("Warning")), content)

    @cached_property
    def resources(self) -> Resources:
        """The kinds that the server knows: two requests, or on servers before 1.30 one for each group and version."""
        found: list[Resource] = []
        for path in ("/api", "/apis"):
            answer = self.ask("GET", path, accept=AGGREGATED).json()
            if answer.get("kind") == "APIGroupDiscoveryList":
                found += from_aggregated(answer)
            else:
                versions = answer.get("versions") or [
                    one["groupVersion"] for group in answer.get("groups") or () for one in group["versions"]
                ]
                for version in versions:
                    found += from_version(version, self.ask("GET", f"{path}/{version}").json())
        return Resources(found)

    def resource(self, api_version: str, kind: str) -> Resource:
        """Where a kind's objects are; asks the server unless it is one of the few that are the same everywhere.

        Raises:
            UnknownKindError: the server does not know the kind.
        """
        return WELL_KNOWN.get((api_version, kind)) or self.resources.of(api_version, kind)

    def forget_kinds(self) -> None:
        """After kinds were added or removed: the next question about kinds goes to the server."""
        self.__dict__.pop("resources", None)

    def list(self, api_version: str, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        """All objects of a kind, page by page; with `apiVersion` and `kind`, which lists leave out.

        Args:
            api_version: such as "apps/v1".
            kind: such as "Deployment".
            namespace: only those in it; None for all.
            labels: a selector, such as "medpattern.io/cluster=hospital-1"; "" for all.

        Raises:
            UnknownKindError: the server does not know the kind.
        """
        path = self.resource(api_version, kind).path(namespace)
        query = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
        try:
            return self._pages(api_version, kind, path, query)
        except RefusalError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise UnknownKindError(f"{self.server} does not know {kind} of {api_version}") from error
            # The list was compacted away between two pages: once more, in one piece.
            if error.status != HTTPStatus.GONE:
                raise
            del query["limit"]
            return self._pages(api_version, kind, path, query)

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object; None if there is none."""
        path = f"{self.resource(api_version, kind).path(namespace)}/{name}"
        try:
            found: Object = self.ask("GET", path).json()
        except RefusalError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    def apply(
        self, thing: Object, *, dry_run: bool = False, force: bool = False, field_manager: str = MANAGER
    ) -> Object:
        """Server-side apply of one object, as it is; the object that the server makes of it.

        Args:
            thing: with apiVersion, kind, metadata.name and, if its kind lives in one, metadata.namespace.
            dry_run: admission runs and nothing is stored.
            force: take over fields that other managers own, instead of a refusal with status 409.
            field_manager: who owns the fields afterwards.
        """
        metadata = thing["metadata"]
        resource = self.resource(thing["apiVersion"], thing["kind"])
        path = f"{resource.path(str(metadata.get('namespace', '')))}/{metadata['name']}"
        query = {"fieldManager": field_manager, "fieldValidation": "Ignore" if dry_run else "Strict"}
        query |= {"force": "true"} if force else {}
        query |= {"dryRun": "All"} if dry_run else {}
        made: Object = self.ask("PATCH", path, query, thing, "application/apply-patch+yaml").json()
        return made

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, propagation: str = "Background"
    ) -> bool:
        """Delete one object; False if there was none. `propagation`: Background, Foreground or Orphan."""
        path = f"{self.resource(api_version, kind).path(namespace)}/{name}"
        try:
            self.ask("DELETE", path, {"propagationPolicy": propagation})
        except RefusalError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def review_access(self, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> Access:
        """Whether this login may do something: `("patch", "apps", "deployments/status", "web")`.

        `group` is "" for the core group, `resource` the plural with its subresource, `namespace` "" for all of them.
        Any login may ask (SelfSubjectAccessReview); nothing is changed.
        """
        plural, _, subresource = resource.partition("/")
        wanted = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
        wanted |= {"namespace": namespace, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in wanted.items() if value}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        status = self.ask("POST", path, body=review).json().get("status") or {}
        return Access(bool(status.get("allowed")), str(status.get("reason") or ""))

    def _pages(self, api_version: str, kind: str, path: str, query: Mapping[str, str]) -> Objects:
        found: Objects = []
        page = ""
        while True:
            answer = self.ask("GET", path, {**query, **({"continue": page} if page else {})}).json()
            items = answer.get("items") if isinstance(answer, dict) else None
            if not isinstance(items, list):
                raise RemoteError(f"the answer of {self.server} is no list of {kind}")
            found += ({**item, "apiVersion": api_version, "kind": kind} for item in items)
            page = answer["metadata"].get("continue") or ""
            if not page:
                return found

    def _refusal(self, error: Any, method: str, path: str, body: Any) -> RemoteError:
        if not error.status:
            return RemoteError(f"{self.server} does not answer: {' '.join(str(error.reason).split())}")
        try:
            told = json.loads(error.body)
        except (TypeError, ValueError):
            told = {}
        told = told if isinstance(told, dict) else {}
        reason = str(told.get("reason") or error.reason or "")
        # A refusal may quote what it refuses, and that of a Secret is for nobody's eyes.
        is_secret = isinstance(body, dict) and body.get("kind") == "Secret"
        words = reason if is_secret else str(told.get("message") or reason)
        return RefusalError(f"{self.server} refused {method} {path}: {error.status} {words}", error.status, reason)
