"""A container image out of its archive: unpacked by buildah, and its programs run as a pod would run them.

`run` is `buildah run`. Its chroot isolation shares the machine's network and cannot make the root file system
read-only. `pod` is for what that cannot show: namespaces of its own for processes, mounts and network, the root file
system mounted read-only with a tmpfs on /tmp, no new privileges, the image's user. It is no container runtime: there
is no seccomp profile, no cgroup limit and no user namespace.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.real.servers.processes import Process
from tests.real.servers.programs import MissingError, program, run

# Arguments: root file system, folder of secrets, user and group, variables, command. The mounts end with the namespace.
_POD = """
set -eu
root=$1 secrets=$2 user=$3; shift 3
ip link set lo up
mount --bind -o ro "$secrets" "$root/mnt"
mount --rbind "$root" "$root"
cd "$root"
mount -o remount,ro,bind .
mount -t tmpfs -o size=64m,mode=1777 tmpfs tmp
mount -t proc proc proc
mount --rbind /dev dev
exec setpriv --no-new-privs chroot --userspec="$user" --groups= . /usr/bin/env -i "$@"
"""
_ASK = """
import sys, urllib.error, urllib.request
url, file, header, value = sys.argv[1:]
body = open(file, "rb").read() if file else None
request = urllib.request.Request(url, body, {header: value} if header else {})
try:
    answer = urllib.request.urlopen(request, timeout=20)
except urllib.error.HTTPError as refusal:
    answer = refusal
print(answer.status, answer.read().decode())
"""


class Container:
    """The image of an OCI archive, below `folder`, which nothing else uses."""

    def __init__(self, archive: Path, folder: Path) -> None:
        if os.geteuid() != 0:
            raise MissingError("images are unpacked and run by root only; run these tests as root")
        self._buildah = program("buildah", "buildah")
        for name in ("unshare", "nsenter", "setpriv", "mount"):
            program(name, "util-linux")
        program("ip", "iproute2")
        folder.mkdir(parents=True)
        storage = folder / "storage.conf"
        storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n')
        self._environment = {
            "CONTAINERS_STORAGE_CONF": str(storage),
            "STORAGE_DRIVER": "vfs",
            "BUILDAH_ISOLATION": "chroot",
        }
        self._name = self._do("from", f"oci-archive:{archive}").strip()
        self.root = Path(self._do("mount", self._name).strip())
        self.facts: dict[str, Any] = json.loads(self._do("inspect", self._name))["OCIv1"]

    def _do(self, *command: str | Path, seconds: float = 300) -> str:
        return run(self._buildah, *command, seconds=seconds, environment=self._environment)

    def run(self, *command: str, user: str | None = None) -> str:
        """What the command prints in the container; `user` replaces the image's, as `uid:gid`."""
        options = [] if user is None else ["--user", user]
        return self._do("run", *options, self._name, "--", *command)

    def python(self, code: str) -> Any:
        """The JSON that `code` prints when the image's Python runs it."""
        return json.loads(self.run("/opt/medpattern/bin/python", "-c", code))

    def pod(self, secrets: Path, log: Path, *command: str, environment: Mapping[str, str] | None = None) -> Process:
        """The command as a pod runs it, not started yet; `secrets` is its folder /mnt."""
        variables = self.facts["config"]["Env"] + [f"{name}={value}" for name, value in (environment or {}).items()]
        namespaces = ("--mount", "--pid", "--net", "--fork", "--kill-child")
        arguments = (self.root, secrets, self.facts["config"]["User"], *variables, *command)
        shell = ("/bin/sh", "-c", _POD, "pod", *arguments)
        return Process("pod", [program("unshare", "util-linux"), *namespaces, *shell], log)

    def discard(self) -> None:
        """Forget the container, so that nothing is mounted below the folder any more."""
        self._do("rm", self._name)


def ask(pod: Process, path: str, body: Path | None = None, *, header: tuple[str, str] = ("", "")) -> tuple[int, str]:
    """Status and text that a pod answers on its port 8080, asked from inside its network; `body` makes it a POST."""
    (inside,) = pod.children()
    entering = (program("nsenter", "util-linux"), "--target", str(inside), "--net")
    answer = run(*entering, sys.executable, "-c", _ASK, f"http://127.0.0.1:8080{path}", str(body or ""), *header)
    status, _, text = answer.partition(" ")
    return int(status), text
