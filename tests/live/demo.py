"""The shipped fleet's hospital-2 on an empty API server: Kubernetes, with an Argo CD of its own that pulls from git.

Real are the API server, its controllers and scheduler, Argo CD 3.5.3 as processes, git, Helm, and the tree that this
checkout's values render. Stand-ins are

- the four published charts of operators (`servers/charts.py`): same names and versions, one Deployment, and the
  CustomResourceDefinitions that the tree needs, which are the real ones;
- what those operators, CloudNativePG's and an ingress controller would write (`servers/operators.py`);
- the kubelet (`servers/nodes.py`).

The values are changed in three ways: the facts of this cluster, the URL of the git repository, and those of the Helm
repositories.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tests.fleet.small import commit, edit, git, medpattern
from tests.live import fleet
from tests.live.servers.api import Object
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.charts import ChartRepository
from tests.live.servers.definitions import definition, definition_files
from tests.live.servers.gitops import APPLICATIONS, GitOps
from tests.live.servers.nodes import Nodes
from tests.live.servers.operators import Operators, refuse_unplayed
from tests.live.servers.seen import Watch
from tests.live.servers.template import install
from tests.real.servers.processes import Process, until
from tests.real.servers.programs import FailedError

NAME = "hospital-2"
ROOT = f"{NAME}-root"
FACTS = f"values/clusters/{NAME}.yaml"
OWN = f"values/values-{NAME}.yaml"
PLATFORM = "values/values-None-hospital.yaml"
# What the administrators of a hospital bring along: the values name the class, and CloudNativePG's operator.
CLASSES = ("standard", "local-nvme")
GIVEN = ("postgresql.cnpg.io",)
# The charts of operators: the file that names the repository, its URL, the chart, its version, its API groups.
CHARTS = (
    (PLATFORM, "https://charts.external-secrets.io", "external-secrets", "2.9.0", ("external-secrets.io",)),
    (PLATFORM, "https://strimzi.io/charts/", "strimzi-kafka-operator", "1.2.0", ("kafka.strimzi.io",)),
    (PLATFORM, "https://knative.github.io/operator", "knative-operator", "v1.23.0", ("operator.knative.dev",)),
    (OWN, "https://charts.rook.io/release", "rook-ceph", "v1.20.6", ("ceph.rook.io", "objectbucket.io")),
)
# What Knative's operator brings when it is told to.
KNATIVE = {"KnativeServing": ("serving.knative.dev",), "KnativeEventing": ("sources.knative.dev",)}
# A loaded machine with two cores.
RUN_SECONDS = 600
TIMEOUT = "15m"


class Demo:
    """Everything but Argo CD runs; the repository is rendered and pushed, and the cluster has nothing of it yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gitops = GitOps(folder / "servers", groups=())
        self.charts = ChartRepository(folder / "helm")
        self.nodes = Nodes(folder, self.gitops.cluster, CLASSES)
        self.operators = Operators(
            self.gitops.api,
            {("operator.knative.dev", kind): definitions(groups) for kind, groups in KNATIVE.items()},
        )
        self.root = folder / "repository"
        self.watch: Watch | None = None

    def start(self) -> Demo:
        """Return when the cluster is there and the repository is pushed."""
        self.gitops.start()
        self.nodes.start()
        install(self.gitops.api, definitions(GIVEN))
        for _, _, chart, version, groups in CHARTS:
            self.charts.add(chart, version, definitions(groups))
        self._make_repository()
        return self

    def discard(self) -> None:
        """End all at once and remove the files."""
        self.nodes.discard()
        self.charts.stop()
        self.gitops.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_repository(self) -> None:
        for name in ("values", "charts"):
            shutil.copytree(fleet.CHECKOUT / name, self.root / name)
        url = self.gitops.git.make("demo")
        edit(self.root, "values/values-global.yaml", "https://git.example.org/hospitals/medical-diagnosis.git", url)
        for file, upstream, _, _, _ in CHARTS:
            edit(self.root, file, f"repoURL: {upstream}\n", f"repoURL: {self.charts.url}\n")
        facts = self.gitops.cluster
        uid = self.gitops.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        edit(self.root, FACTS, "hub: hub\n", f"hub: hub\nserver: {facts.url}\nclusterId: {uid}\n")
        edit(self.root, FACTS, '"1.34"', '"1.36"')
        commit(self.root, "the fleet as it is shipped")
        git(self.root, "remote", "add", "origin", url)
        self.publish("its tree")

    def publish(self, message: str) -> str:
        """Render, commit and push; the revision."""
        result = medpattern("render", root=self.root)
        assert result.code == 0, result.err
        revision = commit(self.root, message)
        git(self.root, "push", "--quiet", "origin", "HEAD:main")
        return revision

    def words(self, command: str, *more: str) -> list[str]:
        """The command line of a command that looks at the cluster."""
        login = ["--cluster", NAME, "--root", str(self.root), "--kubeconfig", str(self.gitops.cluster.kubeconfig())]
        return [command, *login, *more]

    def bootstrap(self, *more: str) -> Process:
        """`medpattern bootstrap` in the background; its log goes on line by line."""
        manifest = str(built(CONTROL_PLANE, "argocd-install.yaml"))
        words = self.words("bootstrap", "--yes", "--timeout", TIMEOUT, "--argocd-manifest", manifest, *more)
        return self.gitops.begin(self.folder / "bootstrap.log", *words)

    def applications(self) -> list[Object]:
        """The Applications that there are."""
        answer = self.gitops.api.ask("GET", APPLICATIONS)
        return [] if answer.status in (404, 429) else list(self.gitops.api.must(answer)["items"])

    def step(self) -> None:
        """What happens on a cluster by itself: Argo CD starts when it is installed, and operators act."""
        if self.watch is None and self.gitops.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/argocd-rbac-cm"):
            self.watch = Watch(self.gitops.api)
            self.gitops.argocd.make_key()
            self.gitops.argocd.start()
        self.operators.act()
        refuse_unplayed(self.applications())

    def until(self, reached: Callable[[], object], what: str) -> None:
        """Let things happen until something is reached; `FailedError` with what Argo CD says of each Application."""

        def step() -> bool:
            self.step()
            return bool(reached())

        try:
            until(step, what, seconds=RUN_SECONDS, every=0.5)
        except FailedError as error:
            raise FailedError("\n".join((str(error), *map(_said, self.applications())))) from None

    def until_ended(self, run: Process) -> None:
        """Let things happen until a bootstrap has ended, however it did."""
        self.until(lambda: not run.alive, "bootstrap to end")


def _said(application: Object) -> str:
    status = application.get("status") or {}
    told = {key: status.get(key) for key in ("sync", "health", "conditions", "operationState")}
    for part in (told["sync"] or {}, told["operationState"] or {}):
        for key in ("comparedTo", "operation", "syncResult"):
            part.pop(key, None)
    return f"{application['metadata']['name']}: {told}"


def definitions(groups: Iterable[str]) -> list[Path]:
    """The definitions of those kinds of API groups that the cluster's tree has."""
    wanted = {(one.group, one.kind) for one in fleet.inventories()[NAME].manifests}
    return [file for file in definition_files("kubernetes", groups) if _kind(file) in wanted]


@cache
def _kind(file: Path) -> tuple[str, str]:
    spec = definition(file)["spec"]
    return spec["group"], spec["names"]["kind"]
