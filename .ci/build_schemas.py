"""Write src/medpattern/checks/data/schemas.zip: the strict schemas of the kinds that medpattern renders.

A developer's script, run by hand when the collected CRD schemas or kubernetes-validate change:

    python .ci/build_schemas.py ../shared/crd-schemas ../shared/crds

It reads three sources: a folder of CRD schemas with its `index.json` (one self-contained draft 7 file per
served version); a folder of CustomResourceDefinitions, for the kinds that the first lacks, converted as
`medpattern schemas import` does; and the Kubernetes schemas of the installed kubernetes-validate (its folders
`v1.NN.0-local-strict`, where every definition with `properties` has `additionalProperties: false`). Kinds that neither
has are written here (WRITTEN).
All kinds of the first two are in the bundle, and of Kubernetes' own those of the table NATIVE.

The bundle is one zip file with these members:

    index.json     {"minors": [30, ...], "kinds": {"<apiVersion>/<Kind>": MEMBERS},
                   "scope": {"<group>/<Kind>": WORD}}
                   MEMBERS is {"all": member} or {"all": member, "openshift": member}; native kinds have
                   {"all": "native.json"}. WORD is "Cluster" or "Namespaced"; the core group is "".
    native.json    {"kinds": {"<apiVersion>/<Kind>": RUNS}, "definitions": {name: RUNS}}
                   RUNS is [[first minor, schema], ...], ascending; a schema holds up to the next run's minor,
                   and null means that the versions of this run have no such definition.
    crd/... and openshift/...    one self-contained draft 7 schema each

What is changed on the way:

* Prose and what no validator reads are dropped: description, title, example(s), default, format, `x-...`.
  (Kubernetes gives some format names, such as duration, another meaning than JSON Schema does.)
  Of `x-...` the keys of lists of maps are kept (checks/lists.py reads them), and sets become uniqueItems; of
  Kubernetes' own kinds neither, since the API server does not look at them there.
* Subtrees that occur more than once in a CRD schema are moved to its `definitions`.
* Native kinds are made as strict as the CRD schemas in what their sources leave open: null is refused where
  kubernetes-validate takes it for every optional field (ObjectMeta's maps, lists and times keep it), label
  values have at most 63 of the legal characters, and apiVersion, kind and metadata with a name or
  generateName are required.

The same inputs give the same bytes: keys are sorted and every member has the same time.
"""

from __future__ import annotations

import argparse
import importlib.resources
import io
import json
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medpattern.checks.crds import CustomKind, convert
from medpattern.checks.lists import MAP_KEYS
from medpattern.documents.reader import parse_stream

Schema = Any  # a JSON Schema: an object or a boolean

BUNDLE = Path(__file__).parents[1] / "src" / "medpattern" / "checks" / "data" / "schemas.zip"
MINORS = range(30, 38)
VARIANTS = "variants/openshift-serverless-1.37/"
WRITTEN = Path(__file__).parent / "crds"  # definitions that nobody collected, written after their operators' pages

NATIVE = {
    "v1": "ConfigMap Endpoints LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate "
    "ReplicationController ResourceQuota Secret Service ServiceAccount",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "apps/v1": "DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "node.k8s.io/v1": "RuntimeClass",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver StorageClass",
}

