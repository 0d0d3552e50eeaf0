"""`git push` tells Argo CD by a webhook that bootstrap has set up by value, on a real Argo CD that does not poll.

It looks at git by itself once in ten hours. So what reaches the cluster was brought by an event, or by being asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import urllib3

from medpattern.argocd.webhook import SECRET, references
from medpattern.cluster.bootstrap import webhook
from medpattern.cluster.bootstrap.intent import read_wanted
from medpattern.cluster.bootstrap.preflight import rights
from medpattern.cluster.bootstrap.steps import Done, apply
from medpattern.cluster.connection import WEBHOOK_MANAGER, Connection
from medpattern.cluster.doctor.examination import examine
from medpattern.cluster.doctor.reading import snapshot
from medpattern.cluster.permissions import Right
from medpattern.rendering.selection import Selection
from tests.fleet.small import CHECKOUT, Result, git, process
from tests.live.servers.api import Api
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.gitops import MERGE, GitOps
from tests.live.ward import FACTS, WARD, Ward

TOPICS = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
SETTING = "webhook.github.secret"
PLANTED = "a-password-in-an-annotation"
APPLICATIONS = ("west-root", "broker", "legend", "viewer")
READY = {"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}}


def documented() -> str:
    """The secrets file as docs/operations.md has it."""
    blocks = re.findall(r"```yaml\n(.*?)```", (CHECKOUT / "docs/operations.md").read_text("utf-8"), re.DOTALL)
    return textwrap.dedent(next(one for one in blocks if f"name: {SECRET}" in one))


@dataclass(frozen=True)
class Place:
    """A cluster that Argo CD has brought to what git says, and Argo CD's API."""

    gitops: GitOps
    ward: Ward
    api: Api
    file: Path
    bootstrapped: Result

    @property
    def secret(self) -> str:
        """What somebody who may read Secrets copies into the git provider."""
        return base64.b64decode(self.gitops.get(f"{SECRETS}/{SECRET}")["data"]["secret"]).decode()

    def push(self, old: int, new: int) -> str:
        """Other partitions of the topic in git; the revision. Argo CD is not told."""
        self.ward.edit(WARD, f"partitions: {old}", f"partitions: {new}")
        return self.ward.publish(f"{new} partitions")

    def event(self, revision: str, secret: str | None) -> tuple[int, str]:
        """The event that GitHub sends of a push, signed; status and words of the answer."""
        files = git(self.ward.root, "diff", "--name-only", f"{revision}~1", revision).split()
        before = git(self.ward.root, "rev-parse", f"{revision}~1").strip()
        repository = {"html_url": self.ward.url.removesuffix(".git"), "default_branch": "main"}
        push = {"ref": "refs/heads/main", "before": before, "after": revision, "repository": repository}
        body = json.dumps({**push, "commits": [{"id": revision, "modified": files}]}).encode()
        headers = {"Content-Type": "application/json", "X-GitHub-Event": "push"}
        if secret is not None:
            headers["X-Hub-Signature-256"] = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
        answer = urllib3.request("POST", f"{self.api.url}/api/webhook", body=body, headers=headers)
        return answer.status, answer.data.decode().strip()

    def mark(self, name: str, part: str, key: str, value: str | None) -> None:
        """Writes a label or an annotation of a Secret of Argo CD's; None removes it."""
        change = {"metadata": {part: {key: value}}}
        self.gitops.api.must(self.gitops.api.ask("PATCH", f"{SECRETS}/{name}", change, content_type=MERGE))

    def partitions(self) -> int:
        """Of the live topic."""
        return int(self.gitops.get(f"{TOPICS}/images")["spec"]["partitions"])

    def revision(self) -> str:
        """That Argo CD has last compared the topic's application with."""
        return str(self.gitops.application("broker")["status"]["sync"]["revision"])

    def settle(self) -> None:
        """Wait until all is applied and Argo CD has looked at it since: then it has nothing left to do."""
        self.gitops.wait(lambda: all(map(self._is_settled, APPLICATIONS)), "Argo CD to have nothing left to do")

    def _is_settled(self, name: str) -> bool:
        """Whether an application is as git says; Strimzi's part, to call each topic ready, is played."""
        for topic in self.gitops.get(TOPICS).get("items", []):
            if not topic.get("status"):
                path = f"{TOPICS}/{topic['metadata']['name']}/status"
                self.gitops.api.must(self.gitops.api.ask("PATCH", path, READY, content_type=MERGE))
        live = self.gitops.application(name).get("status", {})
        ended = live.get("operationState", {}).get("finishedAt", "")
        is_synced = live.get("sync", {}).get("status") == "Synced"
        return is_synced and bool(ended) and str(live.get("reconciledAt", "")) >= str(ended)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("webhook")
    gitops = GitOps(folder / "servers", groups=("kafka.strimzi.io",), resync="10h")
    try:
        gitops.start()
        ward = Ward(folder, gitops.git)
        uid = gitops.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        ward.edit(FACTS, "hub: hub", f"hub: hub\nserver: {gitops.cluster.url}\nclusterId: {uid}")
        ward.edit("values/values-global.yaml", "medpattern:\n", "medpattern:\n  argocd: {webhook: github}\n")
        ward.publish("a webhook")
        file = folder / "values-secret.yaml"
        file.touch(0o600)
        file.write_text(documented(), "utf-8")
        result = bootstrap(gitops, ward, "--secrets", file)
        assert result.code == 0, result.err
        gitops.argocd.make_key()
        gitops.argocd.start()
        yield Place(gitops, ward, gitops.argocd.start_api(), file, result)
    finally:
        gitops.discard()


