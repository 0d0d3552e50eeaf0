"""What the support archive holds, and what it must not."""

from __future__ import annotations

import base64
import gzip
import io
import json
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from medpattern.cluster.doctor.archive import archive, check_place, write
from medpattern.cluster.doctor.examination import examine
from medpattern.cluster.doctor.removal import REMOVED, cleaned, scrubbed
from medpattern.cluster.doctor.snapshot import Kind, Snapshot
from medpattern.errors import UsageError
from medpattern.pipeline.identity import Keys, ObjectVersion
from tests.cluster.doctor.complaints import (
    CASES,
    NOW,
    Object,
    application,
    conditions,
    deployment,
    kafka,
    operation,
    pod,
    row,
    thing,
)

IMAGE = ObjectVersion("xrays", "in/ward A/Doe Jane 1972.png", "v1")
KEYS = Keys(b"i" * 32, b"p" * 32)
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANplanted\n-----END PRIVATE KEY-----"
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"x"}', b'{"sub":"y"}', b"zzzz")
)

# Each with a word of its own, so that a leak names itself.
PLANTED = {
    "secret data": "planted-secret-data",
    "string data": "planted-string-data",
    "last applied": "planted-last-applied",
    "environment": "planted-environment",
    "environment of an init container": "planted-init-environment",
    "argument": "planted-argument",
    "config map": "planted-config-map",
    "helm parameter": "planted-helm-parameter",
    "helm values": "planted-helm-values",
    "values object": "planted-values-object",
    "git login": "planted-git-login",
    "query": "planted-query",
    "words at the end": "planted-last-words",
    "probe": "planted-probe",
    "hook of argo cd": "planted-hook-words",
    "datasource": "planted-datasource",
    "free config": "planted-free-config",
    "bearer": "planted-bearer-token",
    "password in a message": "planted-message-password",
    "unknown field": "planted-unknown-field",
    "number": "4711471147",
    "label": "planted-label",
    "person": "planted-person",
    "private key": "MIIEvQIBADANplanted",
    "token": JWT,
    "object key": "Doe Jane 1972",
    "quoted object key": "Roe^Richard",
    "image": KEYS.image_id(IMAGE),
    "image pseudonym": KEYS.image_pseudonym(IMAGE),
    "patient pseudonym": str(KEYS.patient_pseudonym("4711", "hospital")),
    "access key": "AKIAPLANTED000000001",
    "access secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


def planted() -> list[Object]:
    """Objects that hold all of them."""
    p = PLANTED
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"x": p["last applied"]}})}
    env = [{"name": "DB_PASSWORD", "value": p["environment"]}]
    waiting = {"reason": "CrashLoopBackOff", "message": f"back-off: password={p['password in a message']}"}
    crashed = pod("images", waiting, last={"reason": "Error", "exitCode": 1, "message": p["words at the end"]})
    crashed["spec"]["containers"][0] |= {"env": env, "args": [f"--key={p['argument']}"]}
    first = [{"name": "X", "value": p["environment of an init container"]}]
    crashed["spec"]["initContainers"] = [{"name": "first", "env": first}]
    crashed["metadata"]["labels"] = {"hospital.example.org/owner": p["label"]}
    helm = {"parameters": [{"name": "pw", "value": p["helm parameter"]}], "values": f"pw: {p['helm values']}",
            "valuesObject": {"name": p["values object"]}}  # fmt: skip
    message = (
        f"https://ann:{p['git login']}@git.example.org/x.git?token={p['query']} answered Bearer {p['bearer']} and "
        f"{p['token']} for {p['access key']} / {p['access secret']}; {PEM}"
    )
    app = application("images", **operation("Failed", message, {"kind": "Job", "name": "hook", "namespace": "images",
                      "status": "SyncFailed", "message": p["hook of argo cd"]}))  # fmt: skip
    app["spec"]["source"]["helm"] = helm
    app["spec"]["source"]["repoURL"] = f"https://ann:{p['git login']}@git.example.org/x.git"
    app["status"]["operationState"]["operation"]["initiatedBy"] = {"username": p["person"]}
    events = [
        event("Unhealthy", f"Readiness probe failed: {p['probe']}"),
        event("FailedMount", f"cannot read {IMAGE.key} of {p['image']}"),
        event("Failed", f"no patient {p['patient pseudonym']} with {p['image pseudonym']} at s3://xrays/{IMAGE.key}"),
        event("Failed", f'object "in/{p["quoted object key"]}.dcm" and {p["quoted object key"]}'),
    ]
    settings = {"dex.config": p["config map"], "timeout.reconciliation": "60s"}
    return [
        thing("v1/Secret", "db", "images", annotations=applied, type="Opaque",
              data={"x": base64.b64encode(p["secret data"].encode()).decode()}, stringData={"y": p["string data"]}),
        thing("v1/ConfigMap", "argocd-cm", "argocd", data=settings),
        thing("grafana.integreatly.org/v1beta1/GrafanaDatasource", "x", "images", spec={
            "datasource": {"url": "https://thanos:9091", "secureJsonData": {"name": p["datasource"]}}}),
        thing("kafka.strimzi.io/v1/KafkaUser", "x", "images", spec={"pin": int(p["number"])},
              status=conditions(row("Ready", "True"), username=p["unknown field"])),
        kafka("images", config={"name": p["free config"]})[0],
        crashed, app, *events,
    ]  # fmt: skip


