"""`medpattern cluster add`, `rotate` and `remove` on two real API servers, and a real Argo CD that pushes."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.cluster.connection import Connection
from medpattern.cluster.permissions import plurals
from medpattern.cluster.spokes import account as spoke_account
from medpattern.cluster.spokes.reach import way
from medpattern.cluster.spokes.removal import remains
from medpattern.cluster.spokes.rights import Rights, rights
from medpattern.cluster.spokes.tree import read_spoke
from medpattern.errors import RefusalError
from medpattern.rendering.selection import Selection
from medpattern.secretstore.hidden import Hidden
from tests.fleet.small import Result, medpattern
from tests.live import fleet as shipped
from tests.live.conftest import StartCluster
from tests.live.search import places
from tests.live.servers.api import STRICT
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.cluster import Cluster
from tests.live.servers.controllers import Controllers
from tests.live.servers.definitions import definition_files
from tests.live.servers.gitops import GitOps
from tests.live.servers.template import template
from tests.live.ward import WARD, Ward
from tests.real.servers.processes import until

SETTINGS = f"/api/v1/namespaces/{NAMESPACE}/configmaps/argocd-cm"
REGISTERED = f"/api/v1/namespaces/{NAMESPACE}/secrets/medpattern-cluster-east"
LEGEND = "/api/v1/namespaces/images/configmaps/legend"
TOPIC = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics/images"
VIEWER = "/apis/apps/v1/namespaces/images/deployments/viewer"
CENTRAL = "values/values-central.yaml"
# What changes on a server without anybody's wish.
PASSING = ("Event", "Lease", "APIService")
MERGE = "application/merge-patch+json"


# ---- the rights themselves, on the shipped spokes ---------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """The account of the hub on an API server that has the kinds of a shipped spoke."""

    name: str
    rights: Rights
    admin: Connection
    login: Connection


@pytest.fixture(params=["hospital-1", "hospital-3"])
def account(request: pytest.FixtureRequest, start_cluster: StartCluster, tmp_path: Path) -> Iterator[Account]:
    name = str(request.param)
    spoke = read_spoke(Selection(shipped.CHECKOUT, clusters=(name,)), tmp_path / "rendered", {})
    server = start_cluster(spoke.facts.distribution)
    admin = Connection.open(server.kubeconfig())
    served = admin.resources
    wanted = rights(spoke.parts, plurals(served, spoke.definitions), spoke.namespaces, served.all)
    server.api.make_namespaces(wanted.spaces)
    for thing in spoke_account.objects(name, wanted):
        admin.apply(thing, force=True)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    path = f"/api/v1/namespaces/{spoke_account.NAMESPACE}/serviceaccounts/{spoke_account.ACCOUNT}/token"
    token = admin.ask("POST", path, body=asked).json()["status"]["token"]
    yield Account(name, wanted, admin, way(server.kubeconfig(), "tests").login(Hidden(token)))
    for thing in spoke_account.roles(admin):
        admin.delete(thing["apiVersion"], *(spoke_account.key(thing)[i] for i in (0, 2, 1)))


def test_the_account_of_a_shipped_spoke_can_apply_every_object_of_its_tree(account: Account) -> None:
    """Roles are made, since a binding to one that is not there cannot be tried; all else is tried."""
    manifests = [one for one in shipped.inventories()[account.name].manifests if one.app or one.group != "argoproj.io"]
    roles = [one for one in manifests if one.kind in ("Role", "ClusterRole")]
    assert roles, "the tree has roles, so that the escalation check is met"
    refused: dict[str, str] = {}
    for one in [*roles, *(one for one in manifests if one not in roles)]:
        if not account.admin.resources.has(one.api_version, one.kind):
            assert f"{one.kind}.{one.group}" in account.rights.guessed
            continue
        thing = json.loads(json.dumps(one.data))
        if one.namespace:
            thing["metadata"]["namespace"] = one.namespace
        try:
            account.login.apply(thing, dry_run=one not in roles, force=True, field_manager="argocd-controller")
        except RefusalError as error:
            refused[str(one.key)] = str(error)
    for one in roles:
        account.admin.delete(one.api_version, one.kind, one.name, one.namespace)

    assert refused == {}


def test_the_account_has_the_rules_that_were_worked_out_and_no_other(account: Account) -> None:
    for namespace, own in {"default": (), **account.rights.spaces}.items():
        found = {line(rule) for rule in rules_in(account.login, namespace)}
        found -= {line(rule) for rule in rules_in_of_anybody(account.admin)}
        assert found == {line(rule) for rule in (*account.rights.cluster, *own)}, namespace


def rules_in(login: Connection, namespace: str) -> list[dict[str, Any]]:
    """The rules of a login as its server tells them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status = login.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body=review).json()["status"]
    assert not status["incomplete"]
    found: list[dict[str, Any]] = status["resourceRules"]
    return found


