"""A Kubernetes API server as its HTTP paths: what a client of ours sends, without a client library in between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.real.servers.programs import FailedError

THREADS = 8
MANAGER = "medpattern-tests"
# Nothing is stored, and a field that is unknown or stands twice is an error instead of a warning.
STRICT = {"fieldValidation": "Strict", "fieldManager": MANAGER}
DRY = {**STRICT, "dryRun": "All"}

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said; `warnings` are for people and refuse nothing."""

    status: int
    body: Any
    warnings: tuple[str, ...]

    @property
    def refusal(self) -> str:
        """Why the server did not do it; "" if it did."""
        if self.status < 300:
            return ""
        return str(self.body.get("message") if isinstance(self.body, dict) else self.body)


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of a kind are."""

    path: str
    plural: str
    namespaced: bool

    def of(self, namespace: str) -> str:
        """The path of the objects of one namespace, or of all of a kind that lives in none."""
        return f"{self.path}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{self.path}/{self.plural}"


class Api:
    """Requests to one API server with one login. Safe for use by several threads."""

    def __init__(self, url: str, token: str, authority: Path) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(
            maxsize=THREADS,
            ca_certs=str(authority),
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            retries=False,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """One request; `urllib3.exceptions.HTTPError` where nobody answers."""
        response = self._pool.request(
            method,
            f"{self.url}{path}" + (f"?{urlencode(query)}" if query else ""),
            body=None if body is None else json.dumps(body),
            headers={**self._pool.headers, "Content-Type": content_type, "Accept": "application/json"},
        )
        text = response.data.decode()
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        warnings = tuple(response.headers.getlist("Warning"))
        return Answer(response.status, json.loads(text) if is_json else text, warnings)

    def create(self, resource: Resource, namespace: str, thing: object, query: Mapping[str, str] = DRY) -> Answer:
        """Ask for a new object; nothing is stored unless the query says so."""
        return self.ask("POST", resource.of(namespace), thing, query)

    def apply(self, resource: Resource, namespace: str, thing: Object, query: Mapping[str, str] = DRY) -> Answer:
        """Server-side apply, as Argo CD does it."""
        path = f"{resource.of(namespace)}/{thing['metadata']['name']}"
        return self.ask("PATCH", path, thing, {**query, "force": "true"}, "application/apply-patch+yaml")

    def watch(self, path: str) -> Iterator[Object]:
        """What happens to the objects of a kind, those that are there first, until the server ends it.

        Raises:
            FailedError: the server does not let it begin, as for a kind that it does not serve yet.
        """
        query = urlencode({"watch": "true", "allowWatchBookmarks": "false"})
        forever = urllib3.Timeout(connect=60, read=None)
        response = self._pool.request("GET", f"{self.url}{path}?{query}", timeout=forever, preload_content=False)
        if response.status != 200:
            raise FailedError(f"the API server answered {response.status} to a watch of {path}")
        rest = b""
        for part in response.stream(1 << 16):
            *lines, rest = (rest + part).split(b"\n")
            yield from (json.loads(line) for line in lines)

    def must(self, answer: Answer) -> Any:
        """The body of a good answer; `FailedError` else."""
        if answer.refusal:
            raise FailedError(f"the API server answered {answer.status}: {answer.refusal}")
        return answer.body

    def resource(self, api_version: str, kind: str) -> Resource:
        """Where the objects of a kind are; `FailedError` if the server does not know it."""
        if (api_version, kind) not in self._resources:
            raise FailedError(f"the API server does not know {kind} of {api_version}")
        return self._resources[api_version, kind]

    @cached_property
    def _resources(self) -> dict[tuple[str, str], Resource]:
        groups = self.must(self.ask("GET", "/apis"))["groups"]
        versions = [version["groupVersion"] for group in groups for version in group["versions"]]
        with ThreadPoolExecutor(THREADS) as threads:
            return {found: at for rows in threads.map(self._of_version, ["v1", *versions]) for found, at in rows}

    def _of_version(self, api_version: str) -> list[tuple[tuple[str, str], Resource]]:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        rows = self.must(self.ask("GET", path))["resources"]
        return [
            ((api_version, row["kind"]), Resource(path, row["name"], row["namespaced"]))
            for row in rows
            if "/" not in row["name"]
        ]

    def make_namespaces(self, names: Iterable[str]) -> None:
        """Make what is not there yet."""
        there = {item["metadata"]["name"] for item in self.must(self.ask("GET", "/api/v1/namespaces"))["items"]}
        for name in sorted(set(names) - there):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.must(self.ask("POST", "/api/v1/namespaces", namespace))