def bootstrap(gitops: GitOps, ward: Ward, *more: str | Path, agreed: str = "--yes") -> Result:
    words: list[str | Path] = ["bootstrap", "--cluster", "west", "--root", ward.root, agreed, "--no-wait"]
    manifest = built(CONTROL_PLANE, "argocd-install.yaml")
    return process(*words, "--kubeconfig", gitops.cluster.kubeconfig(), "--argocd-manifest", manifest, *more)


def test_bootstrap_writes_a_reference_and_the_secret_is_nowhere_but_in_its_secret(place: Place) -> None:
    settings = place.gitops.get(f"{SECRETS}/argocd-secret")["data"]

    assert base64.b64decode(settings[SETTING]).decode() == references("github")[SETTING]
    assert len(place.secret) == 20, "it is generated, by the policy of the file"
    assert place.secret not in place.bootstrapped.out + place.bootstrapped.err
    log = place.gitops.argocd.server.log.read_text("utf-8", "replace")
    assert place.secret not in log

    again = bootstrap(place.gitops, place.ward)
    assert again.code == 0, again.err
    assert "nothing to do" in again.err, "the Secret is on the cluster, so no file is needed"


def test_a_push_that_is_told_by_a_signed_event_reaches_the_cluster(place: Place) -> None:
    place.settle()
    revision = place.push(3, 5)

    assert place.event(revision, place.secret)[0] == 200
    place.gitops.wait(lambda: place.partitions() == 5, "the topic to have 5 partitions")
    assert place.revision() == revision

    place.settle()
    back = place.push(5, 3)
    assert place.event(back, place.secret)[0] == 200
    place.gitops.wait(lambda: place.partitions() == 3, "the topic to have 3 partitions again")


def test_events_with_a_wrong_secret_or_none_are_refused_and_nothing_is_looked_at(place: Place) -> None:
    place.settle()
    known = place.revision()
    server = place.gitops.argocd.server
    taken = server.text().count("Webhook handler started")
    revision = place.push(3, 7)

    for wrong in ("another secret", "", references("github")[SETTING]):
        assert place.event(revision, wrong) == (400, "Webhook processing failed")
    assert "GitHub webhook HMAC verification failed" in server.text()
    assert place.event(revision, None) == (400, "Webhook processing failed")
    assert "missing X-Hub-Signature" in server.text()

    assert server.text().count("Webhook handler started") == taken
    assert place.revision() == known
    assert place.partitions() == 3
    place.gitops.refresh("broker")
    place.gitops.wait(lambda: place.partitions() == 7, "what was pushed to be brought when Argo CD looks")

    place.settle()
    back = place.push(7, 3)
    assert place.event(back, place.secret)[0] == 200
    place.gitops.wait(lambda: place.partitions() == 3, "the right secret to work as before")


def test_an_event_in_the_form_of_another_provider_needs_no_secret(place: Place) -> None:
    """As docs/operations.md says: Argo CD has one secret for each provider. This one names a repository of nobody."""
    push = {"object_kind": "push", "ref": "refs/heads/main", "project": {"web_url": "https://git.example.org/other"}}
    headers = {"Content-Type": "application/json", "X-Gitlab-Event": "Push Hook"}

    answer = urllib3.request("POST", f"{place.api.url}/api/webhook", body=json.dumps(push), headers=headers)

    assert answer.status == 200