def rules_in_of_anybody(admin: Connection) -> list[dict[str, Any]]:
    """What the roles of Kubernetes give to everybody who is logged in."""
    roles = ("system:basic-user", "system:discovery", "system:public-info-viewer")
    found = [admin.get("rbac.authorization.k8s.io/v1", "ClusterRole", name) or {} for name in roles]
    return [rule for role in found for rule in role.get("rules") or () if "resources" in rule]


def line(rule: dict[str, Any]) -> str:
    parts = ("apiGroups", "resources", "resourceNames", "verbs")
    return json.dumps([sorted(rule.get(part) or ()) for part in parts])


def test_no_secret_can_be_listed_and_none_be_read_outside_the_namespaces_of_the_charts(account: Account) -> None:
    kube_system = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "planted", "namespace": "kube-system"}}
    account.admin.apply(kube_system)
    for path in ("/api/v1/secrets", "/api/v1/namespaces/kube-system/secrets/planted",
                 *(f"/api/v1/namespaces/{space}/secrets" for space in account.rights.spaces)):  # fmt: skip
        assert status_of(account.login, path) == 403, path
    account.admin.delete("v1", "Secret", "planted", "kube-system")


def status_of(login: Connection, path: str) -> int:
    try:
        return login.ask("GET", path).status
    except RefusalError as error:
        return error.status


# ---- a hub and a spoke ------------------------------------------------------------------------------------------


class Pair:
    """The small fleet's hub with Argo CD and its ward `east`, both on Kubernetes, and a repository for them."""

    def __init__(self, folder: Path) -> None:
        self.hub = GitOps(folder / "hub", audited=True)
        # Not the hub's definitions: two servers of one template would have the same identity.
        self.spoke = Cluster(
            folder / "spoke", template(definition_files("kubernetes", ["kafka.strimzi.io"])), audited=True
        )
        self.controllers = Controllers(folder, self.spoke)
        self.folder = folder

    def start(self) -> Pair:
        self.hub.start()
        self.hub.argocd.install()
        self.spoke.start()
        self.controllers.start()
        self.ward = Ward(self.folder, self.hub.git)
        for name, cluster in (("hub", self.hub.cluster), ("east", self.spoke)):
            path = self.ward.root / f"values/clusters/{name}.yaml"
            facts = yaml.safe_load(path.read_text("utf-8"))
            system = cluster.api.must(cluster.api.ask("GET", "/api/v1/namespaces/kube-system"))
            facts |= {"distribution": "kubernetes", "platform": "None", "version": "1.36", "server": cluster.url,
                      "clusterId": system["metadata"]["uid"]}  # fmt: skip
            path.write_text(json.dumps(facts), "utf-8")
        # What is for OpenShift alone.
        self.ward.edit(CENTRAL, ": {operatorGroup: true, targetNamespaces: []}", "")
        self.ward.edit(
            CENTRAL,
            "  subscriptions:\n    - name: cert-manager\n      namespace: tools\n      channel: stable-v1\n",
            "",
        )
        self.ward.publish("the clusters as they are")
        return self

    def discard(self) -> None:
        self.controllers.process.discard()
        self.spoke.discard()
        self.hub.discard()

    def kubeconfig(self, spoke_user: str = "admin") -> Path:
        """One file with both clusters, their contexts named by their servers' places."""
        made: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": ""}
        made |= {"contexts": [], "clusters": [], "users": []}
        for name, cluster, user in (("the-hub", self.hub.cluster, "admin"), ("the-spoke", self.spoke, spoke_user)):
            own = json.loads(cluster.kubeconfig(user).read_text())
            made["clusters"].append({"name": name, "cluster": own["clusters"][0]["cluster"]})
            made["users"].append({"name": name, "user": own["users"][0]["user"]})
            made["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        path = self.folder / f"both-{spoke_user}.kubeconfig"
        path.touch(0o600)
        path.write_text(json.dumps(made))
        return path

    def cluster(self, *words: str, spoke_user: str = "admin") -> Result:
        """`medpattern cluster` as a user types it; no token may be seen in what it prints."""
        known = self.tokens()
        result = medpattern("cluster", *words, "--kubeconfig", self.kubeconfig(spoke_user), root=self.ward.root)
        for token in {*known, *self.tokens()}:
            assert token not in result.out + result.err
            assert base64.b64encode(token.encode()).decode() not in result.out + result.err
        return result

    def type(self, *words: str) -> Result:
        """Another command with both logins."""
        return medpattern(*words, "--kubeconfig", self.kubeconfig(), root=self.ward.root)

    def tokens(self) -> list[str]:
        """The account's tokens on the spoke."""
        return [token.text() for token in spoke_account.tokens(self.to_spoke).values()]

    @property
    def to_spoke(self) -> Connection:
        return Connection.open(self.kubeconfig(), "the-spoke")

    @property
    def to_hub(self) -> Connection:
        return Connection.open(self.kubeconfig(), "the-hub")

    def registered(self) -> dict[str, str]:
        """The fields of the cluster's Secret on the hub."""
        data = self.hub.get(REGISTERED)["data"]
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def login(self) -> Connection:
        """With the token that the hub has."""
        token = json.loads(self.registered()["config"])["bearerToken"]
        return way(self.kubeconfig(), "the-spoke").login(Hidden(token))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("pair"))
    try:
        yield made.start()
    finally:
        made.discard()


