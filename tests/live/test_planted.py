"""Planted secrets go the whole way, into Kubernetes, OpenBao and Argo CD, and are looked for where none may be."""

from __future__ import annotations

import base64
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from medpattern.argocd.webhook import SECRET as WEBHOOK
from medpattern.documents.file import lay_out
from tests.fleet.small import commit, git
from tests.live.search import places
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.gitops import GitOps
from tests.live.servers.openbao import OpenBao
from tests.live.ward import FACTS, WARD, Ward
from tests.live.witness import Witness

# Signs that JSON, URLs and shells write otherwise are in each.
PLANTED = {name: f"Zq7+{name}/Wv93<&%>" for name in ("login", "webhook", "authority", "mail")}
NOWHERE = "Zq7-nowhere-Wv93"
PREFIX = "medical-diagnosis/west"
GENERATED = "onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy"
SECRETS_FILE = """\
version: "2.0"
secrets:
  - name: ward-repository
    bootstrap: only
    targetNamespaces: [argocd]
    labels: {{argocd.argoproj.io/secret-type: repository}}
    fields:
      - {{name: url, value: "{url}"}}
      - {{name: username, value: argocd}}
      - {{name: password, value: "{login}"}}
  - name: {hook}
    bootstrap: only
    targetNamespaces: [argocd]
    labels: {{app.kubernetes.io/part-of: argocd}}
    fields: [{{name: secret, value: "{webhook}"}}]
  - name: mail-ca
    bootstrap: only
    targetNamespaces: [images]
    fields:
      - {{name: ca.crt, value: "{authority}"}}
      - {{name: key, {generated}}}
  - name: smtp
    vaultPrefixes: [{prefix}]
    fields: [{{name: user, value: mailer}}, {{name: password, value: "{mail}"}}]
  - name: database
    vaultPrefixes: [{prefix}]
    fields: [{{name: service, {generated}}}]
"""
MAIL = {
    "Chart.yaml": "{apiVersion: v2, name: mail, version: 0.1.0, annotations: {medpattern.io/chart-source: 'true'}}\n",
    "values.yaml": "{}\n",
    "values.schema.json": '{"type": "object", "properties": {"global": {"type": "object"}}}\n',
    "templates/mail.yaml": f"""\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: vault}}
spec:
  provider:
    vault:
      server: https://openbao.example.org:8200
      path: secret
      version: v2
      caProvider: {{type: Secret, name: mail-ca, key: ca.crt}}
      auth: {{kubernetes: {{mountPath: kubernetes, role: west, serviceAccountRef: {{name: mail, audiences: [vault]}}}}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: old}}
spec:
  provider:
    vault:
      server: https://vault.example.org:8200
      path: secret
      version: v2
      auth: {{tokenSecretRef: {{name: mail-ca, key: key}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: mail}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: mail}}
spec:
  refreshInterval: 1h
  secretStoreRef: {{kind: SecretStore, name: vault}}
  target: {{name: mail}}
  data:
    - {{secretKey: user, remoteRef: {{key: {PREFIX}/smtp, property: user}}}}
    - {{secretKey: password, remoteRef: {{key: {PREFIX}/smtp, property: password}}}}
    - {{secretKey: database, remoteRef: {{key: {PREFIX}/database, property: service}}}}
""",
}
APPLICATION = "    mail: {namespace: images, argoProject: xray, path: charts/mail}\n    legend:\n"


@dataclass
class Journey:
    """The servers, the repository, and all that commands print, in files."""

    folder: Path
    gitops: GitOps
    bao: OpenBao
    witness: Witness
    ward: Ward
    secrets: Path
    # Each version of each secret, by what it is.
    values: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str | Path, codes: tuple[int, ...] = (0,)) -> None:
        """A command of medpattern; what it prints is kept."""
        result = self.witness.medpattern(
            *words, "--root", self.ward.root, TMPDIR=str(self.folder / "scratch"), HOME=str(self.folder / "home")
        )
        assert result.code in codes, result.err
        name = "-".join(str(word) for word in words[:2])
        number = len(list(self.printed.iterdir()))
        (self.printed / f"{number:02}-{name}.txt").write_text(result.out + result.err, "utf-8")

    @property
    def printed(self) -> Path:
        """The folder of what was printed, and of the support archive."""
        return self.folder / "printed"

    @property
    def to_cluster(self) -> list[str | Path]:
        return ["--kubeconfig", self.gitops.cluster.kubeconfig()]

    @property
    def to_vault(self) -> list[str | Path]:
        return ["--to", "vault", "--address", self.bao.url, "--ca", self.bao.authority, "--token-file",
                self.bao.token_file, "--cluster", "west", "--secrets", self.secrets]  # fmt: skip

    def remember(self) -> None:
        """The values as the stores have them now."""
        for name, space in (("ward-repository", NAMESPACE), (WEBHOOK, NAMESPACE), ("mail-ca", "images")):
            for key, text in self.gitops.get(f"/api/v1/namespaces/{space}/secrets/{name}")["data"].items():
                self._keep(f"{name}.{key}", base64.b64decode(text).decode())
        kv = self.bao.root.secrets.kv.v2
        for name in ("smtp", "database"):
            told = kv.read_secret_version(f"{PREFIX}/{name}", raise_on_deleted_version=True)["data"]
            for key, text in told["data"].items():
                self._keep(f"{name}.{key}", text)

    def _keep(self, name: str, value: str) -> None:
        if len(value) > 8 and not value.startswith("http") and value not in self.values.values():
            self.values[f"{name} {len(self.values)}"] = value


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("journey")
    gitops = GitOps(folder / "servers", groups=("kafka.strimzi.io", "external-secrets.io"), audited=True)
    bao = OpenBao(folder / "bao")
    try:
        gitops.start()
        bao.start()
        made = begin(folder, gitops, bao)
        travel(made)
        yield made
    finally:
        bao.discard()
        gitops.discard()


