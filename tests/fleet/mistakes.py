"""The planted mistakes: each a small edit of the small repository, and what must be found then.

In `new`, the mark « stands where the finding must point; it is taken out before the file is written; without
it the file as a whole is meant. With an empty `old`, `new` is a whole file. `key` is the key path that the finding
names, `cure` a part of its advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fleet.small import REPORTS

MARK = "«"

GLOBAL = "values/values-global.yaml"
WARD = "values/values-ward.yaml"
CENTRAL = "values/values-central.yaml"
WEST = "values/values-west.yaml"
VSPHERE = "values/values-VSphere-ward.yaml"
SHARED = "values/shared.yaml"
HUB_FACTS = "values/clusters/hub.yaml"
EAST_FACTS = "values/clusters/east.yaml"
WEST_FACTS = "values/clusters/west.yaml"

APPS = "clusterGroup.applications"


@dataclass(frozen=True)
class Mistake:
    """One edit and the finding that it must give."""

    title: str
    file: str
    old: str
    new: str
    code: str
    key: str = ""
    cure: str = ""

    def edited(self, root: Path) -> tuple[bytes, int, int]:
        """The file with the mistake in it, and the line and column where the finding must point."""
        new = self.new
        if self.old:
            text = (root / self.file).read_text("utf-8")
            assert text.count(self.old) == 1, f"{self.old!r} stands {text.count(self.old)} times in {self.file}"
            new = text.replace(self.old, self.new)
        assert new.count(MARK) <= 1
        before, mark, after = new.partition(MARK)
        line, column = (before.count("\n") + 1, len(before) - before.rfind("\n")) if mark else (0, 0)
        return (before + after).encode("latin-1" if self.code == "not-utf8" else "utf-8"), line, column

    def plant(self, root: Path) -> tuple[str, int, int]:
        """Makes the mistake in the repository at `root`; the place where the finding must point."""
        content, line, column = self.edited(root)
        path = root / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return self.file, line, column


def without(key: str) -> str:
    """The application `reports` without one of its lines, and the mark at its name."""
    lines = [line for line in REPORTS.splitlines(keepends=True) if not line.strip().startswith(f"{key}:")]
    return "".join(lines).replace("reports:", f"{MARK}reports:", 1)


UNKNOWN_KEYS = [
    Mistake("in global.options", GLOBAL, "    syncPolicy:", "    «syncPolcy:",
            "unknown-key", "global.options.syncPolcy", "did you mean 'syncPolicy'?"),
    Mistake("in main", GLOBAL, "  clusterGroupName:", "  «clusterGroupNam:",
            "unknown-key", "main.clusterGroupNam", "did you mean 'clusterGroupName'?"),
    Mistake("in main.git", GLOBAL, "    revision:", "    «targetRevision: main\n    revision:",
            "unknown-key", "main.git.targetRevision", "did you mean 'revision'?"),
    Mistake("in medpattern", GLOBAL, "  version:", "  «silenced: []\n  version:",
            "unknown-key", "medpattern.silenced", "did you mean 'silence'?"),
    Mistake("in clusterGroup", WARD, "  argoProjects:", "  «argoProject: []\n  argoProjects:",
            "unknown-key", "clusterGroup.argoProject", "did you mean 'argoProjects'?"),
    Mistake("in a namespace, map form", WARD, "      labels: {team", "      «label: {team",
            "unknown-key", "clusterGroup.namespaces.images.label", "did you mean 'labels'?"),
    Mistake("in a namespace, list form", CENTRAL, "targetNamespaces: []", "«targetNamespace: []",
            "unknown-key", "clusterGroup.namespaces[1].tools.targetNamespace", "did you mean 'targetNamespaces'?"),
    Mistake("in a subscription, map form", VSPHERE, "      channel:", "      «chanel:",
            "unknown-key", "clusterGroup.subscriptions.strimzi.chanel", "did you mean 'channel'?"),
    Mistake("in a subscription, list form", CENTRAL, "      channel:", "      «chanel:",
            "unknown-key", "clusterGroup.subscriptions[0].chanel", "did you mean 'channel'?"),
    Mistake("in an application, map form", WARD, "      dependsOn: [broker]", "      «dependson: [broker]",
            "unknown-key", f"{APPS}.viewer.dependson", "did you mean 'dependsOn'?"),
    Mistake("in an application, list form", CENTRAL, "      path: charts/viewer",
            "      path: charts/viewer\n      «syncPolcy: Manual",
            "unknown-key", f"{APPS}[0].syncPolcy", "did you mean 'syncPolicy'?"),
    Mistake("in an override", CENTRAL, "          value: 4", "          value: 4\n          «forcestring: true",
            "unknown-key", f"{APPS}[0].overrides[0].forcestring", "did you mean 'forceString'?"),
    Mistake("in the facts of a cluster", WEST_FACTS, "domain:", "«domian: x\ndomain:",
            "unknown-key", "domian", "did you mean 'domain'?"),
    Mistake("in argocd of the facts", EAST_FACTS, "{model: push}", "{model: push, «namspace: x}",
            "unknown-key", "argocd.namspace", "did you mean 'namespace'?"),
]  # fmt: skip

WRONG_TYPES = [
    Mistake("a list for a map", GLOBAL, "global:\n  pattern: small\n  options:\n    syncPolicy: Automatic\n"
            "    installPlanApproval: Manual\n", "«global: []\n", "wrong-type", "global"),
    Mistake("a word for a boolean", CENTRAL, "isHubCluster: true", "«isHubCluster: maybe",
            "wrong-type", "clusterGroup.isHubCluster"),
    Mistake("a number for a name", CENTRAL, "namespace: tools\n      project", "«namespace: 8080\n      project",
            "wrong-type", f"{APPS}[0].namespace", 'quote it: "8080"'),
    Mistake("a word for a list", WARD, "dependsOn: [broker]", "«dependsOn: broker",
            "wrong-type", f"{APPS}.viewer.dependsOn", "begin each item with '- '"),
    Mistake("a word for a section", WARD, "argoProjects: [platform, xray]", "«argoProjects: platform",
            "wrong-type", "clusterGroup.argoProjects"),
    Mistake("a word that is no sync policy", GLOBAL, "syncPolicy: Automatic", "«syncPolicy: Automtic",
            "not-allowed", "global.options.syncPolicy", "did you mean 'Automatic'?"),
    Mistake("a word that is no provider of webhooks", GLOBAL, "medpattern:\n",
            "medpattern:\n  argocd:\n    «webhook: guthub\n",
            "not-allowed", "medpattern.argocd.webhook", "did you mean 'github'?"),
    Mistake("a version as a number", WEST_FACTS, 'version: "1.34"', "«version: 1.34",
            "wrong-type", "version", 'quote it: "1.34"'),
    Mistake("a list of pairs for a namespace", CENTRAL, "    - tools: {", "    - «extra: {}\n      tools: {",
            "not-allowed", "clusterGroup.namespaces[1]"),
    Mistake("an override without a value", CENTRAL, "        - name: replicas\n          value: 4",
            "        - «name: replicas", "missing-key", f"{APPS}[0].overrides[0]", "add 'value:'"),
]  # fmt: skip

# What stands in a list is looked at like what stands in a map.
WRONG_ITEMS = [
    Mistake("no name to wait for", WARD, "dependsOn: [broker]", "dependsOn: [«null]",
            "wrong-type", f"{APPS}.viewer.dependsOn[0]"),
    Mistake("a list to wait for", WARD, "dependsOn: [broker]", "dependsOn: [«[broker]]",
            "wrong-type", f"{APPS}.viewer.dependsOn[0]"),
    Mistake("no kind", WARD, "[apps/Deployment, ConfigMap]", "[apps/Deployment, «null]",
            "wrong-type", f"{APPS}.reports.kinds[1]"),
    Mistake("a kind that is none", WARD, "[apps/Deployment, ConfigMap]", "[apps/Deployment, «configmap]",
            "not-allowed", f"{APPS}.reports.kinds[1]"),
    Mistake("a map as a namespace", CENTRAL, "    - reports\n", "    - «[reports]\n",
            "wrong-type", "clusterGroup.namespaces[0]"),
    Mistake("an override of nothing", CENTRAL, "- name: replicas", "- «name: ''",
            "not-allowed", f"{APPS}[0].overrides[0].name"),
]  # fmt: skip

FILES = [
    Mistake("a key twice", SHARED, "", "logLevel: WARN\nreplicas: 1\n«logLevel: INFO\n",
            "duplicate-key", "logLevel", "keep one"),
    Mistake("a key twice in values-global.yaml", GLOBAL, "    revision: main\n",
            "    revision: main\n    «revision: next\n", "duplicate-key", "main.git.revision", "keep one"),
    Mistake("a key twice in the facts of a cluster", EAST_FACTS, "hub: hub\n", "hub: hub\n«hub: hub\n",
            "duplicate-key", "hub", "keep one"),
    Mistake("an application twice, map form", WARD, "    legend:\n",
            "    legend:\n      path: charts/legend\n    «legend:\n", "duplicate-key", f"{APPS}.legend", "keep one"),
    Mistake("Latin-1", SHARED, "", "logLevel: WARN\nward: Orthop«ädie\n", "not-utf8", "", "save it as UTF-8"),
    Mistake("no YAML", SHARED, "", "logLevel: [WARN\nother«: 1\n", "yaml-syntax"),
    Mistake("a tab", SHARED, "", "logLevel:\n«\tWARN: 1\n", "yaml-syntax", "", "never tabs"),
    Mistake("an alias that holds itself", SHARED, "", "loop: «&loop\n  inner: *loop\n", "yaml-cycle", "loop.inner"),
    Mistake("an alias of nothing", SHARED, "", "logLevel: «*nothing\n", "yaml-syntax"),
    Mistake("two documents", SHARED, "", "logLevel: WARN\n---\n«logLevel: INFO\n", "yaml-several-documents"),
    Mistake("a list as a file", SHARED, "", "«- logLevel\n", "wrong-type"),
    Mistake("a tag", SHARED, "", "logLevel: «!secret WARN\n", "yaml-tag", "logLevel"),
    Mistake("a cycle of value files", SHARED, "", "global:\n  extraValueFiles:\n    - «/shared.yaml\n",
            "value-file-cycle", "global.extraValueFiles[0]"),
    Mistake("a value file that is not there", WARD, "    - /shared.yaml", "    - «/share.yaml",
            "value-file-missing", "clusterGroup.sharedValueFiles[0]", "make values/share.yaml"),
    Mistake("a value file's name with an unknown value", WARD, "- /shared.yaml",
            "- «'/{{ $.Values.global.ward }}.yaml'", "value-file-template", "clusterGroup.sharedValueFiles[0]"),
    Mistake("a map over a list", WEST, "clusterGroup:\n", "clusterGroup:\n  «argoProjects: {extra: null}\n",
            "kind-conflict", "clusterGroup.argoProjects", "use the same form in both files"),
    Mistake("a list over a map", WEST, "", "clusterGroup:\n  «applications: []\n",
            "kind-conflict", "clusterGroup.applications", "use the same form in both files"),
    Mistake("a control character", SHARED, "", '«logLevel: "WARN\\u0085"\n', "unsafe-character", "logLevel"),
    Mistake("an integer that JSON cannot hold", SHARED, "", "«replicas: 9007199254740993\n",
            "integer-too-large", "replicas"),
    Mistake("an infinite number", SHARED, "", "«share: .inf\n", "not-finite", "share"),
    Mistake("no number", SHARED, "", "«share: .nan\n", "not-finite", "share"),
]  # fmt: skip

NAMES = [
    Mistake("an application twice, list form", CENTRAL, "      path: charts/viewer\n",
            "      path: charts/viewer\n    - «name: portal\n      namespace: tools\n      project: platform\n"
            "      path: charts/viewer\n", "duplicate-name", f"{APPS}[1]", "rename or remove one"),
    Mistake("two applications named alike, map form", WARD, "    legend:\n", "    «legend:\n      name: broker\n",
            "duplicate-name", f"{APPS}.legend", "rename or remove one"),
    Mistake("a namespace twice, list form", CENTRAL, "    - reports\n", "    - reports\n    - «reports\n",
            "duplicate-name", "clusterGroup.namespaces[1]", "rename or remove one"),
    Mistake("a subscription twice", CENTRAL, "      channel: stable-v1\n",
            "      channel: stable-v1\n    - «name: cert-manager\n      namespace: tools\n",
            "duplicate-name", "clusterGroup.subscriptions[1]", "rename or remove one"),
    Mistake("a project twice", CENTRAL, "    - platform\n", "    - platform\n    - «platform\n",
            "duplicate-name", "clusterGroup.projects[1]", "rename or remove one"),
    Mistake("an application that is no DNS label", WARD, "    legend:", "    «legend_box:",
            "name", f"{APPS}.legend_box"),
    Mistake("a namespace that is no DNS label", WARD, "    broker: {op", "    «Ward: {}\n    broker: {op",
            "name", "clusterGroup.namespaces.Ward"),
    Mistake("a project that is no DNS label", WARD, "[platform, xray]", "[platform, xray, «x.ray]",
            "name", "clusterGroup.argoProjects[2]"),
    Mistake("a name too long once the cluster's stands before it", WARD, "    legend:", "    «" + "l" * 49 + ":",
            "name", f"{APPS}." + "l" * 49, "shorten"),
    Mistake("a name that medpattern uses itself", WARD, "    legend:", "    «root:", "name", f"{APPS}.root", "rename"),
    Mistake("a project that medpattern uses itself", CENTRAL, "    - platform\n", "    - platform\n    - «cluster\n",
            "name", "clusterGroup.projects[1]", "rename"),
    Mistake("a cluster that is no DNS label", "values/clusters/North.yaml", "",
            "group: central\ndistribution: openshift\nplatform: AWS\nversion: '4.20'\ndomain: x.example.org\n",
            "name", "", "rename the file"),
]  # fmt: skip

REFERENCES = [
    Mistake("an undeclared project", WARD, "argoProject: platform\n", "«argoProject: platfrom\n",
            "undeclared-project", f"{APPS}.broker.argoProject", "did you mean 'platform'?"),
    Mistake("an undeclared project by the old word, list form", CENTRAL, "project: platform\n", "«project: platfrom\n",
            "undeclared-project", f"{APPS}[0].project", "did you mean 'platform'?"),
    Mistake("an undeclared namespace", WARD, "namespace: broker\n", "«namespace: brokers\n",
            "undeclared-namespace", f"{APPS}.broker.namespace", "did you mean 'broker'?"),
    Mistake("an undeclared namespace, list form", CENTRAL, "namespace: tools\n      project",
            "«namespace: monitoring\n      project",
            "undeclared-namespace", f"{APPS}[0].namespace", "add it to clusterGroup.namespaces"),
    Mistake("a subscription in an undeclared namespace", CENTRAL, "namespace: tools\n      channel",
            "«namespace: tool\n      channel", "undeclared-namespace", "clusterGroup.subscriptions[0].namespace",
            "did you mean 'tools'?"),
    Mistake("a chart that does not exist", WARD, "path: charts/broker", "«path: charts/brokr",
            "unknown-chart", f"{APPS}.broker.path", "did you mean 'charts/broker'?"),
    Mistake("a chart outside the repository", WARD, "path: charts/broker", "«path: ../charts/broker",
            "unknown-chart", f"{APPS}.broker.path"),
    Mistake("an application to wait for that does not exist", WARD, "dependsOn: [broker]", "dependsOn: [«brokr]",
            "unknown-application", f"{APPS}.viewer.dependsOn[0]", "did you mean 'broker'?"),
    Mistake("applications that wait for each other", WARD, "      path: charts/broker\n",
            "      path: charts/broker\n      «dependsOn: [viewer]\n",
            "dependency-cycle", f"{APPS}.broker.dependsOn", "remove one"),
    Mistake("an application without a chart", CENTRAL, "    - name: portal\n      namespace: tools\n"
            "      project: platform\n      path: charts/viewer\n", "    - «name: portal\n      namespace: tools\n"
            "      project: platform\n", "missing-key", f"{APPS}[0]", "add 'path: charts/<name>'"),
    Mistake("an application without a name, list form", CENTRAL, "    - name: portal\n      namespace: tools",
            "    - «namespace: tools", "missing-key", f"{APPS}[0]", "add 'name:'"),
    Mistake("an application without a namespace", WARD, "    broker:\n      namespace: broker\n", "    «broker:\n",
            "missing-key", f"{APPS}.broker", "add 'namespace:'"),
    Mistake("an application without a project", WARD,
            "    broker:\n      namespace: broker\n      argoProject: platform\n",
            "    «broker:\n      namespace: broker\n", "missing-key", f"{APPS}.broker", "add 'argoProject:'"),
    Mistake("a path and a chart", WARD, "      chart: reports\n", "      chart: reports\n      «path: charts/viewer\n",
            "not-allowed", f"{APPS}.reports.path", "keep one"),
    Mistake("a floating version", WARD, "chartVersion: 1.2.3", "«chartVersion: 1.2.x",
            "floating-version", f"{APPS}.reports.chartVersion", "pin 'chartVersion' to one version"),
    Mistake("no version", WARD, REPORTS, without("chartVersion"), "floating-version", f"{APPS}.reports", "pin"),
    Mistake("a remote chart without kinds", WARD, REPORTS, without("kinds"),
            "missing-kinds", f"{APPS}.reports", "kinds: [apps/Deployment"),
    Mistake("no Helm repository", WARD, REPORTS, without("repoURL"),
            "missing-key", f"{APPS}.reports", "add 'repoURL:'"),
    Mistake("credentials in a chart's URL", WARD, "repoURL: https://charts", "«repoURL: https://ann:secret@charts",
            "credentials-in-url", f"{APPS}.reports.repoURL", "repository Secret"),
    Mistake("credentials in this repository's URL", GLOBAL, "repoURL: https://git", "«repoURL: https://token@git",
            "credentials-in-url", "main.git.repoURL", "repository Secret"),
    Mistake("credentials in a cluster's parameters", WEST_FACTS, "ring: 1",
            "parameters:\n  «repoURL: https://ann:secret@git.example.org/x.git",
            "credentials-in-url", "parameters.repoURL", "repository Secret"),
    Mistake("no URL of this repository", GLOBAL, "  git:\n    repoURL: https://git.example.org/small.git\n",
            "  «git:\n", "missing-key", "main.git.repoURL", "set main.git.repoURL in values-global.yaml"),
    Mistake("no revision", GLOBAL, "  git:\n    repoURL: https://git.example.org/small.git\n    revision: main\n",
            "  «git:\n    repoURL: https://git.example.org/small.git\n",
            "missing-key", "main.git.revision", "set main.git.revision in values-global.yaml"),
]  # fmt: skip

FACTS = [
    Mistake("a group that does not exist", WEST_FACTS, "group: ward", "«group: wrad",
            "unknown-group", "group", "ward"),
    Mistake("a hub that does not exist", WEST_FACTS, "hub: hub", "«hub: hubb", "unknown-hub", "hub",
            "did you mean 'hub'?"),
    Mistake("a hub that is pushed to itself", WEST_FACTS, "hub: hub\nargocd: {model: pull, namespace: argocd}",
            "«hub: east\nargocd: {model: push}", "unknown-hub", "hub", "its own Argo CD"),
    Mistake("a distribution that does not exist", WEST_FACTS, "distribution: kubernetes", "«distribution: kubernets",
            "not-allowed", "distribution", "did you mean 'kubernetes'?"),
    Mistake("a way of Argo CD that does not exist", EAST_FACTS, "{model: push}", "{«model: psuh}",
            "not-allowed", "argocd.model", "did you mean 'push'?"),
    Mistake("a version that is none", WEST_FACTS, 'version: "1.34"', '«version: "latest"', "not-allowed", "version"),
    Mistake("an API server without TLS", EAST_FACTS, "server: https", "«server: http", "not-allowed", "server"),
    Mistake("a cluster without a distribution", WEST_FACTS, "group: ward\ndistribution: kubernetes", "«group: ward",
            "missing-key", "", "add 'distribution:'"),
    Mistake("a cluster without a group", HUB_FACTS, "group: central\n", "«", "missing-key", "", "add 'group:'"),
    Mistake("a ring below zero", WEST_FACTS, "ring: 1", "«ring: -1", "not-allowed", "ring"),
    Mistake("a label that Kubernetes refuses", EAST_FACTS, "{city: east}", "{«city: east side}",
            "name", "labels.city"),
    Mistake("an OperatorGroup on Kubernetes", WEST, "clusterGroup:\n",
            "clusterGroup:\n  namespaces:\n    images: {«operatorGroup: true}\n",
            "needs-openshift", "clusterGroup.namespaces.images.operatorGroup", "set it to false"),
    Mistake("a subscription on Kubernetes", WEST, "clusterGroup:\n",
            "clusterGroup:\n  subscriptions:\n    «strimzi: {namespace: broker, channel: stable}\n",
            "needs-openshift", "clusterGroup.subscriptions.strimzi", "set 'disabled: true'"),
]  # fmt: skip

CHART_VALUES = [
    Mistake("of a wrong type", WEST, "replicas: 1", "«replicas: one",
            "wrong-type", f"{APPS}.viewer.values.replicas"),
    Mistake("unknown to the chart", WEST, "replicas: 1", "«replcas: 1",
            "unknown-key", f"{APPS}.viewer.values.replcas", "did you mean 'replicas'?"),
    Mistake("that is none of the allowed words", WARD, "logLevel: INFO", "«logLevel: VERBOSE",
            "not-allowed", f"{APPS}.viewer.values.logLevel"),
    Mistake("below the smallest", WEST, "replicas: 1", "«replicas: -1",
            "not-allowed", f"{APPS}.viewer.values.replicas"),
    Mistake("deleted although the chart needs it", WEST, "replicas: 1", "«replicas: null",
            "wrong-type", f"{APPS}.viewer.values.replicas"),
    Mistake("deleted in a map whose keys are free", WARD, "{partitions: 3}", "{«partitions: null}",
            "wrong-type", f"{APPS}.broker.values.topics.images.partitions"),
    Mistake("of a wrong type at the top of a file", SHARED, "", "«reconcile: often\n", "wrong-type", "reconcile"),
    Mistake("of a wrong type in an override", CENTRAL, "        - name: replicas\n          value: 4",
            "        - «name: replicas\n          value: four", "wrong-type", "replicas"),
]  # fmt: skip

MISTAKES = [*UNKNOWN_KEYS, *WRONG_TYPES, *WRONG_ITEMS, *FILES, *NAMES, *REFERENCES, *FACTS, *CHART_VALUES]
