"""What leaves the hospital in a support archive: structure, states and messages, without secrets and identities.

Of an object only those texts are kept whose field is known to be harmless (KEPT); a text in any other field is
replaced, so that a new kind or field leaks nothing. Messages are kept, without what looks like a login, a key or an
image's name.
"""

from __future__ import annotations

import re
from typing import Any

REMOVED = "[removed]"

Object = dict[str, Any]

# Fields whose texts say what an object is, how it is, and what it refers to.
KEPT = frozenset(
    """
    ackLevel apiVersion app authorization bootstrapServers bucketName capacity channel chart claimName class cluster
    completionTime component consumerGroup container containerID creationTimestamp currentCSV currentRevision
    deletionPolicy deletionTimestamp deployedAt finalizers finishedAt firstTimestamp group health hookPhase image
    imageID imagePullPolicy initialOffset installPlanApproval installedCSV issuerRef kind lastHeartbeatTime
    lastProbeTime lastTimestamp lastTransitionTime lastUpdateTime latestCreatedRevisionName latestReadyRevisionName
    mechanism message method name namespace nodeName objectStoreName objectStoreNamespace ordering phase policy
    project protocol provisioner reason reclaimPolicy reconciledAt refreshTime repoURL reportingComponent
    reportingInstance resource resourceVersion restartPolicy revision revisions roles schedulerName secretName
    server serviceAccountName severity source sourceNamespace startTime startedAt startingCSV state status storage
    storageClassName strategy syncWave targetRevision tier topic topics type uid uri url verbs version
    volumeBindingMode volumeName whenUnsatisfiable
    """.split()  # noqa: SIM905
)
# Fields that hold what somebody has made up: nothing of them is kept, not even the keys.
FREE = frozenset(
    """
    additionalConfig args binaryData bootstrap ca caBundle command config configuration contentCache data
    externalClusters extraConfig filter gzipJson headers httpHeaders json jsonData keyFilters managedFields
    metadataFilters opaqueData parameters password patches postgresql rgwConfig secureJsonData settings stringData
    tagFilters values valuesObject
    """.split()  # noqa: SIM905
)
# Annotations and labels whose values are states or names of ours and of the operators.
_KNOWN_MARKS = re.compile(
    r"^(argocd\.argoproj\.io|medpattern\.io|strimzi\.io|app\.kubernetes\.io|kubernetes\.io|autoscaling\.knative\.dev|"
    r"serving\.knative\.dev|bucket-notification-|olm\.|storageclass\.kubernetes\.io|cluster\.open-cluster-management\.io)"
)
# The settings of Argo CD that say how it compares, and hold no login.
_HARMLESS_SETTINGS = re.compile(r"^(resource\.(customizations|exclusions|respectRBAC)|application\.|timeout\.)")
# Events in which a container's own words are quoted, which may name a patient.
_QUOTING = frozenset({"Unhealthy", "FailedPostStartHook", "FailedPreStopHook", "ProbeWarning"})
# Of these Argo CD quotes what a container said at its end.
QUOTED_KINDS = frozenset({"Pod", "Job"})
_SECRETIVE = re.compile(
    r"password|passwd|passphrase|secret|token|credential|private|pin$|(access|api)[_-]?key", re.IGNORECASE
)