@pytest.fixture
def added(pair: Pair) -> Pair:
    """With the spoke added."""
    result = pair.cluster("add", "east", "--yes")
    assert result.code == 0, result.err
    return pair


def everything(connection: Connection) -> dict[str, Any]:
    """Every object of a server, without what the server keeps for itself."""
    found = {}
    for kind in {(one.group, one.plural): one for one in connection.resources.all}.values():
        if "list" in kind.verbs and kind.kind not in PASSING:
            for one in connection.list(kind.api_version, kind.kind):
                metadata = {key: one["metadata"].get(key) for key in ("labels", "annotations")}
                key = f"{kind.kind}.{kind.group} {one['metadata'].get('namespace')} {one['metadata']['name']}"
                found[key] = {**{key: value for key, value in one.items() if key != "status"}, "metadata": metadata}
    return found


def test_what_is_in_the_way_is_told_and_nothing_is_changed(pair: Pair) -> None:
    before = everything(pair.to_spoke), everything(pair.to_hub)

    other = pair.cluster("add", "east", "--yes", "--context", "the-hub")
    no_rights = pair.cluster("add", "east", "--yes", spoke_user="operator")
    pulls = pair.cluster("add", "west", "--yes")
    unknown = pair.cluster("add", "eats", "--yes")
    nobody_agrees = pair.cluster("add", "east")
    not_added = pair.cluster("rotate", "east")

    assert (other.code, no_rights.code) == (1, 1)
    assert "spoke identity: this is another cluster" in other.err
    assert "spoke identity: both contexts lead to one API server" in other.err
    assert "problem  spoke" in no_rights.err
    assert (pulls.code, unknown.code, nobody_agrees.code, not_added.code) == (2, 2, 2, 3)
    assert "medpattern bootstrap --cluster west" in pulls.err
    assert "east" in unknown.err
    assert "--yes" in nobody_agrees.err
    assert "medpattern cluster add east" in not_added.err
    assert (everything(pair.to_spoke), everything(pair.to_hub)) == before


def test_add_says_what_it_will_do_does_it_once_and_remove_leaves_nothing(pair: Pair) -> None:
    before = everything(pair.to_spoke), everything(pair.to_hub)
    dry = pair.cluster("add", "east", "--dry-run")
    assert (dry.code, everything(pair.to_spoke), everything(pair.to_hub)) == (0, *before), dry.err

    first = pair.cluster("add", "east", "--yes")
    assert first.code == 0, first.err
    said = [text for text in dry.err.splitlines() if text.startswith(("created", "changed"))]
    assert said
    assert [text for text in said if text.partition(":")[0] not in first.err] == []
    assert "created  Role medpattern-hub in images" in first.err
    found = pair.registered()
    assert (found["name"], found["server"]) == ("east", pair.spoke.url)
    assert (found["namespaces"], found["clusterResources"]) == ("broker,images", "true")
    assert pair.hub.get(SETTINGS)["data"]["resource.respectRBAC"] == "strict"

    again = pair.cluster("add", "east", "--yes")
    assert (again.code, "0 objects changed" in again.err) == (0, True), again.err
    assert "nothing was changed" in pair.cluster("add", "east", "--dry-run").err

    gone = pair.cluster("remove", "east", "--yes")
    assert gone.code == 0, gone.err
    assert everything(pair.to_spoke) == before[0]
    assert everything(pair.to_hub) == before[1]
    assert "0 objects removed" in pair.cluster("remove", "east", "--yes").err


