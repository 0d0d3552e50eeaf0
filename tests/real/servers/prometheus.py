"""Prometheus, scraping what a test names, with the rules that it gives.

The first scrape comes some 5 s after the start: Prometheus hands new targets on every 5 s.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests.real.servers.ports import free_port, listening
from tests.real.servers.processes import Process
from tests.real.servers.programs import FailedError, program, run


class Prometheus:
    """A server whose jobs and rules are given at its start."""

    def __init__(
        self,
        folder: Path,
        jobs: Mapping[str, Sequence[str]],
        *,
        rules: Sequence[Mapping[str, Any]] = (),
        interval: str = "1s",
    ) -> None:
        """`jobs`: the addresses (host:port, or whole URLs of http) of each job. `rules`: groups, as in a rule file."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._configuration = folder / "prometheus.yml"
        self._rules = folder / "rules.yml"
        self._content = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [str(self._rules)],
            "scrape_configs": [_job(name, addresses) for name, addresses in jobs.items()],
        }
        self._groups = list(rules)
        self.server = Process(
            "prometheus",
            [
                program("prometheus", "prometheus"),
                f"--config.file={self._configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            folder / "prometheus.log",
        )

    def start(self) -> None:
        """Write and check the configuration and the rules (`FailedError` says what promtool said), and start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(yaml.safe_dump(self._content), "utf-8")
        self._rules.write_text(yaml.safe_dump({"groups": self._groups}), "utf-8")
        run(program("promtool", "prometheus"), "check", "config", self._configuration)
        self.server.start().wait_ready(lambda: listening(self.port) and self._ready())

    def _ready(self) -> bool:
        return urllib3.request("GET", f"{self.url}/-/ready", timeout=5, retries=False).status == 200

    def stop(self) -> None:
        self.server.stop()

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The value of each series of an instant query, by its labels in order of their names."""
        found = self._api("query", query=expression)["result"]
        return {tuple(sorted(series["metric"].items())): float(series["value"][1]) for series in found}

    def value(self, expression: str) -> float | None:
        """The value of a query that finds one series; None where it finds none."""
        found = list(self.query(expression).values())
        if len(found) > 1:
            raise ValueError(f"{len(found)} series answer {expression}")
        return found[0] if found else None

    def targets(self) -> dict[str, str]:
        """The health of each target by its URL: up, down or unknown."""
        return {target["scrapeUrl"]: target["health"] for target in self._api("targets")["activeTargets"]}

    def alerts(self) -> dict[str, str]:
        """The state of each alert by its name: pending or firing."""
        return {alert["labels"]["alertname"]: alert["state"] for alert in self._api("alerts")["alerts"]}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as Prometheus evaluates it, with `health` and `lastError`."""
        return [rule for group in self._api("rules")["groups"] for rule in group["rules"]]

    def _api(self, path: str, **parameters: str) -> Any:
        answer = urllib3.request("GET", f"{self.url}/api/v1/{path}", fields=parameters, timeout=20).json()
        if answer["status"] != "success":
            raise FailedError(f"Prometheus: {answer['error']}")
        return answer["data"]


def _job(name: str, addresses: Sequence[str]) -> dict[str, Any]:
    urls = [urllib.parse.urlsplit(address if "//" in address else f"http://{address}") for address in addresses]
    paths = {url.path or "/metrics" for url in urls}
    if len(paths) != 1:
        raise ValueError(f"the targets of the job {name} differ in their paths: {sorted(paths)}")
    return {
        "job_name": name,
        "metrics_path": paths.pop(),
        "static_configs": [{"targets": [url.netloc for url in urls]}],
    }