# Kubernetes' OpenAPI definitions do not say the scope; every native kind that is not here is namespaced.
NATIVE_CLUSTER = {
    "": "ComponentStatus Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "authentication.k8s.io": "SelfSubjectReview TokenReview",
    "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "internal.apiserver.k8s.io": "StorageVersion",
    "networking.k8s.io": "IngressClass IPAddress ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClass ResourcePoolStatusRequest ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}

# Kinds without a collected schema that a chart or a clusterGroup section may hold.
OTHER_CLUSTER = {
    "config.openshift.io": "APIServer Authentication Build ClusterOperator ClusterVersion Console DNS "
    "FeatureGate Image ImageContentPolicy ImageDigestMirrorSet ImageTagMirrorSet Infrastructure Ingress "
    "Network Node OAuth OperatorHub Project Proxy Scheduler",
    "console.openshift.io": "ConsoleCLIDownload ConsoleExternalLogLink ConsoleNotification ConsoleQuickStart "
    "ConsoleSample ConsoleYAMLSample",
    "machineconfiguration.openshift.io": "ContainerRuntimeConfig KubeletConfig MachineConfig MachineConfigPool",
    "oauth.openshift.io": "OAuthClient",
    "operator.openshift.io": "Console ImageContentSourcePolicy Storage",
    "quota.openshift.io": "ClusterResourceQuota",
    "snapshot.storage.k8s.io": "VolumeSnapshotClass VolumeSnapshotContent",
    "user.openshift.io": "Group Identity User",
}
OTHER_NAMESPACED = {
    "apps.openshift.io": "DeploymentConfig",
    "machine.openshift.io": "Machine MachineHealthCheck MachineSet",
    "operator.openshift.io": "IngressController",
    "snapshot.storage.k8s.io": "VolumeSnapshot",
    "template.openshift.io": "Template",
}

SCHEMA_MAPS = ("properties", "patternProperties", "definitions", "$defs")
SCHEMA_LISTS = ("anyOf", "oneOf", "allOf")
SCHEMA_VALUES = ("items", "additionalProperties", "not")
VALUE_WORDS = re.compile(
    r"\$ref|\$schema|const|enum|pattern|required|type|(exclusiveM|m)(ax|in)imum|(max|min)(Items|Length|Properties)"
    r"|multipleOf|uniqueItems"
)
DROPPED = re.compile(r"description|title|examples?|default|format|\$id|externalDocs|nullable|x-.*")

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
KEEPS_NULL = ("annotations", "finalizers", "labels", "managedFields", "ownerReferences")
LABELS = {
    "type": ["object", "null"],
    "additionalProperties": {
        "type": "string",
        "maxLength": 63,
        "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
    },
}


def clean(schema: Schema, *, lists: bool = True) -> Schema:
    """Return the schema with only the keywords a validator reads; a keyword unknown here is a ValueError.

    Without `lists` nothing is kept of lists whose items must differ.
    """
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Schema] = {}
    if lists and schema.get("x-kubernetes-list-type") == "set":
        kept["uniqueItems"] = True
    if lists and schema.get(MAP_KEYS):
        kept[MAP_KEYS] = schema[MAP_KEYS]
    for word, value in schema.items():
        if word in SCHEMA_MAPS:
            kept[word] = {name: clean(sub, lists=lists) for name, sub in value.items()}
        elif word in SCHEMA_LISTS:
            kept[word] = [clean(sub, lists=lists) for sub in value]
        elif word in SCHEMA_VALUES:
            kept[word] = clean(value, lists=lists)
        elif VALUE_WORDS.fullmatch(word):
            kept[word] = value
        elif not DROPPED.fullmatch(word):
            raise ValueError(f"keyword {word!r} is not known to build_schemas.py")
    return kept


def children(schema: Schema) -> Iterator[Schema]:
    """Yield the direct subschemas of a schema, its definitions included."""
    if isinstance(schema, dict):
        for word in SCHEMA_MAPS:
            yield from schema.get(word, {}).values()
        for word in SCHEMA_LISTS:
            yield from schema.get(word, [])
        yield from (schema[word] for word in SCHEMA_VALUES if word in schema)


def rebuilt(schema: dict[str, Schema], make: Any) -> dict[str, Schema]:
    """Return the schema with each direct subschema replaced by make(subschema), keys sorted."""
    new: dict[str, Schema] = {}
    for word, value in sorted(schema.items()):
        if word in SCHEMA_MAPS:
            new[word] = {name: make(sub) for name, sub in sorted(value.items())}
        elif word in SCHEMA_LISTS:
            new[word] = [make(sub) for sub in value]
        else:
            new[word] = make(value) if word in SCHEMA_VALUES else value
    return new