def test_a_right_that_was_taken_or_given_by_hand_is_set_right(added: Pair) -> None:
    spoke = added.to_spoke
    extra = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/images/roles/medpattern-hub"
    spoke.ask("PATCH", path, body={"rules": [extra]}, content_type=MERGE)
    stale = next(one for one in spoke_account.objects("east", Rights((), {"default": ()})) if one["kind"] == "Role")
    spoke.apply(stale)

    result = added.cluster("add", "east", "--yes")

    assert "changed  Role medpattern-hub in images" in result.err
    assert "removed  Role medpattern-hub in default" in result.err
    assert status_of(added.login(), "/api/v1/namespaces/images/secrets") == 403
    assert status_of(added.login(), "/api/v1/namespaces/images/configmaps") == 200


def test_rotation_ends_the_old_token_and_the_new_one_works(added: Pair) -> None:
    old, before = added.login(), added.registered()

    result = added.cluster("rotate", "east")

    assert result.code == 0, result.err
    assert spoke_account.user_of(old) == ""
    assert status_of(old, "/api/v1/namespaces/images/configmaps") == 401
    assert spoke_account.user_of(added.login()) == spoke_account.USER
    assert len(added.tokens()) == 1
    after = added.registered()
    assert {key: text for key, text in after.items() if key != "config"} == {
        key: text for key, text in before.items() if key != "config"
    }
    assert json.loads(after["config"])["tlsClientConfig"] == json.loads(before["config"])["tlsClientConfig"]
    assert "0 objects changed" in added.cluster("add", "east", "--yes").err


def test_a_name_that_was_mistyped_takes_no_other_cluster_apart(added: Pair) -> None:
    """The hub has no Secret of that name, and there are no facts: only the spoke itself says who it is."""
    before = everything(added.to_spoke), everything(added.to_hub)

    mistyped = added.cluster("remove", "eats", "--hub", "hub", "--context", "the-spoke", "--yes")
    nowhere = added.cluster("remove", "eats", "--hub", "hub", "--yes")

    assert (mistyped.code, "medpattern-hub says east" in mistyped.err) == (1, True), mistyped.err
    assert (nowhere.code, "name its context by --context" in nowhere.err) == (2, True), nowhere.err
    assert (everything(added.to_spoke), everything(added.to_hub)) == before


def test_a_namespace_with_something_in_it_stays_and_is_told(added: Pair) -> None:
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "precious", "namespace": "images"}}
    added.to_spoke.apply(data)

    result = added.cluster("remove", "east", "--hub", "hub", "--yes")

    assert result.code == 0, result.err
    assert "stays    Namespace images: it has ConfigMap precious" in result.err
    assert remains(added.to_spoke, "images") == ["ConfigMap precious"]
    assert added.to_spoke.get("v1", "Namespace", "broker") is None
    added.to_spoke.delete("v1", "ConfigMap", "precious", "images")


@pytest.fixture
def pushed(added: Pair) -> Pair:
    """With everything of the spoke applied by the hub's Argo CD."""
    hub = added.hub
    if not hub.argocd.controller.alive:
        hub.argocd.start()
    for thing in yaml.safe_load_all((added.ward.root / "rendered/hub/root.yaml").read_text("utf-8")):
        hub.api.must(hub.api.apply(hub.api.resource(thing["apiVersion"], thing["kind"]), NAMESPACE, thing, STRICT))
    names = ("east-root", "east-cluster", "east-broker", "east-legend", "east-viewer")
    hub.wait(lambda: all(hub.sync(name) == "Synced" for name in names), "all Applications of the spoke to be Synced")
    return added


def test_a_spoke_that_is_away_is_told_and_what_was_pushed_meanwhile_gets_there_without_a_hand(pushed: Pair) -> None:
    """Argo CD compares with what it saw last: it alone would call the spoke Synced and Healthy for minutes."""
    hub, spoke, title = pushed.hub, pushed.spoke, "example.org/title"
    asked = ("status", "--cluster", "east", "--cluster", "hub")
    spoke.server.kill()
    try:
        status = pushed.type(*asked)
        told = {one["cluster"]: one for one in json.loads(pushed.type(*asked, "--output", "json").out)}
        doctor = pushed.type("doctor", "--cluster", "east")
        assert hub.sync("east-viewer") == "Synced"
        pushed.ward.edit(WARD, "title: Ward", "title: Meanwhile")
        pushed.ward.publish("a title while the spoke is away")
        hub.wait(lambda: f'Get "{spoke.url}' in row(pushed.type(*asked), "east-viewer"), "the sync to miss the spoke")
    finally:
        spoke.restart()

    assert (status.code, doctor.code) == (3, 3)
    assert f"east: {spoke.url} does not answer" in status.err
    assert "Argo CD on 'hub' may tell what it saw before" in status.err
    assert "Synced  " in row(status, "hub-root")
    assert f"{spoke.url} does not answer" in told["east"]["unreachable"]
    assert told["hub"]["unreachable"] == ""
    assert f"{spoke.url} does not answer" in doctor.err
    hub.wait(lambda: spoke.api.must(spoke.api.ask("GET", VIEWER))["metadata"]["annotations"][title] == "Meanwhile",
             "the title to get there")  # fmt: skip
    assert pushed.type(*asked).code == 1, "it answers again; the viewer has no pods here"


