"""What asking a fleet costs: `python -m tests.benchmarks.status --clusters 100 --apps 12`.

Starts a Kubernetes API server (.ci/install_cluster.sh), plays an Argo CD that serves one hub and all its spokes, and
measures `medpattern status` and `medpattern diff --live` as processes: requests, processor time, seconds on the clock.
The spokes have equal charts' objects, since one server stands for all of them; each has a context, a connection and
lists of its own. Their Applications are their own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from medpattern.cluster.connection import Connection
from medpattern.cluster.livediff.desired import Desired, desired
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.run import run
from medpattern.rendering.selection import Selection
from tests.benchmarks import fleet, medpattern_side
from tests.benchmarks.measure import Usage, measure
from tests.live.played import contexts, managed, well
from tests.live.servers.cluster import Cluster
from tests.live.servers.definitions import definition_files
from tests.live.servers.template import template

HUB, NAMESPACE = "hub", "argocd"
THREADS = 8
MANAGER = "argocd-controller"


@dataclass(frozen=True)
class Measured:
    """One command: what each run cost, and the requests of the last, by verb."""

    words: str
    usages: list[Usage]
    requests: Counter[str]


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--apps", type=int, default=12, help="applications on each cluster")
    parser.add_argument("--manifests", type=int, default=6, help="objects in each application, 1 to 8")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medpattern-status-") as folder:
        work = Path(folder)
        root = _repository(options.clusters, options.apps, options.manifests, work)
        groups = ("argoproj.io", "external-secrets.io", "route.openshift.io", "monitoring.coreos.com")
        cluster = Cluster(work / "cluster", template(definition_files("kubernetes", groups)))
        try:
            cluster.start()
            names = [HUB, *(one.stem for one in sorted((root / "values" / "clusters").glob("clinic-*.yaml")))]
            kubeconfig = contexts(cluster, work, *names)
            objects = _fill(root, cluster, kubeconfig, names)
            _print(_measured(root, kubeconfig, names, options.runs), objects, len(names))
        finally:
            cluster.discard()
    return 0


def _repository(clusters: int, apps: int, manifests: int, work: Path) -> Path:
    """A hub, and spokes that it pushes to and that differ in their names alone; rendered."""
    root = work / "repository"
    built = fleet.build(2, apps, manifests)
    sample = built.clusters[1]
    named = tuple(replace(sample, name=f"clinic-{number:04d}") for number in range(clusters))
    medpattern_side.write(replace(built, clusters=named), root)
    values = root / "values"
    for one in named:
        facts = {"group": sample.group.name, **sample.group.facts, "domain": sample.domain, "hub": HUB,
                 "argocd": {"model": "push"}, "server": f"https://{one.name}.example.org:6443"}  # fmt: skip
        (values / "clusters" / f"{one.name}.yaml").write_text(yaml.safe_dump(facts))
    hub = {"group": HUB, "distribution": "kubernetes", "platform": "None", "version": "1.34",
           "domain": "hub.example.org", "argocd": {"model": "pull", "namespace": NAMESPACE}}  # fmt: skip
    (values / "clusters" / f"{HUB}.yaml").write_text(yaml.safe_dump(hub))
    (values / f"values-{HUB}.yaml").write_text(yaml.safe_dump({"clusterGroup": {"name": HUB, "isHubCluster": True}}))
    for chart in (root / "charts").glob("*/templates/*.yaml"):  # or no two spokes would have an equal object
        chart.write_text(chart.read_text().replace("{global.localClusterName}", "clinic"))
    outcome = run(Selection(root), root / "rendered")
    outcome.write()
    return root


def _fill(root: Path, cluster: Cluster, kubeconfig: Path, names: list[str]) -> int:
    """Stores what all of them should have, as Argo CD would have left it; how many objects that are."""
    renderer = Renderer(Selection(root).load())
    plans = {name: desired(renderer.cluster(name)).objects for name in names}
    wanted = [one for name in names for one in plans[name] if one.at_seat]
    wanted += [one for one in (*plans[HUB], *plans[names[1]]) if not one.at_seat]
    connection = Connection.open(kubeconfig, HUB)
    namespaces = {one.thing["metadata"].get("namespace") or one.release for one in wanted} - {""}
    cluster.api.make_namespaces(namespaces | {NAMESPACE})
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda one: _store(connection, one), wanted))
    return sum(len(plan) for plan in plans.values())


def _store(connection: Connection, one: Desired) -> None:
    thing: dict[str, Any] = json.loads(json.dumps(one.thing))
    resource = connection.resource(thing["apiVersion"], thing["kind"])
    namespace = thing["metadata"].get("namespace") or one.release
    if resource.namespaced:
        thing["metadata"]["namespace"] = namespace
    name = thing["metadata"]["name"]
    connection.apply(thing, force=True, field_manager=one.manager)
    if resource.kind == "Application":
        rows = [managed(kind, f"{name}-{number}", "Synced", "apps", namespace=name, version="v1", syncWave=0)
                for number in range(3) for kind in ("Deployment", "NetworkPolicy")]  # fmt: skip
        status = well(thing)
        status["resources"] = rows
        status["history"] = [{**status["history"][0], "id": number} for number in range(10)]
        status["operationState"]["syncResult"] = {
            "revision": status["sync"]["revision"],
            "source": thing["spec"]["source"],
            "resources": [{**row, "message": f"{row['kind'].lower()} serverside-applied", "hookPhase": "Running",
                           "syncPhase": "Sync", "status": "Synced"} for row in rows],
        }  # fmt: skip
        path = f"{resource.path(namespace)}/{name}"
        connection.ask("PATCH", path, {"fieldManager": MANAGER}, {"status": status}, "application/merge-patch+json")


def _measured(root: Path, kubeconfig: Path, names: list[str], runs: int) -> Iterable[Measured]:
    """Each command in turns."""
    one = names[1]
    commands = [
        ("status", "status"),
        (f"status --cluster {one}", "status", "--cluster", one),
        (f"diff --live --cluster {one}", "diff", "--live", "--cluster", one),
        ("diff --live", "diff", "--live"),
    ]
    used: dict[str, list[Usage]] = {words: [] for words, *_ in commands}
    sent: dict[str, Counter[str]] = {}
    log = kubeconfig.parent / "requests.json"
    for number in range(runs):
        for words, *arguments in commands:
            print(f"run {number + 1} of {runs}: {words}", file=sys.stderr)
            environment = {**os.environ, "NO_COLOR": "1", "MEDPATTERN_BENCH_REQUESTS": str(log)}
            command = [sys.executable, "-m", "tests.benchmarks.counted", *arguments, "--kubeconfig", str(kubeconfig)]
            command += ["--root", str(root)]
            used[words].append(measure(command, Path(__file__).parents[2], environment))
            sent[words] = Counter(json.loads(log.read_text()))
    return [Measured(words, used[words], sent[words]) for words, *_ in commands]


def _print(measured: Iterable[Measured], objects: int, clusters: int) -> None:
    print(f"{clusters:,} clusters, {objects:,} objects\n")
    header = ("command", "requests", "of them lists", "dry runs", "user s", "min - max", "system s", "clock s")
    rows = [header, ("---",) * len(header), *map(_row, measured)]
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))


def _row(one: Measured) -> tuple[str, ...]:
    user = sorted(usage.user_s for usage in one.usages)
    middle = {key: statistics.median(getattr(usage, key) for usage in one.usages)
              for key in ("user_s", "system_s", "wall_s")}  # fmt: skip
    counts = (sum(one.requests.values()), one.requests["list"], one.requests["dry run"])
    return (
        f"`{one.words}`",
        *(f"{count:,}" for count in counts),
        f"{middle['user_s']:.2f}",
        f"{user[0]:.2f} - {user[-1]:.2f}",
        f"{middle['system_s']:.2f}",
        f"{middle['wall_s']:.1f}",
    )


if __name__ == "__main__":
    sys.exit(main())
