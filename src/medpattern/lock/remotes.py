"""The servers that know what a name stands for: OCI registries, Helm repositories, git. Only questions are sent.

Credentials are those that the person's own tools use: Docker's config.json (and its credential helpers) for
registries, git's helpers for git, ~/.netrc for Helm repositories. None is an argument, and none is printed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin

from medpattern.errors import RemoteError

_SECONDS = 30
# The name in references and the host that answers differ.
_HOSTS = {"docker.io": "registry-1.docker.io"}
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass
class Remotes:
    """Asks each server once. `ca` is a file of CA certificates for servers whose CA the system does not know."""

    ca: str = ""
    _indexes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def chart_versions(self, repository: str, name: str) -> Mapping[str, str]:
        """Version -> digest ("" where the repository gives none) of every version of a chart.

        Args:
            repository: an http(s) URL of a Helm repository, or an OCI registry's path, with or without oci://.
            name: the chart.

        Raises:
            RemoteError: the server did not answer, refuses, or knows no such chart.
        """
        if is_oci(repository):
            image = f"{repository.removeprefix('oci://').rstrip('/')}/{name}"
            # A tag cannot hold a +, so Helm writes _ for it.
            return {tag.replace("_", "+"): "" for tag in self._tags(image)}
        entries = (self._index(repository).get("entries") or {}).get(name)
        if not isinstance(entries, list):
            raise RemoteError(f"{repository} has no chart {name}")
        found = {}
        for entry in entries:
            if isinstance(entry, dict) and isinstance(entry.get("version"), str):
                digest = str(entry.get("digest") or "")
                found[entry["version"]] = f"sha256:{digest}" if len(digest) == 64 else digest
        return found

    def chart_digest(self, repository: str, name: str, version: str) -> str:
        """The digest of one version of a chart: of its archive, or of its manifest in a registry.

        Raises:
            RemoteError: as `chart_versions`; also where an archive whose digest is not listed cannot be fetched.
        """
        if is_oci(repository):
            image = f"{repository.removeprefix('oci://').rstrip('/')}/{name}"
            return self.image_digest(image, version.replace("+", "_"))
        versions = self.chart_versions(repository, name)
        if version not in versions:
            raise RemoteError(f"{repository} has no version {version} of {name}")
        return versions[version] or self._archive_digest(repository, name, version)

    def image_digest(self, image: str, tag: str) -> str:
        """The digest of "registry/repository" at `tag`: the sha256 of its manifest or index, as OCI defines it.

        Raises:
            RemoteError: the registry did not answer, refuses, or knows no such tag.
        """
        response = self._ask_registry(image, f"manifests/{tag}")
        if response.status_code != 200:
            raise RemoteError(f"{image}:{tag}: the registry says {_status(response)}")
        return f"sha256:{sha256(response.content).hexdigest()}"

    def git_commit(self, url: str, revision: str) -> tuple[str, bool]:
        """The commit that a branch or tag of a git repository is at, and whether it is a branch, which moves.

        Raises:
            RemoteError: git cannot ask the server, or there is no such branch or tag.
        """
        names = [f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}", revision]
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program; -- ends the options
                ["git", "ls-remote", "--", url, *names],  # noqa: S607
                capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise RemoteError(f"{url}: git did not answer ({type(problem).__name__})") from problem
        if done.returncode:
            raise RemoteError(f"{url}: {(done.stderr.strip().splitlines() or ['git failed'])[-1]}")
        lines = [line.partition("\t") for line in done.stdout.splitlines()]
        found = {name: commit for commit, _, name in lines}
        for name in names:
            if name in found:
                return found[name], not name.startswith("refs/tags/")
        raise RemoteError(f"{url} has no branch or tag {revision}")

    # ------------------------------------------------------------------------------------------------

    @cached_property
    def _session(self) -> Any:
        import requests

        session = requests.Session()
        if self.ca:
            session.verify = self.ca
        return session

    def _get(self, url: str) -> bytes:
        import requests

        try:
            response = self._session.get(url, timeout=_SECONDS)
        except (requests.RequestException, OSError) as problem:
            raise RemoteError(f"{url}: no answer ({type(problem).__name__})") from problem
        if response.status_code != 200:
            raise RemoteError(f"{url}: the server says {_status(response)}")
        content: bytes = response.content
        return content

    def _index(self, repository: str) -> dict[str, Any]:
        import yaml

        if repository not in self._indexes:
            content = self._get(f"{repository.rstrip('/')}/index.yaml")
            try:
                data = yaml.load(content, Loader=yaml.CSafeLoader)
            except yaml.YAMLError as problem:
                raise RemoteError(f"{repository}: its index.yaml is not YAML") from problem
            if not isinstance(data, dict):
                raise RemoteError(f"{repository}: its index.yaml is no index of charts")
            self._indexes[repository] = data
        return self._indexes[repository]

    def _archive_digest(self, repository: str, name: str, version: str) -> str:
        entries = self._index(repository)["entries"][name]
        entry = next(one for one in entries if isinstance(one, dict) and one.get("version") == version)
        urls = entry.get("urls") or [f"{name}-{version}.tgz"]
        archive = self._get(urljoin(repository.rstrip("/") + "/", str(urls[0])))
        return f"sha256:{sha256(archive).hexdigest()}"

    def _tags(self, image: str) -> list[str]:
        found: list[str] = []
        path = "tags/list?n=1000"
        while path:
            response = self._ask_registry(image, path)
            if response.status_code != 200:
                raise RemoteError(f"{image}: the registry says {_status(response)}")
            found += [str(tag) for tag in response.json().get("tags") or ()]
            following = response.links.get("next", {}).get("url", "")
            path = f"tags/list?{following.partition('?')[2]}" if following else ""
        return found

    def _ask_registry(self, image: str, path: str) -> Any:
        """The answer to GET of `path` below an image's repository, logged in where the registry wants it."""
        import requests
        from oras.container import Container

        container = Container(image)
        host = _HOSTS.get(container.registry, container.registry)
        plain = host.partition(":")[0] in ("127.0.0.1", "localhost")
        url = f"{'http' if plain else 'https'}://{host}/v2/{container.api_prefix}/{path}"
        headers = {"Accept": ", ".join(_MANIFESTS)}
        try:
            answer = self._session.get(url, headers=headers, timeout=_SECONDS)
            if answer.status_code == 401:
                answer = self._logged_in(answer, container, host, plain=plain, headers=headers)
        except (requests.RequestException, OSError, ValueError) as problem:
            raise RemoteError(f"{image}: no answer from {host} ({type(problem).__name__})") from problem
        if answer.status_code == 401:
            raise RemoteError(f"{image}: the registry wants a login: docker login {host}")
        return answer

    def _logged_in(self, refused: Any, container: Any, host: str, *, plain: bool, headers: dict[str, str]) -> Any:
        """The answer to the refused request, asked again in the way that the registry's challenge wants."""
        from oras.provider import Registry

        way = refused.headers.get("WWW-Authenticate", "").partition(" ")[0].lower()
        backend = "basic" if way == "basic" else "token"
        registry = Registry(hostname=host, insecure=plain, tls_verify=self.ca or True, auth_backend=backend)
        registry.auth.load_configs(container)
        if backend == "basic" and not getattr(registry.auth, "_basic_auth", None):
            return refused
        headers, changed = registry.auth.authenticate_request(refused, headers)
        return self._session.get(refused.url, headers=headers, timeout=_SECONDS) if changed else refused


def is_oci(repository: str) -> bool:
    """Whether a chart lies in an OCI registry: oci://, or no scheme at all, as Argo CD writes it."""
    return repository.startswith("oci://") or "://" not in repository


def _status(response: Any) -> str:
    words = {401: "login needed", 403: "forbidden", 404: "not found", 429: "too many requests"}
    return f"{response.status_code} ({words.get(response.status_code, response.reason)})"