def row(result: Result, application: str) -> str:
    """What status says of an Application."""
    return next(line for line in result.out.splitlines() if line.split()[1] == application)


def test_argo_cd_pushes_prunes_and_heals_with_these_rights_alone_also_after_a_rotation(pushed: Pair) -> None:
    added, hub, spoke = pushed, pushed.hub, pushed.spoke.api
    assert spoke.ask("GET", TOPIC).status == 200

    refused = added.cluster("remove", "east", "--yes")
    assert (refused.code, "4 Applications of the hub still apply to it" in refused.err) == (1, True), refused.err

    assert added.cluster("rotate", "east").code == 0
    before = spoke.must(spoke.ask("GET", LEGEND))["data"]
    spoke.must(spoke.ask("PATCH", LEGEND, {"data": {"size": "31"}}, content_type=MERGE))
    hub.wait(lambda: spoke.must(spoke.ask("GET", LEGEND))["data"] == before, "the legend to be as in git")

    added.ward.edit(WARD, "path: charts/legend", "path: charts/legend\n      disabled: true")
    added.ward.publish("no legend")
    hub.wait(lambda: spoke.ask("GET", LEGEND).status == 404, "the legend to be gone")
    added.ward.revert()
    hub.wait(lambda: spoke.ask("GET", LEGEND).status == 200, "the legend to be back")


def test_argo_cd_asks_for_each_kind_that_is_refused_in_all_namespaces_once_for_each_of_them(pushed: Pair) -> None:
    """What docs/operations.md counts with: for each kind that the account may not list the square of the namespaces."""
    namespaces = pushed.registered()["namespaces"].split(",")
    assert len(namespaces) > 1

    def is_square() -> bool:
        refused, asked = refusals_and_questions(pushed.spoke)
        lists = [refused["cronjobs", name] for name in namespaces]
        return all(lists) and all(asked["cronjobs", name] == sum(lists) for name in namespaces)

    until(is_square, "each refused list to be followed by a question for each namespace", seconds=60)
    refused, asked = refusals_and_questions(pushed.spoke)
    assert not any(found["configmaps", name] for name in namespaces for found in (refused, asked))


def refusals_and_questions(spoke: Cluster) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """How often the hub's account was refused a list, and has asked for its own rights, by plural and namespace."""
    refused: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    assert spoke.audit is not None
    for text in spoke.audit.read_text("utf-8").splitlines():
        if f'"{spoke_account.USER}"' not in text or not text.endswith("}"):
            continue
        event = json.loads(text)
        where = event.get("objectRef") or {}
        if where.get("resource") == "selfsubjectaccessreviews":
            wanted = event["requestObject"]["spec"]["resourceAttributes"]
            asked[wanted["resource"], wanted.get("namespace", "")] += 1
        elif event["verb"] == "list" and event["responseStatus"]["code"] == 403:
            refused[where["resource"], where.get("namespace", "")] += 1
    return refused, asked


def test_the_tokens_are_nowhere_but_in_their_secrets(pushed: Pair) -> None:
    """Not in git, nor in a log, of Argo CD after it has pushed; the audit logs have all that is written but Secrets."""
    added = pushed
    assert all(one.log.stat().st_size for one in added.hub.argocd.processes)
    tokens = added.tokens()
    assert added.cluster("rotate", "east").code == 0
    tokens += added.tokens()
    logs = [log for one in (added.hub.cluster, added.spoke) for log in one.folder.glob("*.log")]
    assert {added.hub.cluster.audit, added.spoke.audit} <= set(logs)

    assert places(tokens, added.ward.root, added.hub.git.folder, added.hub.argocd.folder, *logs) == []

    assert len(tokens) == len(set(tokens)) == 2
    assert all(places([token], added.hub.cluster.data) for token in tokens), "the search finds them where they are kept"