def begin(folder: Path, gitops: GitOps, bao: OpenBao) -> Journey:
    """A repository that only who has the password can read, and the file with all secrets."""
    ward = Ward(folder, gitops.git)
    uid = gitops.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    ward.edit(FACTS, "hub: hub", f"hub: hub\nserver: {gitops.cluster.url}\nclusterId: {uid}")
    ward.edit("values/values-global.yaml", "medpattern:\n", "medpattern:\n  argocd: {webhook: github}\n")
    ward.edit("values/values-global.yaml", "given: {", "given: {Secret/images/mail-ca: the secrets file, ")
    lay_out(ward.root / "charts/mail", {name: text.encode() for name, text in MAIL.items()})
    ward.edit(WARD, "    legend:\n", APPLICATION)
    ward.publish("mail")
    gitops.git.login = ("argocd", PLANTED["login"])
    secrets = folder / "values-secret.yaml"
    secrets.touch(0o600)
    secrets.write_text(SECRETS_FILE.format(url=ward.url, hook=WEBHOOK, generated=GENERATED, prefix=PREFIX, **PLANTED))
    for name in ("printed", "scratch", "home"):
        (folder / name).mkdir()
    real = Path(str(shutil.which("git")))
    witness = Witness(folder / "witness", {"git": real})
    asked = gitops.argocd.folder / "bin" / "argocd"
    witness.place(asked, asked.readlink())
    witness.place(asked.with_name("git"), real)
    return Journey(folder, gitops, bao, witness, ward, secrets)


def travel(run: Journey) -> None:
    """Every command that has to do with secrets, and the sync of a repository with a login."""
    gitops, named = run.gitops, ["--secrets", run.secrets]
    manifest = ["--argocd-manifest", built(CONTROL_PLANE, "argocd-install.yaml")]
    run("secrets", "plan", "--cluster", "west", *named)
    run("secrets", "check", "--cluster", "west", *named)
    run("bootstrap", "--cluster", "west", *run.to_cluster, *manifest, "--yes", "--no-wait", *named)
    gitops.argocd.make_key()
    gitops.argocd.start()
    repositories = gitops.argocd.start_api().ask("GET", "/api/v1/repositories")
    (run.printed / "repositories.json").write_text(json.dumps(repositories.body))
    gitops.wait(lambda: gitops.sync("mail") == "Synced", "Argo CD to apply what only a login can read")

    reviewer = run.folder / "reviewer"
    reviewer.touch(0o600)
    reviewer.write_text(token(gitops))
    asking = ["--kubernetes-host", gitops.cluster.url, "--kubernetes-ca", gitops.cluster.authority]
    run("secrets", "load", "--to", "kubernetes", *run.to_cluster, *named)
    run("secrets", "load", *run.to_vault, *asking, "--reviewer-token-file", reviewer)
    run.remember()
    run("secrets", "rotate", "database.service", *run.to_vault)
    run("secrets", "rotate", "mail-ca", "--to", "kubernetes", "--cluster", "west", *run.to_cluster, *named)
    run.remember()

    run("render", "--check")
    run("status", "--cluster", "west", *run.to_cluster, codes=(0, 1))
    run("diff", "--live", "--cluster", "west", *run.to_cluster, codes=(0, 1))
    bundle = run.printed / "bundle.tar.gz"
    run("doctor", "--cluster", "west", "--bundle", bundle, *run.to_cluster, codes=(0, 1))
    for process in (*gitops.argocd.processes, gitops.argocd.server, gitops.controllers.process, gitops.cluster.server,
                    gitops.cluster.etcd, run.bao.server):  # fmt: skip
        run.witness.note(process.pid)