def text(value: Schema) -> str:
    """Return the value as compact JSON with sorted keys: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def shared(root: dict[str, Schema], shortest: int = 80) -> dict[str, Schema]:
    """Return an equivalent schema whose repeated subtrees are definitions.

    A subtree is moved when its JSON text has at least `shortest` characters and it is used from two places
    that are not the same subtree themselves. Definitions are named d0, d1 ... in order of first use.
    """
    uses: Counter[str] = Counter()

    def count(schema: Schema) -> None:
        for child in children(schema):
            key = text(child)
            uses[key] += 1
            if uses[key] == 1:
                count(child)

    count(root)
    names: dict[str, str] = {}
    bodies: dict[str, Schema] = {}

    def make(schema: Schema) -> Schema:
        if not isinstance(schema, dict):
            return schema
        key = text(schema)
        if uses[key] < 2 or len(key) < shortest:
            return rebuilt(schema, make)
        if key not in names:
            names[key] = f"d{len(names)}"
            bodies[names[key]] = rebuilt(schema, make)
        return {"$ref": f"#/definitions/{names[key]}"}

    made = rebuilt(root, make)
    made["definitions"] = {**made.get("definitions", {}), **bodies}
    return made


def without_null(schema: Schema) -> Schema:
    """Return the schema with "null" taken out of every list of types."""
    if not isinstance(schema, dict):
        return schema
    new = rebuilt(schema, without_null)
    if isinstance(new.get("type"), list):
        kept = [word for word in new["type"] if word != "null"]
        new["type"] = kept[0] if len(kept) == 1 else kept
    return new


def native_definition(name: str, schema: Schema) -> Schema:
    """Return one Kubernetes definition cleaned, with local references, and strict about null and labels."""
    cleaned = clean(schema, lists=False)
    if name in (META + "Time", META + "MicroTime"):
        return cleaned
    made = without_null(cleaned)
    if name == META + "ObjectMeta":
        made["properties"].update({key: cleaned["properties"][key] for key in KEEPS_NULL}, labels=LABELS)
        annotations = made["properties"]["annotations"]
        annotations["additionalProperties"] = without_null(annotations["additionalProperties"])
    return made


def native_root(schema: Schema) -> Schema:
    """Return the schema of a native kind, which needs apiVersion, kind and a named metadata."""
    made: dict[str, Schema] = without_null(clean(schema, lists=False))
    made.pop("$schema", None)
    named = [{"required": ["name"]}, {"required": ["generateName"]}]
    made["properties"]["metadata"] = {**made["properties"]["metadata"], "anyOf": named}
    made["required"] = sorted({*made.get("required", []), "apiVersion", "kind", "metadata"})
    return made


def references(schema: Schema) -> set[str]:
    """Return the names of the Kubernetes definitions that a schema refers to."""
    return set(re.findall(r'"\$ref":"[^"]*#/\$defs/([^"]+)"', text(schema)))


def local_references(schema: Schema) -> Schema:
    """Return the schema with its references to kubernetes-validate's file of definitions made local."""
    return json.loads(text(schema).replace('"/api/_definitions.json#/$defs/', '"#/$defs/'))


def add_run(runs: dict[str, list[list[Any]]], name: str, minor: int, schema: Schema) -> None:
    """Append [minor, schema] to the runs of a name unless the last run has the same schema."""
    mine = runs.setdefault(name, [])
    if not mine and minor != MINORS[0]:
        mine.append([MINORS[0], None])
    if not mine or mine[-1][1] != schema:
        mine.append([minor, schema])