_ANY = re.IGNORECASE
_IMAGES = r"\.(?:png|jpe?g|dcm|dicom|tiff?|bmp|webp|gif)\b"
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s,;]+)"
# "secret: not found" is no secret, "secret=x" is one.
_NAMES = (
    r"(?:passwor[dt]|passwd|passphrase|pwd|token|credentials?|(?:access|api|private|secret)[_-]?key|client[_-]?secret)"
)
_MIXED = r"(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])(?=[\w+/-]*\d)"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), words)
    for pattern, flags, words in (
        (r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|\Z)", re.DOTALL, REMOVED),
        (r"\b(s3|rgw)://\S+", _ANY, rf"\1://{REMOVED}"),
        (r"\b([a-z][a-z0-9+.-]*://)[^\s\"']*@(?!sha256:)", _ANY, r"\1"),
        (r"\b([a-z][a-z0-9+.-]*://[^\s?\"'#]*)[?#][^\s\"']*", _ANY, rf"\1?{REMOVED}"),
        (r"\b(bearer|basic|digest)\s+[\w.~+/=-]{8,}", _ANY, rf"\1 {REMOVED}"),
        (rf"([\w.-]*{_NAMES}[\w.-]*[\"']?\s*[=:]\s*){_VALUE}", _ANY, rf"\1{REMOVED}"),
        (rf"([\w.-]*secret[\w.-]*\s*=\s*|[\"'][\w.-]*secret[\w.-]*[\"']\s*:\s*){_VALUE}", _ANY, rf"\1{REMOVED}"),
        (rf"\"[^\"]*{_IMAGES}[^\"]*\"|'[^']*{_IMAGES}[^']*'", _ANY, REMOVED),
        (rf"[^:;,\"'\n(]*{_IMAGES}", _ANY, f" {REMOVED}"),
        (r"\S*\^\S*", 0, REMOVED),
        (r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?", 0, REMOVED),
        (r"\bhv[sbr]\.[\w-]+|\bs\.[A-Za-z0-9]{20,}\b", 0, REMOVED),
        (r"\b[A-Z0-9]{20}\b|\bA[KS]IA[A-Z0-9]{12,}\b", 0, REMOVED),
        (r"\b[a-z2-7]{32}\b|\b[0-9a-f]{32}\b|(?<!sha256:)\b[0-9a-f]{64}\b", 0, REMOVED),
        (r"[A-Za-z0-9+/]{20,}={1,2}", 0, REMOVED),
        (rf"(?<![\w/+]){_MIXED}[A-Za-z0-9/+]{{40}}(?![\w/+])", 0, REMOVED),
        (rf"(?<![\w+-]){_MIXED}[\w+-]{{24,}}", 0, REMOVED),
    )
)


def scrubbed(text: str) -> str:
    """A message without logins, tokens, keys, certificates, names of images, pseudonyms and ids of results.

    >>> scrubbed("cannot read https://ann:pw@git.example.org/x.git?token=1")
    'cannot read https://git.example.org/x.git?[removed]'
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def cleaned(thing: Object) -> Object:
    """An object of which nothing is kept but structure, states, references and messages; the given one stays whole."""
    kind = thing.get("kind")
    found = {key: _kept(key, value) for key, value in thing.items() if key not in ("metadata", "data")}
    if kind == "ConfigMap":
        found["data"] = {key: _setting(key, value) for key, value in (thing.get("data") or {}).items()}
    if kind == "Event" and thing.get("reason") in _QUOTING:
        found["message"] = REMOVED
    return {"apiVersion": thing.get("apiVersion"), "kind": kind, "metadata": _metadata(thing["metadata"]), **found}


def _metadata(given: Object) -> Object:
    found = {key: _kept(key, value) for key, value in given.items() if key not in ("annotations", "labels")}
    found.pop("managedFields", None)
    for part in ("annotations", "labels"):
        if marks := given.get(part):
            found[part] = {key: _mark(key, value) for key, value in marks.items()}
    return found


def _mark(key: str, value: Any) -> str:
    return scrubbed(str(value)) if _KNOWN_MARKS.match(key) else REMOVED


def _setting(key: str, value: Any) -> str:
    return scrubbed(str(value)) if _HARMLESS_SETTINGS.match(key) else REMOVED


def _kept(key: str, value: Any) -> Any:
    if key in FREE:
        return REMOVED
    if isinstance(value, dict):
        return _part(key, value)
    if isinstance(value, list):
        return [_kept(key, one) for one in value]
    if isinstance(value, str):
        return scrubbed(value) if key in KEPT else REMOVED
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return REMOVED if is_number and _SECRETIVE.search(key) else value


def _part(key: str, value: Object) -> Object:
    found = {name: _kept(name, one) for name, one in value.items()}
    # A container's last words, and what Argo CD quotes of them, may be lines of its log.
    if "message" in found and (key == "terminated" or value.get("kind") in QUOTED_KINDS):
        found["message"] = REMOVED
    if value.get("kind") in QUOTED_KINDS and isinstance(found.get("health"), dict):
        found["health"] = {**found["health"], "message": REMOVED}
    return found