def token(gitops: GitOps) -> str:
    """A token of a ServiceAccount."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    return str(gitops.api.must(gitops.api.ask("POST", path, request))["status"]["token"])


def test_no_secret_is_anywhere_but_in_its_stores(journey: Journey) -> None:
    gitops, bao = journey.gitops, journey.bao
    assert len(journey.values) == len(PLANTED) + 4, "two generated values before and after their rotation"
    logins = {path.name: path.read_text() for path in (bao.token_file, journey.folder / "reviewer")}
    admin = json.loads(gitops.cluster.kubeconfig().read_text())["users"][0]["user"]["token"]
    assert gitops.cluster.audit is not None

    found = places(
        [*journey.values.values(), *logins.values(), admin],
        journey.ward.root, gitops.git.folder, journey.printed, journey.witness.notes,
        journey.folder / "scratch", journey.folder / "home",
        *gitops.folder.glob("*.log"), *gitops.cluster.folder.glob("*.log"), bao.server.log, bao.folder / "data",
    )  # fmt: skip
    # Argo CD has a kubeconfig, which lies with the cluster's files, and clones of the repository.
    found += places(journey.values.values(), gitops.argocd.folder)

    assert found == []
    assert (gitops.argocd.folder / "repo-server.log").stat().st_size
    assert list((gitops.argocd.folder / "tmp").rglob("objects")), "its clone of the repository was searched"
    assert b"git\0" in journey.witness.seen()
    assert list(journey.folder.glob("scratch/*")) == []


def test_the_audit_log_tells_of_the_secrets_and_has_the_content_of_all_else(journey: Journey) -> None:
    """So that a value that were in an annotation, a status or an event would have been found."""
    gitops = journey.gitops
    assert gitops.cluster.audit is not None
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "annotations": {"text": NOWHERE}}}
    gitops.api.must(gitops.api.ask("POST", "/api/v1/namespaces/default/configmaps", note))

    assert places([NOWHERE], gitops.cluster.audit)
    lines = [json.loads(line) for line in gitops.cluster.audit.read_text().splitlines()]
    written = {(one["objectRef"]["resource"], one["objectRef"].get("name")): one["level"]
               for one in lines if one["verb"] in ("create", "patch", "update") and "objectRef" in one}  # fmt: skip
    assert written["secrets", "ward-repository"] == written["secrets", "mail-ca"] == "Metadata"
    assert written["applications", "mail"] == written["externalsecrets", "mail"] == "RequestResponse"


def test_each_secret_is_found_where_it_is_kept(journey: Journey) -> None:
    """The search can find them: in etcd, which does not encrypt here, and in what a reader of Secrets gets."""
    answer = journey.folder / "secrets.json"
    answer.write_text(json.dumps(journey.gitops.get("/api/v1/secrets")))

    kept = {name for name, value in journey.values.items() if places([value], journey.gitops.cluster.data)}
    served = {name for name, value in journey.values.items() if places([value], answer)}

    own = {name for name in journey.values if name.startswith(("ward-repository", WEBHOOK, "mail-ca"))}
    assert kept == own
    assert len(served) == len(own) - 1, "the key before its rotation is no longer served"
    for value in PLANTED.values():
        assert places([value], journey.secrets)


# ---- the search itself -------------------------------------------------------------------------------------------


def in_base64(folder: Path, value: str) -> None:
    (folder / "a").write_bytes(b"Basic " + base64.b64encode(f"argocd:{value}".encode()))


def in_json_of_go(folder: Path, value: str) -> None:
    (folder / "a").write_text(value.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def in_a_tar(folder: Path, value: str) -> None:
    plain = folder.with_name("plain")
    plain.write_text(value)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        archive.add(plain, "plain")


def in_a_zip(folder: Path, value: str) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plain", value)


def in_a_commit_that_was_taken_back(folder: Path, value: str) -> None:
    (folder / "a").write_text("nothing")
    commit(folder)
    (folder / "a").write_text(value)
    commit(folder)
    git(folder, "reset", "-q", "--hard", "HEAD~1")


def in_a_pack(folder: Path, value: str) -> None:
    in_a_commit_that_was_taken_back(folder, value)
    git(folder, "gc", "-q")


@pytest.mark.parametrize(
    "hide", [in_base64, in_json_of_go, in_a_tar, in_a_zip, in_a_commit_that_was_taken_back, in_a_pack],
    ids=lambda hide: hide.__name__,
)  # fmt: skip
def test_the_search_finds_a_value(tmp_path: Path, hide: Callable[[Path, str], None]) -> None:
    folder = tmp_path / "searched"
    folder.mkdir()
    value = PLANTED["login"]
    hide(folder, value)

    assert value.encode() not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert places([value], folder)
    assert not places([NOWHERE], folder)