def native(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the member native.json and the scope of every native kind.

    Args:
        folder: kubernetes-validate's folder `kubernetes-json-schema`.

    Raises:
        FileNotFoundError: a version or a kind is not there.
    """
    kinds: dict[str, list[list[Any]]] = {}
    definitions: dict[str, list[list[Any]]] = {}
    scope = {f"{group}/{kind}": "Cluster" for group, kind in pairs(NATIVE_CLUSTER)}
    for minor in MINORS:
        strict = folder / f"v1.{minor}.0-local-strict"
        known = json.loads((strict / "_definitions.json").read_bytes())["$defs"]
        reached: set[str] = set()
        waiting: set[str] = set()
        for api_version, kind in pairs(NATIVE):
            label = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
            root = native_root(json.loads((strict / f"{kind.lower()}-{label}.json").read_bytes()))
            add_run(kinds, f"{api_version}/{kind}", minor, local_references(root))
            waiting |= references(root)
        while waiting:
            name = waiting.pop()
            reached.add(name)
            schema = native_definition(name, known[name])
            add_run(definitions, name, minor, local_references(schema))
            waiting |= references(schema) - reached
        for name in sorted(set(definitions) - reached):
            add_run(definitions, name, minor, None)
        for schema in known.values():
            metadata = schema.get("properties", {}).get("metadata", {}).get("$ref", "")
            if metadata.endswith("ObjectMeta"):
                for gvk in schema.get("x-kubernetes-group-version-kind", []):
                    scope.setdefault(f"{gvk['group']}/{gvk['kind']}", "Namespaced")
    return {"kinds": kinds, "definitions": definitions}, scope


def pairs(table: dict[str, str]) -> list[tuple[str, str]]:
    """Return (key, word) for each word of each value of a table."""
    return [(key, word) for key, words in table.items() for word in words.split()]


def custom(folder: Path) -> tuple[dict[str, Schema], dict[str, dict[str, str]], dict[str, str]]:
    """Return the collected kinds' members, their MEMBERS by key, and the scope of every one.

    Raises:
        LookupError: a variant is not known here.
    """
    members: dict[str, Schema] = {}
    kinds: dict[str, dict[str, str]] = {}
    scope: dict[str, str] = {}
    for row in json.loads((folder / "index.json").read_bytes()):
        group, version, kind = row["group"], row["version"], row["kind"]
        scope[f"{group}/{kind}"] = row["scope"]
        if "file" not in row:
            continue
        variant = row["file"].startswith("variants/")
        if variant and not row["file"].startswith(VARIANTS):
            raise LookupError(f"{row['file']}: this variant is not known to build_schemas.py")
        member = f"{'openshift' if variant else 'crd'}/{group}/{version}/{kind}.json"
        members[member] = shared(clean(json.loads((folder / row["file"]).read_bytes())))
        kinds.setdefault(f"{group}/{version}/{kind}", {})["openshift" if variant else "all"] = member
    return members, kinds, scope


def defined(folder: Path) -> Iterator[CustomKind]:
    """Yield the kinds of a folder of CustomResourceDefinitions, those of its variants left out.

    Raises:
        ValueError: a definition cannot be converted.
    """
    for path in sorted(path for path in folder.rglob("*.yaml") if "variants" not in path.relative_to(folder).parts):
        for document in parse_stream(path.name, path.read_text("utf-8")):
            kinds, skipped = convert(document.data)
            if skipped:
                raise ValueError(f"{path}: {skipped[0].what}: {skipped[0].why}")
            yield from kinds


def bundle(crd_schemas: Path, crds: Path, kubernetes_schemas: Path) -> bytes:
    """Return the bytes of the bundle made of the three folders.

    Raises:
        LookupError: a variant is not known here.
        ValueError: a schema uses a keyword that this script does not know, or a definition cannot be converted.
        OSError: a file cannot be read.
    """
    members, kinds, custom_scope = custom(crd_schemas)
    for kind in (*defined(crds), *defined(WRITTEN)):
        key = f"{kind.api_version}/{kind.kind}"
        if key not in kinds:
            members[f"crd/{key}.json"] = shared(clean(kind.schema))
            kinds[key] = {"all": f"crd/{key}.json"}
            custom_scope[f"{kind.group}/{kind.kind}"] = kind.scope
    members["native.json"], native_scope = native(kubernetes_schemas)
    kinds.update({key: {"all": "native.json"} for key in members["native.json"]["kinds"]})
    other = {f"{group}/{kind}": "Cluster" for group, kind in pairs(OTHER_CLUSTER)}
    other.update({f"{group}/{kind}": "Namespaced" for group, kind in pairs(OTHER_NAMESPACED)})
    scope = {**other, **native_scope, **custom_scope}
    members["index.json"] = {"minors": list(MINORS), "kinds": kinds, "scope": scope}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, text(members[name]) + "\n", zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def kubernetes_schemas() -> Path:
    """Return the folder of schemas of the installed kubernetes-validate; ModuleNotFoundError without it."""
    return Path(str(importlib.resources.files("kubernetes_validate"))) / "kubernetes-json-schema"


def main() -> int:
    """Write the bundle where the arguments say, and print its size to stderr."""
    parser = argparse.ArgumentParser(description="Write the bundle of strict schemas that medpattern ships.")
    parser.add_argument("crd_schemas", type=Path, help="folder of CRD schemas with its index.json")
    parser.add_argument("crds", type=Path, help="folder of CustomResourceDefinitions, <group>/<plural>.yaml")
    parser.add_argument("--kubernetes-schemas", type=Path, help="default: kubernetes-validate's own")
    parser.add_argument("--out", type=Path, default=BUNDLE, help=f"default: {BUNDLE}")
    args = parser.parse_args()
    data = bundle(args.crd_schemas, args.crds, args.kubernetes_schemas or kubernetes_schemas())
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(data)
    print(f"{args.out}: {len(data)} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
