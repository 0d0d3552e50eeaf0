"""The small repository of tests/fleet as a git repository on a server, for the cluster `west` alone.

Its applications: `broker` (a KafkaTopic and a ConfigMap), `viewer` after it (a Deployment without pods) and `legend`
(an ordinary Helm chart).
"""

from __future__ import annotations

from pathlib import Path

from tests.fleet.small import REPORTS, Result, commit, copy_small, edit, git, medpattern
from tests.live.servers.git import GitServer

CLUSTER = "west"
WARD, WEST, FACTS = "values/values-ward.yaml", "values/values-west.yaml", "values/clusters/west.yaml"


class Ward:
    """The work tree of somebody who changes values and pushes."""

    def __init__(self, folder: Path, server: GitServer, name: str = "ward") -> None:
        self.url = server.make(name)
        self.root = copy_small(folder)
        self.edit("values/values-global.yaml", "https://git.example.org/small.git", self.url)
        self.edit(WARD, REPORTS, "")
        self.edit(WEST, "replicas: 1", "replicas: 0")
        self.edit(FACTS, '"1.34"', '"1.36"')
        self.edit("values/values-global.yaml", "medpattern:\n", "medpattern:\n  given: {Kafka/broker/broker: a test}\n")
        self.render()
        commit(self.root, "the ward as it begins")
        git(self.root, "remote", "add", "origin", self.url)
        self.push()

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace what stands in a file exactly once."""
        edit(self.root, file, old, new)

    def render(self, *allowed: str) -> Result:
        """Render; `allowed` are objects with data that may go."""
        flags = [word for name in allowed for word in ("--allow-delete", name)]
        result = medpattern("render", *flags, root=self.root)
        assert result.code == 0, result.err
        return result

    def publish(self, message: str, *allowed: str) -> str:
        """Render, commit and push; the revision."""
        self.render(*allowed)
        revision = commit(self.root, message)
        self.push()
        return revision

    def revert(self) -> str:
        """`git revert` of the last commit, pushed; the revision."""
        git(self.root, "revert", "--no-edit", "HEAD")
        self.push()
        return git(self.root, "rev-parse", "HEAD").strip()

    def push(self) -> None:
        """Push to the server."""
        git(self.root, "push", "--quiet", "origin", "HEAD:main")