def event(reason: str, message: str) -> Object:
    about = {"kind": "Pod", "namespace": "images", "name": "app"}
    parts = {"reason": reason, "message": message, "involvedObject": about, "count": 3, "type": "Warning"}
    return thing("v1/Event", "app.1", "images", **parts)


def snapshot(things: Iterable[Object]) -> Snapshot:
    found: dict[Kind, tuple[Object, ...]] = {}
    for one in things:
        kind = one["apiVersion"].rpartition("/")[0], one["kind"]
        found[kind] = (*found.get(kind, ()), one)
    return Snapshot(found, NOW, server="https://ann:planted-git-login@api.example.org:6443", cluster="west",
                    version={"gitVersion": "v1.34.2"}, refused={("", "Node"): "nodes is forbidden"})  # fmt: skip


def unpacked(content: bytes) -> dict[str, str]:
    """The files of an archive."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {one.name.partition("/")[2]: tar.extractfile(one).read().decode() for one in tar.getmembers()}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def packed() -> bytes:
    seen = snapshot(planted())
    return archive(seen, examine(seen))


@pytest.mark.parametrize("what", PLANTED)
def test_nothing_that_was_planted_is_anywhere_in_the_archive(packed: bytes, what: str) -> None:
    text = gzip.decompress(packed).decode("latin-1")
    value = PLANTED[what]

    assert value not in text
    assert base64.b64encode(value.encode()).decode().rstrip("=") not in text


@pytest.mark.parametrize("what", PLANTED)
def test_it_was_there_before(what: str) -> None:
    text = json.dumps(planted(), ensure_ascii=False)
    encoded = base64.b64encode(PLANTED[what].encode()).decode()

    assert PLANTED[what] in text or encoded in text


def test_what_helps_is_kept(packed: bytes) -> None:
    files = unpacked(packed)

    assert set(files) >= {
        "about.json",
        "findings.json",
        "status.json",
        "objects/core/Pod.yaml",
        "objects/core/Event.yaml",
    }
    pods = files["objects/core/Pod.yaml"]
    for words in ("CrashLoopBackOff", "back-off", "exitCode: 1", "DB_PASSWORD", "app:1"):
        assert words in pods
    assert "repoURL: https://git.example.org/x.git" in files["objects/argoproj.io/Application.yaml"]
    assert 'timeout.reconciliation: "60s"' in files["objects/core/ConfigMap.yaml"]
    assert "dex.config" in files["objects/core/ConfigMap.yaml"]
    assert json.loads(files["status.json"])[0]["operation"] == "Failed"
    assert "container-crashes" in files["findings.json"]


def test_about_says_versions_and_what_was_not_seen(packed: bytes) -> None:
    about = json.loads(unpacked(packed)["about.json"])

    assert about["kubernetes"]["gitVersion"] == "v1.34.2"
    assert about["server"] == "https://api.example.org:6443"
    assert about["refused"] == {"Node": "nodes is forbidden"}


def test_every_complaint_fits_into_an_archive_that_is_yaml() -> None:
    seen = snapshot(one for code, case in CASES.items() for one in case.sick(f"sick-{code}"))

    files = unpacked(archive(seen, examine(seen)))

    kinds = {one["kind"] for name, text in files.items() if name.endswith(".yaml") for one in yaml.safe_load_all(text)}
    assert kinds == {kind for _, kind in seen.objects}


def test_the_same_snapshot_makes_the_same_bytes() -> None:
    seen = snapshot(planted())
    turned = replace(seen, objects=dict(reversed(seen.objects.items())))

    assert archive(seen, examine(seen)) == archive(turned, examine(turned))


def test_what_was_seen_is_not_changed() -> None:
    one = deployment("images", row("ReplicaFailure", "True"))
    before = json.dumps(one)
    cleaned(one)

    assert json.dumps(one) == before


def test_a_digest_of_an_image_is_kept_and_a_text_in_an_unknown_field_is_not() -> None:
    one = thing("v1/Pod", "app", spec={"image": "app@sha256:" + "ab" * 32, "motto": "planted"})

    assert cleaned(one)["spec"] == {"image": "app@sha256:" + "ab" * 32, "motto": REMOVED}


@pytest.mark.parametrize(
    "text",
    [
        'secret "vault-ca" not found',
        "could not get secret: permission denied",
        "0/3 nodes are available: 3 Insufficient memory.",
        "PersistentVolumeClaim/data-0-kafka-broker-1 is Progressing: Waiting for Kafka",
        "no operators found in channel stable-4.20 of package odf-operator in the catalog redhat-operators",
        "revision 4f5e6d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2",
        "admission webhook \"validate.kafka.strimzi.io\" denied the request: spec.kafka.listeners[0].port",
    ],
)  # fmt: skip
def test_ordinary_messages_stay_as_they_are(text: str) -> None:
    assert scrubbed(text) == text


def test_the_file_is_its_owners_alone_and_replaces_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "doctor.tar.gz"
    path.write_text("old")
    path.chmod(0o644)

    write(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["doctor.tar.gz"]


def test_a_file_that_cannot_be_written_is_told_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match=r"--bundle: .* cannot be written"):
        write(tmp_path / "file" / "doctor.tar.gz", b"new")


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        check_place(tmp_path / "nowhere" / "x.tar.gz")
    with pytest.raises(UsageError, match="is a folder"):
        check_place(tmp_path)
