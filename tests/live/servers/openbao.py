"""An OpenBao server on 127.0.0.1 with TLS and its data in files, that a test initialises, unseals and seals.

https://openbao.org/docs/configuration/
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import hvac
import requests

from tests.live.servers.built import built
from tests.real.servers.certificates import Authority
from tests.real.servers.ports import free_ports
from tests.real.servers.processes import Process

OPENBAO = "openbao"
START_SECONDS = 120


class OpenBao:
    """One server. `root` is a client that may do everything; `token_file` holds its token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, mode=0o700)
        authority = Authority(folder / "authority")
        self.authority = authority.certificate
        self._serving = authority.issue("openbao", "openbao.openbao.svc")
        port, cluster_port = free_ports(2)
        self.url = f"https://127.0.0.1:{port}"
        self.token_file = folder / "token"
        self._key = ""
        self.server = Process("bao", self._command(port, cluster_port), folder / "bao.log")

    def start(self) -> None:
        """Return when it is unsealed; the first start initialises it."""
        client = self.client("")
        self.server.start().wait_ready(lambda: _answers(client), seconds=START_SECONDS)
        if not client.sys.is_initialized():
            made = client.sys.initialize(secret_shares=1, secret_threshold=1)
            self._key = made["keys"][0]
            self.token_file.touch(0o600)
            self.token_file.write_text(made["root_token"])
        self.unseal()

    def unseal(self) -> None:
        self.client("").sys.submit_unseal_key(self._key)

    def client(self, token: str) -> Any:
        """Requests with a token."""
        return hvac.Client(self.url, token=token, verify=str(self.authority), timeout=30)

    @property
    def root(self) -> Any:
        return self.client(self.token_file.read_text())

    def discard(self) -> None:
        """End it at once and remove its files."""
        self.server.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self, port: int, cluster_port: int) -> list[str | Path]:
        config = self.folder / "config.json"
        listener = {
            "address": f"127.0.0.1:{port}",
            "cluster_address": f"127.0.0.1:{cluster_port}",
            "tls_cert_file": str(self._serving.certificate),
            "tls_key_file": str(self._serving.key),
        }
        config.write_text(
            json.dumps({
                "storage": {"file": {"path": str(self.folder / "data")}},
                "listener": {"tcp": listener},
                "api_addr": self.url,
                "cluster_addr": f"https://127.0.0.1:{cluster_port}",
                "log_level": "debug",
                "ui": False,
            })
        )  # fmt: skip
        return [built(OPENBAO, "bao"), "server", f"-config={config}"]


def _answers(client: Any) -> bool:
    try:
        client.sys.read_seal_status()
    except (requests.RequestException, hvac.exceptions.VaultError):
        return False
    return True