def test_a_rotated_secret_counts_without_a_restart_by_hand(place: Place) -> None:
    old, revision = place.secret, git(place.ward.root, "rev-parse", "HEAD").strip()
    words = ("secrets", "rotate", SECRET, "--to", "kubernetes", "--secrets", place.file, "--root", place.ward.root)
    result = process(*words, "--cluster", "west", "--kubeconfig", place.gitops.cluster.kubeconfig())

    assert result.code == 0, result.err
    new = place.secret
    assert new != old
    place.gitops.wait(lambda: answered(place, revision, new) == 200, "Argo CD to take the new secret")
    assert place.event(revision, old)[0] == 400


def test_a_reference_that_leads_nowhere_counts_as_the_secret_and_the_doctor_says_so(place: Place) -> None:
    """Why bootstrap writes it only where the Secret is whole. Argo CD sees changes of what has the label alone."""
    revision, reference = git(place.ward.root, "rev-parse", "HEAD").strip(), references("github")[SETTING]
    connection = Connection.open(place.gitops.cluster.kubeconfig())
    assert "webhook-open" not in [one.code for one in examine(snapshot(connection)).troubles]

    place.mark(SECRET, "labels", "app.kubernetes.io/part-of", None)
    place.mark("argocd-secret", "annotations", "tests", "changed")

    place.gitops.wait(lambda: answered(place, revision, reference) == 200, "Argo CD to take the reference for a secret")
    assert "webhook-open" in [one.code for one in examine(snapshot(connection)).troubles]
    place.mark(SECRET, "labels", "app.kubernetes.io/part-of", "argocd")
    place.gitops.wait(lambda: answered(place, revision, place.secret) == 200, "Argo CD to take the secret again")
    assert place.event(revision, reference)[0] == 400


def answered(place: Place, revision: str, secret: str) -> int:
    """The status of an event; 0 while Argo CD's API takes up its new settings and nobody answers."""
    try:
        return place.event(revision, secret)[0]
    except urllib3.exceptions.HTTPError:
        return 0


def test_without_the_value_the_reference_is_taken_back_and_no_other_key(place: Place) -> None:
    connection = Connection.open(place.gitops.cluster.kubeconfig())
    place.mark("argocd-secret", "annotations", "kubectl.kubernetes.io/last-applied-configuration", PLANTED)
    # As `secrets load` does it with an entry of the secrets file, by a field manager that is not the webhook's.
    connection.apply({**webhook.nothing(NAMESPACE), "data": {"oidc.clientSecret": "b2lkYw=="}})
    before = place.gitops.get(f"{SECRETS}/argocd-secret")

    change = webhook.change(connection, NAMESPACE, "", is_whole=False)
    assert change is not None
    assert apply(connection, change, WEBHOOK_MANAGER).done is Done.CHANGED

    after = place.gitops.get(f"{SECRETS}/argocd-secret")
    assert after["data"].keys() == before["data"].keys() - {SETTING}
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["type"] == before["type"]
    assert webhook.change(connection, NAMESPACE, "", is_whole=False) is None

    place.mark("argocd-secret", "labels", "app.kubernetes.io/part-of", None)
    tried = bootstrap(place.gitops, place.ward, agreed="--dry-run")
    assert tried.code == 0, tried.err
    assert "last-applied-configuration" in tried.out, "it stands beside the label that is missing"
    assert f'+  {SETTING}: "[not shown]"' in tried.out
    assert not any(value in tried.out for value in (*before["data"].values(), PLANTED))
    assert bootstrap(place.gitops, place.ward).code == 0
    assert place.gitops.get(f"{SECRETS}/argocd-secret")["data"] == before["data"]


def test_the_rights_that_the_reference_needs_are_among_those_that_are_asked_for(place: Place) -> None:
    wanted = read_wanted(Selection(place.ward.root, clusters=("west",)), place.ward.root / "rendered")
    operator = Connection.open(place.gitops.cluster.kubeconfig("operator"))
    needed = {Right("", "secrets", verb, NAMESPACE) for verb in ("get", "create", "patch")}

    assert needed <= rights(wanted, operator, None)
    assert not needed & rights(replace(wanted, webhook=""), operator, None)
